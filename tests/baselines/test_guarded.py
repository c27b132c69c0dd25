"""Networks as strangers write them, with weights as strangers save them: each runs, or one line says the next step."""

import pickle
import sys
import types
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import baselines
from baselines import contract, plugins
from baselines.guarded import in_order

NETWORKS = """
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from baselines import MethodCard, NetworkFuser, load_weights

from .blocks import Mix
import blocks


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = Mix()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, ir, vis):
        return self.norm(self.mix(torch.cat((ir, vis), 1)))


class Ours(NetworkFuser):
    def build(self, checkpoint):
        return load_weights(Net(), checkpoint)


class Carded(Ours):
    card = MethodCard("carded")


class Swapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, vis_y, ir):
        return self.net(ir, vis_y)


class ByName(Swapped):
    def forward(self, *, imageVis, imageIr):
        return self.net(imageIr, imageVis)


class SwappedForward(Ours):
    def forward(self, visible, infrared):
        return self.network(infrared, visible)


class Wide(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(2, channels, 1)


class OneInput(Net):
    def forward(self, x):
        return self.mix(x)


class Colour(Net):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(6, 1, 1)


class ColourOut(Net):
    def forward(self, ir, vis):
        return super().forward(ir, vis).repeat(1, 3, 1, 1)


class Signed(Net):
    def forward(self, ir, vis):
        return 2 * super().forward(ir, vis) - 1


class Levels(Net):
    def forward(self, ir, vis):
        return 255 * super().forward(ir, vis)


class Overshoots(Net):
    def forward(self, ir, vis):
        return super().forward(ir, vis) * 1.3


class Two(Net):
    def forward(self, ir, vis):
        return super().forward(ir, vis), ir


class Named(Net):
    def forward(self, ir, vis):
        return {"fused": super().forward(ir, vis)}


class Nothing(Net):
    def forward(self, ir, vis):
        super().forward(ir, vis)


class Array(Net):
    def forward(self, ir, vis):
        return super().forward(ir, vis).numpy()


class Flat(Net):
    def forward(self, ir, vis):
        return super().forward(ir, vis)[:, 0]


class Halves(Net):
    def forward(self, ir, vis):
        half = nn.functional.avg_pool2d(super().forward(ir, vis), 16)
        return nn.functional.interpolate(half, scale_factor=16)


class Skips(Net):
    def forward(self, ir, vis):
        fused = super().forward(ir, vis)
        return fused + 0 * nn.functional.interpolate(nn.functional.avg_pool2d(ir, 16), scale_factor=16)


class Multiple(Ours):
    multiple = 16

    def build(self, checkpoint):
        return load_weights(Skips(), checkpoint)


class Half(Ours):
    def build(self, checkpoint):
        return load_weights(Net().half(), checkpoint)


class Parallel(Ours):
    def build(self, checkpoint):
        return load_weights(nn.DataParallel(Net()), checkpoint)


class ByHand(NetworkFuser):
    def build(self, checkpoint):
        net = Net()
        net.load_state_dict(torch.load(checkpoint))
        return net


class Wrapped(NetworkFuser):
    def build(self, checkpoint):
        net = Net()
        net.load_state_dict(torch.load(checkpoint)["state_dict"])
        return net


class Lenient(NetworkFuser):
    def build(self, checkpoint):
        net = Net()
        net.load_state_dict({"other." + k: v for k, v in torch.load(checkpoint).items()}, strict=False)
        return net


class Forgets(NetworkFuser):
    def build(self, checkpoint):
        return Net()


class NoReturn(NetworkFuser):
    def build(self, checkpoint):
        load_weights(Net(), checkpoint)


class NoArgument(NetworkFuser):
    def build(self):
        return Net()


class Broken(NetworkFuser):
    def build(self, checkpoint):
        return Nett()


class Unlearned(nn.Module):
    def forward(self, a, b):
        return (3 * a + b) / 4


class BadCard(Ours):
    card = {"name": "bad"}


ready = Net()
"""
BLOCKS = """
from torch import nn

class Mix(nn.Conv2d):
    def __init__(self):
        super().__init__(2, 1, 1)
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Their code, and their weights, which make 0.75 ir + 0.25 vis, in `weights.pth`."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "mynet.py").write_text(NETWORKS)
    (folder / "blocks.py").write_text(BLOCKS)
    torch.save(STATE, folder / "weights.pth")
    return folder


def _state(dtype=torch.float32):
    norm = {"weight": torch.ones(1), "bias": torch.zeros(1), "running_mean": torch.zeros(1)}
    norm |= {"running_var": torch.ones(1) - 1e-5, "num_batches_tracked": torch.tensor(7)}
    state = {"mix.weight": torch.tensor([0.75, 0.25]).reshape(1, 2, 1, 1), "mix.bias": torch.zeros(1)}
    state |= {f"norm.{name}": tensor for name, tensor in norm.items()}
    return {name: x.to(dtype) if x.is_floating_point() else x for name, x in state.items()}


STATE = _state()


def under(prefix, state=None):
    return {prefix + name: tensor for name, tensor in (state or STATE).items()}


def ready(folder, attribute, weights="weights.pth", name=None):
    cls = plugins.from_file(folder / "mynet.py", attribute, name)
    return baselines.create(cls, folder / weights if weights else None)


def fused(fuser, size=(32, 48)):
    pair = contract.scene(*size)
    return fuser.fuse(*pair), (0.75 * pair[0] + 0.25 * pair[1]) / 255


RUNS = ["Net", "Ours", "Carded", "Swapped", "ByName", "SwappedForward", "Array", "Multiple", "Half", "Parallel"]


@pytest.mark.parametrize("attribute", [*RUNS, "ByHand", "ready"])
def test_networks_that_run(theirs, attribute):
    if attribute in ("Swapped", "ByName"):
        torch.save(under("net."), theirs / "swapped.pth")
    fuser = ready(theirs, attribute, "swapped.pth" if attribute in ("Swapped", "ByName") else "weights.pth")
    for size in ((32, 48), (17, 23)):
        np.testing.assert_allclose(*fused(fuser, size), atol=2e-3)
    assert fuser.card.family == "learned" and fuser.card.parameters is None
    assert fuser.told == ()


def test_a_module_without_weights_needs_none(theirs):
    np.testing.assert_allclose(*fused(ready(theirs, "Unlearned", None)), atol=1e-6)


# What is said of a network that does not run, with the next step.
SAYS = {
    "OneInput": "in forward(self, ir, vis) of a NetworkFuser: self.network(torch.cat((ir, vis), 1))",
    "Colour": "self.network(ir.repeat(1, 3, 1, 1), vis.repeat(1, 3, 1, 1))",
    "ColourOut": "returned (1, 3, 32, 48) for images (1, 1, 32, 48); return luminance",
    "Signed": "expected [0, 1]: if it is meant to be from -1 to 1, return (fused + 1) / 2",
    "Levels": "expected [0, 1]: scale or clip it",
    "Two": "returned a tuple of 2; return the fused image from forward(self, ir, vis) of a NetworkFuser:"
    " self.network(ir, vis)[0]",
    "Named": "self.network(ir, vis)['fused']",
    "Nothing": "returned None; expected the fused image, a tensor (1, 1, 32, 48)",
    "Flat": "returned (1, 32, 48) for images (1, 1, 32, 48); expected one image of that shape",
}


@pytest.mark.parametrize("attribute", SAYS)
def test_networks_that_fail_say_the_next_step(theirs, attribute):
    if attribute == "Colour":
        state = {**STATE, "mix.weight": torch.ones(1, 6, 1, 1)}
        torch.save(state, theirs / "colour.pth")
    fuser = ready(theirs, attribute, "colour.pth" if attribute == "Colour" else "weights.pth", "Mine")
    with pytest.raises(Exception) as error:
        fused(fuser)
    said = plugins.told(error.value)
    assert SAYS[attribute] in said and "\n" not in said


@pytest.mark.parametrize("attribute", ["Halves", "Skips"])
def test_sides_that_must_be_multiples(theirs, attribute):
    fuser = ready(theirs, attribute)
    fused(fuser, (32, 48))
    with pytest.raises((RuntimeError, ValueError), match="say so in a NetworkFuser: multiple = 16"):
        fused(fuser, (33, 47))


def test_what_is_beyond_the_range_is_told(theirs):
    fuser = ready(theirs, "Overshoots")
    fuser.fuse(*(np.full((16, 16), level, np.uint8) for level in (255, 255)))
    assert fuser.told == ("100 % of the pixels are beyond 0..1",)
    fuser.fuse(*(np.full((16, 16), level, np.uint8) for level in (10, 10)))
    assert fuser.told == ()


BUILDS = {
    ("Wrapped", "weights.pth"): "build() failed: KeyError: state_dict (mynet.py, line ",
    (
        "Lenient",
        "weights.pth",
    ): "2 of 7 parameters are random, as mix.weight: weights.pth is not loaded into them; return"
    " load_weights(network, checkpoint) from build()",
    ("Forgets", None): "give weights with --checkpoint Mine=FILE, and return load_weights(network, checkpoint)",
    ("Ours", None): "Mine: give weights with --checkpoint Mine=FILE",
    ("Net", None): "Mine: give weights with --checkpoint Mine=FILE",
    ("ByHand", None): "give weights with --checkpoint Mine=FILE",
    ("NoReturn", "weights.pth"): "build() returned None; it must return the network, a torch.nn.Module",
    ("NoArgument", "weights.pth"): "build() failed: TypeError: ",
    ("Broken", "weights.pth"): "build() failed: NameError: name 'Nett' is not defined (mynet.py, line ",
}


@pytest.mark.parametrize(("attribute", "weights"), BUILDS)
def test_builds_that_fail_say_the_next_step(theirs, attribute, weights):
    with pytest.raises(baselines.Unavailable) as error:
        ready(theirs, attribute, weights, "Mine")
    assert BUILDS[attribute, weights] in str(error.value) and "\n" not in str(error.value)


def test_classes_that_cannot_be_methods(theirs):
    said = r"derive a class from baselines.NetworkFuser whose build\(self, checkpoint\) returns load_weights\(Wide"
    with pytest.raises(ValueError, match=said):
        ready(theirs, "Wide")
    with pytest.raises(ValueError, match=r"the card of BadCard is no baselines\.MethodCard; it may be left out"):
        ready(theirs, "BadCard")


class Intruder:
    """Stands for whatever a pickle may hold; unpickled, it would leave a file."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


