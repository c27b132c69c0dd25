"""The page in a real browser, from disk: sorting, switching, the slider, the keyboard, small screens, and how fast
it opens with 25 methods on 361 images.

Needs Playwright and a Chromium (`BENCH_CHROMIUM`, or as `chromium` on the path)."""

import json
import os
import re
import shutil
from pathlib import Path

import detected
import numpy as np
import pages
import pytest

from benchmark.names import printable
from benchmark.store import cells

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright, of the extra 'dev'")

CHROMIUM = os.environ.get("BENCH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium: on the path, or named by BENCH_CHROMIUM")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
METHODS = ("ir", "vis", "average", "mine", "theirs")
IDS = tuple("abcdefgh")
AP = {"vis": [0.30, 0.34], "mine": [0.40, 0.42], "theirs": [0.20, 0.22]}
DETECTION = "#detection/m3fd@mine/yolov8n-retrain-0123abcd"
OPEN_SECONDS = 2.0
ROWS = "#table tbody th button"


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A browser with an empty profile, and without a network."""
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=CHROMIUM,
            args=list(FLAGS),
            viewport={"width": 1200, "height": 850},
            offline=True,
        )
        yield found
        found.close()


def write_page(results, **options):
    from benchmark.report import content, measured
    from benchmark.report import detected as setups
    from benchmark.report.page import making

    read, _ = setups.read(results)
    found = measured.measure(results, also=setups.names(read), every_output=True)
    report = content.Content(results, tuple(found), detected=tuple(setups.choose(read)))
    return making.write(report, results / "report" / "page", **options)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """The file to open: two data sets, one under two protocols, one with detections."""
    results = tmp_path_factory.mktemp("page") / "results"
    pages.write(results, "msrs@test", METHODS, IDS, protocols=("cddfuse", "standard"), size=(120, 160))
    pages.write(results, "tno@test", METHODS[:3], ["x", "y"], seed=1)
    pages.write_objects(results, "msrs", IDS[:3], METHODS[:4], size=(160, 120))
    detected.write(results, "m3fd@mine", AP)
    detected.write(results, "m3fd@mine", {"vis": [0.5], "mine": [0.45]}, "yolo11n-retrain-4567cdef", detector="yolo11n")
    detected.write(results, "m3fd@mine", {"vis": [0.5]}, "yolov8n-frozen-89abcdef", "frozen")
    return write_page(results)


@pytest.fixture
def page(context, start):
    """Opens the page at an address; whatever the console says in the meantime fails the test."""
    said = []
    tab = context.new_page()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))

    def go(address="", file=start):
        tab.goto(Path(file).as_uri() + address)
        return tab

    yield go
    tab.close()
    assert said == []


DRAWN = "[data-view={}][aria-current=page]"


def follow(tab, link, view):
    """Click a link, and wait until the view that it leads to is drawn."""
    tab.get_by_role("link", name=link, exact=True).click()
    tab.wait_for_selector(DRAWN.format(view))


def texts(tab, selector):
    return tab.locator(selector).all_text_contents()


def focused(tab, what="textContent"):
    return tab.evaluate(f"document.activeElement.{what}")


def column(tab, metric):
    return texts(tab, f"#table tbody td:nth-child({5 + list(pages.METRICS).index(metric)})")


def test_sorting_by_any_column(page):
    tab = page("#board/msrs@test/standard")
    assert texts(tab, ROWS) == ["Theirs", "Mine", "Average", "Vis", "Ir"], "by mean rank"
    for metric, direction in pages.METRICS.items():
        head = tab.locator(f'#table thead th:has-text("{metric}")')
        head.locator("button").click()
        values = list(map(float, column(tab, metric)))
        assert values == sorted(values, reverse=direction > 0), "the best first"
        assert head.get_attribute("aria-sort") == ("descending" if direction > 0 else "ascending")
        assert tab.locator("#table thead th[aria-sort]").count() == 1
        assert texts(tab, "#table tbody .number") == ["1", "2", "3", "4", "5"]
        head.locator("button").click()
        assert list(map(float, column(tab, metric))) == values[::-1]
        assert texts(tab, "#table tbody .number") == ["5", "4", "3", "2", "1"]
    tab.get_by_role("button", name="Method").click()
    assert texts(tab, ROWS) == ["Average", "Ir", "Mine", "Theirs", "Vis"]


def test_the_numbers_shown_are_the_report_s(page, start):
    table = pages.content_of(Path(start).parent, "index")["tables"][1]
    assert table["protocol"] == "standard"
    tab = page("#board/msrs@test/standard/m:VIF")
    shown = dict(zip(texts(tab, ROWS), column(tab, "VIF")))
    assert shown == {row["title"]: row["cells"][2]["text"] for row in table["rows"]}
    tab.get_by_label("Show").select_option("place")
    first = table["rows"][4]["cells"][2]
    assert column(tab, "VIF")[0] == f"{first['place']} {first['from']} – {first['to']}"
    tab.get_by_label("Show").select_option("sd")
    assert column(tab, "VIF")[0].startswith(f"{first['text']} ± ")


def test_switching_data_set_and_protocol(page, start):
    tables = pages.content_of(Path(start).parent, "index")["tables"]
    tab = page()
    assert tab.locator("#protocol").input_value() == "cddfuse"
    before = column(tab, "EN")
    tab.get_by_label("Protocol").select_option("standard")
    assert column(tab, "EN") != before and "standard" in tab.locator("#board-lead").text_content()
    assert sorted(column(tab, "EN")) == sorted(row["cells"][0]["text"] for row in tables[1]["rows"])
    tab.get_by_label("Data set").select_option("tno@test")
    assert len(texts(tab, ROWS)) == 3 and "TNO" in tab.locator("h1:visible").text_content()
    assert tab.locator("#protocol").is_disabled(), "there is one alone"


def test_switching_outputs(page, tmp_path):
    """Raw first; each output ranks its own rows, and the address keeps the choice."""
    methods = ("mine", "mine+native", "theirs")
    pages.write(tmp_path, "tno@test", methods, ["a", "b"], title=lambda name: name.partition("+")[0].title())
    pages.saved_as(tmp_path, "tno", "test", {"mine": "raw", "mine+native": "native", "theirs": "raw"}, {"theirs"})
    tab = page("", write_page(tmp_path))
    assert texts(tab, ROWS) == ["Theirs", "Mine", "Mine native‡"] and texts(tab, "#table .number") == ["1", "2"]
    tab.get_by_label("Output").select_option("native")
    assert texts(tab, ROWS) == ["Theirs", "Mine native‡", "Mine‡"] and texts(tab, "#table .number") == ["1", "2"]
    assert "native output" in tab.locator("#board-lead").text_content()
    assert any("not ranked among native output" in note for note in texts(tab, "#board-notes li"))
    tab.reload()
    assert tab.locator("#output").input_value() == "native"
    follow(tab, "Images", "pairs")
    assert not tab.locator("#output").is_visible()


def test_opens_on_what_is_complete(page, tmp_path):
    results = tmp_path / "results"
    pages.write(results, "msrs@test", METHODS[:3], ["x", "y"])
    pages.write(results, "tno@test", METHODS[:3], ["x", "y"])
    for cell in cells.cells(results):
        if cell.dataset == "msrs":
            cell.write_run({**cell.run(), "n": 3})
    tab = page(file=write_page(results))
    assert tab.locator("#place").input_value() == "tno@test" and len(texts(tab, ROWS)) == 3


def test_provenance_is_one_click_away(page):
    tab = page("#board/msrs@test/standard")
    row = tab.locator("#table tbody tr", has_text="Mine")
    row.locator("td button").nth(2).click()
    dialog = tab.get_by_role("dialog")
    text = dialog.text_content()
    for fact in (
        "Mine, VIF",
        "c0ffee",
        f"{3:064d}",
        "bench run --methods mine",
        "numpy 2.0",
        "random signs, all pairs",
        "2026-01-01",
    ):
        assert fact in text
    assert dialog.locator("polyline").count() == len(METHODS)
    tab.keyboard.press("Escape")
    assert not dialog.is_visible() and focused(tab) == row.locator("td button").nth(2).text_content()
    row.locator("td button").nth(2).click()
    dialog.locator(".picks a").first.click()
    assert tab.locator("#pairs").is_visible() and tab.locator("#right").input_value() == "mine"
    tab.go_back()
    assert tab.locator("#board").is_visible()


def test_the_board_by_keyboard(page):
    tab = page("#board/msrs@test/standard")
    reached = []
    for _ in range(20):
        tab.keyboard.press("Tab")
        reached.append(focused(tab))
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", "the focus is seen"
        if reached[-1] == "Theirs":
            break
    assert reached[0] == "Skip to content" and reached[-1] == "Theirs", "the body of the table is one stop"
    sort = next(text for text in reached if text.startswith("EN"))
    tab.keyboard.press("ArrowRight")
    assert focused(tab) == column(tab, "EN")[0]
    tab.keyboard.press("ArrowDown")
    assert focused(tab) == column(tab, "EN")[1]
    tab.keyboard.press("End")
    assert focused(tab) == column(tab, "VIF")[1]
    tab.keyboard.press("Home")
    assert focused(tab) == "Mine"
    tab.keyboard.press("Enter")
    assert tab.get_by_role("dialog").is_visible()
    tab.keyboard.press("Escape")
    assert focused(tab) == "Mine"
    tab.locator("#table thead button", has_text=sort).focus()
    tab.keyboard.press("Enter")
    assert focused(tab) == sort and tab.locator("#table th[aria-sort]").text_content() == sort


def clips(tab):
    """Where the left picture ends and the right one begins, in pixels of the frame."""
    return tab.evaluate("""() => ["layer-left", "layer-right"].map((id) => {
        const clip = getComputedStyle(document.getElementById(id)).clipPath;
        const width = document.getElementById(id).clientWidth;
        const sides = clip.match(/calc\\(.*?\\)|-?[\\d.]+px|-?[\\d.]+%/g);
        const number = sides.map((text) => text.startsWith("calc")
          ? width - Number(text.match(/- ([\\d.]+)px/)[1]) : parseFloat(text) * (text.endsWith("%") ? width / 100 : 1));
        return id === "layer-left" ? width - number[1] : number[number.length - 1];
    })""")


def shown_pictures(tab):
    tab.wait_for_function("[...document.querySelectorAll('.layer img')].every((i) => i.complete && i.naturalWidth)")
    return [image.get_attribute("src") for image in tab.locator(".layer img").all()]


def test_the_slider(page):
    tab = page("#pairs/msrs@test/standard/b/vis/mine")
    assert shown_pictures(tab) == ["pictures/msrs%40test/vis/fused/b.png", "pictures/msrs%40test/mine/fused/b.png"]
    slider, frame = tab.get_by_label("Divider"), tab.locator("#frame").bounding_box()
    assert clips(tab) == pytest.approx([frame["width"] / 2] * 2, abs=1)
    slider.focus()
    for _ in range(10):
        tab.keyboard.press("ArrowRight")
    assert slider.input_value() == "60" and clips(tab) == pytest.approx([0.6 * frame["width"]] * 2, abs=1)
    tab.keyboard.press("Home")
    assert clips(tab) == pytest.approx([0, 0], abs=1)
    tab.mouse.move(frame["x"] + 20, frame["y"] + 20)
    tab.mouse.down()
    tab.mouse.move(frame["x"] + frame["width"] / 4, frame["y"] + 30)
    tab.mouse.up()
    assert clips(tab) == pytest.approx([frame["width"] / 4] * 2, abs=8)
    tab.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + 30)
    assert clips(tab) == pytest.approx([frame["width"] / 4] * 2, abs=8), "let go"
    tab.get_by_label("Size").select_option("4")
    assert tab.locator("#frame").bounding_box()["width"] == pytest.approx(640, abs=1)


def test_pictures_and_scores_of_any_two(page, start):
    tab = page("#pairs/msrs@test/standard")
    assert shown_pictures(tab)[1] == "pictures/msrs%40test/theirs/fused/a.png", "the best that is not naive"
    assert texts(tab, "#left option") == ["Infrared", "Visible", "Average", "Mine", "Theirs"]
    tab.locator("#left").select_option("average")
    tab.locator("#right").select_option("mine")
    tab.get_by_label("Colour").check()
    assert shown_pictures(tab) == [f"pictures/msrs%40test/{m}/colour/a.png" for m in ("average", "mine")]
    tab.get_by_role("button", name="Next").click()
    tab.get_by_role("button", name="Swap").click()
    assert shown_pictures(tab) == [f"pictures/msrs%40test/{m}/colour/b.png" for m in ("mine", "average")]
    values = pages.content_of(Path(start).parent, "scores-1")["values"]
    tab.wait_for_selector("#scores tbody tr")
    row = texts(tab, "#scores tbody tr:nth-child(2) td")
    for text, method in zip(row, ("mine", "average")):
        assert float(text.split()[0]) == pytest.approx(values[METHODS.index(method)][1][1], abs=0.001)
    assert [text.split()[1] for text in row[:2]] == ["2.", "3."] and row[2].startswith("Theirs")
    tab.locator("#left").select_option("ir")
    assert shown_pictures(tab)[0] == "pictures/msrs%40test/ir/fused/b.png", "no colours that are not its own"


def test_the_strip(page, start):
    tab = page("#pairs/msrs@test/standard/a/vis/mine")
    assert texts(tab, "#strip button") == list(IDS)
    tab.wait_for_function("[...document.querySelectorAll('#strip img')].every((i) => i.complete && i.naturalWidth)")
    tab.locator("#strip button").first.focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert focused(tab) == "c" and tab.locator("#image-title").text_content() == "Pair c"
    assert texts(tab, '#strip [aria-current="true"]') == ["c"]
    assert tab.evaluate("[...document.querySelectorAll('#strip button')].filter((b) => b.tabIndex === 0).length") == 1
    values = pages.content_of(Path(start).parent, "scores-1")["values"]
    gain = {id: values[1][1][k] - values[3][1][k] for k, id in enumerate(IDS)}  # lower is better
    tab.get_by_label("Order").select_option("m:MSE")
    assert texts(tab, "#strip button") == sorted(IDS, key=gain.get, reverse=True)
    tab.get_by_label("Thumbnails").select_option("difference")
    pair = tab.locator("#strip button").first.locator(".difference img")
    id = texts(tab, "#strip button")[0]
    assert [image.get_attribute("src") for image in pair.all()] == [
        f"pictures/msrs%40test/{method}/fused/{id}.png" for method in ("vis", "mine")
    ]


def test_objects_are_drawn_over_the_pictures(page):
    tab = page("#pairs/msrs@test/standard/a/theirs/mine")
    tab.wait_for_selector("#layer-right rect.found")
    box = tab.locator("#layer-right rect.found").first
    assert [float(box.get_attribute(name)) for name in ("x", "y", "width", "height")] == [5, 6, 19, 10]
    assert texts(tab, "#layer-right text.found") == ["People 0.90"]
    assert tab.locator("#layer-left rect.truth").count() == 2 and tab.locator("#layer-left rect.found").count() == 0
    assert tab.locator("#counted").text_content() == "2 labels; left not evaluated, right 1 detection."
    assert tab.locator("#layer-right svg").get_attribute("viewBox") == "0 0 160 120"
    tab.get_by_label("of confidence").fill("95")
    assert tab.locator("rect.found").count() == 0
    tab.get_by_label("labels").uncheck()
    assert tab.locator("rect").count() == 0
    tab.get_by_role("button", name="d", exact=True).click()
    assert tab.locator("#counted").text_content() == "This image is not in the test part."
    tab.get_by_label("Data set").select_option("tno@test")
    assert tab.locator("#boxes").is_hidden()


def detection_column(tab, head):
    """Of the leaderboard of detection, without what stands small."""
    heads = [text.split(" ↑")[0] for text in texts(tab, "#table thead th")]
    assert heads.count(head) == 1, heads
    cells = tab.locator(f"#table tbody td:nth-child({heads.index(head) + 1}) button")
    return cells.evaluate_all("all => all.map((one) => one.firstChild.textContent)")


def test_detection_sorts_by_any_figure(page):
    tab = page(DETECTION)
    assert texts(tab, ROWS) == ["Mine", "Vis", "Theirs"], "by AP"
    assert texts(tab, "#table tbody .number") == ["1", "2", "3"]
    assert detection_column(tab, "AP") == ["41.0", "32.0", "21.0"]
    sorted_by = ["AP50", "AP75", "AP", "AP − vis", "small", "medium", "day", "night", "People", "Car"]
    for head in sorted_by:
        button = tab.locator("#table thead th button").filter(has_text=re.compile(rf"^{head} ↑"))
        tab.locator("#table thead th.name button").click()
        assert texts(tab, ROWS) == ["Mine", "Theirs", "Vis"], "by name"
        button.click()
        values = detection_column(tab, head)
        if head == "AP − vis":
            assert values[-1] == "—" and float(values[0].replace("−", "-")) >= float(values[1].replace("−", "-"))
            continue
        assert values == sorted(values, key=float, reverse=True) and texts(tab, ROWS)[0] == "Mine"
        assert tab.locator("#table thead th[aria-sort=descending]").count() == 1
        button.click()
        assert detection_column(tab, head) == values[::-1]
    assert detection_column(tab, "large") == ["—"] * 3 == detection_column(tab, "Lamp")
    assert "n = 20" in tab.locator("#table thead th", has_text="People").text_content()
    # The figures by size and class are those of another metric when it is asked for, and stay sorted.
    tab.get_by_label("Show").select_option("AP50")
    assert detection_column(tab, "Car") == ["36.0", "47.0", "56.0"] and detection_column(tab, "AP")[-1] == "41.0"
    assert tab.locator("#table thead th[aria-sort]").text_content().startswith("Car")


def test_detection_marks_and_differences(page, start):
    tab = page(DETECTION)
    row = tab.locator("#table tbody tr", has_text="Mine")
    assert row.locator("td.best").count() == 9 and "± 1.4" in row.text_content(), "AP50, AP75, AP, and six with objects"
    assert row.locator(".zero .range").count() == 1 and tab.locator(".zero").count() == 2, "none of vis to itself"
    table = pages.content_of(Path(start).parent, "index")["detection"][2]
    assert table["setup"] == "yolov8n-retrain-0123abcd"
    cell = next(one for one in table["rows"] if one["method"] == "mine")["cells"][3]
    low, high = cell["range"]
    assert (
        low < cell["mean"] < high and row.locator("td small", has_text="[").text_content().strip() == cell["interval"]
    )
    span = row.locator(".zero").bounding_box()
    dot = row.locator(".zero .dot").bounding_box()
    most = max(abs(end) for one in table["rows"] for end in one["cells"][3].get("range", []))
    middle = dot["x"] + dot["width"] / 2 - span["x"]
    assert middle == pytest.approx(span["width"] * (0.5 + cell["mean"] / most / 2), abs=1)


def test_detection_switches_between_setups(page):
    tab = page("#board/msrs@test/standard")
    follow(tab, "Detection", "detection")
    assert tab.locator("#place").input_value() == "msrs@official", "that of the data set looked at"
    tab.get_by_label("Data set").select_option("m3fd@mine")
    assert texts(tab, "#protocol option") == ["retrain", "frozen"]
    assert texts(tab, "#detector option") == [
        "yolo11n, 2 epochs, 64 pixels, yaml",
        "yolov8n, 2 epochs, 64 pixels, yaml",
    ]
    assert detection_column(tab, "AP") == ["50.0", "45.0"]
    tab.locator("#detector").select_option("yolov8n-retrain-0123abcd")
    assert detection_column(tab, "AP") == ["41.0", "32.0", "21.0"]
    tab.get_by_label("Protocol").select_option("frozen")
    assert texts(tab, ROWS) == ["Vis"] and "frozen (trained on vis)" in tab.locator("#board-lead").text_content()
    assert tab.locator("#detector").is_disabled()
    for words in ("±1 10.0 %", "initial weights yaml", "seed 0", "100 images"):
        assert words in tab.locator("#board-notes").text_content()
    assert "abcdef01" in tab.locator("#board-lead").text_content()
    follow(tab, "Leaderboard", "board")
    assert tab.locator("#detector").is_hidden() and tab.locator("#place").input_value() == "msrs@test"
    assert texts(tab, ROWS)[0] == "Theirs"


def test_detection_provenance_is_one_click_away(page):
    tab = page(DETECTION)
    tab.locator("#table tbody tr", has_text="Mine").locator("td button").nth(8).click()
    dialog = tab.get_by_role("dialog")
    text = dialog.text_content()
    for fact in (
        *("Mine, AP night", "39.0", "± 1.4", "18 in 14 images", "0: 38.0, 1: 40.0", "AP50 night", "59.0"),
        *(f"{400:064d}", f"{420:064d}", f"{1:064d}", "abcdef01" * 8, "12345678" * 8, "bench detect --methods mine"),
        *("c0ffee", "ultralytics 8.4.0", "2026-01-01", "faster-coco-eval 1.0", "box of no area", "Seed 1", "12.3"),
    ):
        assert fact in text, fact
    tab.keyboard.press("Escape")
    tab.locator("#table tbody tr", has_text="Mine").locator("th button").click()
    assert "1 of 3" in dialog.text_content() and "62.0 ± 1.4" in dialog.text_content()
    tab = page("#detection/msrs@official")
    tab.locator("#table tbody tr", has_text="Mine").locator("td button").nth(2).click()
    follow(tab, "Detections on the images", "pairs")
    assert tab.locator("#right").input_value() == "mine" and tab.locator("#left").input_value() == "vis"
    tab.wait_for_selector("#layer-right rect.found")
    tab.go_back()
    tab.wait_for_selector(DRAWN.format("detection"))
    assert tab.locator("#board").is_visible() and texts(tab, ROWS)


def test_detection_by_keyboard(page):
    tab = page(DETECTION)
    tab.locator(ROWS).first.focus()
    tab.keyboard.press("ArrowRight")
    assert focused(tab).startswith("61.0")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("End")
    assert focused(tab) == "—"
    tab.keyboard.press("Home")
    tab.keyboard.press("Enter")
    assert tab.get_by_role("dialog").is_visible() and "Vis" in tab.get_by_role("dialog").text_content()
    tab.keyboard.press("Escape")
    button = tab.locator("#table thead button", has_text="night")
    button.focus()
    tab.keyboard.press("Enter")
    assert focused(tab).startswith("night") and tab.locator("#table thead th[aria-sort]").count() == 1


def test_detection_alone(page, tmp_path):
    folder = detected.write(tmp_path / "results", "m3fd@mine", {**AP, "late": []})
    record = detected.record("ir", 0, 0.1, state="failed (RuntimeError: loss)")
    for seed in (0, 1):
        (folder / "ir" / f"seed{seed}").mkdir(parents=True)
        (folder / "ir" / f"seed{seed}" / "record.json").write_text(json.dumps({**record, "seed": seed}))
    tab = page("", write_page(tmp_path / "results"))
    assert texts(tab, ROWS) == ["Mine", "Vis", "Theirs"] and tab.locator("#detector").is_visible()
    assert texts(tab, "nav a:visible") == ["Detection"]
    notes = texts(tab, "#board-notes li")
    assert "Ir: 0 of 2 seeds; seed 0: failed (RuntimeError: loss)" in notes and len(set(notes)) == len(notes)
    tab.get_by_role("button", name="Ir", exact=True).click()
    assert "failed (RuntimeError: loss)" in tab.get_by_role("dialog").text_content()
    tab.keyboard.press("Escape")
    tab = page("#pairs", tmp_path / "results" / "report" / "page" / "index.html")
    assert tab.locator("#board").is_visible(), "there is nothing else to see"


LONG = "a_method_named_after_all_of_its_hyperparameters_learning_rate_1e-4_batch_32_epochs_100_and_so_on"
SIDEWAYS = """() => [...document.querySelectorAll("body *")]
    .filter((e) => e.offsetParent && e.scrollWidth > e.clientWidth + 1)
    .filter((e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX)).map((e) => e.outerHTML.slice(0, 80))
    .concat(document.documentElement.scrollWidth > innerWidth ? ["the page"] : [])"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A page of names that have no end, in two scripts, of pairs of another shape, and of what was fused only."""
    results = tmp_path_factory.mktemp("crowded") / "results"
    names = ["vis", LONG, "红外与可见光图像融合方法", "mine"]
    place, ids = f"folder@{'a-long-name-of-a-folder-' * 4}", [f"{LONG}{k}" for k in range(14)]
    pages.write(results, place, names, ids, size=(90, 40))
    for part in ("train", "test"):
        pages.write(results, f"m3fd@mine-{part}", ["vis", "mine"], ["k"], protocols=())
    folder = detected.write(results, "m3fd@mine", {"vis": [0.3, 0.3], LONG: [0.4, 0.4], "none": [0.0, 0.0]})
    detected.find_nothing(folder, "none")
    return write_page(results)


