"""Lines, keys and states of the store."""

import csv
import hashlib
import io
import json
import math

import pytest
from harness import cell, snapshot

import benchmark
from benchmark.errors import UserError
from benchmark.store import cells, files, summary


def test_a_torn_last_line_is_ignored_and_closed(tmp_path):
    path = tmp_path / "scores.jsonl"
    files.append(path, {"id": "a"})
    with open(path, "a") as file:
        file.write('{"id": "b", "sco')
    assert files.read_lines(path) == [{"id": "a"}]
    files.append(path, {"id": "c"})
    assert files.read_lines(path) == [{"id": "a"}, {"id": "c"}]
    assert path.read_text().endswith('\n{"id": "c"}\n')


def test_a_line_torn_inside_a_letter_is_ignored(tmp_path):
    path = tmp_path / "scores.jsonl"
    path.write_bytes(files.dump({"id": "a"}).encode() + '{"id": "ä'.encode()[:-1])
    assert files.read_lines(path) == [{"id": "a"}]


def test_of_several_lines_of_an_image_the_last_one_counts(tmp_path):
    place = cells.Cell(tmp_path, "tno", "test", "m")
    place.folder.mkdir(parents=True)
    for protocol, value in (("standard", 1.0), ("cddfuse", 2.0), ("standard", 3.0)):
        line = cells.score_line("a", protocol, "k-k", "f", {"EN": value}, {})
        files.append(place.scores_file, line)
    found = cells.read_scores(place)
    assert {key: line["scores"] for key, line in found.items()} == {
        ("a", "standard"): {"EN": 3.0},
        ("a", "cddfuse"): {"EN": 2.0},
    }


def test_protocols_of_a_cell_are_rows_of_their_own(tmp_path):
    """Of three images one is scored under the second protocol: neither row takes the other's scores."""
    record = {"n": 3, "protocols": ["standard", "cddfuse"], "metrics": {"EN": 1}}
    place = cells.Cell(tmp_path, "tno", "test", "m")
    place.write_run(record)
    for id, protocol, value in (("a", "standard", 1.0), ("b", "standard", 2.0), ("c", "standard", 6.0)):
        files.append(place.scores_file, cells.score_line(id, protocol, "k-k", "f", {"EN": value}, {}))
    files.append(place.scores_file, cells.score_line("a", "cddfuse", "k-k", "f", {"EN": 9.0}, {}))
    second, first = summary.summarise(place)
    assert (first.protocol, first.state, first.total) == ("standard", "done", 3)
    assert first.values["EN"] == summary.Value(3.0, pytest.approx(math.sqrt(7)), 3)
    assert first.incomplete == {}
    assert (second.protocol, second.state, second.values, second.incomplete) == (
        "cddfuse",
        "partial 1/3",
        {},
        {"EN": 1},
    )


def test_rows_are_in_the_order_of_their_protocols(tmp_path):
    names = ["vifb", "standard", "hli", "cddfuse", "tang2023", "liu2012", "tang-py", "ivifzoo"]
    place = cells.Cell(tmp_path, "tno", "test", "m")
    place.write_run({"n": 1, "protocols": names, "metrics": {}})
    assert [row.protocol for row in summary.summarise(place)] == sorted(names)


def test_a_metric_that_an_image_lacks_has_no_mean_and_a_row_that_is_not_done_no_place(tmp_path):
    record = {"n": 2, "protocols": ["standard"], "metrics": {"EN": 1, "SD": 1}}
    for method, scores in (("whole", [{"EN": 1.0, "SD": 2.0}, {"EN": 3.0}]), ("part", [{"EN": 1.0, "SD": 2.0}])):
        place = cells.Cell(tmp_path, "tno", "test", method)
        place.write_run(record)
        for id, values in zip("ab", scores):
            files.append(place.scores_file, cells.score_line(id, "standard", "k-k", "f", values, {}))
    (table,) = summary.tables(summary.rows(cells.cells(tmp_path)))
    (whole,), (part,) = table.rows, table.others
    assert (whole.cell.method, whole.state, list(whole.values), whole.incomplete) == (
        "whole",
        "done",
        ["EN"],
        {"SD": 1},
    )
    assert (part.cell.method, part.state, part.values) == ("part", "partial 1/2", {})
    assert table.metrics == {"EN": 1, "SD": 1} and table.total == 2


