"""The command line itself: discovery of commands, quick help, mistakes told in one line, exit codes."""

import errno
import json
import os
import pkgutil
import re
import resource
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import click
import pytest
from harness import FOLDER, ROOT, draw, start

import benchmark.commands
import metrics
from benchmark.cli import main
from benchmark.report.terminal import show_listing
from benchmark.run import runner
from metrics import kernel


def one_error(result, *words):
    """The result is a user's mistake, told in one line that holds all the words."""
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    for word in words:
        assert word in line


def test_help_is_quick():
    call = [sys.executable, "-c", "from benchmark.cli import main; main(['--help'], prog_name='bench')"]

    def seconds():
        # Of the processor: on a busy machine the clock on the wall measures the others.
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    times = []
    for _ in range(5):
        begin = seconds()
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
        times.append(seconds() - begin)
    assert "bench run" in done.stdout
    assert min(times) < 0.3


@pytest.mark.parametrize("command", [module.name for module in pkgutil.iter_modules(benchmark.commands.__path__)])
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys\nfrom benchmark.cli import main\n"
        f"try: main([{command!r}, '--help'], prog_name='bench')\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'torch', 'rich', 'pandas', 'PIL', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_file_adds_a_command(bench, tmp_path, monkeypatch):
    (tmp_path / "hello.py").write_text(
        "import click\n\n@click.command()\ndef command():\n    'Greet.'\n    click.echo('hello')\n"
    )
    paths = [*benchmark.commands.__path__, str(tmp_path)]
    monkeypatch.setattr(benchmark.commands, "__path__", paths)
    assert "hello" in bench("--help").output
    assert bench("hello").output == "hello\n"
    sys.modules.pop("benchmark.commands.hello")


