"""Networks as TorchScript."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import nn

import baselines
from baselines import MethodCard, NetworkFuser, load_weights
from baselines.mambadfuse.network import Mixer, as_image, as_tokens
from benchmark.cli import main


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, ir, vis):
        return 2 * self.conv(torch.cat([ir, vis], 1)) + 0.3  # beyond 1 here and there


class Scanning(Plain):
    """A Mamba mixer, and one of three streams, over all pixels."""

    def __init__(self):
        super().__init__()
        self.lift, self.mixer, self.m3 = nn.Conv2d(2, 4, 1), Mixer(4), Mixer(4, m3=True)

    def forward(self, ir, vis):
        tokens = as_tokens(self.lift(torch.cat([ir, vis], 1)).contiguous(memory_format=torch.channels_last))
        mixed = self.mixer(tokens)
        return 0.5 + 10 * as_image(self.m3(mixed, tokens, tokens), ir.shape[2:]).mean(1, keepdim=True)


class Fixed(Plain):
    """Counts the pixels in Python, which tracing takes for a number that never changes."""

    def forward(self, ir, vis):
        return super().forward(ir, vis) * (1 + int(ir.numel()) / 1e5)


class Random(Plain):
    def forward(self, ir, vis):
        return super().forward(ir, vis) + torch.rand_like(ir)


class Untraceable(Plain):
    def forward(self, ir, vis):
        if torch.jit.is_tracing():
            raise RuntimeError("not here\nnor there")
        return super().forward(ir, vis)


class Drawn(NetworkFuser):
    card = MethodCard(name="drawn", family="learned", stretch=True, trained_on="nothing")
    multiple = 4

    def build(self, checkpoint):
        return load_weights(self.kind(), checkpoint)


@pytest.fixture
def export(tmp_path, monkeypatch):
    """Exports a network called `drawn`; gives what the command did, the file and the method."""

    def run(kind: type[nn.Module], *arguments):
        torch.manual_seed(0)
        save_file(kind().state_dict(), tmp_path / "drawn.safetensors")
        cls = type("Drawn", (Drawn,), {"kind": kind, "card": Drawn.card})
        fuser = cls(tmp_path / "drawn.safetensors")
        monkeypatch.setattr(baselines, "names", lambda: ["drawn"])
        monkeypatch.setattr(baselines, "load", lambda *_, **__: fuser)
        target = tmp_path / "drawn.pt"
        done = CliRunner().invoke(main, ["weights", "export", "drawn", str(target), *arguments])
        return done, target, fuser

    return run


def images(height: int, width: int):
    return torch.rand(2, 1, 1, height, width, generator=torch.Generator().manual_seed(1))


pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


@pytest.mark.parametrize("kind", [Plain, Scanning])
def test_an_export_fuses_as_the_method_at_any_size(export, kind):
    """Also where the tokens fill several chunks of the scan, and the last one in part."""
    done, target, fuser = export(kind)
    assert done.exit_code == 0, done.output
    assert f"{target}: for images of any size, at most " in done.stdout
    module = torch.jit.load(target)
    for size in ((16, 16), (40, 90), (75, 101)):
        ir, vis = images(*size)
        found, expected = module(ir, vis).detach().numpy(), fuser.fuse(ir.numpy(), vis.numpy())
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert expected.min() >= 0 and expected.max() <= 1 and expected.std() > 0.01
    record = json.loads(target.with_suffix(".json").read_text())
    assert record["any_size"] and record["largest_difference"] < 1e-5 and record["method"] == "drawn"
    assert record["checkpoint"]["sha256"] == baselines.sha256(fuser.checkpoint)
    assert (record["sha256"], record["trained_on"]) == (baselines.sha256(target), "unknown")


def test_an_export_that_holds_for_one_size_refuses_others(export):
    done, target, fuser = export(Fixed, "--size", "90x70")
    assert "for images of 90x70 only" in done.stdout, done.output
    module, (ir, vis) = torch.jit.load(target), images(70, 90)
    np.testing.assert_allclose(module(ir, vis).detach().numpy(), fuser.fuse(ir.numpy(), vis.numpy()), atol=1e-6)
    with pytest.raises(torch.jit.Error, match="expected two images of 90x70 pixels"):
        module(*images(90, 70))
    assert not json.loads(target.with_suffix(".json").read_text())["any_size"]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Random, "Error: drawn cannot be exported: its TorchScript gives other images"),
        (Untraceable, "Error: drawn cannot be exported: not here"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_no_file(export, kind, message):
    done, target, _ = export(kind)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1) and message in done.stderr
    assert not target.exists() and not target.with_suffix(".json").exists()


@pytest.mark.parametrize(
    ("method", "target", "message"),
    [
        ("average", "a.pt", "average is no network"),
        ("densefus", "a.pt", "did you mean densefuse"),
        ("mambadfuse", "a.onnx", "ONNX is not written; name it .pt"),
        ("mambadfuse", "a.pth", "must end in .pt"),
        ("mambadfuse", "there.pt", "is there already"),
        ("mambadfuse-paper", "a.pt", "no checkpoint mambadfuse-paper/mambadfuse-paper.safetensors"),
    ],
)
def test_mistakes_are_one_line(method, target, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.json").touch()
    done = CliRunner().invoke(main, ["weights", "export", method, target])
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1) and message in done.stderr, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["there.json"]
