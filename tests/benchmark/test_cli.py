"""The command line itself: discovery of commands, quick help, mistakes told in one line, exit codes."""

import errno
import json
import os
import pkgutil
import resource
import subprocess
import sys

import pytest
from harness import FOLDER, ROOT, start

import benchmark.commands
import metrics
from benchmark import runner
from metrics import kernel


def one_error(result, *words):
    """The result is a user's mistake, told in one line that holds all the words."""
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert result.stderr.splitlines()[-1] == line
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
        (["run", "--limt", "3"], ["--limt", "--limit"]),
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
        (["eval", *FOLDER, "--fused", "nowhere", "--name", "x"], ["nowhere", "no such folder"]),
        (["eval", *FOLDER, "--fused", "ir", "--name", "Average"], ["a method of this suite"]),
        (["eval", *FOLDER, "--fused", "ir", "--name", "../x"], ["folder's name"]),
        (["eval", *FOLDER, "--fused", "ir", "--name", ".."], ["folder's name"]),
        (["run", "--config", "nowhere.yaml"], ["nowhere.yaml"]),
    ],
)
def test_mistakes_are_told_in_one_line(bench, pairs, arguments, words):
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
        ("limit: many", ["--limit", "many"]),
        ("device: tpu", ["--device", "tpu"]),
    ],
)
def test_mistakes_in_a_config_file(bench, pairs, content, words):
    (pairs / "run.yaml").write_text(content)
    one_error(bench("run", "--config", "run.yaml"), *words)


def test_config_file_and_command_line(bench, pairs, gain):
    (pairs / "run.yaml").write_text(
        "dataset: folder\nir: ir\nvis: vis\nmethods: [average, gain]\nlimit: 3\njobs: 0\n"
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


def test_environment_variables(bench, pairs, gain, monkeypatch):
    monkeypatch.setenv("BENCH_RESULTS", "elsewhere")
    monkeypatch.setenv("BENCH_WEIGHTS", str(gain))
    result = bench("run", *FOLDER, "--methods", "gain", "--jobs", "0", "--metrics", "EN")
    assert result.exit_code == 0, result.output
    assert bench("report", "--format", "csv").output == "elsewhere/report/report.csv\n"


def test_interruption_is_one_line(bench, pairs, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_jobs", interrupt)
    result = bench("run", *FOLDER, "--methods", "average")
    assert result.exit_code == 130
    assert result.stderr == ("Interrupted; what is finished is kept. Run the same command again to continue.\n")


def test_interrupted_while_fusing(pairs):
    """Ctrl-C in the second image: the first one is kept, the workers go, the exit code is 130."""
    process = start(
        pairs, "run", *FOLDER, "--methods", "average", "--metrics", "EN",
        before="""
            import os, signal
            from benchmark import runner
            real = runner._seed
            def seed(number, id):
                if id == "b":
                    os.kill(os.getpid(), signal.SIGINT)
                real(number, id)
            runner._seed = seed
        """,
    )  # fmt: skip
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("Interrupted;")
    assert "Traceback" not in err
    (record,) = pairs.glob("results/*/average/run.json")
    assert json.loads(record.read_text())["runs"][0]["end"] is not None


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
