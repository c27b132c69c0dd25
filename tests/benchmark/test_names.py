"""Names in all scripts, and names that are made to break things, through everything that is written."""

import csv
import io
import json
import shutil
import subprocess
import warnings

import numpy as np
import pages
import pytest
import stores
from harness import FOLDER, cell, draw, table

from benchmark.errors import UserError
from benchmark.figures import lettering, style
from benchmark.names import composed, printable, spelled, unspellable, unusable
from benchmark.report import tabular, tex_fonts
from benchmark.report.formats import latex

SCRIPTS = (
    "方法",
    "日本語かな",
    "한글",
    "Наш метод",
    "Μέθοδος",
    "me\u0301thode",
    "שיטה",
    "طريقة",
    "विधि",
    "🔥fuse",
    "👨\u200d👩\u200d👧",
)
HOSTILE = (
    "a_b%c&d#e", "=cmd|' C calc'!A0", "x\u200by", "n" * 180, "[bold]x", "*star", "$a$b", "$\\bad$", "a\nb", "caf\udce9",
    "\x1b[31mred", "---", "?`x", "\u202erlo", "&lt;b>~~s~~", "x\u0302", "\ue000", "ðþđ",
)  # fmt: skip


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Every name as a method; two splits whose keys would be one in ASCII; an id that is no UTF-8."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    names = (*SCRIPTS, *HOSTILE)
    values = dict(zip(names, stores.random(0, len(names), 6).values()))
    ids = ["caf\udce9", "图\u202e", "c", "d", "e", "f"]
    stores.write(results, "folder@方法", values, ids=ids)
    stores.write(results, "folder@数据", dict(list(values.items())[:3]), ids=ids)
    return results


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("方法", "方法"),
        ("me\u0301thode", "me\u0301thode"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200db", "aU+200Db"),
        ("\u200d", "U+200D"),
        ("x\u200by", "xU+200By"),
        ("caf\udce9", "cafU+DCE9"),
        ("a\tb\n", "aU+0009bU+000A"),
        ("\u202eabc", "U+202Eabc"),
        ("\ufffe\U0001fffe\ufdd0", "U+FFFEU+1FFFEU+FDD0"),
        ("a\u3000b", "a\u3000b"),
    ],
)
def test_printable(name, shown):
    assert printable(name) == shown
    assert printable(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("name", "id", "reason"),
    [
        ("方法/1", "方法_1", None),
        ("caf\udce9", "caf%E9", "not UTF-8"),
        ("a\x1bb", "a_b", "control character"),
        ("a\\b", "a_b", "backslash"),
        ("x" * 251, "x" * 251, None),
        ("x" * 252, "x" * 252, "too long"),
        ("方/" * 63 + "方", "方_" * 63 + "方", "too long"),
    ],
)
def test_spelled(name, id, reason):
    assert spelled(name) == id
    assert spelled(id) == id
    found = unspellable(name)
    assert found is None if reason is None else reason in found


def test_folders_whose_names_break_lines(bench, pairs):
    """Each line on stderr stays one, whatever the folders are called."""
    ir, vis, fused = "i\nBROKEN\x1b[31m", "v\nBROKEN\u2028BROKEN", "f\nBROKEN"
    for old, new in (("ir", ir), ("vis", vis)):
        (pairs / old).rename(pairs / new)
    shutil.copytree(pairs / ir, pairs / fused)
    (pairs / vis / "a.png").unlink()
    draw(pairs / vis / "c.png", 1, size=(40, 40))
    draw(pairs / ir / "e\u2028BROKEN\x85BROKEN.png", 1)
    for name in "bcd":
        (pairs / fused / f"{name}.png").rename(pairs / fused / f"{name}\x1b_fused.png")
    (pairs / fused / "a.png").unlink()
    sets = ("--dataset", "folder", "--ir", ir, "--vis", vis, "--metrics", "EN", "--jobs", 0)
    results = [
        bench("run", *sets, "--methods", "average"),
        bench("run", *sets, "--methods", "average", "--ir-pattern", "{id}", "--vis-pattern", "b{id}\n"),
        bench("run", *sets, "--methods", "average", "--ir-pattern", "{id}", "--vis-pattern", "[b\n]{id}"),
        bench("eval", *sets, "--fused", fused, "--name", "mine"),
        bench("eval", *sets, "--fused", fused, "--name", "mine", "--pattern", "{id}\x1b_fused"),
    ]
    for result in results:
        assert result.exit_code in (1, 2)
        lines = result.stderr.splitlines()
        assert lines and all(line == printable(line) and not line.startswith("BROKEN") for line in lines), lines
    assert f"no visible image of that name in {printable(vis)}" in results[0].stderr


