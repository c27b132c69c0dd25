"""What things are called where people read: in tables, captions, figures, on the terminal."""

import json

import numpy as np
import pytest
import stores
from harness import FOLDER, cell, table

from benchmark.errors import UserError
from benchmark.figures.stored_pairs import stored_cells
from benchmark.report import titles
from benchmark.report.measured import measure
from benchmark.report.titles import Titles
from benchmark.run.plan import select_split

NET = """
import torch

class Net(torch.nn.Conv2d):
    def __init__(self):
        super().__init__(2, 1, 1)

    def forward(self, ir, vis):
        return torch.sigmoid(super().forward(torch.cat((ir, vis), 1)))
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_RESULTS", "BENCH_DATA", "BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("place", "count", "caption"),
    [
        ("tno@tno42", "42 pairs", "TNO, 42 pairs"),
        ("tno@tno42-first10", "10 pairs", "TNO, first 10 pairs"),
        ("tno@tno42-first1", "", "TNO, first 1 pair"),
        ("tno@cddfuse25", "25 pairs", "TNO, CDDFuse's selection, 25 pairs"),
        ("tno@cddfuse25-first10", "8 common of 10 pairs", "TNO, CDDFuse's selection, 8 common of the first 10 pairs"),
        ("msrs@test", "361 pairs", "MSRS, 361 pairs"),
        ("msrs@test-60of361-44098d", "60 pairs", "MSRS, 60 of 361 pairs"),
        ("msrs@test-60of361-44098d-first3", "3 pairs", "MSRS, first 3 of 361 pairs"),
        ("msrs@test~stretch-percentile-set", "2 pairs", "MSRS, stretch percentile set, 2 pairs"),
        ("roadscene@all", "221 pairs", "RoadScene, 221 pairs"),
        ("harvard_pet_mri@test", "24 pairs", "Harvard PET–MRI, 24 pairs"),
        ("folder@all-dcda1a4a", "4 pairs", "Own pairs, 4 pairs"),
        ("m3fd@zx-test", "3 pairs", "M3FD, split zx-test, 3 pairs"),
        ("elsewhere@x", "3 pairs", "elsewhere, split x, 3 pairs"),
    ],
)
def test_captions_speak_of_data_sets(place, count, caption):
    assert Titles().place(*place.split("@"), count) == caption


def test_splits_that_words_do_not_tell_apart_say_their_names():
    places = [("folder", "all-dcda1a4a"), ("folder", "all-00000000"), ("tno", "tno42")]
    found = Titles().told_apart(places)
    assert found.place(*places[0]) == "Own pairs, split all-dcda1a4a"
    assert found.place(*places[2]) == "TNO"


def test_every_data_set_has_a_short_title_and_titles_of_splits_it_has():
    from benchmark import datasets

    for name in datasets.names():
        source = datasets.get(name)
        title = Titles().place(name, source.default_split)
        assert 2 < len(title) < 45 and "," not in title and ":" not in title
        assert set(source.split_titles) <= set(source.splits()) - {source.default_split}


def test_a_hash_stands_only_where_two_checkpoints_are_shown():
    rows = [("Ours+1a2b3c4d", "Ours", "Ours"), ("average", "average", "Average")]
    assert Titles().of_methods(rows) == {"Ours+1a2b3c4d": "Ours", "average": "Average"}
    rows.append(("Ours+deadbeef+bf16", "Ours", "Ours bf16"))
    assert list(Titles().of_methods(rows).values()) == ["Ours", "Average", "Ours bf16"]
    rows.append(("Ours+deadbeef", "Ours", "Ours"))
    assert list(Titles().of_methods(rows).values()) == ["Ours 1a2b3c4d", "Average", "Ours bf16", "Ours deadbeef"]


def test_titles_are_never_shared():
    """Also where two methods are given one title."""
    rows = [("a", "a", "A"), ("b", "b", "B"), ("c", "c", "X")]
    found = Titles({"a": "X", "b": "X"}).of_methods(rows)
    assert len(set(found.values())) == 3 and all(title.startswith("X") for title in found.values())


def test_a_name_of_several_kinds():
    known = (["cddfuse", "net+1a2b3c4d"], ["tno", "vifb", "tno@tno42"], ["cddfuse", "vifb"])
    found = titles.given(
        ["cddfuse=A", "protocol:cddfuse=B", "vifb=C", "net=D", "tno@tno42=E = F", "dataset:tno=G"], *known
    )
    assert found.methods == {"cddfuse": "A", "net": "D"}
    assert found.data == {"vifb": "C", "tno@tno42": "E = F", "tno": "G"}
    assert found.protocols == {"cddfuse": "B"}
    for entry, said in {
        "cddfuse": "expected NAME=TITLE",
        "=x": "expected NAME=TITLE",
        "tno= ": "expected NAME=TITLE",
        "nett=x": "unknown method or dataset or protocol in --title 'nett'; did you mean net?",
        "method:tno=x": "unknown method in --title 'tno'",
    }.items():
        with pytest.raises(UserError) as error:
            titles.given([entry], *known)
        assert said in error.value.message


@pytest.mark.parametrize(
    ("metric", "math", "html"),
    [
        ("Qabf", "Q^{AB/F}", "Q<sup>AB/F</sup>"),
        ("Nabf", "N^{AB/F}", "N<sup>AB/F</sup>"),
        ("FMI_wavelet", r"\mathrm{FMI}_{w}", "FMI<sub>w</sub>"),
        ("FMI_dct", r"\mathrm{FMI}_{\mathrm{dct}}", "FMI<sub>dct</sub>"),
        ("Qcb", r"Q_{\mathrm{CB}}", "Q<sub>CB</sub>"),
        ("Qp", "Q_{p}", "Q<sub>p</sub>"),
        ("AP50", r"\mathrm{AP}_{\mathrm{50}}", "AP<sub>50</sub>"),
    ],
)
def test_symbols_of_metrics(metric, math, html):
    found = titles.symbol(metric)
    assert (found.math, found.html) == (math, html)
    assert titles.mathtext(metric) == f"${math}$"


def test_words_are_no_symbols():
    for metric in ("EN", "SSIM", "MS-SSIM", "MEF-SSIM", "AP", "AP small", "place", "mean rank"):
        assert titles.symbol(metric) is None and titles.mathtext(metric) == metric


def test_figures_typeset_every_symbol_and_nothing_else():
    from matplotlib.mathtext import MathTextParser

    import metrics
    from benchmark.figures import lettering, style

    parser = MathTextParser("path")
    heads = [f"{titles.mathtext(metric)} ↑" for metric in metrics.names()]
    for head in heads:
        parser.parse(head)
    with style.pyplot() as plt:
        figure = plt.figure()
        texts = [figure.text(0, 0, text) for text in (*heads, "$a$ of a user", "$Q^{AB/F}$ and $x$")]
        lettering.prepare(figure)
        assert [text.get_text() for text in texts if text.get_parse_math() and "$" in text.get_text()] == [
            head for head in heads if "$" in head
        ]
        assert lettering.short(heads[0], 2) != heads[0] and all(lettering.short(h, 2) == h for h in heads if "$" in h)


def test_reports_say_titles(bench, results):
    values = stores.random(0, 3, 8)
    metrics = {"Qabf": 1, "EN": 1, "MI": 1}
    stores.write(results, "tno@cddfuse25", {"m0": values["m0"], "net+1a2b3c4d": values["m1"]}, metrics)
    given = (
        "--sections",
        "scores",
        "--title",
        "net=Net & me",
        "--title",
        "tno@cddfuse25=TNO*",
        "--title",
        "protocol:standard=S",
    )
    for kind, expected in {
        "latex": (r"\caption{TNO*, 8 pairs, protocol S.", r"Net \& me &", r"{$Q^{AB/F}$ $\uparrow$}"),
        "markdown": (r"### TNO\*, 8 pairs, protocol S", r"| Net \& me |", "| Q<sup>AB/F</sup> ↑ |"),
        "html": ("TNO*, 8 pairs, protocol S<", ">Net &amp; me</th>", "Q<sup>AB/F</sup> ↑</th>"),
    }.items():
        text = bench("report", "--format", kind, "--out", "-", *given).stdout
        for words in expected:
            assert words in text, kind
        assert "1a2b3c4d" not in text.replace('title="net+1a2b3c4d"', "")  # commands know it by that
    record = json.loads(bench("report", "--format", "json", "--out", "-", *given).stdout)
    (line,) = [line for line in record["tables"][0]["lines"] if line["name"] == "net+1a2b3c4d"]
    assert line["title"] == "Net & me"
    assert bench("report", "--title", "nett=x").exit_code == 2
    text = bench("compare", "m0", "net", "--title", "tno=T", "--title", "net=Mine", "--format", "latex").stdout
    assert r"T, CDDFuse's selection, 8 images, protocol standard: M0 $\rightarrow$ Mine" in text
    assert "$Q^{AB/F}$ $\\uparrow$ &" in text
    one = measure(results, methods=["net"], naive=False)[0]
    assert [row.title for row in one.rows] == ["NET"]


def test_a_name_finds_its_checkpoints(bench, results):
    values = stores.random(0, 3, 8)
    stores.write(results, "tno@tno42", {"m0": values["m0"], "net+1a2b3c4d": values["m1"]})
    folder = results / "tno@tno42" / "net"  # asked for without weights at first
    folder.mkdir()
    record = json.loads((results / "tno@tno42" / "m0" / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "name": "net", "unavailable": "no weights"}))
    assert [row.cell.method for row in measure(results, methods=["net"], naive=False)[0].rows] == ["net+1a2b3c4d"]
    assert "A = m0, B = net:" in bench("compare", "m0", "net").stdout
    stores.write(results, "tno@tno42", {"net+5e6f7a8b": values["m2"]})
    found = bench("compare", "m0", "net")
    assert found.exit_code == 2
    assert "net has several checkpoints: net+1a2b3c4d, net+5e6f7a8b; name one" in found.stderr
    both = measure(results, methods=["net"], naive=False)[0]
    assert [row.title for row in both.rows] == ["NET 1a2b3c4d", "NET 5e6f7a8b"]


def test_a_network_is_called_as_its_user_calls_it(pairs, bench, bench_folder):
    import torch

    (pairs / "mynet.py").write_text(NET)
    for number in (1, 2):
        weights = {"weight": torch.full((1, 2, 1, 1), float(number)), "bias": torch.zeros(1)}
        torch.save(weights, pairs / f"w{number}.pth")
    arguments = ("run", "--metrics", "EN", "--methods", "Ours=./mynet.py:Net,average", "--checkpoint", "Ours=w1.pth")
    result = bench_folder(*arguments)
    assert result.exit_code == 0, result.output
    assert list(table(result.stdout)) == ["Ours", "average"] and "Ours+" not in result.output
    label = next(path.parent.name for path in pairs.glob("results/*/Ours+*/run.json"))
    record = json.loads((cell(pairs, label) / "run.json").read_text())
    assert record["title"] == "Ours" and label == f"Ours+{record['checkpoint']['sha256'][:8]}"
    assert "| Ours |" in bench("report", "--methods", "Ours", "--format", "markdown", "--out", "-").stdout
    assert bench("compare", "average", "Ours").stdout.count("average → Ours:") >= 1
    split = select_split("folder", ir=pairs / "ir", vis=pairs / "vis")
    assert list(stored_cells(pairs / "results", split, ["Ours"], ["Ours=Our net"]).values()) == ["Our net"]
    unknown = bench("grid", *FOLDER, "--methods", "Ours", "--title", "Our=x")
    assert unknown.exit_code == 2 and "in --title 'Our'; did you mean Ours?" in unknown.stderr
    result = bench_folder(*arguments, "--checkpoint", "Ours=w2.pth")
    shown = list(table(result.stdout))
    assert label in shown and len(shown) == 3 and np.all([name.startswith("Ours+") for name in shown[:2]])
