"""Reported beside measured: compared where that is fair, refused where it is not."""

import numpy as np
import pytest
import stores

from benchmark.report import reported_values


@pytest.fixture
def results(tmp_path, monkeypatch):
    """cddfuse and tardal measured on CDDFuse's 25 TNO pairs under its protocol, at known means."""
    monkeypatch.chdir(tmp_path)
    spread = np.linspace(-1, 1, 25)
    # CDDFuse's table says EN 7.12, SD 46.00, SF 13.15 for itself.
    own = [7.1234 + spread, 46.5 + spread, 10 + spread]
    stores.write(
        tmp_path / "results",
        "tno@cddfuse25",
        {"cddfuse": own, "max": [spread, spread, spread]},
        {"EN": 1, "SD": 1, "SF": 1},
        protocol="cddfuse",
    )
    return tmp_path / "results"


def section(bench, *arguments):
    file = () if "--reported" in arguments else ("--reported", "cddfuse2023")
    return bench("report", "--sections", "reported", "--format", "markdown", "--out", "-", *file, *arguments)


def test_the_tables_that_come_with_the_package():
    values, remarks = reported_values.read("cddfuse2023")
    assert len(values) == 51 * 8
    assert {v.protocol for v in values} == {"cddfuse"}
    found = {(v.dataset, v.split, v.method, v.metric): v.text for v in values}
    assert found["tno", "cddfuse25", "CDDFuse", "EN"] == "7.12"
    assert found["msrs", "test", "CDDFuse", "SSIM"] == "1.00"
    assert len({v.dataset for v in values}) == 6
    assert "stretched" in remarks[0]
    assert {v.source for v in values} == {"Zhao et al., CVPR 2023, table 1", "Zhao et al., CVPR 2023, table 5"}


def test_the_same_facts_as_the_file_they_were_typed_from(shared):
    typed = {(v.dataset, v.split, v.method, v.metric): v.text for v in reported_values.read("cddfuse2023")[0]}
    source = reported_values.read(shared / "reported" / "cddfuse_cvpr2023_fusion.csv")[0]
    assert {(v.dataset, v.split, v.method, v.metric): v.text for v in source} == typed


def test_measured_values_are_told_by_how_near_they_are(bench, results):
    text = section(bench).stdout
    (line,) = [line for line in text.splitlines() if line.startswith("| CDDFuse |")]
    assert line.split("|")[2:-1] == [" 7.12 ", " 7.12 = ", " 46.00 ", " 46.50 ≈ ", " 13.15 ", " 10.00 ≠ "]
    assert "| TarDAL |" in text  # reported, not measured
    assert "Reported: Zhao et al., CVPR 2023, table 1" in text
    assert "≈ within 2 %" in text
    (line,) = [x for x in section(bench, "--tolerance", "0.01").stdout.splitlines() if x.startswith("| CDDFuse |")]
    assert "46.50 ≠" in line


def test_rows_that_were_saved_as_the_papers_were_come_first(bench, results):
    spread = np.linspace(-1, 1, 25)
    stretched = [8.5 + spread, spread, spread]
    metrics = {"EN": 1, "SD": 1, "SF": 1}
    stores.write(results, "tno@cddfuse25", {"cddfuse+x": stretched}, metrics, "cddfuse", output="minmax")
    assert "| CDDFuse | 7.12 | 8.50 ≠ |" in section(bench).stdout
    (results / "tno@cddfuse25" / "cddfuse+x" / "run.json").unlink()
    assert "| CDDFuse | 7.12 | 7.12 = |" in section(bench).stdout


def test_colours(bench, results):
    tex = bench("report", "--reported", "cddfuse2023", "--format", "latex", "--out", "-").stdout
    assert r"\textcolor{benchequal}{7.12 =}" in tex
    assert r"\definecolor{benchfar}" in tex
    html = bench("report", "--reported", "cddfuse2023", "--format", "html", "--out", "-").stdout
    assert '<td class="near">46.50 ≈</td>' in html


def test_other_protocols_are_refused(bench, results):
    stores.write(results, "tno@cddfuse25", {"cddfuse": np.ones((3, 25))}, {"EN": 1, "SD": 1, "SF": 1})
    assert "| CDDFuse |" in section(bench).stdout
    result = section(bench, "--protocol", "standard")
    assert result.exit_code == 2
    assert "tno@cddfuse25 under protocol cddfuse, measured is protocol standard" in result.stderr