def test_shell_completion(monkeypatch, bench):
    monkeypatch.setenv("_BENCH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "bench re")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert bench().stdout == "plain,report\n"


def test_version(bench):
    assert bench("--version").output.startswith("mmif-bench ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], ["unknown command 'rnu'", "did you mean run?"]),
        (["run", "--dataset", "mrss"], ["unknown data set 'mrss'", "did you mean msrs?"]),
        (["run", "--methods", "avrage"], ["unknown method 'avrage'", "did you mean average?"]),
        (["run", "--metrics", "Qbaf"], ["Qbaf", "did you mean Qabf?"]),
        (["run", "--protocol", "standrad"], ["standrad", "did you mean standard?"]),
        (["run", *FOLDER, "--split", "al"], ["unknown split", "did you mean all?"]),
        (["run", "--methods", "average", "--checkpoint", "average"], ["METHOD=PATH"]),
        (["run", "--methods", "average", "--checkpoint", "averge=x"], ["did you mean average?"]),
        (["run", "--methods", "average", "--checkpoint", "average=ir/a.png"], ["average has no weights"]),
        (["run", "--methods", "cddfuse", "--checkpoint", "cddfuse=nowhere.pt"], ["no file nowhere.pt"]),
        (["run", *FOLDER, "--weights-root", "nowhere"], ["--weights-root nowhere", "no such folder"]),
        (["ls", "methods", "--weights-root", "nowhere"], ["--weights-root nowhere", "no such folder"]),
        (["run", "--methods", " , "], ["at least one name"]),
        (["run", "--limit", "0"], ["--limit"]),
        (["run", "--limt", "3"], ["--limt", "--limit", "(see bench run --help)"]),
        (["--limt"], ["--limt", "(see bench --help)"]),
        (["eval", "--name", "x"], ["Missing option '--fused'"]),
        (["report", *FOLDER], ["--ir"]),
        (["data", "verify"], ["Missing argument", "(see bench data verify --help)"]),
        (["run", "--results", ""], ["--results", "expected a path"]),
        (["run", "--device", "tpu"], ["--device", "tpu", "cuda"]),
        (["eval", "--fused", "ir", "--name", "x", "--ir", "ir", "--vis", "vis"], ["--dataset folder"]),
        (["run", "--dataset", "msrs,roadscene"], ["msrs: no data root given", "roadscene: no data root given"]),
        (["run", "--dataset", "folder,synth", "--ir", "ir", "--vis", "vis", "--split", "al"], ["did you mean all?"]),
        (["run", "--dataset", "folder", "--ir", "methods", "--vis", "methods"], ["no images", "put pairs"]),
        (["eval", *FOLDER, "--fused", "ir", "--name", "  "], ["folder's name"]),
        (["eval", *FOLDER, "--fused", "ir", "--name", " average "], ["a method of this suite"]),
        (["run", "--ir", "ir"], ["--dataset folder"]),
        (["run", "--dataset", "folder", "--ir", "ir"], ["--vis DIR"]),
        (["run", "--dataset", "folder", "--ir", "ir", "--vis", "nowhere"], ["nowhere"]),
        (["run", "--dataset", "msrs", "--data-root", "nowhere"], ["nowhere"]),
        (
            ["run", "--metrics", "Qabf", "--protocol", "vifb,hli", *FOLDER, "--metrics", "TE"],
            ["TE", "ivifzoo"],
        ),
        (["run", "--metrics", "TE", "--protocol", "ivifzoo,standard"], ["protocol standard defines none", "TE"]),
        (["report"], ["no results in results"]),
        (["report", "--format", "latx"], ["unknown format", "did you mean latex?"]),
        (["ls", "dataset"], ["did you mean datasets?"]),
        (["run", "--metrics", "EN,NIQE"], ["NIQE needs the library pyiqa", "mmif-bench[noref]"]),
        (["ls", "metrics", "--protocol", "cddfus"], ["unknown protocol", "did you mean cddfuse?"]),
        (["ls", "splits", "--protocol", "cddfuse"], ["--protocol goes with bench ls metrics"]),
        (["eval", *FOLDER, "--fused", "nowhere", "--name", "x"], ["nowhere", "no such folder"]),
        (["eval", *FOLDER, "--fused", "ir", "--name", "Average"], ["a method of this suite"]),
        (["eval", *FOLDER, "--fused", "ir", "--name", "../x"], ["folder's name"]),
        (["eval", *FOLDER, "--fused", "ir", "--name", ".."], ["folder's name"]),
        (["run", "--config", "nowhere.yaml"], ["nowhere.yaml"]),
    ],
)
def test_mistakes_are_told_in_one_line(bench, pairs, gain, arguments, words):
    one_error(bench(*arguments), *words)
    assert not (pairs / "results").exists()


def test_results_that_are_a_file(bench_folder, pairs):
    (pairs / "results").write_text("")
    one_error(bench_folder("run", "--methods", "average"), "results", "Not a directory")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("methds: average", ["unknown option", "did you mean methods?"]),
        ("- average", ["mapping"]),
        ("methods: [", ["not a YAML file"]),
        ("limit: many", ["limit", "'many'"]),
        ("limit: 0", ["limit", "0"]),
        ("limit: [1]", ["limit", "expected text or a number, found a list"]),
        ("seed: 1.5", ["seed", "'1.5'"]),
        ("device: tpu", ["device", "'tpu'"]),
        ("dataset: 5", ["unknown data set '5'"]),
        ("dataset: null", ["dataset", "found nothing"]),
        ("dataset: []", ["dataset", "at least one name"]),
        ("methods: [average, {a: b}]", ["methods", "expected text"]),
        ("split: no", ["split", "found false"]),
        ("split: 2026-99-99", ["not a YAML file"]),
        ("checkpoint: null", ["checkpoint", "found nothing"]),
        ("checkpoint: {cddfuse: null}", ["checkpoint", "found nothing"]),
        ("results: {}", ["results", "found a mapping"]),
        ('results: "a\\0b"', ["results", "expected a path"]),
        ("force: 3", ["force", "true or false"]),
        ("5: 5", ["unknown option", "'5'"]),
    ],
)
def test_mistakes_in_a_config_file(bench, pairs, content, words):
    (pairs / "run.yaml").write_text(content)
    result = bench("run", "--config", "run.yaml")
    one_error(result, *words)
    assert "run.yaml" in result.stderr or "data set" in result.stderr


