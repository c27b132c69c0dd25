"""Whole Mamba blocks through the compiled kernel: against torch in float64, in any number of threads and pieces."""

import os
import subprocess
import sys

import pytest
import torch

from baselines import scan
from baselines.mambadfuse.network import MambaBlock, MambaDFuse, Mixer
from baselines.scan import mamba, native
from baselines.scan.library import ISAS, library

pytestmark = pytest.mark.skipif(not scan.describe()[0][1], reason="the kernel was not compiled at installation")


def relative(got, want):
    return ((got.double() - want.double()).abs().max() / want.double().abs().max()).item()


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("length", [1, 3, 63, 64, 65, 200])
@pytest.mark.parametrize("dim", [60, 20, 36, 100])
@pytest.mark.parametrize("m3", [False, True])
@torch.no_grad()
def test_mixer_of_any_size_equals_torch_in_float64(length, dim, m3):
    """1e-5 of scale. Widths: full registers, fewer channels than a vector's multiple, several tails."""
    torch.manual_seed(dim)
    mixer = Mixer(dim, m3=m3)
    streams = [draw(2, length, dim, seed=i) for i in range(len(mixer.branches))]
    got = mixer(*streams)
    assert scan.is_native(got)
    assert relative(got, mixer.double()(*(x.double() for x in streams))) < 1e-5


def results(length=300):
    """mix, mix_each and run_blocks of two sequences each, in one list."""
    torch.manual_seed(0)
    mixers, blocks = [Mixer(), Mixer(m3=True)], [MambaBlock() for _ in range(3)]
    streams = [draw(2, length, 60, seed=i) for i in range(3)]
    chains = [(streams[0], [b.block() for b in blocks]), (streams[1], [b.block() for b in blocks[:2]])]
    pair = [mixers[0].branch(), mixers[1].branch()], [m.out_proj.weight for m in mixers]
    found = [mixers[0](streams[0]), mixers[1](*streams), *mamba.mix_each(streams[:2], *pair)]
    return found + [x for both in mamba.run_blocks(chains) for x in both]


@pytest.mark.parametrize("precision", mamba.PRECISIONS)
@torch.no_grad()
def test_threads_and_pieces_change_nothing(threads, monkeypatch, precision):
    """1e-6 of scale; pieces that are and are not multiples of what the kernel takes at a time."""
    with mamba.precision(precision):
        want = results()
        for count in (1, 2, 3):
            threads(count)
            for task in (64, 100, 8192):
                monkeypatch.setattr(mamba, "TASK", task)
                for a, b in zip(results(), want):
                    assert relative(a, b) < 1e-6, (count, task)


@torch.no_grad()
def test_an_error_in_a_thread_is_raised(threads, monkeypatch):
    threads(2)
    monkeypatch.setattr(mamba, "TASK", 64)

    def broken(*arguments):
        raise OSError("no kernel")

    monkeypatch.setattr(mamba, "call", broken)
    with pytest.raises(OSError, match="no kernel"):
        results()


@torch.no_grad()
def test_network_without_the_compiled_kernel_is_the_same(monkeypatch):
    """1e-5 of scale."""
    torch.manual_seed(0)
    network = MambaDFuse().eval()
    ir, vis = draw(1, 1, 33, 40).sigmoid(), draw(1, 1, 33, 40, seed=1).sigmoid()
    want = network(ir, vis)
    for name in ("isa", "library"):
        monkeypatch.setattr(native, name, lambda: None)
    assert "not compiled" in scan.unfit("native", "cpu")
    assert scan.in_use("cpu") == "chunked"
    assert relative(network(ir, vis), want) < 1e-5


@torch.no_grad()
def test_bfloat16_rounds_the_operands_of_matrix_products_only(monkeypatch):
    """Against the same rounding in torch. Values near a rounding boundary may fall to either side, so that single
    results differ by a bfloat16 unit of an operand; on average they agree ten times better than with float32."""
    torch.manual_seed(0)
    mixer, x = Mixer(60), draw(1, 500, 60)
    exact = mixer(x)
    with mamba.precision("bf16"):
        got = mixer(x)
        monkeypatch.setenv("BENCH_SCAN_BACKEND", "chunked")
        want = mixer(x)
    with pytest.raises(ValueError, match="precision 'fp8' is not one of fp32, bf16"), mamba.precision("fp8"):
        pass
    scale = exact.abs().max()
    off = ((exact - want).abs().mean() / scale).item()
    assert 1e-5 < off < 1e-2
    assert ((got - want).abs().mean() / scale).item() < off / 10
    assert relative(got, want) < 1e-2
    assert torch.equal(mixer(x), mixer(x))


@pytest.mark.parametrize("name", ISAS[:-1])
def test_every_instruction_set_that_this_processor_has(name):
    if ISAS.index(name) > library().widest_isa_base() or not hasattr(library(), f"mixer_forward_{name}"):
        pytest.skip(f"{name} is not available here")
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; import pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider',"
        f" {__file__!r}, '-k', '(65 and 60) or (3 and 36) or bfloat16']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "BENCH_ISA": name}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "passed" in done.stdout


def test_torch_compile_sees_the_operators():
    """One graph without breaks, forward and backward; 1e-6 of scale."""

    def function(x, weight, bias, delta, A, B, C, D):
        return scan.selective_scan(scan.causal_conv_silu(x, weight, bias), delta, A, B, C, D)

    shapes = ((1, 20, 24), (24, 4), (24,), (1, 20, 24), (24, 16), (1, 20, 16), (1, 20, 16), (24,))
    values = [draw(*shape, seed=i) for i, shape in enumerate(shapes)]
    values[4] = -values[4].exp()
    values = [x.requires_grad_() for x in values]
    compiled = torch.compile(function, backend="aot_eager", fullgraph=True)
    got, want = compiled(*values), function(*values)
    assert relative(got, want) < 1e-6
    for a, b in zip(torch.autograd.grad(got.sum(), values), torch.autograd.grad(want.sum(), values)):
        assert relative(a, b) < 1e-6
