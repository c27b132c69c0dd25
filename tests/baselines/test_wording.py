"""What Python says in its own notation, in plain words."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines.wording import UNSAFE, reason, shape, shown


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("layer.weight"), "layer.weight"),
        (ValueError("two\n  lines"), "two lines"),
        (RuntimeError(), ""),
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (OSError("no number"), "no number"),
        (subprocess.CalledProcessError(3, ["a b", "c"]), "the command 'a b' c ended with exit code 3"),
        (subprocess.TimeoutExpired(["a"], 2.5), "the command a took more than 2.5 seconds"),
        (ValueError(f"{torch.zeros(2, 3).shape} is not {torch.Size([4])}"), "2x3 is not 4"),
        (ValueError(f"no {Path('a/b')!r} in {[Path('c')]}"), "no a/b in [c]"),
        (ValueError(f"{np.float64(0.5)!r} or {np.str_('x')!r}"), "0.5 or x"),
        (TypeError(f"not {int}, {object()!r}"), "not int, object"),
        (ValueError("DIR/<method>/<file>, a < b > c"), "DIR/<method>/<file>, a < b > c"),
        (
            OSError(
                "HTTPSConnectionPool(host='a.org', port=443): Max retries exceeded with url: /x (Caused by"
                " NameResolutionError(\"HTTPSConnection(host='a.org', port=443): Failed to resolve 'a.org'"
                ' ([Errno -2] Name or service not known)"))'
            ),
            "no connection to a.org: Name or service not known",
        ),
        (OSError("HTTPConnectionPool(host='a.org', port=80): Read timed out."), "no connection to a.org: timed out"),
        (RuntimeError("Weights only load failed. (1) Re-running `torch.load` with ..."), UNSAFE),
        (RuntimeError("... set `weights_only=False` ..."), UNSAFE),
    ],
)
def test_reasons(error, text):
    assert reason(error) == text


def test_values():
    values = (None, True, "it's", 1.5, 3, [1], {"a": 1}, (2,))
    words = ["nothing", "true", "'it's'", "1.5", "3", "a list", "a mapping", "a list"]
    assert [shown(value) for value in values] == words


def test_shapes():
    assert [shape(np.zeros(sides).shape) for sides in ((2, 3), (4,), ())] == ["2x3", "4", "of a single number"]