def test_numbers_in_a_config_file_may_be_names(bench, pairs):
    content = "results: 5\ndataset: folder\nir: ir\nvis: vis\nmethods: average\nmetrics: EN\njobs: 0\n"
    (pairs / "run.yaml").write_text(content)
    assert bench("run", "--config", "run.yaml").exit_code == 0
    assert len(list((pairs / "5").glob("*/average"))) == 1


def test_several_checkpoints_of_a_method_in_a_config_file(bench, pairs, gain):
    for value in ("1", "2"):
        (pairs / f"{value}.txt").write_text(f"0.{value}")
    (pairs / "run.yaml").write_text("methods: gain\ncheckpoint: {gain: [1.txt, 2.txt]}\ntrust-checkpoint: true\n")
    result = bench("run", *FOLDER, "--config", "run.yaml", "--dry-run")
    assert [line.count("gain+") for line in result.stdout.splitlines()] == [1, 1]


def test_config_file_and_command_line(bench, pairs, gain):
    (pairs / "run.yaml").write_text(
        "dataset: folder\nir: ir\nvis: vis\nmethods: [average, gain]\nlimit: 3\njobs: 0\ntrust-checkpoint: true\n"
        "metrics: EN, SD\nweights-root: methods\ncheckpoint: {gain: weights/gain/gain.txt}\ncolour: true\n"
    )
    result = bench("run", "--limit", "2", "--config", "run.yaml", "--results", "out", "--metrics", "EN")
    assert result.exit_code == 0, result.output
    (split,) = (pairs / "out").iterdir()
    assert split.name.endswith("-first2")
    average, learned = sorted(split.iterdir())
    assert (average.name, learned.name[:5]) == ("average", "gain+")
    for line in (learned / "scores.jsonl").read_text().splitlines():
        assert list(json.loads(line)["scores"]) == ["EN"]
    assert len(list((average / "colour").iterdir())) == 2


def all_commands(group=None, path=()):
    group = group or main
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from all_commands(command, (*path, name))


VARIABLES = {"results": "BENCH_RESULTS", "data_root": "BENCH_DATA", "weights_root": "BENCH_WEIGHTS"}


@pytest.mark.parametrize(
    ("path", "command"), list(all_commands()), ids=lambda x: "-".join(x) if type(x) is tuple else ""
)
def test_environment_variables_stand_in_for_options(path, command, monkeypatch):
    """Of every command that has the option; the command line wins."""
    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, f"/{variable}")
    has = [option for option in command.params if option.name in VARIABLES]
    parsed = command.make_context(path[-1], [], resilient_parsing=True).params
    given = [part for option in has for part in (option.opts[0], "/given")]
    assert {option.name: parsed[option.name] for option in has} == {o.name: Path(f"/{VARIABLES[o.name]}") for o in has}
    parsed = command.make_context(path[-1], given, resilient_parsing=True).params
    assert {parsed[option.name] for option in has} <= {Path("/given")}
    if path[0] in ("run", "eval", "report", "ls", "train", "doctor"):
        assert len(has) == len(VARIABLES)


