"""What report writes: LaTeX that compiles, references for all that is shown, the same numbers in every format."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
import stores
from harness import typeset
from scipy import stats

from benchmark.report import references
from benchmark.report.formats.latex import escape

NAMES = ("ir", "max", "cddfuse", "seafusion", "a_b%c#d")


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Five methods on two splits; one is preliminary, one on fewer images."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    for number, place in enumerate(("tno@tno42", "roadscene@all")):
        values = dict(zip(NAMES, stores.random(number, 5, 16).values()))
        values["seafusion"] = values["seafusion"].astype(object)
        values["seafusion"][:, 10:] = None
        values["max"][1] *= -9
        stores.write(results, place, {"cddfuse": values.pop("cddfuse")}, preliminary=True)
        stores.write(results, place, values)
    return results


def latex(bench, *arguments):
    return bench("report", "--format", "latex", "--out", "-", *arguments).stdout


def test_latex_tables(bench, results):
    text = latex(bench)
    assert text.count(r"\begin{table") == text.count(r"\end{table") == 6
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") > 2
    for words in (r"\toprule", r"\midrule", r"\bottomrule", r"{EN $\uparrow$}", r"{MSE $\downarrow$}", "16 pairs"):
        assert words in text
    assert r"\label{tab:scores-roadscene-all-standard}" in text
    assert r"CDDFUSE$^\dagger$ &" in text
    assert "S[table-format=-2.2, detect-weight, mode=text]" in text  # MI of max is about -47
    assert r"{16/16}" not in text
    assert text.count("{10/16}") == 6
    assert r"A\_B\%C\#D" in text
    assert r"\cite" not in text
    assert r"bench run -{}-methods vis,average,laplacian" in text
    # Best: from the right end, as the values were made; the second is underlined and as wide as the others.
    assert re.search(r"A\\_B\\%C\\#D & \\bfseries 6\.\d{3} ", text)
    assert re.search(r"\{\\phantom\{\$-\$0\}\\underline\{5\.\d\d\}\}", text)


def test_latex_with_deviations(bench, results):
    text = latex(bench, "--sd", "--sections", "scores")
    assert "Mean $\\pm$ standard deviation" in text
    # Only the mean is marked.
    assert re.search(r"\\benchbold\{6\.\d{3}\}(\\rlap\{.*?\})?(\\,)? \$\\pm\$ \d\.\d{3}", text)
    assert re.search(r"\\phantom\{\$-\$0\}\d\.\d\d(\\rlap\{.*?\})?(\\,)? \$\\pm\$ \\phantom\{0\}\d", text)
    assert "S[" not in text


def test_special_characters():
    expected = r"50\% of a\_b \& c\#d \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} \$"
    assert escape(r"50% of a_b & c#d {x} ~ ^ \ $") == expected
    assert escape("<0.001 --sd …") == r"\textless{}0.001 -{}-sd \dots{}"


@pytest.mark.parametrize("options", [(), ("--wide", "--sd"), ("--reported", "own.csv")])
def test_standalone_compiles(bench, results, options):
    stores.write(results, "tno@didfuse40", {"cddfuse": stores.random(2, 1, 40)["m0"]})
    (results.parent / "own.csv").write_text("dataset,method,protocol,EN\ntno@didfuse40,CDDFuse,standard,5.01\n")
    assert bench("report", "--standalone", "--out", "paper", *options).exit_code == 0
    log = typeset(results.parent / "paper", "report")
    assert "undefined" not in log.lower()
    assert "Overfull" not in log
    assert (results.parent / "paper" / "report.pdf").stat().st_size > 20_000


CLASSES = {
    "article": r"\documentclass[twocolumn]{article}",
    "IEEEtran": r"\documentclass{IEEEtran}",
    "elsarticle": r"\documentclass[5p,twocolumn]{elsarticle}",
    "llncs": r"\documentclass{llncs}",
    # What CVPR's style sets of the page, and the package that it loads for captions.
    "cvpr": r"\documentclass[10pt,twocolumn,letterpaper]{article}\usepackage{times,caption}"
    r"\setlength{\textwidth}{6.875in}\setlength{\textheight}{8.875in}\setlength{\columnsep}{0.3125in}",
}


def _of_a_paper(results, methods=18, places=("tno@tno42",)):
    """Eight metrics of `methods` methods, one of which has a long name."""
    metrics = dict.fromkeys(("EN", "SD", "SF", "MI", "SCD", "VIF", "Qabf", "SSIM"), 1)
    values = list(stores.random(3, methods, 12, 8).values())
    names = [
        "A method with a very long name, trained on more than one data set",
        *map("method{}".format, range(methods)),
    ]
    for place in places:
        stores.write(results, place, dict(zip(names, values)), metrics)


@pytest.mark.parametrize("kind", CLASSES)
def test_tables_of_a_paper_fit_at_seven_points(bench, tmp_path, monkeypatch, kind):
    """The tables of 18 methods compile, are no wider or higher than the page, and nowhere scaled."""
    _needs_class(kind)
    monkeypatch.chdir(tmp_path)
    _of_a_paper(tmp_path / "results")
    for columns in ("1", "2"):
        bench("report", "--format", "latex", "--columns", columns, "--sections", "scores", "--out", columns)
        text = (tmp_path / columns / "report.tex").read_text()
        assert "resizebox" not in text and "scalebox" not in text
        assert min(map(int, re.findall(r"\\benchtry\{(\d+)\}", text))) == 7
    told = r"\let\benchshown\benchparts\def\benchparts{\typeout{TABLE \benchwidth\space \the\linewidth}\benchshown}"
    head, _, tables = (tmp_path / "1" / "report.tex").read_text().partition(r"\begin{table}")
    (tmp_path / "1" / "report.tex").write_text(rf"{head}{told}\begin{{table}}{tables}")
    packages = r"\usepackage{booktabs,graphicx,siunitx,xcolor}"
    body = r"\begin{document}\input{1/report}\input{2/report}\end{document}"
    (tmp_path / "paper.tex").write_text(CLASSES[kind] + packages + body)
    log = _compiled(tmp_path)
    widths = re.findall(r"TABLE ([\d.]+)pt ([\d.]+)pt", log)
    assert len(widths) > 1 and all(float(wide) <= float(room) for wide, room in widths)
    assert not re.search(r"Overfull|too large|undefined", log)


def _needs_class(kind):
    files = [f"{'article' if kind == 'cvpr' else kind}.cls", "siunitx.sty", "booktabs.sty"]
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        pytest.skip("needs pdflatex, as in TeX Live")
    if absent := [name for name in files if not subprocess.run(["kpsewhich", name], capture_output=True).stdout]:
        pytest.skip(f"needs {', '.join(absent)}, as in TeX Live's texlive-publishers and texlive-science")


def _compiled(folder):
    for draft in ("-draftmode", "-interaction=nonstopmode"):
        tex = ["pdflatex", draft, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
        done = subprocess.run(tex, cwd=folder, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, done.stdout[-2000:]
    return (folder / "paper.log").read_text(errors="replace")


def test_columns_say_how_a_table_is_split(bench, tmp_path):
    _of_a_paper(tmp_path, places=("tno@tno42", "msrs@test"))
    shown = ("--results", tmp_path, "--sections", "scores")
    one, two, free = (latex(bench, *shown, *more) for more in (("--columns", "1"), ("--columns", "2"), ()))
    assert r"\begin{table*}" not in one and r"\begin{table}" not in two and r"\begin{table*}" in free
    assert two.count(r"\toprule") == 2, "a table each"
    for place in ("msrs", "tno"):
        assert one.count(rf"\label{{tab:scores-{place}") == 1
    for metric in ("EN", "Q^{AB/F}", "SSIM"):
        assert one.count(f"{metric} $") + one.count(f"{metric}$ $") == 2, "once for each data set"
    assert one.count("METHOD9 &") == one.count(r"\toprule") >= 4, "every method beside every block"
    small = latex(bench, *shown, "--metrics", "EN,MI")
    assert r"\begin{table}" in small and r"\begin{table*}" not in small, "one column where there is room"


def test_tables_taller_than_a_page_go_on(bench, tmp_path):
    _of_a_paper(tmp_path, methods=70)
    text = latex(bench, "--results", tmp_path, "--sections", "scores")
    assert text.count(r"\begin{table*}") == 2 and r"continued from Table~\ref{tab:scores-tno-tno42-standard}" in text
    assert all(text.count(f"METHOD{i} &") == 1 for i in range(69))
    assert text.count("Means over images") == 1


def test_bold_digits_take_the_room_of_others(bench, results):
    text = latex(bench, "--sd", "--sections", "scores")
    assert r"\benchbold{" in text and r"\hbox to\wd0{\hss\textbf{#1}\hss}" in text


def test_fragments_compile_in_a_paper(bench, results):
    bench("report", "--out", ".", "--cite", "--wide")
    paper = (
        r"\documentclass[twocolumn]{article}\usepackage{booktabs,graphicx,siunitx,xcolor}"
        r"\begin{document}\input{report}\bibliographystyle{plain}\bibliography{report}\end{document}"
    )
    (results.parent / "paper.tex").write_text(paper)
    assert "undefined" not in typeset(results.parent, "paper", bibliography=True).lower()
    assert "Warning--" not in (results.parent / "paper.blg").read_text()


def test_every_card_has_its_reference():
    import baselines
    import metrics
    from benchmark import datasets

    unpublished = {"folder", "average", "ir", "max", "vis"}
    missing = [
        f"{kind} {name}"
        for kind, names in (("method", baselines.names()), ("dataset", datasets.names()), ("metric", metrics.names()))
        for name in names
        if not references.keys(kind, name) and name not in unpublished
    ]
    assert not missing, f"benchmark/report/references.yaml lacks {missing}"


def test_references_agree_with_the_cards():
    import baselines
    import metrics
    from benchmark import datasets

    cards = [("method", name, baselines.card(name).year) for name in baselines.names()]
    cards += [("dataset", name, datasets.get(name).card.year) for name in datasets.names()]
    cards += [("metric", name, metrics.card(name).year) for name in metrics.names()]
    for kind, name, year in cards:
        years = [references.entries()[key].get("year") for key in references.keys(kind, name)]
        if None not in years and years:
            assert str(year) in years, (kind, name)


def test_references_are_whole():
    needed = {"article": "journal", "inproceedings": "booktitle", "incollection": "booktitle", "misc": "title"}
    for key, entry in references.entries().items():
        assert re.fullmatch(r"[a-z0-9]+", key)
        assert entry["title"]
        assert needed[entry["type"]] in entry, key
        if entry["type"] != "misc":
            assert re.fullmatch(r"(19|20)\d\d", entry["year"])
            assert all(re.fullmatch(r"[A-Za-z' -]+, [A-Za-z. -]+", one) for one in entry["author"].split(" and ")), key


def test_references_of_variants():
    assert references.keys("method", "sdnet_medical") == references.keys("method", "sdnet") == ("zhang2021sdnet",)
    assert references.keys("method", "cddfuse+1a2b3c4d") == ("zhao2023cddfuse",)
    assert references.keys("method", "mine") == ()
    assert references.keys("metric", "EN_x") == ()


def test_bibtex_holds_what_is_shown(bench, results):
    text = bench("report", "--format", "bibtex", "--out", "-", "--dataset", "tno", "--metrics", "EN,MI").stdout
    keys = re.findall(r"@\w+\{(\w+),", text)
    assert keys == [
        "qu2002information",
        "roberts2008assessment",
        "tang2022seafusion",
        "toet2014tno",
        "toet2017tno",
        "zhao2023cddfuse",
    ]
    assert "title = {{CDDFuse: Correlation-driven" in text
    assert text.count("{") == text.count("}")


class _Cells(HTMLParser):
    """The text of table cells, by row."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], False

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.open = True
            self.rows[-1].append(("", dict(attributes).get("class", "")))

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.open = False

    def handle_data(self, data):
        if self.open:
            text, kind = self.rows[-1].pop()
            self.rows[-1].append((text + data, kind))


