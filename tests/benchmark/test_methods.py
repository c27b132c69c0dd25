"""What `--methods` takes besides names: groups, a stranger's files, entry points and commands."""

import importlib.metadata
import json
import os
import sys
import time
from fnmatch import fnmatch

import numpy as np
import pytest
from harness import IDS, cell, snapshot, table
from PIL import Image

import baselines
from baselines import plugins
from benchmark import options
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.run import plan
from benchmark.store import files

FUSERS = """
import numpy as np
from baselines import ClassicalFuser, MethodCard
import neighbour

class Darker(ClassicalFuser):
    card = MethodCard("darker", "Darker of the two", "classical", year=2026)

    def fuse_pair(self, ir, vis):
        return neighbour.darker(ir, vis)

class Plain(ClassicalFuser):
    def fuse_pair(self, ir, vis):
        return 0.7 * ir + 0.3 * vis

def mix(ir, vis):
    return (ir + vis) / 2

def levels(ir, vis):
    return np.uint8(255 * vis)

def too_bright(ir, vis):
    return 255 * ir

def cropped(ir, vis):
    return ir[1:]

number = 5
"""

# Works on RGB, as many scripts do; a word of its own, with commas and spaces, follows the files.
SCRIPT = """
import sys
import numpy as np
from PIL import Image

ir, vis, out, how = sys.argv[1:]
ir, vis = (np.asarray(Image.open(path).convert("RGB")).astype(float) for path in (ir, vis))
print("weights loaded")
print("fusing", how)
if how == "exit":
    sys.exit("no such device, sorry")
if how == "sleep":
    import subprocess, time
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(2); open('survivor', 'w')"])
    time.sleep(60)
fused = np.uint8((3 * ir + vis) / 4)
if how == "size":
    fused = fused[:40]
if how == "text":
    open(out, "w").write("hello")
elif how in ("deep", "8 bits in 16", "map"):
    import cv2
    grey = fused[..., 0]
    deep = {"deep": 200 * grey.astype(np.uint16), "8 bits in 16": grey.astype(np.uint16)}
    cv2.imwrite(out, deep[how] if how in deep else cv2.applyColorMap(grey, cv2.COLORMAP_JET))
elif how == "float":
    Image.fromarray(fused[..., 0] / np.float32(255)).save(out, "TIFF")
elif how != "nothing":
    Image.fromarray(fused).save(out)
"""


@pytest.fixture
def mine(pairs):
    """my_fusers.py, its neighbour and a script their_test.py in the working directory."""
    (pairs / "my_fusers.py").write_text(FUSERS)
    (pairs / "neighbour.py").write_text("import numpy\n\ndef darker(ir, vis):\n    return numpy.minimum(ir, vis)\n")
    (pairs / "their_test.py").write_text(SCRIPT)
    before = list(sys.path)
    yield pairs
    sys.path[:] = before
    sys.modules.pop("neighbour", None)


def pair(folder, id="a"):
    return [reading.read_luminance(folder / side / f"{id}.png").astype(float) for side in ("ir", "vis")]


def fused(folder, label, id="a"):
    return reading.read_luminance(cell(folder, label) / "fused" / f"{id}.png")


def test_a_strangers_classes_and_functions(mine, bench_folder):
    names = "./my_fusers.py:Darker,./my_fusers.py:Plain,half=my_fusers.py:mix,my_fusers.py:levels,average"
    result = bench_folder("run", "--methods", names, "--metrics", "EN,SD")
    assert result.exit_code == 0, result.output
    assert list(table(result.stdout)) == ["darker", "Plain", "half", "levels", "average"]
    ir, vis = pair(mine)
    np.testing.assert_array_equal(fused(mine, "darker"), np.minimum(ir, vis))
    np.testing.assert_allclose(fused(mine, "Plain"), 0.7 * ir + 0.3 * vis, atol=0.51)
    np.testing.assert_allclose(fused(mine, "half"), fused(mine, "average"), atol=1)  # halves of floats go either way
    np.testing.assert_array_equal(fused(mine, "levels"), vis)
    record = json.loads((cell(mine, "darker") / "run.json").read_text())
    assert (record["title"], record["code"]["file"]) == ("Darker of the two", "./my_fusers.py:Darker")
    assert record["code"]["sha256"] == files.file_sha256(mine / "my_fusers.py")


