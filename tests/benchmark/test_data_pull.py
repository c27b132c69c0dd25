"""`bench data pull` against a server of its own, and archives that mean harm."""

import hashlib
import io
import stat
import tarfile
import zipfile

import pytest
from file_server import serving

from benchmark import datasets
from benchmark.curation import archives, pull
from benchmark.datasets.abstract import Manifest
from benchmark.datasets.vifb import Vifb
from benchmark.errors import UserError

CONTENT = {f"{side}/{name}.jpg": f"{side} {name} ".encode() * 20_000 for side in ("IR", "VI") for name in "abc"}


@pytest.fixture
def server():
    with serving(CONTENT) as server:
        yield server


@pytest.fixture
def vifb(server, monkeypatch):
    manifest = Manifest(server.url, {path: hashlib.sha256(body).hexdigest() for path, body in CONTENT.items()})
    monkeypatch.setattr(Vifb, "manifest", lambda self: manifest)


@pytest.fixture
def get(bench, vifb, tmp_path):
    return lambda *arguments: bench("data", "pull", "vifb", "--data-root", tmp_path / "data", *arguments)


def complete(folder):
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return files == CONTENT


def test_downloads_what_is_missing_and_nothing_else(get, server, tmp_path):
    folder = tmp_path / "data/VIFB"
    result = get("--dry-run")
    assert result.exit_code == 0 and "6 of 6 files to get" in result.output and not folder.exists()
    result = get()
    assert result.exit_code == 0 and "6 files downloaded and checked, 0 failed" in result.output
    assert "licence: none stated" in result.output
    assert complete(folder)
    assert "0 of 6 files to get" in get().output
    (folder / "IR/a.jpg").unlink()
    assert "1 of 6 files to get" in get().output
    assert complete(folder) and server.log["IR/a.jpg"] == 2 and server.log["IR/b.jpg"] == 1


def test_an_interrupted_file_is_continued(get, server, tmp_path):
    server.faults["IR/a.jpg"] = "cut"
    assert get().exit_code == 0
    assert complete(tmp_path / "data/VIFB")
    (start,) = server.ranges["IR/a.jpg"]
    assert 0 < start <= len(CONTENT["IR/a.jpg"]) // 2


def test_a_later_command_continues_where_an_earlier_one_stopped(get, server, tmp_path):
    part = tmp_path / "data/VIFB/VI/.b.jpg.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT["VI/b.jpg"][:1000])
    assert get().exit_code == 0
    assert complete(tmp_path / "data/VIFB")
    assert server.ranges["VI/b.jpg"] == [1000]


@pytest.mark.parametrize("left_behind", [b"y" * 1000, b"y" * 10**6])
def test_a_wrong_beginning_is_found_out(server, tmp_path, left_behind):
    """What an earlier download left is no part of the file: it is refused once, and not kept."""
    body = CONTENT["VI/b.jpg"]
    target = tmp_path / "b.jpg"
    (tmp_path / ".b.jpg.part").write_bytes(left_behind)
    try:
        pull.fetch(server.url + "VI/b.jpg", hashlib.sha256(body).hexdigest(), target)
    except UserError:
        assert not target.exists()
        pull.fetch(server.url + "VI/b.jpg", hashlib.sha256(body).hexdigest(), target)
    assert target.read_bytes() == body
    assert [path.name for path in tmp_path.iterdir()] == ["b.jpg"]


def test_a_server_that_cannot_continue(get, server, tmp_path):
    server.resumes = False
    server.faults["IR/a.jpg"] = "cut"
    assert get().exit_code == 0
    assert complete(tmp_path / "data/VIFB")


def test_corrupted_content_is_refused_and_the_rest_is_kept(get, server, tmp_path):
    server.faults["IR/b.jpg"] = "wrong"
    result = get()
    assert result.exit_code == 1
    assert "IR/b.jpg: not the content that its SHA-256" in result.output
    assert "5 files downloaded and checked, 1 failed" in result.output
    folder = tmp_path / "data/VIFB"
    assert sorted(path.name for path in (folder / "IR").iterdir()) == ["a.jpg", "c.jpg"]
    server.faults.clear()
    assert get().exit_code == 0 and complete(folder)


def test_redirections_and_a_busy_server(get, server, tmp_path):
    server.faults.update({"IR/a.jpg": "moved", "VI/a.jpg": "busy"})
    assert get().exit_code == 0
    assert complete(tmp_path / "data/VIFB")


def test_what_the_server_does_not_have(get, server):
    server.faults["VI/c.jpg"] = "gone"
    result = get()
    assert result.exit_code == 1 and "VI/c.jpg: the server answered 404" in result.output


def test_no_server(get, server):
    server.shutdown()
    server.server_close()
    result = get()
    assert result.exit_code == 1 and "6 failed" in result.output and "run the same command again" in result.output


def test_files_of_ones_own_are_left_alone(get, tmp_path):
    mine = tmp_path / "data/VIFB/IR/a.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    result = get()
    assert result.exit_code == 1 and "not the publisher's file; left as it is" in result.output
    assert mine.read_bytes() == b"mine"