def test_html(bench, results):
    text = bench("report", "--format", "html", "--out", "-").stdout
    cells = _Cells()
    cells.feed(text)
    rows = {row[0][0]: row for row in reversed(cells.rows)}
    assert rows["A_B%C#D"][1][1] == "best"
    assert rows["SEAFUSION"][1] == ("10/16", "")
    assert "src=" not in text
    assert "http" not in text


def test_json(bench, results):
    found = json.loads(bench("report", "--format", "json", "--out", "-", "--rank-baselines").stdout)
    one = next(m for m in found["measured"] if m["dataset"] == "tno")
    values = dict(zip(NAMES, stores.random(0, 5, 16).values()))["cddfuse"]
    stored = one["metrics"]["EN"]["methods"]["cddfuse"]
    assert stored["mean"] == pytest.approx(values[0].mean(), rel=1e-12)
    assert stored["sd"] == pytest.approx(values[0].std(ddof=1), rel=1e-12)
    assert stored["best"] is False
    assert one["metrics"]["EN"]["friedman"]["p"] < 1e-6
    names = list(one["metrics"]["EN"]["methods"])
    pairs = one["metrics"]["EN"]["pairs"]
    assert {a: list(others) for a, others in pairs.items()} == {a: names[i + 1 :] for i, a in enumerate(names[:-1])}
    assert all(p < 0.05 for others in pairs.values() for p in others.values())
    assert one["metrics"]["EN"]["independent"] == pytest.approx(one["images"], abs=6)
    assert one["metrics"]["EN"]["friedman"]["nemenyi"]["ir"]["a_b%c#d"] == pytest.approx(
        stats.studentized_range.sf(3 / np.sqrt(4 * 5 / (6 * 16)) * np.sqrt(2), 4, np.inf), rel=1e-4
    )  # ranks 1 and 4 on all 16 images
    assert one["states"]["seafusion"] == "partial 10/16"
    assert one["preliminary"] == ["cddfuse"]
    assert one["ranking"]["methods"]["a_b%c#d"]["place"] == 1
    assert [table["key"] for table in found["tables"]][:1] == ["scores-roadscene-all-standard"]


