"""What is looked at in methods from elsewhere, so that a mistake is one line that says the next step.

`guard` makes of a user's class the one that is run. The suite's own methods keep the contract by its tests.
"""

from __future__ import annotations

import inspect
import pickle
import re
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import elsewhere
from .base import ClassicalFuser, Fuser, NetworkFuser, Unavailable, seed_generators
from .state_dicts import WeightsError, why_unread
from .wording import reason

written_in: set[str] = set()  # the files of methods from elsewhere
_LOWEST, _HIGHEST = -0.5, 2.0  # networks overshoot 0 and 1 by less; what goes beyond is in another range
_NOTED = 0.05  # share of the pixels beyond 0..1 that is told
# Words in the names of arguments: infrared or, of medical pairs, what colours or CT come from; and the other image.
_FIRST = {"ir", "inf", "infrared", "thermal", "tir", "lwir", "i", "ct", "pet", "spect"}
_SECOND = {"vi", "vis", "visible", "rgb", "v", "mri", "mr"}
_OWN = "forward(self, ir, vis) of a NetworkFuser"
# What torch and Python say where a network is called in another way than it expects, and what to do.
_HINTS = {
    r"channels?, but got": f"images come as luminance (B, 1, H, W); make its channels in {_OWN}:"
    " self.network(ir.repeat(1, 3, 1, 1), vis.repeat(1, 3, 1, 1))",
    r"takes? .* positional arguments? but|missing .* required|unexpected keyword": f"call it as it expects in {_OWN}:"
    " self.network(torch.cat((ir, vis), 1))",
    r"[Ss]izes of tensors must match|The size of tensor|is invalid for input of size|divisible|multiple of": "where"
    " sides must be multiples of 16, say so in a NetworkFuser: multiple = 16",
}


def told(error: BaseException) -> str:
    """What a method raised, in one line: its kind, its message and, where a method from elsewhere is at fault, the file
    and line of the innermost call in the file that it is written in."""
    lines = [
        f" ({Path(frame.f_code.co_filename).name}, line {line})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename in written_in
    ]
    said = elsewhere.plain(reason(error))
    return ": ".join(filter(None, (type(error).__name__, said))) + "".join(lines[-1:])


def guard(found: type[Fuser]) -> type[Fuser]:
    """The subclass of a user's class that looks at what it builds and returns."""
    ordered = {
        name: in_order(own)
        for name in ("fuse_pair", "fuse_batch", "prepare", "forward")
        if (own := getattr(found, name, None)) is not None and _is_theirs(own)
    }
    is_network = issubclass(found, NetworkFuser)
    if is_network:
        ordered.setdefault("forward", _call_network)
    inner = type(found.__name__, (found,), {"__module__": found.__module__, **ordered})
    outer = _GuardedNetwork if is_network else _Guarded
    return type(found.__name__, (outer, inner), {"__module__": found.__module__})


def _is_theirs(function: Callable) -> bool:
    bases = (Fuser, ClassicalFuser, NetworkFuser)
    return all(function is not getattr(base, function.__name__, None) for base in bases)


def _call_network(self, ir, vis):
    return in_order(self.network, self.network.forward)(ir, vis)


def in_order(function: Callable, named: Callable | None = None) -> Callable:
    """`function`, to be called with the infrared image, then the visible one, as its last arguments.

    Where its arguments' names tell another order (`vis, ir`) or are to be given by name, each gets its image all the
    same. named: has those names, where `function` itself does not.
    """
    try:
        parameters = list(inspect.signature(named or function).parameters.values())
    except (TypeError, ValueError):  # of compiled code
        return function
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    first, second = (
        [one.name for one in parameters if one.kind in by_name and _words(one.name) & kind]
        for kind in (_FIRST, _SECOND)
    )
    if len(first) != 1 or len(second) != 1 or first == second:
        return function
    return lambda *all: function(*all[:-2], **{first[0]: all[-2], second[0]: all[-1]})


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name)}


class _Guarded(Fuser):
    """In front of a user's class."""

    def _fused(self, ir, vis):
        fused = np.asarray(super()._fused(ir, vis), dtype=np.float32)
        if not fused.size or not np.isfinite(fused).all():
            return fused
        low, high = float(fused.min()), float(fused.max())
        if low < _LOWEST or high > _HIGHEST:
            signed = low > -1.5 and high < 1.5
            advice = "if it is meant to be from -1 to 1, return (fused + 1) / 2" if signed else "scale or clip it"
            values = f"values from {low:.4g} to {high:.4g}"
            raise ValueError(f"{self.card.name} returned {values}; expected [0, 1]: {advice}")
        beyond = float(((fused < -1 / 255) | (fused > 1 + 1 / 255)).mean())
        self.told = (f"{100 * beyond:.0f} % of the pixels are beyond 0..1",) if beyond > _NOTED else ()
        return fused


