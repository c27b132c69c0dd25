"""The folder of a page: complete, the same each time, safe from hostile names, and nothing left over."""

import html.parser
import json
import re
import shutil

import numpy as np
import pages
import pytest
from harness import scored_anew
from PIL import Image

from benchmark import statistics
from benchmark.names import printable
from benchmark.report.measured import measure
from benchmark.report.page.writing import Folder

METHODS = ("ir", "vis", "average", "mine")


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_RESULTS", "BENCH_DATA", "BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    results = tmp_path / "results"
    pages.write(results, "tno@test", METHODS, ["a", "b", "c"], protocols=("cddfuse", "standard"))
    return results


def page_of(bench, *arguments):
    result = bench("report", "--html", "--format", "csv", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "results/report/page/index.html"
    return "results/report/page"


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_numbers_are_those_of_the_report(bench, stored):
    page_of(bench)
    index = pages.content_of(stored / "report" / "page", "index")
    assert [(table["place"], table["protocol"]) for table in index["tables"]] == [
        ("tno@test", "cddfuse"),
        ("tno@test", "standard"),
    ]
    for number, (one, table) in enumerate(zip(measure(stored), index["tables"])):
        assert [row["method"] for row in table["rows"]] == list(one.scores.methods)
        for j, metric in enumerate(one.scores.metrics):
            place, low, high = statistics.rank_intervals(one.scores, metric)
            for i, row in enumerate(table["rows"]):
                cell = row["cells"][j]
                assert cell["mean"] == pytest.approx(one.summaries[metric][i].mean, rel=1e-5)
                if not row.get("reference"):
                    assert [cell["place"], cell["from"], cell["to"]] == [place[i], low[i], high[i]]
        assert [row["method"] for row in table["rows"] if row.get("reference")] == ["ir", "vis", "average"]
        own = [row["rank"]["place"] if "rank" in row else None for row in table["rows"]]
        assert own == [None if np.isnan(place) else place for place in one.ranking.position]
        assert table["entered"] == sum(place is not None for place in own)
        scores = pages.content_of(stored / "report" / "page", f"scores-{number}")
        assert scores["ids"] == ["a", "b", "c"]
        assert np.allclose(scores["values"], one.scores.values, rtol=1e-5)


def test_every_row_says_where_it_comes_from(bench, stored):
    page_of(bench)
    (row,) = [
        row
        for row in pages.content_of(stored / "report" / "page", "index")["tables"][0]["rows"]
        if row["method"] == "mine"
    ]
    facts = {name: text for group in row["about"] for name, text in group["facts"]}
    assert facts["checkpoint SHA-256"] == f"{3:064d}" and facts["commit"] == "c0ffee" and facts["device"] == "cpu"
    assert facts["command"] == "bench run --methods mine" and facts["start"].startswith("2026-01-01")
    assert facts["packages"] == "numpy 2.0" and facts["state"] == "done"


class Links(html.parser.HTMLParser):
    found: set

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.found |= {attributes[name] for name in ("src", "href") if name in attributes}


def test_the_folder_is_complete_and_can_be_moved(bench, stored, tmp_path):
    page = tmp_path / "moved"
    shutil.move(page_of(bench), page)
    reader = Links()
    reader.found = set()
    reader.feed((page / "index.html").read_text())
    links = {link for link in reader.found if not link.startswith(("#", "data:"))}
    assert links and all((page / link).is_file() for link in links)
    text = "".join(path.read_text() for path in [*page.glob("*.js"), *page.glob("*.css"), *page.glob("*.html")])
    assert set(re.findall(r"https?://[\w./]+", text)) <= {"http://www.w3.org/2000/svg"}, "nothing comes from a network"
    index = pages.content_of(page, "index")
    (place,) = index["places"]
    assert place["pictured"] == ["a", "b", "c"] and place["sources"] == ["Infrared", "Visible"]
    assert [column["method"] for column in place["columns"]] == list(METHODS)
    # The infrared image has no colours of its own.
    assert [sorted(column["lacks"]) for column in place["columns"]] == [["fused"], *[["colour", "fused"]] * 3]
    for column in place["columns"]:
        for kind in column["lacks"]:
            for id in place["pictured"]:
                here = page / "pictures" / "tno@test" / column["method"] / kind / f"{id}.png"
                assert here.read_bytes() == (stored / "tno@test" / column["method"] / kind / f"{id}.png").read_bytes()
    for number, method in place["thumbs"]:
        with Image.open(page / "thumbs" / "tno@test" / method / f"{place['pictured'][number]}.jpg") as thumb:
            assert thumb.size == (64, 48) and thumb.mode == "RGB"
    listed = (page / "files.txt").read_text().splitlines()
    assert sorted([*listed, "files.txt"]) == sorted(files_in(page))


def test_same_store_same_bytes_and_nothing_is_written_twice(bench, stored, tmp_path):
    page = tmp_path / page_of(bench)
    first, times = files_in(page), {path: path.stat().st_mtime_ns for path in page.rglob("*.js")}
    page_of(bench)
    assert files_in(page) == first
    assert {path: path.stat().st_mtime_ns for path in page.rglob("*.js")} == times
    shutil.copytree(stored, tmp_path / "copy", ignore=shutil.ignore_patterns("report"))
    assert bench("report", "--html", "--format", "csv", "--results", "copy").exit_code == 0
    assert files_in(tmp_path / "copy" / "report" / "page") == first


def test_a_picture_that_changed_is_taken_again(bench, stored):
    page_of(bench)
    ours, theirs = (root / "tno@test/mine/fused/b.png" for root in (stored, stored / "report/page/pictures"))
    ours.unlink()  # the store replaces files and never writes into one
    Image.new("L", (64, 48), 7).save(ours)
    scored_anew(ours)
    assert theirs.read_bytes() != ours.read_bytes()
    page_of(bench)
    assert theirs.read_bytes() == ours.read_bytes()


@pytest.mark.parametrize(("limit", "kept"), [(0, []), (1, ["a"]), (2, ["a", "c"]), (9, ["a", "b", "c"])])
def test_pictures_can_be_limited(bench, stored, limit, kept):
    page_of(bench)
    page_of(bench, "--page-images", limit)
    page = stored / "report" / "page"
    index = pages.content_of(page, "index")
    assert index["places"][0]["pictured"] == kept and index["places"][0]["ids"] == ["a", "b", "c"]
    assert sorted({path.stem for path in page.rglob("*.png")}) == kept, "those of the page before are gone"
    assert (page / "pictures").exists() == bool(kept)


def test_only_what_the_page_wrote_is_removed(bench, stored):
    page_of(bench)
    page = stored / "report" / "page"
    mine = page / "pictures" / "tno@test" / "mine" / "mine.png"
    mine.write_bytes(b"mine")
    outside = stored / "keep.txt"
    outside.write_text("keep")
    with open(page / "files.txt", "a") as file:
        file.write(f"../../keep.txt\n{outside}\n")
    page_of(bench, "--page-images", 0)
    assert mine.read_bytes() == b"mine" and outside.read_text() == "keep"


def test_without_sources_and_with_them_from_the_data_set(bench, pairs, bench_folder):
    """The built-in data set is always at hand; a folder of one's own is not, once its images are gone."""
    assert bench_folder("run", "--methods", "average,max", "--metrics", "EN", "--colour").exit_code == 0
    assert bench("run", "--dataset", "synth", "--limit", 2, "--methods", "average", "--metrics", "EN", "--jobs", 0)
    page_of(bench)
    page = pairs / "results" / "report" / "page"
    own, drawn = pages.content_of(page, "index")["places"]
    assert [column["title"] for column in own["columns"]] == ["Average", "Maximum"]
    assert own["notes"] == [
        "Without infrared and visible: where the two folders of this split lie is not known here;"
        " bench run --methods ir,vis keeps them with the results"
    ]
    assert [column["title"] for column in drawn["columns"]] == ["Infrared", "Visible", "Average"] and not drawn["notes"]
    from benchmark.run.plan import select_split

    loaded = select_split("synth", None, 2).pairs[0].load()
    for side, luminance in (("ir", loaded.ir), ("vis", loaded.vis)):
        found = np.asarray(Image.open(page / "pictures" / drawn["name"] / side / "fused" / f"{drawn['ids'][0]}.png"))
        assert np.array_equal(found, luminance)


def test_sources_of_other_images_are_refused(bench, pairs):
    bench("run", "--dataset", "synth", "--limit", 2, "--methods", "average", "--metrics", "EN", "--jobs", 0)
    (record,) = (pairs / "results").glob("synth@*/average/run.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "split_sha256": "0" * 64}))
    page_of(bench)
    (place,) = pages.content_of(pairs / "results" / "report" / "page", "index")["places"]
    assert [column["method"] for column in place["columns"]] == ["average"]
    assert "are not those that were fused" in place["notes"][0]


def test_images_from_elsewhere_are_copied_and_become_png(bench, bench_folder, pairs):
    for number, suffix in enumerate((".png", ".bmp", ".tif", ".png")):
        (pairs / "theirs").mkdir(exist_ok=True)
        Image.new("L", (64, 48), 40 * number).save(pairs / "theirs" / f"{'abcd'[number]}{suffix}")
    assert bench_folder("eval", "--fused", "theirs", "--name", "theirs", "--metrics", "EN").exit_code == 0
    page_of(bench)
    page = pairs / "results" / "report" / "page"
    (folder,) = page.glob("pictures/*/theirs/fused")
    for number, id in enumerate("abcd"):
        assert (np.asarray(Image.open(folder / f"{id}.png")) == 40 * number).all()
    assert not (folder / "a.png").samefile(pairs / "theirs" / "a.png"), "what is not ours is not shared"


def test_hostile_names_stay_text(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    ids = [pages.HOSTILE_ID, "__proto__"]
    pages.write(results, "tno@test", ["vis", pages.HOSTILE_METHOD, "__proto__"], ids, title=lambda name: pages.HOSTILE)
    page_of(bench)
    page = results / "report" / "page"
    for script in (page / "data").glob("*.js"):
        script.read_text(encoding="ascii")
    index = pages.content_of(page, "index")
    titles = {f"{pages.HOSTILE} ({name})" for name in ("vis", pages.HOSTILE_METHOD, "__proto__")}
    assert {row["title"] for row in index["tables"][0]["rows"]} == titles
    ids = list(map(printable, ids))
    assert pages.content_of(page, "scores-0")["ids"] == ids == index["places"][0]["pictured"]
    # Names from results are values, never keys.
    assert not re.search(r'"__proto__":', (page / "data" / "index.js").read_text())
    code = "".join(path.read_text() for path in page.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", code)


def test_objects(bench, stored):
    folder = pages.write_objects(stored, "tno", ["a", "c"], ["vis", "mine"])
    (folder / "average" / "seed0").mkdir(parents=True)
    (folder / "average" / "seed0" / "detections.jsonl").write_text("torn {\n")
    (folder / "average" / "seed0" / "record.json").write_text("{}")
    page_of(bench)
    page = stored / "report" / "page"
    (setup,) = pages.content_of(page, "index")["setups"]
    assert setup["runs"] == [{"method": "vis", "seed": 0}, {"method": "mine", "seed": 0}]
    assert setup["title"] == "yolov8n, retrain, 2 epochs"
    truth = pages.content_of(page, "truth-0")
    assert truth["ids"] == ["a", "c"] and truth["boxes"][1] == [[4, 6, 24, 16, 0], [30, 10, 42, 40, 1]]
    assert pages.content_of(page, "boxes-0-1") == [[[5, 6, 24, 16, 0, 0.9]]] * 2


@pytest.mark.parametrize("damage", ["", "[]", '{"images": 3}', '{"images": [], "categories": [], "annotations": [{}]}'])
def test_damaged_objects_are_left_out(bench, stored, damage):
    folder = pages.write_objects(stored, "tno", ["a"], ["mine"])
    (folder / "truth.json").write_text(damage)
    page_of(bench)
    assert pages.content_of(stored / "report" / "page", "index")["setups"] == []


def test_images_that_were_fused_and_not_scored(bench, stored):
    pages.write(stored, "m3fd@mine-test", ["vis", "mine"], ["k"], protocols=())
    page_of(bench)
    page_of(bench, "--methods", "mine", "--no-naive")
    places = pages.content_of(stored / "report" / "page", "index")["places"]
    assert [place["name"] for place in places] == ["tno@test", "m3fd@mine-test"]
    assert [column["title"] for column in places[1]["columns"]] == ["Mine"]


def test_figures_join_the_page(bench, stored):
    result = bench("report", "--html", "--figures", "--format", "csv", "--dataset", "tno", "--protocol", "standard")
    drawn = [line for line in result.stdout.splitlines() if "/figures/" in line]
    assert {line.rpartition(".")[2] for line in drawn} == {"pdf", "png"}
    page = stored / "report" / "page"
    names = [figure["name"] for figure in pages.content_of(page, "index")["figures"]]
    assert "box-tno@test-standard" in names and len(names) == len(drawn) / 2
    assert all((page / "figures" / f"{name}{suffix}").is_file() for name in names for suffix in (".png", ".pdf"))
    page_of(bench)
    assert not (page / "figures").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--html", "--out", "-"), "--html writes a folder"),
        (("--figures", "--out", "-"), "--figures writes a folder"),
        (("--page-images", "3"), "add --html"),
        (("--html", "--page-images", "-1"), "x>=0"),
    ],
)
def test_mistakes(bench, stored, arguments, words):
    result = bench("report", "--format", "csv", *arguments)
    assert result.exit_code == 2 and words in result.stderr
    assert not (stored / "report").exists()


def test_names_of_an_earlier_page_cannot_lead_outside(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "files.txt").write_text("/etc/x\n../y\na/../../z\ndata/k.js\n\n")
    assert Folder(tmp_path / "page")._earlier == {"data/k.js"}


def fail_everywhere(folder):
    """Make the two images of every pair of different sizes, so that nothing can be fused."""
    for path in (folder / "ir").iterdir():
        Image.fromarray(np.zeros((10, 12), np.uint8)).save(path)


@pytest.mark.parametrize("beside", [False, True])
def test_a_split_whose_methods_all_failed_is_listed_without_pictures(bench, bench_folder, pairs, beside):
    if beside:
        pages.write(pairs / "results", "tno@test", METHODS, ["a", "b"])
    fail_everywhere(pairs)
    assert bench_folder("run", "--methods", "average", "--metrics", "EN").exit_code == 1
    page = pairs / page_of(bench)
    index = pages.content_of(page, "index")
    (failed,) = [place for place in index["places"] if place["dataset"] == "folder"]
    assert failed["ids"] == failed["columns"] == failed["pictured"] == failed["notes"] == []
    (table,) = [table for table in index["tables"] if table["place"] == failed["name"]]
    assert [row["method"] for row in table["absent"]] == ["average"] and "failed" in table["absent"][0]["state"]
    assert [len(place["pictured"]) for place in index["places"] if place is not failed] == [2] * beside