def test_of_a_damaged_record_and_its_one_image_nothing_is_believed(tmp_path):
    place = cells.Cell(tmp_path, "tno", "test", "m")
    place.write_run({})
    files.append(place.scores_file, cells.score_line("a", "standard", "k-k", "f", {"EN": 1.0}, {}))
    (row,) = summary.summarise(place)
    assert (row.state, row.total, row.values) == ("failed (run.json is damaged: it lacks 'n')", 0, {})


def test_a_metric_whose_direction_nobody_recorded_is_not_ranked(tmp_path):
    place = cells.Cell(tmp_path, "tno", "test", "m")
    place.write_run({"n": 1, "protocols": ["standard"], "metrics": {"EN": 1}})
    files.append(place.scores_file, cells.score_line("a", "standard", "k-k", "f", {"EN": 1.0, "OLD": 2.0}, {}))
    (table,) = summary.tables(summary.rows([place]))
    assert table.metrics == {"EN": 1, "OLD": 0}


def test_a_cell_is_told_by_its_folders(tmp_path):
    """Only the first @ stands between data set and split: a division may be named with another one."""
    for folder in ("tno@all/max", "msrs@mine@home/max", "msrs@mine@home/average"):
        cells.Cell(tmp_path, *folder.partition("/")[0].split("@", 1), folder.partition("/")[2]).write_run({})
    found = [(cell.dataset, cell.split, cell.method) for cell in cells.cells(tmp_path)]
    assert found == [("msrs", "mine@home", "average"), ("msrs", "mine@home", "max"), ("tno", "all", "max")]