@pytest.mark.parametrize("name", [*SCRIPTS, "a.b-c_d", "_", "x" * 200, "€"])
def test_usable(name):
    assert unusable(composed(name)) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a/b", "slash"),
        ("a\\b", "slash"),
        (".", "dot"),
        (".a", "dot"),
        ("a.", "dot"),
        ("", "no letter"),
        ("--", "no letter"),
        (" a", "space"),
        ("a,b", "it has ,"),
        ("a@b", "it has @"),
        ("a+b", "it has +"),
        ("x\u200by", "xU+200By"),
        ("caf\udce9", "cafU+DCE9"),
        ("方" * 67, "longer than 200 bytes"),
    ],
)
def test_unusable(name, reason):
    assert reason in unusable(name)


def test_methods_are_called_what_their_users_call_them(bench_folder, pairs):
    (pairs / "f.py").write_text("def f(ir, vis):\n    return 0.5 * ir + 0.5 * vis\n")
    asked = [argument for name in SCRIPTS for argument in ("--methods", f"{name}=./f.py:f")]
    result = bench_folder("run", *asked, "--metrics", "EN", "--limit", "2")
    assert result.exit_code == 0, result.output
    assert set(table(result.stdout)) == {composed(name) for name in SCRIPTS}
    for name in SCRIPTS:
        assert cell(pairs, composed(name)).is_dir()


def test_a_command_may_have_a_name_of_several_words(mine_command, bench_folder, pairs):
    result = bench_folder("run", "--methods", f"average,Наш метод={mine_command}", "--metrics", "EN", "--limit", "1")
    assert result.exit_code == 0, result.output
    assert set(table(result.stdout)) == {"average", "Наш метод"}


@pytest.fixture
def mine_command(pairs):
    import sys

    (pairs / "copy.py").write_text("import shutil, sys\nshutil.copy(*sys.argv[1:3])\n")
    return f"cmd:'{sys.executable}' copy.py {{ir}} {{out}} {{vis}} 'a, b'"


@pytest.mark.parametrize("name", ["caf\udce9", "\u202ex", "方" * 80])
def test_results_from_elsewhere_with_an_unusable_name(bench, pairs, name):
    result = bench("eval", *FOLDER, "--fused", "ir", "--name", name)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "usable as a folder's name" in line and line == printable(line)


def test_a_folder_that_is_no_utf8(bench, pairs):
    """Its name reaches the record of the run as it is."""
    (pairs / "ir").rename(pairs / "ir\udce9")
    result = bench(
        "run", "--dataset", "folder", "--ir", "ir\udce9", "--vis", "vis", "--methods", "average", "--jobs", 0
    )
    assert result.exit_code == 0, result.output
    (record,) = pairs.glob("results/*/average/run.json")
    record.read_text(encoding="utf-8")
    result = bench("report", "--html", "--figures")
    assert result.exit_code == 0, result.output


def test_every_format_takes_every_name(bench, results):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = bench("report", "--html", "--naive")
    assert result.exit_code == 0, result.output
    told = result.stderr.splitlines()
    assert "names with characters that cannot be printed, written as U+XXXX: " in told[0]
    assert any(line.startswith("report.csv: an apostrophe stands before") for line in told)
    assert any(line.startswith("report.tex: for lualatex") for line in told)
    for path in (results / "report").glob("report.*"):
        if path.suffix != ".xlsx":
            text = path.read_text(encoding="utf-8")
            assert text == "\n".join(map(printable, text.split("\n"))), path


def test_the_same_bytes_again(bench, results):
    first, second = (bench("report", "--format", "latex,excel", "--out", name) for name in ("one", "two"))
    assert first.exit_code == second.exit_code == 0
    for name in ("report.tex", "report.xlsx"):
        assert (results.parent / "one" / name).read_bytes() == (results.parent / "two" / name).read_bytes()


