"""The Triton kernels on the CPU, in Triton's interpreter, against a sequential scan in float64.

test_scan_triton.py runs this file with TRITON_INTERPRET=1, which must be there before triton is imported. On a GPU
test_scan.py runs the kernels compiled. The tolerances are the same: forward 5e-6 of scale, gradients 1e-5.
"""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from test_scan import STATES, assert_close, inputs, sequential

from baselines.scan import triton_backend, triton_kernels

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # exp overflows to infinity, as on a GPU


def rounded(*arguments, **changes):
    return {name: x.float() for name, x in inputs(*arguments, **changes).items()}


# Channels that fill no warp, several chunks with a tail, several groups, more chunks than phase 2 takes at a time.
CASES = {
    "one token": rounded(1, channels=5),
    "one whole chunk": rounded(8, channels=32),
    "chunks and a tail": rounded(29, batch=2, channels=37),
    "large delta": rounded(20, channels=5, delta=lambda x: 50 * x),
    "tiny delta": rounded(20, channels=5, delta=lambda x: x - 30),
    "state decays at once": rounded(20, channels=5, A=lambda x: 1000 * x),
    "state never decays": rounded(40, channels=5, A=lambda x: 1e-6 * x),
    "strong gate": rounded(20, channels=5, z=lambda x: 40 * x),
}


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_a_sequential_scan(case):
    values = CASES[case]
    exact = {name: x.double().requires_grad_() for name, x in values.items()}
    want = sequential(**exact)
    weight = torch.randn(want.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (want * weight).sum().backward()

    got, entering, sums = triton_kernels.forward(**values, chunk=8, carried=2)
    assert_close(got, want, 5e-6, "forward")
    # Three programs for more items than that: each takes several chunks.
    found = triton_kernels.backward(weight.float(), entering, sums, **values, chunk=8, carried=2, programs=3)
    for name, gradient in zip(("u", "delta", "A", "B", "C", "D", "z", "delta_bias"), found):
        if not (case == "one token" and name == "A"):  # from a zero state, A has no effect
            assert_close(gradient, exact[name].grad, 1e-5, f"gradient of {name}")


@pytest.mark.parametrize("sizes", [{"chunk": 4, "carried": 4}, {"chunk": 32, "carried": 2, "width": 8}])
def test_sizes_of_programs_change_nothing(sizes):
    values = rounded(29, batch=2, channels=10)
    want, got = (triton_kernels.forward(**values, **s) for s in ({"chunk": 8, "carried": 2}, sizes))
    assert_close(got[0], want[0].double(), 1e-6, "forward")
    upstream = torch.randn(2, 29, 10, generator=torch.Generator().manual_seed(1))
    wants = triton_kernels.backward(upstream, *want[1:], **values, chunk=8, carried=2)
    for a, b in zip(triton_kernels.backward(upstream, *got[1:], **values, **sizes), wants):
        assert_close(a, b.double(), 1e-6, "gradient")


@pytest.fixture
def operators(monkeypatch):
    """The torch operators on CPU tensors, with small programs."""
    sizes = {"chunk": 8, "carried": 2}
    small = SimpleNamespace(
        CHUNK=8,
        forward=partial(triton_kernels.forward, **sizes),
        backward=partial(triton_kernels.backward, **sizes),
        conv_forward=partial(triton_kernels.conv_forward, tokens=8),
        conv_backward=partial(triton_kernels.conv_backward, tokens=8),
    )
    monkeypatch.setattr(triton_backend, "kernels", lambda: small)
    return triton_backend


@torch.no_grad()
def test_pieces_that_carry_a_state_equal_the_whole(operators):
    values = rounded(26, batch=2, channels=5)
    whole = operators.selective_scan(**values, state=None)
    state = torch.zeros(2, STATES, 5)
    rows = {name: x for name, x in values.items() if x.ndim == 3}
    parts = [
        operators.selective_scan(**{**values, **dict(zip(rows, piece))}, state=state)
        for piece in zip(*(x.split([1, 9, 16], 1) for x in rows.values()))
    ]
    assert_close(torch.cat(parts, 1), whole.double(), 1e-6, "in pieces")


def test_gradients_without_gate_and_with_slices_of_wider_rows(operators):
    values = rounded(11, channels=5)
    wide = torch.cat([values["B"], values["C"]], -1).requires_grad_()
    others = {name: values[name].requires_grad_() for name in ("u", "delta", "A", "D", "delta_bias")}
    B, C = wide.split(STATES, -1)
    got = operators.selective_scan(**others, B=B, C=C, z=None, state=None)
    got.sum().backward()
    exact = {name: x.detach().double().requires_grad_() for name, x in {**others, "wide": wide}.items()}
    B, C = exact.pop("wide").split(STATES, -1)
    want = sequential(**exact, B=B, C=C, z=None)
    assert_close(got, want, 5e-6, "forward")
    for name, gradient in zip(exact, torch.autograd.grad(want.sum(), list(exact.values()), retain_graph=True)):
        assert_close(others[name].grad, gradient, 1e-5, f"gradient of {name}")
    assert_close(wide.grad, torch.cat(torch.autograd.grad(want.sum(), (B, C)), -1), 1e-5, "gradients of B and C")


def test_convolution(operators):
    g = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(*s, generator=g) for s in ((2, 19, 37), (37, 4), (37,)))
    exact = [t.double().requires_grad_() for t in (x, weight, bias)]
    padded = F.pad(exact[0].transpose(1, 2), (3, 0))
    want = F.silu(F.conv1d(padded, exact[1][:, None], exact[2], groups=37)).transpose(1, 2)
    given = [t.clone().requires_grad_() for t in (x, weight, bias)]
    got = operators.causal_conv_silu(*given, None)
    assert_close(got, want, 1e-6, "forward")
    upstream = torch.randn(got.shape, generator=g)
    for a, b in zip(torch.autograd.grad(got, given, upstream), torch.autograd.grad(want, exact, upstream.double())):
        assert_close(a, b, 1e-6, "gradient")
    with torch.no_grad():
        state = torch.zeros(2, 3, 37)
        parts = [operators.causal_conv_silu(p, weight, bias, state) for p in x.split([1, 2, 16], 1)]
    assert_close(torch.cat(parts, 1), want, 1e-6, "in pieces")


def test_operators_are_registered_correctly(operators):
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    values = tuple(x.requires_grad_() for x in rounded(9, channels=5).values())
    torch.library.opcheck(torch.ops.mmif.selective_scan_triton.default, values, test_utils=checks)
    shapes = ((1, 9, 5), (5, 4), (5,))
    torch.library.opcheck(
        torch.ops.mmif.causal_conv_silu_triton.default,
        tuple(torch.randn(*s, requires_grad=True) for s in shapes),
        test_utils=checks,
    )