FILES = {
    "safetensors": lambda path, folder: save_file(STATE, path),
    "half precision": lambda path, folder: torch.save(_state(torch.float16), path),
    "within a dict": lambda path, folder: torch.save({"state_dict": STATE, "epoch": 3, "best": None}, path),
    "deep in dicts": lambda path, folder: torch.save(
        {"net": {"g": {"ema": STATE}}, "optimizer": {"state": {0: {}}}}, path
    ),
    "DataParallel": lambda path, folder: torch.save({"model": under("module.")}, path),
    "Lightning": lambda path, folder: torch.save(
        {"state_dict": {**under("model.net."), "loss.vgg.weight": torch.zeros(3)}}, path
    ),
    "counted by thop": lambda path, folder: torch.save(
        {**STATE, "total_ops": torch.zeros(1), "mix.total_params": torch.zeros(1)}, path
    ),
    "before batches were counted": lambda path, folder: torch.save(
        {name: x for name, x in STATE.items() if "batches" not in name}, path
    ),
    "beside plain objects": lambda path, folder: torch.save(
        {"model": STATE, "args": Namespace(out=Path("x")), "best": np.float64(30), "step": np.int64(3)}, path
    ),
    "old format": lambda path, folder: torch.save(STATE, path, _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize("kind", FILES)
def test_weights_as_people_save_them(theirs, tmp_path, kind):
    FILES[kind](tmp_path / "saved.pth", theirs)
    fuser = ready(theirs, "Ours", tmp_path / "saved.pth")
    np.testing.assert_allclose(*fused(fuser), atol=2e-3)


def _module(path, folder):
    module = types.ModuleType("train")
    exec("from torch import nn\nclass Net(nn.Conv2d):\n    pass", vars(module))
    sys.modules["train"] = module
    torch.save(module.Net(1, 1, 1), path)
    del sys.modules["train"]


def _arrays(path, folder):
    with open(path, "wb") as file:
        np.savez(file, a=np.zeros(3))


ALONE = "save the weights alone, where it was made: torch.save(network.state_dict(), 'weights.pth')"
REFUSED = {
    "a whole module": (_module, "it holds Python objects (train.Net), which would run code on loading; " + ALONE),
    "an intruder": (lambda path, folder: torch.save({**STATE, "x": Intruder(path.with_name("trace"))}, path), ALONE),
    "a bare pickle": (lambda path, folder: path.write_bytes(pickle.dumps(Intruder(path.with_name("trace")))), ALONE),
    "TorchScript": (
        lambda path, folder: torch.jit.save(torch.jit.script(torch.nn.Conv2d(2, 1, 1)), path),
        "save its weights alone: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')",
    ),
    "another shape": (
        lambda path, folder: torch.save({**STATE, "mix.weight": torch.zeros(8, 2, 3, 3)}, path),
        "does not fit Net: mix.weight is (8, 2, 3, 3) in the file and (1, 2, 1, 1) in the network",
    ),
    "another network": (
        lambda path, folder: torch.save({"conv.weight": torch.zeros(3)}, path),
        "it lacks 6 of the network's 7 names (mix.weight, mix.bias, norm.weight, …); 1 of its names are not the"
        " network's (conv.weight)",
    ),
    "two sets": (
        lambda path, folder: torch.save({"model": STATE, "ema": under("", STATE)}, path),
        "several sets of weights fit: 'model', 'ema'; load_weights(network, checkpoint, NAME)",
    ),
    "no tensors": (lambda path, folder: torch.save({"epoch": 3}, path), "there are no tensors by name in it"),
    "a tensor": (lambda path, folder: torch.save(torch.zeros(3), path), "there are no tensors by name in it"),
    "a pointer": (
        lambda path, folder: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "it is a Git LFS pointer, which stands for the file: git lfs pull gets it",
    ),
    "a page": (lambda path, folder: path.write_text("<!DOCTYPE html>\n<html>Sign in</html>"), "it is a web page"),
    "NumPy": (_arrays, "an archive, but not of torch.save (a.npy)"),
    "empty": (lambda path, folder: path.write_bytes(b""), "it is empty"),
    "cut": (lambda path, folder: path.write_bytes((folder / "weights.pth").read_bytes()[:700]), "is damaged"),
    "text": (lambda path, folder: path.write_text("0.5\n"), "it is damaged, no file of torch.save, or holds more"),
}


@pytest.mark.filterwarnings("ignore")  # of torch, about its older formats
@pytest.mark.parametrize("attribute", ["Ours", "ByHand"])
@pytest.mark.parametrize("kind", REFUSED)
def test_weights_that_are_refused(theirs, tmp_path, kind, attribute):
    """Also where the user's code reads the file itself, torch's advice to run what is in it reaches nobody."""
    make, said = REFUSED[kind]
    make(tmp_path / "saved.pth", theirs)
    with pytest.raises(baselines.Unavailable) as error:
        ready(theirs, attribute, tmp_path / "saved.pth", "Mine")
    text = str(error.value)
    assert "\n" not in text and "weights_only" not in text.lower() and "weights only" not in text.lower()
    assert "saved.pth" in text or "build() failed" in text
    if attribute == "Ours":
        assert said in text
    assert not (tmp_path / "trace").exists()


def test_one_of_several_sets_of_weights(tmp_path):
    network = torch.nn.Conv2d(1, 1, 1)
    sets = {
        name: {"weight": torch.full((1, 1, 1, 1), value), "bias": torch.zeros(1)}
        for name, value in (("a", 1.0), ("b", 2.0))
    }
    torch.save(sets, tmp_path / "sets.pth")
    assert baselines.load_weights(network, tmp_path / "sets.pth", "b").weight.item() == 2
    with pytest.raises(Exception, match="no weights 'c' in it, but 'a', 'b'"):
        baselines.load_weights(network, tmp_path / "sets.pth", "c")


def test_arguments_are_given_by_their_names():
    assert in_order(lambda vis, ir: (vis, ir))(1, 2) == (2, 1)
    assert in_order(lambda self, img_vi, img_ir: (self, img_vi, img_ir))("self", 1, 2) == ("self", 2, 1)
    assert in_order(lambda mri, pet: (mri, pet))(1, 2) == (2, 1)
    assert in_order(lambda *, visY, irY: (visY, irY))(1, 2) == (2, 1)
    for as_they_stand in (lambda ir, vis: (ir, vis), lambda x, y: (x, y), lambda vivid, iris: (vivid, iris)):
        assert in_order(as_they_stand)(1, 2) == (1, 2)
