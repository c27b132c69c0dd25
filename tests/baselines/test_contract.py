"""What every method promises, on small images. A method whose weights are not at hand is skipped with its reason."""

import os
import re

import numpy as np
import pytest

import baselines
from baselines import ClassicalFuser, MethodCard, NetworkFuser, Unavailable, contract


@pytest.fixture(scope="module", params=baselines.names())
def fuser(request):
    try:
        weights = request.getfixturevalue("shared") / "weights"
    except pytest.skip.Exception:  # the methods that ship their weights need no others
        weights = None
    try:
        return baselines.load(request.param, weights_root=os.environ.get("BENCH_WEIGHTS", weights))
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("name", [name for name in contract.CHECKS if name != "memory"])
def test_contract(fuser, name):
    try:
        contract.CHECKS[name](lambda d: fuser if d == "cpu" else type(fuser)(fuser.checkpoint, d), "cpu")
    except contract.Skipped as reason:
        pytest.skip(str(reason))


def test_outputs(fuser):
    """Stretched spans the range; native is that or, for methods whose authors do not stretch, clipped only."""
    ir, vis = contract.scene(24, 35)
    raw, native, minmax = (fuser.fuse(ir, vis, output) for output in ("raw", "native", "minmax"))
    assert minmax.min() == 0 and minmax.max() == 1
    assert np.array_equal(native, minmax if fuser.card.stretch else raw)
    inside = (raw > 0) & (raw < 1)  # there `raw` is the method's own value
    scale, shift = np.polyfit(raw[inside], minmax[inside], 1)
    rounded = 1 / 255 if fuser.card.family == "naive" else 1e-4
    np.testing.assert_allclose(raw[inside] * scale + shift, minmax[inside], atol=rounded)
    with pytest.raises(ValueError, match="output 'max' is not one of raw, native, minmax"):
        fuser.fuse(ir, vis, "max")


@pytest.mark.slow
def test_memory(fuser):
    contract.memory(lambda device: fuser, "cpu")


def test_every_parameter_is_counted(fuser):
    """What is no network states none."""
    assert isinstance(fuser, NetworkFuser) or fuser.card.parameters is None


class Fragile(ClassicalFuser):
    """Keeps every promise unless told to break one."""

    card = MethodCard("fragile", "Fragile", "classical")

    def __init__(self, fault):
        super().__init__()
        self.fault, self.calls, self.kept = fault, 0, []

    def fuse_pair(self, ir, vis):
        self.calls += 1
        fused = (ir + vis) / 2
        return getattr(self, self.fault)(fused, ir, vis) if self.fault else fused

    def odd_sizes(self, fused, ir, vis):
        if fused.shape[1] % 2:
            raise ValueError("only even\nsizes")
        return fused

    def small(self, fused, ir, vis):
        return fused[1:, 1:]

    def grey_levels(self, fused, ir, vis):
        return 255 * fused

    def bright(self, fused, ir, vis):
        return ir + np.float32(0.9)

    def difference(self, fused, ir, vis):
        return ir - vis

    def constant(self, fused, ir, vis):
        return np.full_like(fused, 0.5)

    def stretched(self, fused, ir, vis):
        with np.errstate(invalid="ignore"):
            return (fused - fused.min()) / (fused.max() - fused.min())

    def drifting(self, fused, ir, vis):
        return fused * (1 - 1e-4 * self.calls)

    def coarse_floats(self, fused, ir, vis):
        return fused if np.array_equal(ir, np.round(ir * 255) / np.float32(255)) else 0 * fused

    def leaking(self, fused, ir, vis):
        self.kept.append(fused.copy())
        return fused


class Careless(Fragile):
    """Takes the images as they come, without the base class's copies."""

    def fuse(self, ir, vis, **options):
        if self.fault == "writing":
            ir += 1 if ir.dtype == np.uint8 else np.float32(0.1)
        if self.fault == "sharing" and ir.dtype == np.float32:
            return ir
        if self.fault == "raw_memory":
            vis = np.frombuffer(vis.tobytes("A"), vis.dtype).reshape(vis.shape)
        if self.fault == "first_only" and ir.ndim == 4:
            ir, vis = np.repeat(ir[:1], len(ir), 0), np.repeat(vis[:1], len(vis), 0)
        fault, self.fault = self.fault, ""
        try:
            return super().fuse(ir, vis, **options)
        finally:
            self.fault = fault