def test_environment_variables(bench, pairs, gain, monkeypatch):
    monkeypatch.setenv("BENCH_RESULTS", "elsewhere")
    monkeypatch.setenv("BENCH_WEIGHTS", str(gain))
    monkeypatch.setenv("BENCH_DATA", str(pairs / "data"))
    for side in ("ir", "vi"):
        draw(pairs / "data" / "MSRS" / "test" / side / "00004N.png", 3)
    result = bench("run", *FOLDER, "--methods", "gain", "--jobs", "0", "--metrics", "EN")
    assert result.exit_code == 0, result.output
    arguments = ("eval", "--dataset", "msrs", "--fused", "data/MSRS/test/ir", "--name", "x", "--metrics", "EN")
    assert bench(*arguments, "--jobs", "0").exit_code == 0
    assert {path.name for path in pairs.glob("elsewhere/*/*")} == {"gain", "x"}
    assert bench("report", "--format", "csv").output == "elsewhere/report/report.csv\n"
    assert str(gain / "gain" / "gain.txt") in bench("ls", "methods").output
    assert f"yes: {pairs / 'data'}" in bench("ls", "datasets").output
    for folder in (pairs / "data", gain, "elsewhere"):
        assert f" {folder}\n" in bench("doctor").output


def test_interruption_is_one_line(bench, pairs, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_jobs", interrupt)
    result = bench("run", *FOLDER, "--methods", "average")
    assert result.exit_code == 130
    assert result.stderr == ("Interrupted; what is finished is kept. Run the same command again to continue.\n")


@pytest.mark.parametrize(("name", "word", "code"), [("SIGINT", "Interrupted", 130), ("SIGTERM", "Terminated", 143)])
def test_interrupted_while_fusing(pairs, name, word, code):
    """In the second image: the first one is kept, the workers go, and all that is said is one line."""
    process = start(
        pairs, "run", *FOLDER, "--methods", "average", "--metrics", "EN",
        before=f"""
            import os, signal
            signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
            from benchmark.run import runner
            real = runner._seed
            def seed(number, id):
                if id == "b":
                    os.kill(os.getpid(), signal.{name})
                real(number, id)
            runner._seed = seed
        """,
    )  # fmt: skip
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err == f"{word}; what is finished is kept. Run the same command again to continue.\n"
    (record,) = pairs.glob("results/*/average/run.json")
    assert json.loads(record.read_text())["runs"][0]["end"] is not None


def test_a_signal_is_handled_as_before_afterwards(bench, pairs):
    before = signal.getsignal(signal.SIGTERM)
    bench("report")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("what", ["datasets", "methods", "metrics", "protocols", "splits"])
def test_ls(bench, pairs, what):
    word = {
        "datasets": "msrs",
        "methods": "cddfuse",
        "metrics": "Qabf",
        "protocols": "cddfuse",
        "splits": "tno42",
    }
    result = bench("ls", what)
    assert result.exit_code == 0
    assert word[what] in result.output
    assert f"bench ls {what}" in bench("ls").output


def test_ls_tells_what_is_missing_and_what_is_found(bench, pairs, gain):
    assert "no checkpoint gain/gain.txt" in bench("ls", "methods").output
    assert f"yes: {gain}/gain/gain.txt" in bench("ls", "methods", "--weights-root", gain).output
    assert "no: no data root given" in bench("ls", "datasets").output


def test_doctor(bench, pairs):
    result = bench("doctor", "--data-root", "nowhere", "--weights-root", pairs)
    assert result.exit_code == 0
    for words in ("python:", "torch threads:", "cuda:", "nowhere: no such folder", f"{pairs}"):
        assert words in result.output


@pytest.mark.parametrize(("isa", "words"), [("none", "numpy code"), ("foo", "BENCH_ISA=foo: expected one of")])
def test_doctor_tells_the_metrics_kernel(bench, pairs, monkeypatch, isa, words):
    (line,) = [line for line in bench("doctor").stdout.splitlines() if line.startswith("metrics kernel:")]
    assert (metrics.isa() or "numpy code") in line
    choose_isa(monkeypatch, isa)
    (line,) = [line for line in bench("doctor").stdout.splitlines() if line.startswith("metrics kernel:")]
    assert words in line


def test_an_unknown_instruction_set_is_told_before_anything_is_run(bench_folder, pairs, monkeypatch):
    choose_isa(monkeypatch, "foo")
    for command in (("run", "--methods", "average"), ("eval", "--fused", "ir", "--name", "x")):
        one_error(bench_folder(*command), "BENCH_ISA=foo", "avx2")
    assert not (pairs / "results").exists()


def choose_isa(monkeypatch, name):
    """BENCH_ISA as for a fresh process; `kernel.library` remembers its first answer."""
    monkeypatch.setenv("BENCH_ISA", name)
    monkeypatch.setattr(kernel, "library", kernel.library.__wrapped__)


def test_threads_sleep_at_barriers_unless_told_otherwise():
    code = "import os, sys, benchmark.cli; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    for given, expected in ((None, "PASSIVE"), ("ACTIVE", "ACTIVE")):
        env = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
        env |= {"OMP_WAIT_POLICY": given} if given else {}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.stdout.split() == [expected, "False"], done.stderr


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ELOOP, errno.EROFS])
def test_failures_of_the_file_system_are_one_line(bench_folder, pairs, monkeypatch, number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number), "results/file")

    monkeypatch.setattr(runner, "run_jobs", fail)
    one_error(bench_folder("run", "--methods", "average"), "results/file", os.strerror(number))