def test_fused_images_lie_in_the_store_or_where_they_were_found(tmp_path):
    ours, theirs = (cells.Cell(tmp_path / "results", "tno", "test", name) for name in ("ours", "theirs"))
    for path in (ours.fused("b"), ours.fused("a"), tmp_path / "a_fused.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    ours.write_run({"n": 2, "protocols": [], "metrics": {}})
    elsewhere = {"a": {"file": str(tmp_path / "a_fused.png")}, "gone": {"file": str(tmp_path / "gone.png")}}
    theirs.write_run({"n": 2, "protocols": [], "metrics": {}, "fused": elsewhere})
    assert cells.fused_files(ours) == ({"a": ours.fused("a"), "b": ours.fused("b")}, True)
    assert list(cells.fused_files(ours)[0]) == ["a", "b"]
    assert cells.fused_files(theirs) == ({"a": tmp_path / "a_fused.png"}, False)
    assert [cells.fused_file(theirs, id) for id in ("a", "gone")] == [tmp_path / "a_fused.png", None]
    assert [cells.fused_file(ours, id) for id in ("a", "c")] == [ours.fused("a"), None]


def test_a_free_cell_is_held_and_another_is_not_waited_for(tmp_path):
    place = cells.Cell(tmp_path / "results", "tno", "test", "m")
    for _ in range(2):  # the second time, the folder is there
        with place.lock_if_free() as held:
            assert held
            with cells.Cell(tmp_path / "results", "tno", "test", "m").lock_if_free() as again:
                assert not again


def test_records_are_utf8_whatever_the_locale_says(tmp_path, monkeypatch):
    monkeypatch.setattr(io, "text_encoding", lambda encoding, *_: encoding or "ascii")
    place = cells.Cell(tmp_path, "tno", "test", "m")
    record = {"n": 1, "protocols": [], "metrics": {}, "command": "bench run --ir Größe"}
    place.write_run(record)
    assert place.run() == record


def test_no_line_holds_what_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        files.dump({"id": "a", "seconds": math.nan})


def test_lines_are_the_same_bytes_for_the_same_content():
    scores = {"SF": 0.1 + 0.2, "EN": math.nan, "PSNR": math.inf, "MSE": -math.inf}
    line = cells.score_line("ä b", "standard", "k", "f", scores, {"EN": "flat"})
    text = files.dump(line)
    rest = (
        '"fused": "f", "id": "ä b", "key": "k", "protocol": "standard", "reasons": {"EN": "flat"}, '
        '"scores": {"EN": null, "MSE": "-inf", "PSNR": "inf", "SF": 0.30000000000000004}}\n'
    )
    check = hashlib.blake2b(f"{{{rest}".encode(), digest_size=8).hexdigest()
    assert text == f'{{"check": "{check}", {rest}'
    back = cells.scores_of(json.loads(text))
    assert math.isnan(back.pop("EN"))
    assert back == {name: value for name, value in scores.items() if name != "EN"}
    assert "reasons" not in cells.score_line("a", "standard", "k", "f", {"EN": 1.0}, {})


def test_keys_tell_apart_what_makes_a_result():
    base = ("digest", "cddfuse", "1", "checkpoint", 0)
    keys = {cells.fuse_key(*base)}
    for position, other in enumerate(("other", "other", "2", None, 1)):
        keys.add(cells.fuse_key(*base[:position], other, *base[position + 1 :]))
    assert len(keys) == len(base) + 1
    assert cells.fuse_key(*base) == cells.fuse_key(*base)
    assert len({cells.score_key("a", "1"), cells.score_key("a", "2"), cells.score_key("b", "1")}) == 3


def test_a_mean_is_of_what_is_finite():
    found = summary._value([1.0, math.inf, 4.0, math.nan])
    assert (found.mean, found.sd, found.n, found.infinite) == (2.5, pytest.approx(1.5 * math.sqrt(2)), 2, 1)
    assert summary._value([math.inf, math.inf]) == summary.Value(math.inf, pytest.approx(math.nan, nan_ok=True), 0, 2)
    assert summary._value([]).n == 0 and math.isnan(summary._value([math.nan]).mean)


def test_replace_leaves_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "run.json"
    files.replace(path, "old")
    with pytest.raises(TypeError):
        files.replace(path, ["new"])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_lines_that_nothing_wrote_are_ignored(tmp_path):
    path = tmp_path / "scores.jsonl"
    path.write_text('{"id": "\\ud800"}\n' + "[" * 100_000 + '\n[]\nnull\n5\n{"id": "a"}\n')
    assert files.read_lines(path) == [{"id": "a"}]


def test_names_that_are_no_utf8_come_back_as_they_were(tmp_path):
    path, lines = tmp_path / "scores.jsonl", [{"id": "caf\udce9"}, {"id": "方法"}]
    for line in lines:
        files.append(path, line)
    assert files.read_lines(path) == lines
    before = path.stat().st_mtime_ns
    files.write_lines(path, lines)
    assert (path.stat().st_mtime_ns, files.read_lines(path)) == (before, lines)
    cell = cells.Cell(tmp_path, "tno", "test", "m")
    cell.write_run({"command": "bench run --ir caf\udce9"})
    assert json.loads(cell.run_file.read_text(encoding="utf-8")) == {"command": "bench run --ir caf\udce9"}


RECORDS = {
    "[]": "not a mapping",
    "null": "not a mapping",
    "{": "not JSON",
    "": "not JSON",
    "[" * 100_000: "not JSON",
    "{}": "it lacks 'n'",
    '{"n": 4, "protocols": ["standard"]}': "it lacks 'metrics'",
}
FIELDS = {
    "n": ["4", 0, True, None],
    "protocols": ["standard", [1], None],
    "metrics": [["EN"], {"EN": "up"}, {"EN": [1]}],
    "failed": [["a"], {"a": 1}],
    "runs": [{}, [1], [{}], [{"start": 1}]],
    "error": [1],
    "unavailable": [None],
    "split_sha256": [5],
    "metrics_version": [5],
}


@pytest.mark.parametrize("content", [*RECORDS, *((name, value) for name in FIELDS for value in FIELDS[name])])
def test_a_damaged_record_fails_its_cell_only_and_is_replaced(bench, bench_folder, pairs, content):
    arguments = ("run", "--methods", "average,max", "--metrics", "EN")
    bench_folder(*arguments)
    path = cell(pairs, "average") / "run.json"
    if isinstance(content, str):
        text, flaw = content, RECORDS[content]
    else:
        name, value = content
        text, flaw = json.dumps(json.loads(path.read_text()) | {name: value}), f"'{name}' is of the wrong type"
    path.write_text(text)
    result = bench("report", "--format", "csv", "--out", "-")
    assert result.exit_code == 0, result.output
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert rows["average"]["state"] == f"failed (run.json is damaged: {flaw})"
    assert rows["average"]["mean"] == ""
    assert rows["max"]["state"] == "done"
    assert "average: failed (run.json is damaged: " in bench("report", "--format", "markdown", "--out", "-").stdout
    pictures = snapshot(path.parent / "fused")
    assert bench_folder(*arguments).exit_code == 0
    assert snapshot(path.parent / "fused") == pictures
    states = bench("report", "--format", "csv", "--out", "-").stdout
    assert states.count(",done,") == 2


def test_a_damaged_record_without_scores_is_shown(bench, bench_folder, pairs):
    bench_folder("run", "--methods", "average", "--metrics", "EN")
    folder = cell(pairs, "average")
    (folder / "run.json").write_text("[]")
    (folder / "scores.jsonl").unlink()
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert "average: failed (run.json is damaged: not a mapping)" in text


VALUES = [True, "0.5", "nan", [1], {}, math.nan, math.inf, 10**400]
LINES = [
    *({"scores": {"EN": value}} for value in VALUES),
    *({"scores": value} for value in (None, [], 5, "EN")),
    *({name: value} for name in ("id", "protocol", "key", "fused") for value in (None, 5, [], {"a": 1})),
    {"reasons": ["flat"]},
    {"reasons": {"EN": 5}},
    {"id": "\ud800"},
]


@pytest.mark.parametrize("damage", LINES, ids=repr)
def test_a_damaged_line_counts_as_missing_and_is_made_anew(bench, bench_folder, pairs, damage):
    arguments = ("run", "--methods", "average", "--metrics", "EN")
    bench_folder(*arguments)
    folder = cell(pairs, "average")
    whole, pictures = (folder / "scores.jsonl").read_bytes(), snapshot(folder / "fused")
    first, *rest = [json.loads(line) for line in whole.decode().splitlines()]
    lines = [json.dumps(line) for line in ({**first, **damage}, *rest)]
    (folder / "scores.jsonl").write_text("\n".join(lines) + "\n")
    assert "partial 3/4" in bench("report", "--format", "csv", "--out", "-").stdout
    assert bench_folder(*arguments).exit_code == 0
    assert (folder / "scores.jsonl").read_bytes() == whole
    assert snapshot(folder / "fused") == pictures


def test_damaged_timings_are_ignored(bench_folder, pairs):
    arguments = ("run", "--methods", "average", "--metrics", "EN")
    bench_folder(*arguments)
    folder = cell(pairs, "average")
    pictures = snapshot(folder / "fused")
    with open(folder / "timings.jsonl", "a") as file:
        file.write('{"id": [], "key": {}, "fused": 5}\n{"id": "a", "key": 5, "fused": "x"}\n[]\nnull\n{"id": "\n')
    assert bench_folder(*arguments, "--protocol", "standard,cddfuse").exit_code == 0
    assert snapshot(folder / "fused") == pictures


def test_load_results(bench_folder, pairs):
    assert bench_folder("run", "--methods", "average,max", "--metrics", "EN,SD").exit_code == 0
    frame = benchmark.load_results(pairs / "results")
    assert list(frame.columns) == [
        "dataset", "split", "method", "protocol", "state", "id", "metric", "value", "output",
    ]  # fmt: skip
    assert len(frame) == 2 * 4 * 2
    assert set(frame["state"]) == {"done"} and set(frame["output"]) == {"raw"}
    (line, *_) = files.read_lines(cell(pairs, "max") / "scores.jsonl")
    row = frame[(frame["method"] == "max") & (frame["id"] == line["id"]) & (frame["metric"] == "SD")]
    assert row["value"].item() == line["scores"]["SD"]


def test_load_results_of_nothing(tmp_path):
    with pytest.raises(UserError, match="no results in"):
        benchmark.load_results(tmp_path)


def test_a_finished_run_changes_no_file(bench_folder, pairs):
    arguments = ("run", "--methods", "average", "--metrics", "EN,SD", "--colour")
    first = bench_folder(*arguments)
    before = snapshot(pairs / "results")
    second = bench_folder(*arguments)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.stdout == first.stdout
    assert snapshot(pairs / "results") == before
