"""What README and the page on training print of scores is what results/reference holds."""

import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The first cell of a table's head, and of its rows, begin with these.
FILES = {
    "TNO, `cddfuse25`": "tno_cddfuse25.csv",
    "RoadScene, `cddfuse50`": "roadscene_cddfuse50.csv",
    "CT-MRI: ": "harvard_ct_mri_test.csv",
    "PET-MRI: ": "harvard_pet_mri_test.csv",
    "SPECT-MRI: ": "harvard_spect_mri_test.csv",
}


def reference(file: str) -> dict[tuple[str, str], float]:
    with (ROOT / "results" / "reference" / file).open(encoding="utf-8") as rows:
        return {(row["method"], row["metric"]): float(row["mean"]) for row in csv.DictReader(rows)}


def printed(page: str):
    """(file, method, metric, text) of every place in the tables of `FILES`."""
    metrics, of_table = [], None
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            metrics, of_table = [], None
        elif cells[-1] == "SSIM ↑":
            metrics = [cell.split()[0] for cell in cells[1:]]
            of_table = next((file for start, file in FILES.items() if cells[0].startswith(start)), None)
        elif metrics and not cells[0].startswith("---"):
            prefix = next((start for start in FILES if cells[0].startswith(start)), "")
            if file := FILES.get(prefix, of_table):
                yield from (
                    (file, cells[0].removeprefix(prefix).split()[0], metric, text)
                    for metric, text in zip(metrics, cells[1:])
                )


@pytest.mark.parametrize(("page", "count"), [("README.md", 128), ("docs/training.md", 144)])
def test_printed_scores_are_those_of_the_reference_tables(page, count):
    found = list(printed(page))
    assert len(found) == count
    for file, method, metric, text in found:
        decimals = len(text.partition(".")[2])
        assert text == f"{reference(file)[method, metric]:.{decimals}f}", (file, method, metric)


@pytest.mark.parametrize(
    ("file", "columns"), [("detection_m3fd_25_pairs.csv", (0, 5)), ("detection_llvip_37_pairs.csv", (5, 8))]
)
def test_printed_detection_is_that_of_the_reference_tables(file, columns):
    page = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
    lines = [[c.strip() for c in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")]
    head = next(k for k, cells in enumerate(lines) if cells[1] == "M3FD AP ↑")
    heads = [cell.removeprefix("M3FD ").removeprefix("LLVIP ").removesuffix(" ↑") for cell in lines[head][1:]]
    with (ROOT / "results" / "reference" / file).open(encoding="utf-8") as rows:
        stored = {(row["method"], row["metric"]): row for row in csv.DictReader(rows)}
    seen = 0
    for cells in lines[head + 1 :]:
        if len(cells) != len(heads) + 1:
            break
        for name, text in list(zip(heads, cells[1:]))[slice(*columns)]:
            if text == "—" or "−" in name:
                continue
            metric = name if name in ("AP", "AP50") else f"AP {name}"
            assert text == f"{100 * float(stored[cells[0], metric]['mean']):.1f}", (file, cells[0], name)
            seen += 1
    assert seen == len(stored.keys() & {(method, metric) for method, _ in stored for metric in ("AP", "AP50")}) * (
        2 if columns[0] == 0 else 1
    )


def test_printed_worth_is_that_of_the_reference_table():
    with (ROOT / "results" / "reference" / "worth_m3fd_llvip.csv").open(encoding="utf-8") as rows:
        stored = {(row["name"], row["dataset"]): row for row in csv.DictReader(rows) if row["target"] == "AP"}
    page = (ROOT / "docs" / "worth.md").read_text(encoding="utf-8")
    names, seen = {name for name, _ in stored}, 0
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in names:
            for dataset, (tau, p, alike) in (("m3fd", cells[1:4]), ("llvip", cells[4:7])):
                row = stored[cells[0], dataset]
                found = [f"{float(row[name]):+.2f}".replace("+0.00", "0.00") for name in ("tau", "tau_low", "tau_high")]
                assert tau == "{} \\[{}, {}\\]".format(*found).replace("-", "−")
                assert (p, alike) == (f"{float(row['p']):.3f}", f"{100 * float(row['images_alike']):.0f}")
                seen += 1
    assert seen == len(stored)