def test_nothing_scrolls_sideways_on_a_phone(page, start, crowded):
    tab = page("", crowded)
    tab.set_viewport_size({"width": 360, "height": 740})
    for file in (start, crowded):
        tab = page("", file)
        for view in ("board", "worst", "detection", "pairs"):
            tab.goto(file.as_uri() + f"#{view}")
            tab.wait_for_selector(DRAWN.format(view))
            for show in texts(tab, "#show option") if tab.locator("#show").is_visible() else [None]:
                if show:
                    tab.locator("#show").select_option(label=show)
                assert tab.evaluate(SIDEWAYS) == [], (view, show)
            name = tab.locator("h1:visible").bounding_box()
            assert name["x"] >= 0 and name["x"] + name["width"] <= 360
    tab.goto(crowded.as_uri() + "#board")
    tab.locator("#table tbody td button").first.click()
    assert tab.evaluate(SIDEWAYS) == [] and tab.get_by_role("dialog").is_visible()
    tab.keyboard.press("Escape")
    assert tab.locator("#table tbody td[data-head='EN ↑']").first.is_visible(), "every number stands in its card"
    for width in (640, 768, 1024):
        tab.set_viewport_size({"width": width, "height": 740})
        for view in ("board", "worst", "detection", "pairs"):
            tab.goto(crowded.as_uri() + f"#{view}")
            tab.wait_for_selector(DRAWN.format(view))
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, view)


