"""A full report stays quick: the promise is 15 s on two cores for 25 methods x 3 data sets x 8 metrics x 361 images."""

import time

import stores


def test_a_large_report_is_quick(bench, tmp_path):
    metrics = dict.fromkeys(("EN", "SD", "SF", "MI", "SCD", "VIF", "Qabf", "SSIM"), 1)
    for place in ("msrs@test", "roadscene@all", "tno@tno42"):
        stores.write(tmp_path, place, stores.random(0, 25, 361, len(metrics)), metrics)
    start = time.process_time()
    result = bench("report", "--results", tmp_path, "--standalone", "--sd")
    seconds = time.process_time() - start
    assert result.exit_code == 0
    assert (tmp_path / "report" / "report.csv").read_text().count("\n") == 1 + 25 * 3 * 8
    assert seconds < 15