def test_an_error_of_the_code_keeps_its_traceback(bench_folder, pairs, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.EBADF, "a bug")

    monkeypatch.setattr(runner, "run_jobs", fail)
    with pytest.raises(OSError, match="a bug"):
        bench_folder("run", "--methods", "average")


def test_ls_metrics_of_a_protocol(bench):
    import metrics

    text = bench("ls", "metrics", "--protocol", "liu2012").stdout
    assert [line.split()[0] for line in text.splitlines()[1:]] == metrics.names("liu2012")
    assert metrics.card("Qg").protocols["liu2012"] in " ".join(text.split())


@pytest.mark.parametrize("width", [80, 110])
def test_a_listing_on_a_narrow_terminal_loses_nothing(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    head = "data set", "title", "splits", "pairs", "found"
    long = (
        "no: expected "
        + "FLIR/JPEGImages/{"
        + "Preview,RGB" * 12
        + "}/*.jpg; get it from https://example.org/"
        + "x" * 90
    )
    rows = [("flir_aligned", "FLIR, aligned and cleaned", "test, train", "1013", long), ("a", "b", "c", "d", "yes")]
    show_listing(head, rows)
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, text.splitlines())) == width
    shown = Counter("".join(text.replace("─", "").split()))
    assert shown == Counter("".join("".join(row) for row in (head, *rows)).replace(" ", ""))


def examples(command: click.Command) -> list[list[str]]:
    """The words of every `bench` that the end of a command's help shows, without what they are piped into."""
    found = []
    for line in (command.epilog or "").splitlines():
        if line.startswith("  bench "):
            words = shlex.split(re.split(r" {3,}", line.strip())[0])
            ends = [i for i, word in enumerate(words) if word in ("&&", "|")]
            found.append(words[1 : ends[0] if ends else None])
    return found


@pytest.mark.parametrize(
    ("path", "command"), [((), main), *all_commands()], ids=lambda x: "-".join(x) if type(x) is tuple else ""
)
def test_every_help_shows_examples_that_work(path, command):
    shown = examples(command)
    assert len(shown) > 1 and "Examples:" in command.epilog
    assert any(tuple(words[: len(path)]) == path for words in shown)
    for words in shown:
        place, rest = main, words
        while isinstance(place, click.Group) and rest:
            place, rest = place.get_command(click.Context(place), rest[0]), rest[1:]
        context = click.Context(place)
        values, extra, _ = place.make_parser(context).parse_args(list(rest))
        assert not extra, words
        for parameter in place.params:
            if isinstance(value := values.get(parameter.name), str) and not isinstance(parameter.type, click.Path):
                parameter.type_cast_value(context, [value] if parameter.multiple else value)
            assert not parameter.required or parameter.name in values, words