def test_splits_that_were_only_fused_do_not_fill_the_menus(page, crowded):
    tab = page("#board", crowded)
    assert len(texts(tab, "#place option")) == 1
    follow(tab, "Worst images", "worst")
    assert len(texts(tab, "#place option")) == 1
    follow(tab, "Images", "pairs")
    groups = tab.locator("#place optgroup").evaluate_all("all => all.map((g) => [g.label, g.children.length])")
    assert groups == [["Scored", 1], ["Fused, not scored", 2]]
    assert tab.locator("#place").input_value().startswith("folder@") and tab.locator("#protocol").is_visible()
    tab.locator("#place").select_option("m3fd@mine-test")
    assert tab.locator("#protocol").is_hidden() and "not scored" in tab.locator("#scores-hint").text_content()
    follow(tab, "Leaderboard", "board")
    assert tab.locator("#place").input_value().startswith("folder@") and texts(tab, ROWS)


def test_who_finds_nothing_has_no_place(page, crowded):
    tab = page("#detection", crowded)
    assert texts(tab, ROWS)[-1] == "None"
    assert texts(tab, "#table tbody td.place") == ["1", "2", "—"]
    assert "Without a place" in tab.locator("#board-notes").text_content()
    row = tab.locator("#table tbody tr").last
    assert row.locator(".best, .second").count() == 0
    row.locator("th button").click()
    assert re.search("place by AP *none", tab.get_by_role("dialog").text_content())


