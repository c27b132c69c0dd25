"""Lines, keys and states of the store."""

import json
import math

import pytest
from harness import cell, files

import benchmark
from benchmark import store
from benchmark.errors import UserError


def test_a_torn_last_line_is_ignored_and_closed(tmp_path):
    path = tmp_path / "scores.jsonl"
    store.append(path, {"id": "a"})
    with open(path, "a") as file:
        file.write('{"id": "b", "sco')
    assert store.read_lines(path) == [{"id": "a"}]
    store.append(path, {"id": "c"})
    assert store.read_lines(path) == [{"id": "a"}, {"id": "c"}]
    assert path.read_text().endswith('\n{"id": "c"}\n')


def test_a_line_torn_inside_a_letter_is_ignored(tmp_path):
    path = tmp_path / "scores.jsonl"
    path.write_bytes(store.dump({"id": "a"}).encode() + '{"id": "ä'.encode()[:-1])
    assert store.read_lines(path) == [{"id": "a"}]


def test_lines_are_the_same_bytes_for_the_same_content():
    scores = {"SF": 0.1 + 0.2, "EN": math.nan, "PSNR": math.inf, "MSE": -math.inf}
    line = store.score_line("ä b", "standard", "k", "f", scores, {"EN": "flat"})
    text = store.dump(line)
    assert text == (
        '{"fused": "f", "id": "ä b", "key": "k", "protocol": "standard", "reasons": {"EN": "flat"}, '
        '"scores": {"EN": null, "MSE": "-inf", "PSNR": "inf", "SF": 0.30000000000000004}}\n'
    )
    back = store.scores_of(json.loads(text))
    assert math.isnan(back.pop("EN"))
    assert back == {name: value for name, value in scores.items() if name != "EN"}
    assert "reasons" not in store.score_line("a", "standard", "k", "f", {"EN": 1.0}, {})


def test_keys_tell_apart_what_makes_a_result():
    base = ("digest", "cddfuse", "1", "checkpoint", 0)
    keys = {store.fuse_key(*base)}
    for position, other in enumerate(("other", "other", "2", None, 1)):
        keys.add(store.fuse_key(*base[:position], other, *base[position + 1 :]))
    assert len(keys) == len(base) + 1
    assert store.fuse_key(*base) == store.fuse_key(*base)
    assert len({store.score_key("a", "1"), store.score_key("a", "2"), store.score_key("b", "1")}) == 3


def test_replace_leaves_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "run.json"
    store.replace(path, "old")
    with pytest.raises(UnicodeEncodeError):
        store.replace(path, "new \ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_a_broken_record_is_one_line(bench, bench_folder, pairs):
    bench_folder("run", "--methods", "average", "--metrics", "EN")
    (cell(pairs, "average") / "run.json").write_text("{")
    result = bench("report")
    assert result.exit_code == 2
    assert "run.json: not a run's record" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_load_results(bench_folder, pairs):
    assert bench_folder("run", "--methods", "average,max", "--metrics", "EN,SD").exit_code == 0
    frame = benchmark.load_results(pairs / "results")
    assert list(frame.columns) == [
        "dataset", "split", "method", "protocol", "state", "id", "metric", "value",
    ]  # fmt: skip
    assert len(frame) == 2 * 4 * 2
    assert set(frame["state"]) == {"done"}
    (line, *_) = store.read_lines(cell(pairs, "max") / "scores.jsonl")
    row = frame[(frame["method"] == "max") & (frame["id"] == line["id"]) & (frame["metric"] == "SD")]
    assert row["value"].item() == line["scores"]["SD"]


def test_load_results_of_nothing(tmp_path):
    with pytest.raises(UserError, match="no results in"):
        benchmark.load_results(tmp_path)


def test_a_finished_run_changes_no_file(bench_folder, pairs):
    arguments = ("run", "--methods", "average", "--metrics", "EN,SD", "--colour")
    first = bench_folder(*arguments)
    before = files(pairs / "results")
    second = bench_folder(*arguments)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.stdout == first.stdout
    assert files(pairs / "results") == before