def test_an_edited_file_is_another_method(mine, bench_folder):
    arguments = ("run", "--methods", "my_fusers.py:Plain", "--metrics", "EN")
    bench_folder(*arguments)
    before = snapshot(cell(mine, "Plain") / "fused")
    bench_folder(*arguments)
    assert snapshot(cell(mine, "Plain") / "fused") == before
    (mine / "my_fusers.py").write_text(FUSERS.replace("0.7 * ir + 0.3 * vis", "0.3 * ir + 0.7 * vis"))
    assert bench_folder(*arguments).exit_code == 0
    ir, vis = pair(mine)
    np.testing.assert_allclose(fused(mine, "Plain"), 0.3 * ir + 0.7 * vis, atol=0.51)


def test_what_a_strangers_function_may_not_return(mine, bench_folder):
    result = bench_folder("run", "--methods", "my_fusers.py:too_bright,my_fusers.py:cropped", "--metrics", "EN")
    assert result.exit_code == 1
    assert "too_bright returned 2" in result.stderr and "expected float in [0, 1], or uint8" in result.stderr
    assert "cropped returned shape 47x64 for images of 48x64" in result.stderr
    (mine / "forgot.py").write_text("def forgot(ir, vis):\n    ir + vis\n")
    result = bench_folder("run", "--methods", "forgot.py", "--metrics", "EN")
    assert "fusing failed: ValueError: forgot returned nothing; expected an image (H, W)" in result.stderr
    assert "did you mean the file ./forgot.py?" in bench_folder("run", "--methods", "forgot").stderr


CRASHES = """
import baselines

def inside(ir, vis):
    return lower(ir)

def lower(image):
    image.no_such_thing

class NotEven(baselines.ClassicalFuser):
    def __init__(self, checkpoint=None, device="cpu"):
        raise RuntimeError

    def fuse_pair(self, ir, vis):
        return ir
"""


def test_a_crash_in_a_strangers_file_is_told_with_its_place(mine, bench, bench_folder):
    (mine / "crashes.py").write_text(CRASHES)
    result = bench_folder("run", "--methods", "crashes.py:inside,crashes.py:NotEven", "--metrics", "EN")
    assert result.exit_code == 1
    crash = "AttributeError: 'numpy.ndarray' object has no attribute 'no_such_thing' (crashes.py, line 8)"
    record = json.loads((cell(mine, "inside") / "run.json").read_text())
    assert set(record["failed"].values()) == {f"fusing failed: {crash}"}
    assert "NotEven: failed: RuntimeError (crashes.py, line 12)" in result.stderr
    lines = bench("check", "crashes.py:inside").stdout.splitlines()
    (line,) = [line for line in lines if crash in line]
    assert line.startswith("sizes")
    assert sum(line.rstrip().endswith("failed: as above") for line in lines) >= 6