def test_where_a_method_fails(page, start):
    from benchmark.report import failure_cases, measured

    one = measured.measure(Path(start).parents[2])[1]
    failures = {cell.method: found for cell, found in failure_cases.of_table(one).items()}
    tab = page("#board/msrs@test/standard")
    follow(tab, "Worst images", "worst")
    assert tab.locator("#method").input_value() == "theirs" and "Where does Theirs fail?" in texts(tab, "h1:visible")
    for method in ("theirs", "mine"):
        tab.locator("#method").select_option(method)
        cases = failures[method].cases
        if not cases:
            assert "No other method is ahead" in tab.locator("#worst-hint").text_content()
            continue
        assert texts(tab, "#cases h2") == [case.id for case in cases]
        first, case = tab.locator("#cases li").first, cases[0]
        text = first.text_content()
        assert f"Mean rank {case.mean_rank:.2f}, place {case.place} of 2" in text
        assert ", ".join(f"{metric} {rank:g}" for metric, rank in case.losses) in text
    sources = [image.get_attribute("src").split("/")[2] for image in first.locator("img").all()]
    assert sources == ["ir", "vis", "mine", "theirs", "mine", "theirs"], "the last two are their difference"
    tab.locator("#cases h2 a").nth(1).click()
    tab.wait_for_selector(DRAWN.format("pairs"))
    address = tab.evaluate("location.hash").split("/")
    assert address[:6] == ["#pairs", "msrs%40test", "standard", cases[1].id, "theirs", "mine"]
    assert address[7] == "worst"
    tab.wait_for_function("document.querySelector('#order').value === 'worst'")
    assert texts(tab, "#strip button")[: len(cases)] == [case.id for case in cases]


