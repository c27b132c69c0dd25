"""Every backend against a sequential scan in float64: forward to 5e-6 of scale, gradients to 1e-5."""

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from baselines import scan
from baselines.scan.library import ISAS, library

CHANNELS, STATES = 120, 16
AVAILABLE = [name for name, available, _ in scan.describe() if available and name != "mamba_ssm"]
BACKENDS = [pytest.param(name, marks=pytest.mark.gpu) if name == "triton" else name for name in AVAILABLE]


def sequential(u, delta, A, B, C, D, z, delta_bias):
    d = F.softplus(delta + delta_bias)
    h = u.new_zeros(u.shape[0], *A.shape)
    rows = []
    for t in range(u.shape[1]):
        h = torch.exp(d[:, t, :, None] * A) * h + (d[:, t] * u[:, t])[..., None] * B[:, t, None, :]
        rows.append((h * C[:, t, None, :]).sum(-1) + D * u[:, t])
    y = torch.stack(rows, 1)
    return y if z is None else y * F.silu(z)


def inputs(length, batch=1, channels=CHANNELS, seed=0, **changes):
    g = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64)  # noqa: E731
    values = {
        "u": draw(batch, length, channels),
        "delta": draw(batch, length, channels),
        "A": -torch.exp(draw(channels, STATES)),
        "B": draw(batch, length, STATES),
        "C": draw(batch, length, STATES),
        "D": draw(channels),
        "z": draw(batch, length, channels),
        "delta_bias": draw(channels),
    }
    return {name: changes[name](x) if name in changes else x for name, x in values.items()}


def on_device(backend, values):
    """The tensors where the backend computes."""
    return {name: x.to("cuda" if backend == "triton" else "cpu") for name, x in values.items()}


def assert_close(got, want, tolerance, what):
    want = want.to(got.device)
    scale = want.abs().max().clamp_min(1e-12)
    error = ((got.double() - want).abs().max() / scale).item()
    assert error <= tolerance, f"{what}: {error:.2e} of scale"