def test_excel(bench, results):
    openpyxl = pytest.importorskip("openpyxl")
    bench("report", "--format", "excel")
    book = openpyxl.load_workbook(results / "report" / "report.xlsx")
    assert book.sheetnames[0] == "scores-roadscene-all-standard"
    sheet = book[book.sheetnames[1]]
    rows = {row[0].value: row for row in sheet.iter_rows()}
    values = dict(zip(NAMES, stores.random(0, 5, 16).values()))["a_b%c#d"]
    place = rows["A_B%C#D"][1]
    assert place.value == pytest.approx(values[0].mean(), rel=1e-12)  # a number, not its text
    assert (place.font.bold, place.number_format) == (True, "0.000")
    assert rows["SEAFUSION"][1].value == "10/16"


def test_a_sign_in_every_format(bench, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    base = np.random.default_rng(0).permutation(np.linspace(4, 6, 20))
    noise = np.random.default_rng(1).normal(0, 0.2, 20)
    values = {"best": base, "alike": base + noise - noise.mean() - 0.01, "last": base - 2}
    stores.write(tmp_path, "tno@tno42", {name: [v] for name, v in values.items()}, {"EN": 1})
    found = {}
    for options in ((), ("--sd",)):
        bench("report", "--results", tmp_path, "--sections", "scores", *options)
        folder = tmp_path / "report"
        found[options] = {name: (folder / f"report.{name}").read_text() for name in ("tex", "html", "md", "json")}
        sheet = openpyxl.load_workbook(folder / "report.xlsx", rich_text=True).worksheets[0]
        found[options]["xlsx"] = {row[0].value: row[1] for row in sheet.iter_rows()}["ALIKE"]
    plain, spread = found.values()
    assert r"{\underline{4.990}\rlap{$^\circ$}}" in plain["tex"]
    assert r"\underline{4.990}\rlap{$^\circ$}\, $\pm$ 0." in spread["tex"]
    assert '<td><span class="second">4.990</span><span class="sign">°</span></td>' in plain["html"]
    assert '<td><span class="second">4.990</span>° ± 0.' in spread["html"]
    assert "<u>4.990</u>° |" in plain["md"]
    assert plain["xlsx"].value == pytest.approx(4.99)  # a number, the sign is how it is shown
    assert (plain["xlsx"].number_format, plain["xlsx"].font.underline) == ('0.000"°"', "single")
    assert str(spread["xlsx"].value).startswith("4.990° ± 0.")
    assert spread["xlsx"].value[0].font.u == "single" and not spread["xlsx"].font.underline
    (line,) = [one for one in json.loads(plain["json"])["tables"][0]["lines"] if one["name"] == "alike"]
    assert line["entries"][0] == {"text": "4.990", "value": pytest.approx(4.99), "mark": "second", "sign": "°"}
    explained = "Bold: best mean; underlined: second best; °"
    assert all(explained in found[()][name] for name in ("html", "md"))


def test_a_name_is_no_formula(bench, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    stores.write(tmp_path, "tno@tno42", {"=1+1": np.ones((3, 8)), "b": np.ones((3, 8))})
    bench("report", "--results", tmp_path, "--format", "excel")
    sheet = openpyxl.load_workbook(tmp_path / "report" / "report.xlsx").worksheets[0]
    (cell,) = [row[0] for row in sheet.iter_rows() if row[0].value == "=1 1"]
    assert cell.data_type == "s"