def test_more_of_the_worst_images_are_shown_when_asked_for(page, crowded):
    tab = page("#worst", crowded)
    tab.locator("#method").select_option(LONG)
    assert tab.locator("#cases li").count() == 12
    tab.get_by_role("button", name="Show 2 more of 14").click()
    tab.wait_for_function("document.querySelectorAll('#cases li').length === 14")
    assert focused(tab) == texts(tab, "#cases h2")[12]
    assert tab.locator("#more").is_hidden()


def test_a_link_to_a_pair_of_two_methods(page, context):
    tab = page("#pairs")
    tab.locator("#left").select_option("average")
    tab.locator("#right").select_option("mine")
    tab.get_by_role("button", name="Next").click()
    expected, address = shown_pictures(tab), tab.url
    assert "#pairs/msrs%40test/cddfuse/b/average/mine" in address
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.get_by_role("button", name="Copy link").click()
    tab.wait_for_function("document.querySelector('#copied').textContent === 'Copied.'")
    assert tab.evaluate("navigator.clipboard.readText()") == address
    tab.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")
    tab.get_by_role("button", name="Copy link").click()
    assert tab.get_by_label("Link to this pair").input_value() == address, "or else it can be copied by hand"
    tab.goto("about:blank")
    tab.goto(address)
    assert shown_pictures(tab) == expected and tab.locator("#image-title").text_content() == "Pair b"
    for view in ("board", "worst", "detection"):
        tab = page(f"#{view}")
        tab.wait_for_function("/\\/.+/.test(location.hash)")  # the address says what was chosen by itself, too


