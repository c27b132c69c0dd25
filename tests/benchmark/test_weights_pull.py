"""`bench weights verify|pull` against a server of its own, and what is refused by its hash."""

import hashlib
from urllib.parse import quote

import pytest
from file_server import serving
from harness import cell

import baselines
from baselines import weights
from baselines.weights import Source
from benchmark.run import plan
from benchmark.store import files

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONTENT = {"gain/gain.txt": b"0.25", "two/first one.pth": b"first" * 9_000, "two/second.pth": b"second" * 9_000}


def git_id(content):
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()


SOURCES = tuple(
    Source(*name.split("/"), kind, digest(CONTENT[name]), "them/theirs", COMMIT, f"models/{name}")
    for name, kind, digest in (
        ("gain/gain.txt", "sha256", lambda x: hashlib.sha256(x).hexdigest()),
        ("two/first one.pth", "git", git_id),
        ("two/second.pth", "sha256", lambda x: hashlib.sha256(x).hexdigest()),
    )
)


def address(source):
    return f"them/theirs/{COMMIT}/{quote(source.path)}"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(weights, "table", lambda: SOURCES)
    served = {address(source): CONTENT[f"{source.folder}/{source.file}"] for source in SOURCES}
    with serving(served) as server:
        monkeypatch.setattr(weights, "HOST", server.url.rstrip("/"))
        yield server


@pytest.fixture
def get(bench, server, tmp_path):
    return lambda *arguments: bench("weights", "pull", *arguments, "--weights-root", tmp_path / "got")


def got(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pull(get, server, tmp_path, bench):
    result = get("all", "--dry-run")
    assert result.exit_code == 0 and "3 of 3 files to get" in result.stdout
    assert f"{server.url}{address(SOURCES[1])}" in result.stdout
    assert not (tmp_path / "got").exists()
    assert "1 files downloaded and checked, 0 failed" in get("gain").stdout
    assert got(tmp_path / "got") == {"gain/gain.txt": b"0.25"}
    assert "2 of 3 files to get" in get("all").stdout
    assert got(tmp_path / "got") == CONTENT
    assert set(server.log.values()) == {1}
    result = bench("weights", "verify", "--weights-root", tmp_path / "got")
    assert result.exit_code == 0 and "3 of 3 files right, 0 missing, 0 wrong" in result.stdout


def test_faults(get, server, tmp_path):
    """A cut file is continued; wrong content is not kept; what is gone is told."""
    first, second = map(address, SOURCES[1:])
    server.faults = {first: "wrong", second: "cut", address(SOURCES[0]): "gone"}
    result = get("all")
    assert result.exit_code == 1
    assert "1 files downloaded and checked, 2 failed" in result.stdout
    assert f"not the content that its id in git ({SOURCES[1].digest[:12]}…) says; nothing kept" in result.stderr
    assert "the server answered 404" in result.stderr
    assert got(tmp_path / "got") == {"two/second.pth": CONTENT["two/second.pth"]}
    assert server.ranges[second][0] > 0
    server.faults = {}
    assert get("all").exit_code == 0
    assert got(tmp_path / "got") == CONTENT


def test_a_file_of_ones_own_is_left_alone(get, bench, tmp_path):
    own = tmp_path / "got" / "two" / "second.pth"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    result = get("two")
    assert result.exit_code == 1
    assert f"{own}: not the published file (sha256 " in result.stderr
    assert own.read_bytes() == b"mine"
    result = bench("weights", "verify", "two,gain", "--weights-root", tmp_path / "got")
    assert result.exit_code == 1
    assert "1 of 3 files right, 1 missing, 1 wrong" in result.stdout


def test_the_cache(bench, server, tmp_path, monkeypatch, gain, pairs, bench_folder):
    """Pulled without a weights root, files are found without one."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    assert bench("weights", "pull", "gain").exit_code == 0
    assert got(tmp_path / "cache") == {"weights/gain/gain.txt": b"0.25"}
    assert bench_folder("run", "--methods", "gain", "--metrics", "EN").exit_code == 0
    assert cell(pairs, "gain").is_dir()
    # A weights root goes before it.
    (found,) = plan.select_methods(["gain"], weights_root=gain, trust=True)
    assert found.checkpoint == gain / "gain" / "gain.txt"


def test_names(bench, server, gain):
    for names, words in (
        ("gian", "unknown method 'gian'; did you mean gain?"),
        ("average", "average: has no weights"),
        ("cddfuse", "cddfuse: no checkpoint of it is published"),
    ):
        result = bench("weights", "pull", names, "--dry-run")
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert words in line


def test_a_file_by_name_with_another_hash_is_refused(server, bench, bench_folder, pairs, gain):
    """`gain` has 0.5 in its file, 0.25 is published."""
    arguments = ("run", "--methods", "gain", "--weights-root", gain, "--metrics", "EN")
    result = bench_folder(*arguments)
    assert result.exit_code == 1
    assert "gain.txt is not the file that is published under that name; --trust-checkpoint to use it" in result.stdout
    (line,) = [x for x in bench("ls", "methods", "--weights-root", gain).stdout.splitlines() if x.startswith("gain\t")]
    assert "is not the file that is published" in line
    assert bench_folder(*arguments, "--trust-checkpoint").exit_code == 0
    with pytest.raises(baselines.Unavailable, match="is not the file that is published"):
        baselines.load("gain", weights_root=gain)
    (gain / "gain" / "gain.txt").write_bytes(b"0.25")
    assert bench_folder(*arguments).exit_code == 0


def test_a_file_that_is_named_must_be_known(server, bench_folder, pairs, gain):
    mine = pairs / "mine.txt"
    mine.write_text("0.75")
    arguments = ("run", "--methods", "gain", "--checkpoint", f"gain={mine}", "--metrics", "EN")
    result = bench_folder(*arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "neither a published file nor one with the record of bench train beside it; --trust-checkpoint" in line
    label = f"gain+{files.file_sha256(mine)[:8]}"
    assert bench_folder(*arguments, "--trust-checkpoint").exit_code == 0
    assert cell(pairs, label).is_dir()
    (pairs / "mine.json").write_text('{"trained_on": "tno"}')
    assert bench_folder(*arguments).exit_code == 0
    (pairs / "mine.json").unlink()
    mine.write_text("0.25")  # what is published, under another name
    assert bench_folder(*arguments).exit_code == 0


def test_the_table_is_that_of_the_files(shared):
    """Every published file that is at hand has the hash that the table states, and cards state the same."""
    found = [s for s in weights.table() if (shared / "weights" / s.folder / s.file).is_file()]
    assert len(found) >= 30
    for source in found:
        assert source.matches(shared / "weights" / source.folder / source.file), source
    for name in baselines.names():
        card = baselines.card(name)
        stated = {**card.checkpoints, **{f: sha for files in card.companions.values() for f, sha in files.items()}}
        for file, sha in stated.items():
            source = weights.source(card.weights_folder or name, file)
            assert source is None or source.hash != "sha256" or source.digest == sha


def test_the_table_is_complete():
    assert len({(s.folder, s.file) for s in weights.table()}) == len(weights.table())
    for source in weights.table():
        assert len(source.commit) == 40 and len(source.digest) == {"sha256": 64, "git": 40}[source.hash]
        assert source.url.startswith("https://raw.githubusercontent.com/") and "++" not in source.url