def complete(words: str, monkeypatch, bench, shell="bash") -> list[str]:
    """What a shell is offered for the last of the words."""
    monkeypatch.setenv("_BENCH_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", words.split(" ")[-1] if shell == "fish" else str(words.count(" ")))
    lines = bench().stdout.strip().splitlines()
    return lines[1::3] if shell == "zsh" else [line.partition(",")[2] for line in lines]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bench run --methods sea", ["seafusion"]),
        ("bench run --methods average,if", ["average,ifcnn-max", "average,ifcnn-mean", "average,ifcnn-sum"]),
        ("bench run --methods average,av", []),
        ("bench run --dataset tno --split cdd", ["cddfuse25"]),
        ("bench run --dataset nope --split ", []),
        ("bench run --protocol cdd", ["cddfuse"]),
        ("bench eval --dataset roads", ["roadscene"]),
        ("bench report --metrics EN,Qab", ["EN,Qabf"]),
        ("bench report --sections ranks,wo", ["ranks,worst"]),
        ("bench report --format mark", ["markdown"]),
        ("bench report --figure radar,critical-difference-Qab", ["radar,critical-difference-Qabf"]),
        ("bench train --method mam", ["mambadfuse"]),
        ("bench train --dataset ms", ["msrs"]),
        ("bench data verify ms", ["msrs"]),
        ("bench weights pull dens", ["densefuse"]),
        ("bench check dens", ["densefuse"]),
        ("bench ls me", ["methods", "metrics"]),
        ("bench rnu --d", []),
    ],
)
def test_names_are_completed(monkeypatch, bench, words, expected):
    assert complete(words, monkeypatch, bench) == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_completed(monkeypatch, bench, shell):
    assert complete("bench run --dataset tn", monkeypatch, bench, shell) == ["tno"]


def test_completion_knows_all_methods_and_imports_no_network():
    import baselines

    assert set(baselines.spelled_names()) == set(baselines.names())
    code = (
        "import sys, baselines; baselines.spelled_names(); print(sorted({'torch', 'cv2', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_piped_listing_is_separated_by_tabs(monkeypatch, capsys, bench):
    show_listing(("a", "b"), [("x\ty", "l" * 300), ("1\n2", "")])
    assert capsys.readouterr().out == f"a\tb\nxU+0009y\t{'l' * 300}\n1U+000A2\t\n"
    for what in ("datasets", "metrics", "protocols", "splits"):
        head, *rows = [line.split("\t") for line in bench("ls", what).stdout.splitlines()]
        assert rows and all(len(row) == len(head) and row[0] == row[0].strip() for row in rows)
    found = [json.loads(line) for line in bench("ls", "protocols", "--json").stdout.splitlines()]
    assert {one["columns"]["protocol"] for one in found if one["event"] == "row"} == set(metrics.protocols())


def test_what_torch_will_not_load_is_told_without_its_advice(bench_folder, bench, pairs):
    import fractions

    import torch

    torch.save({"a": fractions.Fraction(1, 2)}, "code.pt")
    Path("torn.pt").write_bytes(Path("code.pt").read_bytes()[:200])
    Path("mine.py").write_text(
        "import torch\n\ndef mine(ir, vis):\n    return torch.load('code.pt', weights_only=True)\n"
    )
    for file in ("code.pt", "torn.pt"):
        use = ("--methods", "cddfuse", "--checkpoint", f"cddfuse={file}", "--trust-checkpoint")
        results = [bench_folder("run", *use), bench("weights", "convert", file, "x.safetensors", "--method", "cddfuse")]
        results.append(
            bench("train", "--method", "cddfuse", "--dataset", "synth", "--checkpoint", file, "--out", "run")
        )
        for result in results:
            assert result.exit_code != 0 and f"{file}: not a readable checkpoint (" in result.output
    told = bench_folder("run", "--methods", "mine.py:mine").stderr
    assert "UnpicklingError: it holds more than tensors, or is damaged; what could run code" in told
    warning = "You are using `torch.load` with `weights_only=False` (the current default value)"  # of torch before 2.6
    code = f"import benchmark.cli, warnings; warnings.warn({warning!r}, FutureWarning)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