def test_a_pair_by_keyboard(page):
    tab = page("#pairs/msrs@test/standard/a/vis/mine")
    shown = lambda: tab.evaluate("location.hash").split("/")[3:6]  # noqa: E731
    assert shown() == ["a", "vis", "mine"]
    for key, expected in (
        ("n", ["b", "vis", "mine"]),
        ("ArrowRight", ["c", "vis", "mine"]),
        ("ArrowLeft", ["b", "vis", "mine"]),
        ("p", ["a", "vis", "mine"]),
        ("p", ["a", "vis", "mine"]),
        ("m", ["a", "vis", "theirs"]),
        ("m", ["a", "vis", "ir"]),
        ("M", ["a", "vis", "theirs"]),
        ("l", ["a", "average", "theirs"]),
        ("L", ["a", "vis", "theirs"]),
        ("s", ["a", "theirs", "vis"]),
        ("Control+s", ["a", "theirs", "vis"]),
    ):
        tab.keyboard.press(key)
        assert shown() == expected, key
    before = clips(tab)
    tab.keyboard.press(".")
    assert tab.locator("#slider").input_value() == "55" and clips(tab)[0] > before[0]
    tab.keyboard.press(",")
    assert clips(tab) == pytest.approx(before)
    tab.keyboard.press("z")
    assert tab.locator("#zoom").input_value() == "1"
    tab.keyboard.press("c")
    assert "/colour/" in shown_pictures(tab)[0]
    tab.keyboard.press("d")
    blend = "getComputedStyle(document.getElementById('layer-right')).mixBlendMode"
    assert tab.evaluate(blend) == "difference" and tab.locator("#slider").is_hidden()
    tab.keyboard.press("d")
    assert tab.evaluate(blend) == "normal" and tab.locator("#slider").is_visible()
    tab.locator("#order").focus()
    tab.keyboard.press("n")
    assert shown()[0] == "a", "letters belong to a menu that has the focus"


