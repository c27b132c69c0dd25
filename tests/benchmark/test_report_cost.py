"""Cost beside quality: what `bench profile` kept is a table of the report."""

import pytest
import stores

profiles = pytest.importorskip("benchmark.cost.records", reason="needs bench profile")

RECORD = {
    "title": "M0",
    "device": "cpu",
    "processor": "Some CPU",
    "threads": 2,
    "height": 480,
    "width": 640,
    "parameters": 1_234_567,
    "flops": 5.5e9,
    "seconds": 0.1234,
    "peak_memory_mib": 321.4,
    "gpu_peak_memory_mib": None,
    "start": "2026-01-01T00:00:00+00:00",
}


def test_cost(bench, tmp_path):
    stores.write(tmp_path, "tno@tno42", stores.random(0, 3, 12))
    profiles.write(tmp_path, {**RECORD, "method": "m0"})
    profiles.write(tmp_path, {**RECORD, "method": "m2", "flops": None, "seconds": 0.002})
    profiles.write(tmp_path, {**RECORD, "method": "m2", "processor": "Other CPU"})
    profiles.write(tmp_path, {**RECORD, "method": "elsewhere"})
    text = bench("report", "--results", tmp_path, "--sections", "cost", "--format", "markdown", "--out", "-").stdout
    assert text.count("### Cost: one pair of 640x480, ") == 2
    some = text[text.index("Some CPU, 2 threads") :]
    assert "| method | parameters (M) ↓ | FLOPs (G) ↓ | time (ms) ↓ | memory (MiB) ↓ |" in some
    assert "| M0 | 1.235 | 5.50 | 123.4 | 321 |" in some
    assert "| M2 | 1.235 |  | 2.0 | 321 |" in some
    assert "Not measured there: m1" in some
    assert "elsewhere" not in text