MISTAKES = {
    "nowhere.py:F": "nowhere.py: no such file",
    "my_fusers.py:Darkest": "no 'Darkest' in it; it has Darker, Plain, mix, levels, too_bright, cropped",
    "my_fusers.py:number": "my_fusers.py: number is neither a function nor a class of Fuser or torch.nn.Module",
    "my_fusers.py": "my_fusers.py: it has Darker, Plain; say which: my_fusers.py:NAME",
    "their_test.py:f": "their_test.py: cannot be imported: ValueError: not enough values to unpack",
    "lost.py:f": "No module named 'models' (lost.py, line 1); what lies elsewhere than beside the file is found by",
    "up.py:f": "No module named '..common' (up.py, line 1); what lies elsewhere",
    "syntax.py:f": "syntax.py: cannot be imported: SyntaxError: ",
    "leaves.py:f": "leaves.py: cannot be imported: SystemExit: 3",
    "average=my_fusers.py:mix": "'average' is a method of this suite; call yours otherwise: NAME=my_fusers.py:mix",
    "a+b=my_fusers.py:mix": "'a+b' cannot be a folder's name",
    "my_fusers.py:mix,mix=my_fusers.py:levels": "two methods are called 'mix'",
    "avrage": "unknown method 'avrage'; did you mean average?",
    "cmd:": "no {ir} and no {vis} and no {out} in the command",
    "cmd:their_test {ir} {vis}": "no {out} in the command",
    "cmd:no-such-program {ir} {vis} {out}": "no command 'no-such-program' here",
    "cmd:python 'their_test.py {ir} {vis} {out}": "no closing quotation",
}