def test_sets_behind_a_form_tell_the_steps(bench, tmp_path):
    for name in datasets.names():
        source = datasets.get(name)
        if source.manifest() is None and hasattr(source, "folders"):
            result = bench("data", "pull", name, "--data-root", tmp_path)
            assert result.exit_code == 0
            assert "  1. " in result.output and source.card.layout in result.output and "Licence:" in result.output
    assert bench("data", "pull", "synth", "--data-root", tmp_path).exit_code == 2
    result = bench("data", "pull", "msrs")
    assert result.exit_code == 2 and "--data-root" in result.output
    assert not any(tmp_path.iterdir())


def test_every_manifest_names_a_fixed_revision():
    for name in datasets.names():
        manifest = datasets.get(name).manifest()
        if manifest is not None:
            revision = manifest.source.split("/")[5]
            assert manifest.source.startswith("https://") and manifest.source.endswith("/")
            assert len(revision) == 40 and set(revision) <= set("0123456789abcdef")
            assert all(len(digest) == 64 for digest in manifest.files.values())
            assert not any(path.startswith("/") or ".." in path for path in manifest.files)


def zipped(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_an_archive_from_a_cloud_drive(bench, tmp_path):
    archive = zipped(tmp_path / "FMB.zip", {"FMB/test/Infrared/1.png": b"i", "FMB/test/Visible/1.png": b"v"})
    root = tmp_path / "data"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    result = bench("data", "pull", "fmb", "--archive", archive, "--sha256", "0" * 64, "--data-root", root)
    assert result.exit_code == 2 and digest in result.output and not root.exists()
    result = bench("data", "pull", "fmb", "--archive", archive, "--sha256", digest, "--data-root", root)
    assert result.exit_code == 0
    assert (root / "FMB/FMB/test/Visible/1.png").read_bytes() == b"v"
    assert [pair.id for pair in datasets.get("fmb").pairs("test", root)] == ["1"]
    result = bench("data", "pull", "fmb", "--archive", archive, "--data-root", root)
    assert result.exit_code == 2 and "exists already" in result.output


def refused(archive, target, message, **limits):
    target.mkdir()
    (target / "kept").write_text("kept")
    with pytest.raises(archives.ArchiveError, match=message) as caught:
        archives.unpack(archive, target, **limits)
    assert "\n" not in caught.value.message
    assert [path.name for path in target.iterdir()] == ["kept"]


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "C:\\evil", "..\\evil", "a/\\..\\..\\evil", "a/.. /b"]
)
def test_paths_that_lead_out_are_refused(tmp_path, name):
    refused(zipped(tmp_path / "a.zip", {"fine": b"1", name: b"2"}), tmp_path / "zip", "would leave the folder")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"2"))
    refused(tmp_path / "a.tar", tmp_path / "tar", "would leave the folder")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    refused(tmp_path / "a.tgz", tmp_path / "out", "link or a device")


def test_links_in_zip_files_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    refused(tmp_path / "a.zip", tmp_path / "out", "link or a device")


def test_bombs_are_refused(tmp_path):
    bomb = zipped(tmp_path / "bomb.zip", {"zeros": bytes(80 << 20)})
    assert bomb.stat().st_size < 200_000
    refused(bomb, tmp_path / "ratio", "not believed")
    refused(zipped(tmp_path / "b.zip", {"x": b"1" * 100}), tmp_path / "bytes", "more than 50 bytes", max_bytes=50)
    many = zipped(tmp_path / "many.zip", {str(i): b"" for i in range(20)})
    refused(many, tmp_path / "files", "more than 10 files", max_files=10)


def test_broken_archives(tmp_path):
    good = zipped(tmp_path / "good.zip", {"a/1": bytes(range(256)) * 40, "a/2": b"2"}, zipfile.ZIP_STORED)
    damaged = bytearray(good.read_bytes())
    damaged[2000] ^= 255
    (tmp_path / "crc.zip").write_bytes(damaged)
    refused(tmp_path / "crc.zip", tmp_path / "crc", "broken archive")
    (tmp_path / "short.zip").write_bytes(good.read_bytes()[:3000])
    refused(tmp_path / "short.zip", tmp_path / "short", "neither a zip nor a tar")
    (tmp_path / "text.zip").write_text("<html>quota exceeded</html>")
    refused(tmp_path / "text.zip", tmp_path / "text", "neither a zip nor a tar")
    with tarfile.open(tmp_path / "good.tgz", "w:gz") as archive:
        archive.add(good, "good")
    (tmp_path / "cut.tgz").write_bytes((tmp_path / "good.tgz").read_bytes()[:-30])
    refused(tmp_path / "cut.tgz", tmp_path / "cut", "broken archive")
    refused(zipped(tmp_path / "twice.zip", {"a": b"1", "a/b": b"2"}), tmp_path / "twice", "two entries")


def test_good_archives(tmp_path):
    entries = {"top/a.png": b"a", "top/deep/b.png": b"b", "übrig 夜.txt": b"c"}
    added = archives.unpack(zipped(tmp_path / "a.zip", entries), tmp_path / "zip")
    assert [path.name for path in added] == ["top", "übrig 夜.txt"]
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    archives.unpack(tmp_path / "a.tar.gz", tmp_path / "tar")
    for folder in ("zip", "tar"):
        files = (path for path in (tmp_path / folder).rglob("*") if path.is_file())
        assert {p.relative_to(tmp_path / folder).as_posix(): p.read_bytes() for p in files} == entries