def test_other_splits_are_refused(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stores.write(tmp_path / "results", "tno@tno42", {"cddfuse": np.ones((3, 42))}, protocol="cddfuse")
    result = section(bench)
    assert result.exit_code == 2
    assert "reported is tno@cddfuse25 under protocol cddfuse, measured is split tno42" in result.stderr


def test_fewer_pairs_than_published_are_refused(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stores.write(tmp_path / "results", "msrs@test", {"cddfuse": np.ones((3, 60))}, protocol="cddfuse")
    result = section(bench)
    assert result.exit_code == 2
    assert "msrs@test under protocol cddfuse on 361 pairs, measured are 60" in result.stderr


def test_what_is_refused_is_said_beside_what_is_compared(bench, results):
    stores.write(results, "msrs@test", {"cddfuse": np.ones((3, 60))}, protocol="cddfuse")
    assert "Not compared: reported is msrs@test under protocol cddfuse on 361 pairs, measured are 60" in (
        section(bench).stdout
    )


def test_a_users_file(bench, results):
    lines = (
        "# my reading of a figure",
        "dataset,split,method,metric,value,protocol,source",
        "tno,cddfuse25,cddfuse,en,7.1,cddfuse,Someone 2024",
        "",
        "tno25,,Max,EN,0.5,cddfuse,",
    )
    (results.parent / "mine.csv").write_text("\n".join(lines))
    text = section(bench, "--reported", "mine.csv").stdout
    assert "| cddfuse | 7.1 | 7.1 = |" in text
    assert "| Max | 0.5 | 0.0 ≠ |" in text
    assert "my reading of a figure" in text


FOLDERS = "folder@all-dcda1a4a"
PART = "msrs@test-60of361-44098d"


@pytest.mark.parametrize(
    ("measured", "row"),
    [
        ([FOLDERS], "folder,all"),
        ([FOLDERS], "folder,"),
        ([FOLDERS], "folder,all-dcda1a4a"),
        ([FOLDERS], "folder@all-dcda1a4a,"),
        ([FOLDERS, f"{FOLDERS}-first2", f"{FOLDERS}~stretch-minmax"], "folder,all"),
        ([f"{FOLDERS}-first2"], "folder,all-dcda1a4a-first2"),
        ([f"{FOLDERS}~stretch-minmax"], "folder@all-dcda1a4a~stretch-minmax,"),
        (["folder@mine"], "folder,mine"),
        ([PART], f"{PART},"),
        ([PART, "msrs@test-60of361-123456"], "msrs,test-60of361-44098d"),
        ([f"{PART}-first3"], f"{PART}-first3,"),
        ([f"{PART}~stretch-percentile-set"], f"{PART}~stretch-percentile-set,"),
        (["m3fd@zx-test-5of1295-abcdef"], "m3fd,zx-5of1295-abcdef"),
    ],
)
def test_parts_and_folders_are_named_as_results_name_them(bench, tmp_path, monkeypatch, measured, row):
    monkeypatch.chdir(tmp_path)
    for number, place in enumerate(measured):
        stores.write(tmp_path / "results", place, {"max": np.full((3, 4), 1 + number)}, protocol="cddfuse")
    (tmp_path / "mine.csv").write_text(f"dataset,split,protocol,method,EN\n{row},cddfuse,max,1.0\n")
    result = section(bench, "--reported", "mine.csv")
    assert result.exit_code == 0, result.output
    assert "| max | 1.0 | 1.0 = |" in result.stdout


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("folder,all", "measured is split all-11111111, all-22222222"),
        ("folder,all-33333333", "reported is folder@all-33333333 under protocol cddfuse, measured is split all-1111"),
        ("tno@tno41-3of42-abcdef,", "line 2: unknown split of tno 'tno41'; did you mean tno42?"),
        ("tno@tno42-3of42-abcdef,", "none of its data sets is among the results"),
    ],
)
def test_splits_that_are_not_the_one_reported(bench, tmp_path, monkeypatch, row, words):
    monkeypatch.chdir(tmp_path)
    for place in ("folder@all-11111111", "folder@all-22222222"):
        stores.write(tmp_path / "results", place, {"max": np.ones((3, 4))}, protocol="cddfuse")
    (tmp_path / "mine.csv").write_text(f"dataset,split,protocol,method,EN\n{row},cddfuse,max,1.0\n")
    result = section(bench, "--reported", "mine.csv")
    assert result.exit_code == 2 and words in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("method,value\n", ["lacks the columns dataset, protocol"]),
        ("dataset,method,protocol\ntno,a,b\n", ["neither the columns metric and value nor one per metric"]),
        ("dataset,method,protocol,EN\ntno25,a,cddfuse,x\n", ["line 2: EN is 'x', which is no number"]),
        ("dataset,method,protocol,EN\ntnoo,a,cddfuse,1\n", ["line 2", "did you mean tno?"]),
        ("dataset,method,protocol,EN\ntno@tno41,a,cddfuse,1\n", ["line 2", "did you mean tno42?"]),
        ("# x\n\ndataset,method,protocol,EN\ntno,,cddfuse,1\n", ["line 4: nothing stands under method"]),
        ("dataset,method,protocol,EN\n", ["holds no values"]),
        ("", ["lacks the columns"]),
    ],
)
def test_mistakes_in_a_file(bench, results, text, words):
    (results.parent / "mine.csv").write_text(text)
    result = bench("report", "--reported", "mine.csv")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    for word in words:
        assert word in line