FAULTS = {
    "odd_sizes": {"sizes": "17x23|23x17: ValueError: only even sizes", "batches": None, "floats": "only even"},
    "small": {"sizes": "16x16: RuntimeError: fragile returned shape"},
    "grey_levels": {"range": r"values from .* to \d+.*; the domain is 0..1"},
    "bright": {"range": r"73% of the pixels are beyond 0..1 and clipped \(values from 0.97\d+ to 1.5\d+\)"},
    "difference": {"range": "84% of the pixels are beyond 0..1 and clipped"},
    "constant": {"range": "every pixel is 0.5, for a pair full of detail"},
    "stretched": {"flat images": "levels 0 and 0: RuntimeError: fragile returned values that are not finite"},
    "drifting": {"deterministic": "values differ by up to .* at once", "batches": "more than 1e-05"},
    "leaking": {"memory": r"\d+.\d MiB more after \d+ pairs"},
    "writing": {"inputs": "the input was written to"},
    "sharing": {"inputs": "the result shares the input's memory"},
    "raw_memory": {"views": "another result than of the copies"},
    "first_only": {"batches": "pair 2 of 3: values differ by up to"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_breaks_the_contract_is_found(fault):
    cls = Careless if fault in ("writing", "sharing", "raw_memory", "first_only") else Fragile
    failed = {r.name: r.reason for r in contract.run(lambda device: cls(fault)) if r.state == "failed"}
    for name, words in FAULTS[fault].items():
        assert words is None or re.search(words, failed[name]), failed
        assert "\n" not in failed.get(name, "")


def test_what_keeps_the_contract_passes():
    results = list(contract.run(lambda device: Fragile("")))
    assert [r.name for r in results] == list(contract.CHECKS)
    assert {r.name: r.reason for r in results if r.state == "failed"} == {}
    assert {r.name for r in results if r.state == "skipped"} <= {"parameters", "devices", "memory", "tiles"}


def test_what_is_clipped_in_part_is_told():
    results = contract.run(lambda device: baselines.load("gtf"))
    (found,) = [result for result in results if result.name == "range"]
    assert found.state == "ok"
    assert found.reason.startswith("13% of the pixels are beyond 0..1 and clipped")


BAD = {
    "different sizes": (np.zeros((16, 16)), np.zeros((16, 17)), "one shape"),
    "too small": (np.zeros((15, 40)), np.zeros((15, 40)), "at least 16"),
    "three axes": (np.zeros((3, 16, 16)), np.zeros((3, 16, 16)), "expected shape"),
    "colour batch": (np.zeros((1, 3, 16, 16)), np.zeros((1, 3, 16, 16)), "expected shape"),
    "whole numbers": (np.zeros((16, 16), int), np.zeros((16, 16), int), "expected uint8 or float"),
    "grey levels as floats": (np.zeros((16, 16)), np.full((16, 16), 200.0), "vis: expected float in"),
    "negative": (np.full((16, 16), -0.1), np.zeros((16, 16)), "ir: expected float in"),
    "not a number": (np.full((16, 16), np.nan), np.zeros((16, 16)), "NaN"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_bad_input_gets_one_line(mistake):
    ir, vis, words = BAD[mistake]
    with pytest.raises(ValueError, match=words) as error:
        baselines.load("average").fuse(ir, vis)
    assert "\n" not in str(error.value)


def test_required_methods_are_there():
    required = {"ir", "vis", "average", "max", "laplacian", "seafusion", "cddfuse", "mambadfuse"}
    assert required <= set(baselines.names())
    assert baselines.names() == sorted(set(baselines.names()))
    with pytest.raises(KeyError, match=r"unknown method 'mambadfus'; did you mean mambadfuse\?.* known: adf, "):
        baselines.load("mambadfus")


@pytest.mark.parametrize("name", ["average", "mambadfuse"])
def test_a_device_that_is_not_here_is_one_line(name):
    for device in ("foo", "meta", "cuda:99"):
        with pytest.raises(ValueError, match=f"device '{device}'") as error:
            baselines.load(name, device=device)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", baselines.names())
def test_card_is_complete(name):
    card = baselines.card(name)
    assert card.name == name and card.title
    if card.family == "learned":
        assert card.year and card.citation and card.licence and card.link and card.trained_on
        assert card.parameters > 0 and card.checkpoints
    if card.family == "classical":
        assert card.year and card.citation


LEARNED = [name for name in baselines.names() if baselines.card(name).family == "learned"]


@pytest.mark.parametrize("name", LEARNED)
def test_a_file_that_does_not_fit_makes_the_method_unavailable(name, tmp_path):
    """Garbage, another network's weights, and no file: one line each that names the file."""
    import torch
    from safetensors.torch import save_file

    garbage, other = tmp_path / "garbage.pth", tmp_path / "other.safetensors"
    garbage.write_bytes(b"not a checkpoint" * 9)
    save_file({"layer.weight": torch.zeros(3)}, other)
    for path in (garbage, other, tmp_path / "absent.pth"):
        with pytest.raises(Unavailable, match=path.name) as error:
            baselines.load(name, checkpoint=path)
        assert "\n" not in str(error.value)


class _Intruder:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (str(self.trace), "w"))


@pytest.mark.parametrize("name", LEARNED)
def test_a_checkpoint_runs_no_code(name, tmp_path):
    import torch

    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    torch.save({"weight": _Intruder(trace)}, path)
    with pytest.raises(Unavailable):
        baselines.load(name, checkpoint=path)
    assert not trace.exists()


@pytest.mark.parametrize("name", LEARNED)
def test_missing_weights_are_named_with_the_remedy(name, tmp_path, monkeypatch):
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("baselines.base.SHIPPED", tmp_path)
    with pytest.raises(Unavailable, match=f"--checkpoint {name}=PATH") as error:
        baselines.load(name, weights_root=tmp_path)
    assert next(iter(baselines.card(name).checkpoints)) in str(error.value)


def test_a_broken_file_leaves_the_other_methods(tmp_path, monkeypatch, caplog):
    (tmp_path / "broken_fuser.py").write_text("x = 1 / 0\n")
    monkeypatch.setattr(baselines, "__path__", [*baselines.__path__, str(tmp_path)])
    assert "average" in baselines.names()
    with pytest.raises(KeyError, match="unknown method 'broken_fuser'"):
        baselines.method("broken_fuser")
    assert [record.getMessage() for record in caplog.records] == [
        "baselines/broken_fuser: left out, ZeroDivisionError: division by zero"
    ]