@pytest.mark.parametrize("names", MISTAKES)
def test_mistakes_are_one_line(mine, bench_folder, names, monkeypatch):
    (mine / "lost.py").write_text("import models.blocks\n")
    (mine / "up.py").write_text("from ..common import x\n")
    (mine / "syntax.py").write_text("def f(:\n")
    (mine / "leaves.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(sys, "argv", ["bench"])
    result = bench_folder("run", "--methods", names)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert MISTAKES[names] in line
    assert not (mine / "results").exists()


def test_the_one_method_of_a_file_needs_no_name(pairs, bench_folder):
    (pairs / "only.py").write_text("def _helper(x):\n    return x\n\ndef only(ir, vis):\n    return _helper(vis)\n")
    assert bench_folder("run", "--methods", "only.py", "--metrics", "EN").exit_code == 0
    np.testing.assert_array_equal(fused(pairs, "only"), pair(pairs)[1])


def record(folder, method):
    return json.loads((cell(folder, method) / "run.json").read_text())


def command(how, python=sys.executable):
    return f"cmd:'{python}' their_test.py {{ir}} {{vis}} {{out}} '{how}'"


def test_a_command(mine, bench_folder):
    """Commas and quotes in it survive the list; its results are kept until the files that it names change."""
    result = bench_folder("run", "--methods", f"average,{command('a, b')}", "--metrics", "EN")
    assert result.exit_code == 0, result.output
    assert list(table(result.stdout)) == ["their_test", "average"]
    ir, vis = pair(mine)
    np.testing.assert_array_equal(fused(mine, "their_test"), np.uint8((3 * ir + vis) / 4))
    record = json.loads((cell(mine, "their_test") / "run.json").read_text())
    assert record["code"]["files"]["their_test.py"] == files.file_sha256(mine / "their_test.py")
    before = snapshot(cell(mine, "their_test") / "fused")
    arguments = ("run", "--metrics", "EN", "--methods", command("a, b"))
    assert bench_folder(*arguments).exit_code == 0
    assert snapshot(cell(mine, "their_test") / "fused") == before
    (mine / "their_test.py").write_text(SCRIPT.replace("(3 * ir + vis) / 4", "(ir + 3 * vis) / 4"))
    assert bench_folder(*arguments).exit_code == 0
    np.testing.assert_array_equal(fused(mine, "their_test"), np.uint8((ir + 3 * vis) / 4))


FAILURES = {
    "exit": "a: fusing failed: CommandError: exit code 1: no such device, sorry",
    "nothing": "a: fusing failed: CommandError: ended well, but wrote no file to {out}",
    "size": "a: fusing failed: CommandError: wrote an image of 64x40 for a pair of 64x48",
    "text": "a: fusing failed: CommandError: wrote to {out} what cannot be read: not a PNG",
    "float": "a: fusing failed: CommandError: wrote to {out} what cannot be read: floating-point values have no defined"
    " grey scale; save them as 8 bits (0..255)",
    "sleep": "a: fusing failed: CommandError: took more than 1 s: fusing sleep",
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_command_that_fails(mine, bench_folder, how):
    arguments = ("--methods", command(how), "--metrics", "EN", "--limit", "1", "--timeout", "1")
    if how != "sleep":
        arguments = arguments[:-2]
    result = bench_folder("run", *arguments)
    assert result.exit_code == 1
    assert FAILURES[how] in result.stderr
    if how == "sleep":  # what it started ended with it
        time.sleep(2.2)
        assert not (mine / "survivor").exists()


TOLD = {
    "deep": "16-bit grey, scaled by 1/257; * of 256 levels are used",
    "8 bits in 16": "16-bit grey, scaled by 1/257; 2 of 256 levels are used; perhaps 8-bit values in a deeper file:"
    " save as 8 bits for its own values",
    "map": "coloured as no source is: a colour map?",
}


@pytest.mark.parametrize("how", TOLD)
def test_what_reading_converts_in_a_commands_file_is_told(mine, bench, bench_folder, how):
    """With the image when it is made, with its scores, whenever they are made, and in every later run."""
    first, *more = ("run", "--methods", command(how), "--metrics", "EN"), ("--protocol", "standard,cddfuse"), ()
    for further in ((), *more):
        result = bench_folder(*first, *further)
        assert result.exit_code == 0
        found = [line for line in record(mine, "their_test")["told"] if line.startswith("4 of 4 fused images: ")]
        (line,) = found  # that 8-bit values lie in a deeper file is not followed by "forgotten x 255?"
        assert fnmatch(line, f"4 of 4 fused images: {TOLD[how]}")
        assert result.stderr.count(line) == 1 and line in result.stdout
    made = files.read_lines(cell(mine, "their_test") / "timings.jsonl")
    scored = files.read_lines(cell(mine, "their_test") / "scores.jsonl")
    assert all(fnmatch(one["told"][0], f"fused: {TOLD[how]}") for one in made if "fuse_s" in one)
    assert len(scored) == 8 and all(fnmatch(one["told"][0], f"fused: {TOLD[how]}") for one in scored)
    assert line in bench("report", "--format", "markdown", "--out", "-").stdout.replace("\\", "")


def test_lists_with_commands():
    convert = options.MethodList().convert
    assert convert("a, b,a", None, None) == ("a", "b")
    assert convert("a,cmd:x {ir},{vis}", None, None) == ("a", "cmd:x {ir},{vis}")
    assert convert(" mine=cmd:x, y", None, None) == ("mine=cmd:x, y",)
    assert convert("a,b,mine=cmd:x,cmd:y", None, None) == ("a", "b", "mine=cmd:x,cmd:y")


def test_methods_may_be_repeated_and_come_from_a_file(mine, bench, bench_folder):
    result = bench_folder("run", "--methods", f"mine={command('x')}", "--methods", "average", "--metrics", "EN")
    assert list(table(result.stdout)) == ["mine", "average"]
    (mine / "run.yaml").write_text(json.dumps({"methods": ["average", f"mine={command('x')}"], "metrics": "EN"}))
    result = bench_folder("run", "--config", "run.yaml")
    assert list(table(result.stdout)) == ["mine", "average"]


class EntryPoint:
    def __init__(self, name, found):
        self.name, self.found = name, found

    def load(self):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.fixture
def entry_points(monkeypatch):
    """Of another package: two methods, a broken one, and one with the name of the suite's own."""

    def third(ir, vis):
        return (2 * ir + vis) / 3

    points = {"third": third, "twin": baselines.method("max"), "broken": ImportError("no torch"), "average": third}
    points = [EntryPoint(*item) for item in points.items()]
    found = {plugins.ENTRY_POINTS: points}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found.get(group, []))
    plugins.entry_points.cache_clear()
    yield
    plugins.entry_points.cache_clear()


def test_entry_points(entry_points, pairs, bench, bench_folder, caplog):
    assert {"third", "twin"} <= set(baselines.names())
    with pytest.raises(KeyError, match="unknown method 'broken'"):
        baselines.method("broken")
    messages = {record.getMessage() for record in caplog.records}
    assert "entry point broken: left out, ImportError: no torch" in messages
    assert "entry point average: left out, a method of this suite has that name" in messages
    assert bench_folder("run", "--methods", "third,twin,average", "--metrics", "EN").exit_code == 0
    ir, vis = pair(pairs)
    np.testing.assert_allclose(fused(pairs, "third"), (2 * ir + vis) / 3, atol=0.51)
    np.testing.assert_array_equal(fused(pairs, "twin"), np.maximum(ir, vis))
    np.testing.assert_allclose(fused(pairs, "average"), (ir + vis) / 2, atol=0.51)
    record = json.loads((cell(pairs, "third") / "run.json").read_text())
    assert record["code"] == {"entry_point": "third", "sha256": files.file_sha256(__file__)}
    assert any(line.startswith("twin\t") for line in bench("ls", "methods").stdout.splitlines())


@pytest.fixture
def few(monkeypatch, gain):
    """Only the cheap methods are known, `gain`, which lacks its weights, and `slices`, for medical pairs."""
    (gain.parent / "methods" / "slices.py").write_text(
        "from baselines.base import ClassicalFuser, MethodCard\n"
        "class Slices(ClassicalFuser):\n"
        "    card = MethodCard('slices', 'Slices', 'classical', year=1999, tasks=('mif',))\n"
        "    def fuse_pair(self, ir, vis):\n"
        "        return vis\n"
    )
    chosen = ["gain", "slices", "max", "average", "laplacian"]
    monkeypatch.setattr(baselines, "names", lambda: sorted(chosen))
    yield
    sys.modules.pop("baselines.slices", None)


def test_groups(few):
    names = lambda *groups: [method.name for method in plan.select_methods(groups)]  # noqa: E731
    assert names("all") == ["average", "max", "laplacian", "slices", "gain"]
    assert names("classical") == ["laplacian", "slices"]
    assert names("learned", "naive") == ["gain", "average", "max"]
    assert names("max", "all", "max") == ["max", "average", "laplacian", "slices", "gain"]
    with pytest.raises(UserError, match="unknown method 'al'; did you mean all"):
        names("al")


def test_all(few, pairs, bench, bench_folder):
    """What lacks its weights is listed, and fails only where it is named; what was made for other pairs is left out,
    but where it is named."""
    result = bench("run", "--methods", "all", "--limit", "1", "--metrics", "EN", "--jobs", "0")
    assert result.exit_code == 0, result.output
    assert "synth@demo-first1: left out, made for other pairs: slices" in result.stderr
    assert list(table(result.stdout)) == ["average", "max", "laplacian"]
    assert "gain: unavailable (no checkpoint gain/gain.txt" in result.stdout
    for names, code, words in (("all,gain", 1, "gain: unavailable"), ("all,slices", 0, "slices ")):
        result = bench("run", "--methods", names, "--limit", "1", "--metrics", "EN", "--jobs", "0")
        assert result.exit_code == code
        assert words in result.stdout
    assert "slices" in table(bench_folder("run", "--methods", "all", "--metrics", "EN").stdout)  # unknown pairs


def test_commands_need_no_shell(mine, bench_folder):
    words = command("$(touch shell); touch shell")
    assert bench_folder("run", "--methods", words, "--metrics", "EN", "--limit", "1").exit_code == 0
    assert not (mine / "shell").exists()


def test_temporary_files_go(mine, bench_folder, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    bench_folder("run", "--methods", command("exit"), "--metrics", "EN")
    bench_folder("run", "--methods", command("x"), "--metrics", "EN")
    assert not [name for name in os.listdir(folder) if not name.endswith(".lock")]  # of `machine`, which stays
    assert Image.open(cell(mine, "their_test") / "fused" / f"{IDS[-1]}.png").mode == "L"