class _GuardedNetwork(_Guarded, NetworkFuser):
    """In front of a user's network."""

    def build(self, checkpoint):
        # With two seeds: what differs is random, and not from the checkpoint.
        seed_generators(1)
        again = self._built(checkpoint).state_dict()
        seed_generators(0)
        network = self._built(checkpoint)
        state = network.state_dict()
        random = [name for name in state if not _equal(state[name], again.get(name))]
        if random:
            what = f"{len(random)} of {len(state)} parameters are random, as {random[0]}"
            load = "return load_weights(network, checkpoint) from build()"
            if checkpoint is None:
                raise Unavailable(f"{self.card.name}: {what}: {_give(self.card.name)}, and {load}")
            raise Unavailable(f"{self.card.name}: {what}: {checkpoint.name} is not loaded into them; {load}")
        return network

    def _built(self, checkpoint: Path | None):
        import torch

        name = self.card.name
        try:
            network = super().build(checkpoint)
        except Unavailable:
            raise
        except Exception as error:  # a method may raise anything
            raise Unavailable(f"{name}: {_said(error, checkpoint, name)}") from error
        if not isinstance(network, torch.nn.Module):
            kind = "None" if network is None else type(network).__name__
            raise Unavailable(f"{name}: build() returned {kind}; it must return the network, a torch.nn.Module")
        return network

    def forward(self, ir, vis):
        try:
            fused = super().forward(ir, vis)
        except Exception as error:  # a method may raise anything
            hint = next((hint for told, hint in _HINTS.items() if re.search(told, str(error))), None)
            if hint is None:
                raise
            said = " ".join(str(error).split())
            raise type(error)(f"{said}; {hint}").with_traceback(error.__traceback__) from None
        return _one_image(fused, ir, self.card.name)


def _give(name: str) -> str:
    return f"give weights with --checkpoint {name}=FILE"


def _said(error: Exception, checkpoint: Path | None, name: str) -> str:
    """What a user's `build` raised, in one line."""
    text = " ".join(str(error).split())
    if checkpoint is None:
        return _give(name) if isinstance(error, WeightsError) else f"build(None): {told(error)}; {_give(name)}"
    if isinstance(error, WeightsError):
        return text
    if isinstance(error, pickle.UnpicklingError) or "weights_only" in text:
        return f"{checkpoint}: {why_unread(error)}"
    if "loading state_dict" in text:
        found = "load_weights(network, checkpoint) finds weights within dicts and under prefixes as module."
        return f"{checkpoint} does not fit the network ({text[:200]}); {found}"
    return f"build() failed: {told(error)}"


def _equal(a, b) -> bool:
    import torch

    return a.shape == b.shape and torch.equal(a, b) if isinstance(a, torch.Tensor) and b is not None else True


def _one_image(fused, ir, name: str):
    """What a network returned, as a tensor like `ir`."""
    import torch

    if isinstance(fused, np.ndarray):
        fused = torch.from_numpy(np.ascontiguousarray(fused))
    if not isinstance(fused, torch.Tensor):
        kind = "None" if fused is None else f"a {type(fused).__name__}"
        if isinstance(fused, (list, tuple, dict)):
            first = repr(next(iter(fused), 0)) if isinstance(fused, dict) else "0"
            kind += f" of {len(fused)}"
            raise ValueError(
                f"{name} returned {kind}; return the fused image from {_OWN}: self.network(ir, vis)[{first}]"
            )
        raise ValueError(f"{name} returned {kind}; expected the fused image, a tensor {tuple(ir.shape)}")
    there, here = tuple(fused.shape), tuple(ir.shape)
    if there == here:
        return fused
    said = f"{name} returned {there} for images {here}"
    if len(there) == 4 and there[1] == 3 and there[2:] == here[2:]:
        raise ValueError(
            f"{said}; return luminance from {_OWN}: 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]"
        )
    if len(there) == 4 and there[2:] != here[2:]:
        raise ValueError(f"{said}; where sides must be multiples of 16, say so in a NetworkFuser: multiple = 16")
    raise ValueError(f"{said}; expected one image of that shape")