def test_csv_holds_names_as_text(bench, results):
    text = bench("report", "--format", "csv", "--out", "-").stdout
    found = {row["method"] for row in csv.DictReader(io.StringIO(text))}
    assert found >= set(SCRIPTS)
    assert "'=cmd|' C calc'!A0" in found and "'---" in found and "aU+000Ab" in found
    assert not any(name.startswith(("=", "+", "-", "@")) for name in found)


def test_excel_holds_names_as_text(bench, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    stores.write(tmp_path, "=d@=s", {"=1+1": np.ones((2, 8)), "方法": np.ones((2, 8))}, metrics={"=M": 1, "+N": 1})
    assert bench("report", "--results", tmp_path, "--format", "excel").exit_code == 0
    book = openpyxl.load_workbook(tmp_path / "report" / "report.xlsx")
    assert {place.data_type for sheet in book for row in sheet.iter_rows() for place in row} <= {"s", "n"}
    assert all(len(name) <= 31 for name in book.sheetnames)


def test_json_holds_names_as_they_are(bench, results):
    found = json.loads(bench("report", "--format", "json", "--out", "-").stdout)
    names = {name for one in found["measured"] for name in one["metrics"]["EN"]["methods"]}
    assert names == {printable(name) for name in (*SCRIPTS, *HOSTILE)}


def test_markdown_shows_what_names_hold(bench, results):
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert r"\&LT;B\>\~\~S\~\~" in text and r"=CMD\|' C CALC'!A0" in text and r"\$A\$B" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.replace(r"\|", "").count("|") >= 4 for line in rows)


def test_tables_of_two_scripts_do_not_share_a_key():
    assert tabular.key("scores", "folder", "方法") != tabular.key("scores", "folder", "数据")
    assert tabular.key("scores", "tno", "a_b", "standard") == "scores-tno-a-b-standard"
    grids = [tabular.Grid(tabular.key("a", name), name, (), ()) for name in ("x_y", "x-y", "X.Y", "x-y-2")]
    found = tabular.unique(grids)
    assert len({grid.key for grid in found}) == 4
    assert [grid.key for grid in found[:3]] == ["a-x-y", "a-x-y-2", "a-x-y-3"]


def test_names_in_the_terminal(bench, pairs, bench_folder):
    """No markup is read in them, and wide letters take their room."""
    for name in ("[bold]x", "方法"):
        result = bench_folder("eval", "--fused", "ir", "--name", name, "--metrics", "EN")
        assert result.exit_code == 0 and name in table(result.stdout)
    assert bench("compare", "[bold]x", "方法").exit_code == 0
    shutil.copytree(cell(pairs, "方法"), cell(pairs, "方法").with_name("caf\udce9\x1b[31m"))
    result = bench("compare", "方法", "caf\udce9\x1b[31m")
    assert result.exit_code == 0 and "\x1b" not in result.output and "cafU+DCE9U+001B[31m" in result.output
    result = bench("compare", "方法", "nothing")
    assert result.exit_code == 2 and "\x1b" not in result.output


def test_accents_are_found_however_they_are_encoded(bench, results):
    for name in ("me\u0301thode", "m\u00e9thode"):
        text = bench("report", "--format", "csv", "--methods", name, "--out", "-").stdout
        assert {row["method"] for row in csv.DictReader(io.StringIO(text))} == {"me\u0301thode"}
        assert bench("compare", name, "方法").exit_code == 0


def test_pictures_of_the_page_lie_where_it_looks_for_them(bench, pairs, bench_folder):
    assert bench_folder("eval", "--fused", "ir", "--name", "方法", "--metrics", "EN").exit_code == 0
    for name in ("caf\udce9", "x\u200by"):
        folder = shutil.copytree(cell(pairs, "方法"), cell(pairs, "方法").with_name(name))
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        (folder / "run.json").write_text(json.dumps({**record, "method": name}))
    assert bench("report", "--format", "csv", "--html").exit_code == 0
    page = pairs / "results" / "report" / "page"
    (place,) = pages.content_of(page, "index")["places"]
    methods = {column["method"] for column in place["columns"]}
    assert methods >= {"方法", "cafU+DCE9", "xU+200By"}
    for method in methods:
        assert (page / "pictures" / place["name"] / method / "fused" / "a.png").is_file()


# LaTeX