def test_the_keys_are_told_and_can_be_switched_off(page):
    tab = page("#pairs/msrs@test/standard/a/vis/mine")
    tab.keyboard.press("?")
    dialog = tab.get_by_role("dialog", name="Keys")
    told = " ".join(texts(tab, "#keys kbd"))
    known = tab.evaluate("KEYS.flatMap(([, , keys]) => keys)")
    names = {"ArrowRight": "→", "ArrowLeft": "←", "M": "Shift+M", "L": "Shift+L"}
    assert all(names.get(key, key) in told for key in known)
    tab.keyboard.press("n")
    assert "/a/" in tab.url, "behind the dialog nothing moves"
    dialog.get_by_label("Single keys act").uncheck()
    tab.keyboard.press("Escape")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("n")
    assert "/a/" in tab.url
    tab.get_by_role("button", name="Keys: ?").click()
    assert dialog.is_visible()


def test_dark_mode(page):
    tab = page()

    def contrast():
        channels = tab.evaluate("""() => ["color", "backgroundColor"].map((name) =>
            getComputedStyle(document.body)[name].match(/[\\d.]+/g).map(Number))""")
        linear = np.array(channels)[:, :3] / 255
        linear = np.where(linear <= 0.03928, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
        lights = (linear @ [0.2126, 0.7152, 0.0722]).tolist()
        return lights[0] > lights[1], (max(lights) + 0.05) / (min(lights) + 0.05)

    tab.emulate_media(color_scheme="dark")
    light_text, ratio = contrast()
    assert light_text and ratio > 7
    tab.emulate_media(color_scheme="light")
    light_text, ratio = contrast()
    assert not light_text and ratio > 7


def test_addresses_of_another_page_do_no_harm(page):
    tab = page("#pairs/gone@test/%E0%A4%A/zz/m/n")
    assert tab.locator("#image-title").text_content() == "Pair a"
    tab = page("#board/msrs@test/standard/m:GONE/1/nothing")
    assert texts(tab, ROWS)[0] == "Theirs"
    tab = page("#detection/gone@test/none/m:EN/1/mean")
    assert texts(tab, ROWS)
    tab = page("#nothing")
    assert tab.locator("#board").is_visible() or tab.locator("#pairs").is_visible()


def test_labels_and_names(page):
    """Every control has a name, and every picture a text."""
    for address in (DETECTION, "#board/msrs@test/standard", "#worst/msrs@test", "#pairs/msrs@test/standard/a/vis/mine"):
        tab = page(address)
        nameless = tab.evaluate("""() => [...document.querySelectorAll("button, select, input, a")]
            .filter((e) => e.offsetParent && !(e.textContent.trim() || e.ariaLabel || e.labels?.length))
            .map((e) => e.outerHTML)""")
        assert nameless == []
        assert tab.locator("img:not([alt])").count() == 0
        assert tab.locator("h1:visible").count() == 1
    assert [image.get_attribute("alt") for image in tab.locator(".layer img").all()] == ["Visible, a", "Mine, a"]


def test_hostile_names_run_nothing(page, tmp_path):
    results = tmp_path / "results"
    ids = [pages.HOSTILE_ID, "__proto__", "b"]
    pages.write(results, "tno@test", ["vis", pages.HOSTILE_METHOD, "__proto__"], ids, title=lambda name: pages.HOSTILE)
    pages.write_objects(results, "tno", ids, [pages.HOSTILE_METHOD])
    start = write_page(results)
    tab = page("", start)
    assert sum(text.startswith(pages.HOSTILE) for text in texts(tab, ROWS)) == 3
    tab.locator(ROWS).first.click()
    tab.keyboard.press("Escape")
    tab.goto(start.as_uri() + "#pairs")
    tab.locator("#right").select_option(pages.HOSTILE_METHOD)
    for _ in ids:
        assert len(shown_pictures(tab)) == 2
        tab.get_by_role("button", name="Next").click()
    assert texts(tab, "#strip button") == list(map(printable, ids))
    assert tab.evaluate("window.hacked") is None and tab.locator("img[onerror], script:not([src])").count() == 0


def test_without_pictures(page, tmp_path):
    results = tmp_path / "results"
    pages.write(results, "tno@test", METHODS[2:], ["a", "b"], kinds=())
    tab = page("#pairs", write_page(results, limit=0))
    assert "holds no pictures" in tab.locator("#pairs-lead").text_content()
    tab.wait_for_selector("#scores tbody tr")
    assert len(texts(tab, "#scores tbody tr")) == 3 and tab.locator("#slider").is_hidden()


def test_opens_at_once_with_25_methods_on_361_images(page, tmp_path):
    pages.large(tmp_path / "results", 25, 361)
    start = write_page(tmp_path / "results")
    assert sum(1 for _ in start.parent.glob("pictures/*/*/*/*.png")) == 25 * 361
    taken = {}
    for address in ("#board", "#pairs"):
        for _ in range(3):  # the machine may be busy
            tab = page("?", start)
            tab = page(address, start)
            tab.reload()
            tab.wait_for_function("performance.getEntriesByName('drawn').length")
            seconds = tab.evaluate("performance.getEntriesByName('drawn')[0].startTime") / 1000
            taken[address] = min(seconds, taken.get(address, seconds))
    loaded = tab.evaluate("performance.getEntriesByType('resource').filter((e) => e.name.endsWith('.jpg')).length")
    assert tab.locator("#strip button").count() == 361 and loaded < 100, "thumbnails load as they come into view"
    assert max(taken.values()) < OPEN_SECONDS, taken


@pytest.mark.parametrize("beside", [False, True])
def test_a_split_whose_methods_all_failed_says_so(page, tmp_path, beside):
    if beside:
        pages.write(tmp_path / "r", "tno@test", METHODS[:3], ["x", "y"])
    pages.write(tmp_path / "r", "folder@mine", ["average"], ["a"])
    cell = cells.Cell(tmp_path / "r", "folder", "mine", "average")
    cell.write_run(cell.run() | {"failed": {"standard": "a: no light"}})
    cell.scores_file.unlink()
    tab = page("#board/folder@mine/standard", write_page(tmp_path / "r"))
    assert "mine" in tab.locator("#board-title").text_content()
    notes = tab.locator("#board-notes")
    assert "failed" in notes.text_content()
    notes.get_by_role("button").click()
    assert "Own pairs, split mine" in tab.locator("#detail").text_content()
    tab.keyboard.press("Escape")
    assert len(texts(tab, "#place option")) == 1 + beside
    images = tab.locator("[data-view=pairs]")
    assert images.is_visible() == beside
    if beside:
        images.click()
        tab.wait_for_selector(DRAWN.format("pairs"))
        assert "Not one pair" in tab.locator("#pairs-lead").text_content()
        assert not tab.locator("#frame").is_visible()