CASES = {
    "one token": inputs(1),
    "a block and a bit": inputs(33),
    "batch of three": inputs(70, batch=3),
    "several chunks": inputs(1100),
    "few channels": inputs(40, channels=5),
    "channels that fill no vector": inputs(40, channels=37),
    "large delta": inputs(100, delta=lambda x: 50 * x),
    "tiny delta": inputs(100, delta=lambda x: x - 30),
    "state decays at once": inputs(100, A=lambda x: 1000 * x),
    "state never decays": inputs(300, A=lambda x: 1e-6 * x),
    "long constant run": inputs(600, u=torch.ones_like, delta=torch.zeros_like, B=torch.ones_like),
    "strong gate": inputs(60, z=lambda x: 40 * x),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_a_sequential_scan(case, backend):
    # The reference takes the inputs as float32 rounds them: their own rounding is not the scan's error.
    rounded = {name: x.float() for name, x in CASES[case].items()}
    exact = {name: x.double().requires_grad_() for name, x in rounded.items()}
    want = sequential(**exact)
    weight = torch.randn(want.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (want * weight).sum().backward()

    given = {name: x.clone().requires_grad_() for name, x in on_device(backend, rounded).items()}
    got = scan.selective_scan(**given, backend=backend)
    assert_close(got, want, 5e-6, "forward")
    got.backward(weight.to(got))
    for name, x in given.items():
        if not (case == "one token" and name == "A"):  # from a zero state, A has no effect
            assert_close(x.grad, exact[name].grad, 1e-5, f"gradient of {name}")


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_gate_and_bias(backend):
    values = {name: x.float() for name, x in inputs(50).items() if name not in ("z", "delta_bias")}
    want = sequential(**{k: x.double() for k, x in values.items()}, z=None, delta_bias=torch.zeros(CHANNELS))
    assert_close(scan.selective_scan(**on_device(backend, values), backend=backend), want, 5e-6, "forward")


@pytest.mark.parametrize("backend", BACKENDS)
def test_non_contiguous_inputs(backend):
    values = on_device(backend, {name: x.float() for name, x in inputs(64, batch=2).items()})
    want = scan.selective_scan(**values, backend=backend)
    wide = torch.cat([values["B"], values["C"]], -1)
    values["B"], values["C"] = wide[..., :STATES], wide[..., STATES:]
    values["u"] = values["u"].transpose(1, 2).contiguous().transpose(1, 2)
    values["A"] = values["A"].t().contiguous().t()
    torch.testing.assert_close(scan.selective_scan(**values, backend=backend), want, rtol=0, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("chunk", [1, 31, 1024])
@torch.no_grad()
def test_chunks_that_carry_a_state_equal_the_whole(backend, chunk):
    values = on_device(backend, {name: x.float() for name, x in inputs(1500, batch=2).items()})
    whole = scan.selective_scan(**values, backend=backend)
    state = torch.zeros(2, STATES, CHANNELS, device=whole.device)
    length = min(1500, 40 * chunk)
    rows = {name: x[:, :length] for name, x in values.items() if x.ndim == 3}
    parts = [
        scan.selective_scan(**{**values, **dict(zip(rows, piece))}, state=state, backend=backend)
        for piece in zip(*(x.split(chunk, 1) for x in rows.values()))
    ]
    assert_close(torch.cat(parts, 1), whole[:, :length].double(), 1e-6, "chunked")


@pytest.mark.parametrize("backend", BACKENDS)
def test_same_for_any_number_of_threads(backend):
    values = {name: x.float().requires_grad_() for name, x in on_device(backend, inputs(200, batch=2)).items()}
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            y = scan.selective_scan(**values, backend=backend)
            results.append([y, *torch.autograd.grad(y.sum(), list(values.values()))])
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_convolution(backend):
    g = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(*s, generator=g) for s in ((2, 77, CHANNELS), (CHANNELS, 4), (CHANNELS,)))
    exact = [t.double().requires_grad_() for t in (x, weight, bias)]
    padded = F.pad(exact[0].transpose(1, 2), (3, 0))
    want = F.silu(F.conv1d(padded, exact[1][:, None], exact[2], groups=CHANNELS)).transpose(1, 2)
    x, weight, bias = on_device(backend, {"x": x, "weight": weight, "bias": bias}).values()
    given = [t.clone().requires_grad_() for t in (x, weight, bias)]
    got = scan.causal_conv_silu(*given, backend=backend)
    assert_close(got, want, 1e-6, "forward")
    upstream = torch.randn(got.shape, generator=g)
    for a, b in zip(
        torch.autograd.grad(got, given, upstream.to(x)), torch.autograd.grad(want, exact, upstream.double())
    ):
        assert_close(a, b, 1e-6, "gradient")

    with torch.no_grad():
        state = torch.zeros(2, 3, CHANNELS, device=x.device)
        parts = [scan.causal_conv_silu(p, weight, bias, state, backend) for p in x.split([1, 2, 40, 34], 1)]
    assert_close(torch.cat(parts, 1), want, 1e-6, "in chunks")


@pytest.mark.skipif("native" not in AVAILABLE, reason="the kernel was not compiled at installation")
def test_operators_are_registered_correctly():
    values = [x.float().requires_grad_() for x in inputs(20, channels=24).values()]
    torch.library.opcheck(torch.ops.mmif.selective_scan.default, tuple(values))
    torch.library.opcheck(
        torch.ops.mmif.causal_conv_silu.default,
        tuple(torch.randn(*s, requires_grad=True) for s in ((1, 9, 24), (24, 4), (24,))),
    )


@pytest.mark.skipif("native" not in AVAILABLE, reason="the kernel was not compiled at installation")
@pytest.mark.parametrize("name", ISAS)
def test_every_instruction_set_that_this_processor_has(name):
    if ISAS.index(name) > library().widest_isa_base() or not hasattr(library(), f"scan_forward_{name}"):
        pytest.skip(f"{name} is not available here")
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; import pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider',"
    )
    code += f" {__file__!r}, '-k', 'native and (bit or few or fill or convolution)']))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "BENCH_ISA": name}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "passed" in done.stdout


def test_refusals(monkeypatch):
    values = {name: x.float() for name, x in inputs(4).items()}
    with pytest.raises(ValueError, match="'cuda_magic' is not one of native, mamba_ssm, triton, chunked"):
        scan.selective_scan(**values, backend="cuda_magic")
    with pytest.raises(RuntimeError, match="a carried state has no gradient"):
        scan.selective_scan(**values, state=torch.zeros(1, STATES, CHANNELS))
    double = {name: x.double() for name, x in values.items()}
    if "native" in AVAILABLE:
        with pytest.raises(RuntimeError, match="float32 only"):
            scan.selective_scan(**double, backend="native")
    monkeypatch.setenv("BENCH_SCAN_BACKEND", "chunked")
    assert_close(scan.selective_scan(**double), sequential(**double), 1e-12, "float64 through the environment")