def test_latin_names_stay_with_pdflatex(bench, tmp_path):
    stores.write(tmp_path, "tno@test", {"me\u0301thode ß": np.ones((3, 8)), "Ångström": np.ones((3, 8))})
    result = bench("report", "--results", tmp_path, "--format", "latex", "--standalone", "--out", "-")
    assert result.stdout.startswith(r"\documentclass") and "fontspec" not in result.stdout
    assert "MÉTHODE SS" in result.stdout
    assert "report.tex: for pdflatex" in result.stderr


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a---b", r"a-{}-{}-b"),
        ("Kαλά", "Kαλά"),
        ("α = 0.05", r"$\alpha$ = 0.05"),
        ("−∞", r"$-$$\infty$"),
        ("me\u0301", "mé"),
        ("?`", r"?\textasciigrave{}"),
        ("n" * 40, "n" * 30 + r"\allowbreak{}" + "n" * 10),
    ],
)
def test_escape(text, written):
    assert latex.escape(text) == written


def test_scripts_stand_in_their_fonts():
    body, head = tex_fonts.in_scripts("方法 & Наш метод & שיטה x & aé & 🔥fuse & x\u0302 -{}-a")
    assert r"{\benchhan 方法} & {\benchcyrillic Наш метод} & {\benchhebrew\benchrtl שיטה} x & a{\benchlatin é}" in body
    assert "{\\benchemoji 🔥}fuse & {\\benchlatin x\u0302} -\\kern0pt-a" in body
    assert (
        r"\benchscript\benchcyrillic{Renderer=HarfBuzz}{Нашметод}".replace("Нашметод", "".join(sorted(set("Нашметод"))))
        in head
    )
    assert "Script=" not in tex_fonts.in_scripts("方法")[1]
    assert "{Renderer=HarfBuzz, Script=Devanagari}" in tex_fonts.in_scripts("विधि")[1]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("方法２", r"{\benchhan 方法２}"),
        ("「方」㎡", r"{\benchhan 「方」㎡}"),
        ("विधि३।", r"{\benchdevanagari विधि३।}"),
        ("ทด๓", r"{\benchthai ทด๓}"),
        ("٣", r"{\bencharabic ٣}"),
        ("ꦲ꧑", r"{\benchjavanese ꦲ꧑}"),
        ("۴", r"{\bencharabic ۴}"),
        ("رقم ١٢، رقم", r"{\bencharabic\benchrtl رقم {\benchltr ١٢}، رقم}"),
        ("≤🔥", r"{\benchsymbol ≤}{\benchemoji 🔥}"),
        ("⭐★①", r"{\benchemoji ⭐}{\benchsymbol ★①}"),
        ("❤", r"{\benchsymbol ❤}"),
        ("❤\ufe0f", "{\\benchemoji ❤\ufe0f}"),
        ("👩\u200d❤\ufe0f\u200d👨≤", "{\\benchemoji 👩\u200d❤\ufe0f\u200d👨}{\\benchsymbol ≤}"),
        ("🏃\u200d♀", "{\\benchemoji 🏃\u200d♀}"),
        ("🇩🇪", r"{\benchemoji 🇩🇪}"),
        ("𝐀𝟏ℝℓ", r"{\benchsymbol 𝐀𝟏ℝℓ}"),
        ("µ×ʰ", r"{\benchlatin µ×ʰ}"),
    ],
)
def test_signs_and_digits_stand_in_the_font_that_has_them(text, written):
    assert tex_fonts.in_scripts(text)[0] == written


def _typeset(folder, engine):
    done = subprocess.run(
        [engine, "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext to read what was typeset")
    return subprocess.run(
        ["pdftotext", "-layout", "report.pdf", "-"], cwd=folder, capture_output=True, text=True
    ).stdout


def _lacks(*files):
    if shutil.which("kpsewhich") is None:
        return True
    return any(not subprocess.run(["kpsewhich", name], capture_output=True).stdout for name in files)


def test_other_scripts_compile_with_lualatex(bench, results):
    if shutil.which("lualatex") is None or _lacks("fontspec.sty", "luaotfload.sty"):
        pytest.skip("needs lualatex with fontspec, as in TeX Live's texlive-luatex")
    arguments = ("--standalone", "--sections", "scores", "--format", "latex", "--out", "paper")
    assert bench("report", "--dataset", "folder@方法", *arguments).exit_code == 0
    text = _typeset(results.parent / "paper", "lualatex").replace(" ", "")
    for name in ("方法", "Наш метод".upper(), "Μέθοδος".upper()):
        letters = composed(name).replace(" ", "")
        coded = "".join(f"U+{ord(c):X}" for c in letters)
        assert letters in text or coded in text, name
    for shown in ("A_B%C&D#E", "=CMD|", "XU+200BY", "CAFU+DCE9", "U+E000", "*STAR", "[BOLD]X", "$A$B", "$\\BAD$"):
        assert shown in text


def test_special_names_compile_with_pdflatex(bench, tmp_path, monkeypatch):
    if shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex")
    monkeypatch.chdir(tmp_path)
    names = ("[2pt]x", "*star", "a_b%c&d#e", "me\u0301thode", "---", "n" * 180, "\\cmd{}^~")
    values = dict(zip(names, stores.random(0, len(names), 6).values()))
    stores.write(tmp_path / "results", "tno@" + "s" * 180, values)
    assert bench("report", "--standalone", "--format", "latex", "--out", "paper").exit_code == 0
    text = _typeset(tmp_path / "paper", "pdflatex").replace(" ", "")
    for shown in ("[2PT]X", "*STAR", "B%C&D#E", "---", "N" * 40, "\\CMD{}ˆ˜"):
        assert shown in text.replace("^", "ˆ").replace("~", "˜"), shown


# Figures


def _texts(figure):
    from matplotlib.text import Text

    figure.canvas.draw()
    return {text.get_text() for text in figure.findobj(Text)}


def _drawn(plt, names):
    figure, axes = plt.subplots(figsize=(12, 12), layout="constrained")
    axes.set_yticks(range(len(names)), names)
    for name in names:
        axes.plot([0, 1], label=name)
        axes.text(0, 0, name)
    axes.set_xscale("log")
    axes.legend()
    axes.set_title(names[0])
    return figure


@pytest.mark.parametrize("fonts", ["installed", "none"])
def test_figures_show_every_name(tmp_path, monkeypatch, capfd, fonts):
    from matplotlib import font_manager

    lettering._fonts.cache_clear()
    monkeypatch.setattr(lettering, "lacking", set())
    if fonts == "none":
        monkeypatch.setattr(font_manager, "findSystemFonts", list)
    names = [*SCRIPTS, *HOSTILE]
    with warnings.catch_warnings(), style.pyplot() as plt:
        warnings.simplefilter("error")
        figure = _drawn(plt, names)
        for path in style.save(figure, tmp_path / "x"):
            assert path.stat().st_size > 1000
        shown = _texts(figure)
    assert capfd.readouterr().err == ""
    if fonts == "none":
        assert "U+65B9U+6CD5" in shown and "U+1F525fuse" in shown and "方" in lettering.lacking
        assert "U+1F468U+1F469U+1F467" in shown
    assert {"Наш метод", "Μέθοδος", "méthode", "שיטה", "$a$b", "$\\bad$", "aU+000Ab", "xU+200By"} <= shown
    assert max(map(len, shown)) <= lettering.LONGEST
    lettering._fonts.cache_clear()


def test_fonts_are_found_for_letters_that_dejavu_lacks():
    from matplotlib import font_manager

    lettering._fonts.cache_clear()
    text, families = lettering.legible("方法")
    if text != "方法":
        pytest.skip("no font here has Chinese letters")
    path = font_manager.findfont(font_manager.FontProperties(family=list(families)))
    assert all(lettering._font(path).get_char_index(ord(c)) for c in "方法")


def test_latin_texts_are_left_alone():
    for text in ("MambaDFuse, medical", "méthode ↑", "Наш метод", "10 images, p < 0.001"):
        assert lettering.legible(text) == (text, ())


def test_figures_of_a_report_are_named_by_what_files_can_be_called(bench, tmp_path):
    stores.write(tmp_path, "folder@" + "方" * 80, {n: np.random.default_rng(0).random((3, 8)) for n in ("a", "方法")})
    result = bench("report", "--results", tmp_path, "--format", "csv", "--figures", "--html")
    assert result.exit_code == 0, result.output
    found = [path.name for path in (tmp_path / "report" / "figures").iterdir()]
    assert len(found) == len(set(found)) >= 4
    assert max(len(name.encode()) for name in found) < 210


def test_errors_are_one_line_that_can_be_printed():
    assert UserError("a\nb \x1b[31m caf\udce9").message == "a b U+001B[31m cafU+DCE9"
