"""Published networks against what their authors' code computed with the same weights, and against published images."""

import csv

import numpy as np
import pytest
from PIL import Image

import baselines
from baselines import checkpoint_files

# method -> its file among the goldens and what the key of its output ends in
GOLDENS = {
    "auif": ("auif", "out"),
    "datfuse": ("datfuse", "out"),
    "densefuse": ("densefuse", "out"),
    "didfuse": ("didfuse", "out"),
    "ifcnn-max": ("ifcnn", "out"),
    "itfuse": ("itfuse", "out"),
    "lrrnet": ("lrrnet", "out"),
    "mmdrfuse": ("mmdrfuse", "out"),
    "reconet": ("reconet", "out"),
    "seafusion": ("seafusion", "out"),
    "tardal": ("tardal", "out"),
    "tardal-plusplus": ("tardal", "out_plusplus"),
    "ydtr": ("ydtr", "out"),
}
METHODS = [*GOLDENS, "ifcnn-mean", "ifcnn-sum"]
EPSILON = 1e-5  # that LRRNet's authors add to the range


def load(shared, name):
    return baselines.load(name, weights_root=shared / "weights")


def stretched(image, epsilon=0.0):
    return (image - image.min()) / (image.max() - image.min() + epsilon)


def normalised(network, ir, vis):
    """IFCNN on images normalised by ImageNet's mean and deviation, and the mean of the three channels, as the goldens
    have it; its authors do so for multi-focus images only."""
    import torch

    mean, deviation = (torch.tensor(x).view(1, 3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    images = ((torch.from_numpy(x).expand(1, 3, -1, -1) - mean) / deviation for x in (ir, vis))
    with torch.inference_mode():
        return (network(*images) * deviation + mean).clamp(0, 1).mean(dim=1, keepdim=True).numpy()


@pytest.mark.parametrize("crop", ["tno06", "msrs00131D_odd"])
@pytest.mark.parametrize("name", GOLDENS)
def test_output_is_the_authors(shared, name, crop):
    """2e-5 of the output's scale; required: 1e-4."""
    from safetensors.numpy import load_file

    file, key = GOLDENS[name]
    golden = load_file(shared / "goldens" / "networks" / f"{file}.safetensors")
    ir, vis = (np.float32(golden[f"{crop}.{side}"])[None, None] / np.float32(255) for side in ("ir", "vis"))
    fuser = load(shared, name)
    if name == "tardal":
        fuser.network.use_stored_statistics()  # as VIF-Benchmark does
    fused = normalised(fuser.network, ir, vis) if name == "ifcnn-max" else fuser.fuse_batch(ir, vis)
    if name in ("lrrnet", "mmdrfuse"):
        fused = stretched(fused, EPSILON if name == "lrrnet" else 0)
    expected = golden[f"{crop}.{key}"].reshape(fused.shape)
    assert np.ptp(expected) > 0.2
    np.testing.assert_allclose(fused, expected, atol=2e-5 * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize("name", METHODS)
def test_files_are_those_on_the_card(shared, name):
    """And in the list of what was downloaded, with its sha256."""
    fuser = load(shared, name)
    card = fuser.card
    rows = {row["file"]: row for row in csv.DictReader((shared / "weights" / "MANIFEST.csv").open())}
    published = {**card.checkpoints, **card.companions.get(fuser.checkpoint.name, {})}
    files = checkpoint_files(card, fuser.checkpoint)
    assert {path.name for path in files} == set(published)
    for path in files:
        assert baselines.sha256(path) == published[path.name]
        assert path.name == "model_10.pth" or rows[path.name]["sha256"] == published[path.name]


@pytest.mark.parametrize("name", METHODS)
def test_flops_are_those_on_the_card(shared, name):
    """By torch's counter. LRRNet, whose loop over pixels looks at a weight, is counted on a hundredth of the image."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    fuser = load(shared, name)
    parts = 100 if name == "lrrnet" else 1
    device = "cpu" if name == "lrrnet" else "meta"
    fuser.network.to(device)
    images = (
        torch.rand(2, 1, 1, 480 // 10, 640 // 10) if parts == 100 else torch.empty(2, 1, 1, 480, 640, device="meta")
    )
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        fuser.forward(*images)
    assert parts * counter.get_total_flops() == fuser.card.flops


@pytest.mark.parametrize(
    "name, title, ids",
    [("densefuse", "DenseFuse", ["04", "05", "08", "36"]), ("seafusion", "SeAFusion", ["05", "08", "36"])],
)
def test_published_images_of_tno_are_reproduced(shared, name, title, ids):
    """SeAFusion: 0.01 grey levels on average, none off by more than one. DenseFuse: L. Tang's images are of the
    TensorFlow version, which differs at sharp edges: 1 grey level on average over four images, of which 04 is the worst
    of all 42; but for the range that is stretched, half a grey level, which is what rounding twice gives, in each."""
    fuser, differences = load(shared, name), []
    for id in ids:
        ir, vis, saved = (
            np.asarray(Image.open(shared / folder / f"{id}.png").convert("L"))
            for folder in ("data/TNO/ir", "data/TNO/vi", f"oracles/tno42/fused/{title}")
        )
        fused = fuser.fuse_batch(*(np.float32(x)[None, None] / np.float32(255) for x in (ir, vis)))[0, 0]
        levels = 255 * stretched(fused.astype(float))
        levels = np.floor(levels) if name == "seafusion" else np.round(levels)
        differences.append(np.abs(levels - saved))
        fitted = np.polyval(np.polyfit(levels.ravel(), saved.ravel(), 1), levels)
        assert np.abs(fitted - saved).mean() <= 0.5
    assert np.mean([d.mean() for d in differences]) <= (0.01 if name == "seafusion" else 1)
    assert name == "densefuse" or max(d.max() for d in differences) <= 1


def test_tardal_is_normalised_by_each_image(shared):
    """As a batch normalisation that is left in training mode does with one image: equal to 1e-5."""
    import torch

    ir, vis = torch.rand(2, 1, 1, 40, 31).numpy()
    fuser = load(shared, "tardal")
    own = fuser.fuse_batch(ir, vis)
    stored = fuser.network.use_stored_statistics()
    assert np.abs(fuser.fuse_batch(ir, vis) - own).max() > 0.1
    for module in stored.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
    np.testing.assert_allclose(fuser.fuse_batch(ir, vis), own, atol=1e-5)


@pytest.mark.parametrize("size", [(16, 16), (17, 23)])
def test_auif_applies_its_kernels_and_their_transposes_as_one(size):
    """Borders included: equal to 1e-5 of the largest value."""
    import torch

    from baselines.auif import Step

    torch.manual_seed(0)
    step, x = Step(), torch.rand(2, 1, *size)
    with torch.no_grad():
        step.kernel.normal_()
        expected = step.twice(x)
        assert (step.both(x) - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_lrrnet_is_the_convolutions_that_it_is_written_as():
    """With random weights, on two images of more pixels than one chunk: equal to 1e-5 of the largest value."""
    import torch
    import torch.nn.functional as F

    from baselines.lrrnet import PIXELS, Network

    torch.manual_seed(0)
    network = Network().eval()
    for part in (network.get_ls1, network.get_ls2):
        torch.nn.init.uniform_(part.lamj, -0.01, 0.2)
        torch.nn.init.constant_(part.lamz, 0.6)

    def shrunk(z, part):
        return z.sign() * F.relu(z.abs() - part.lamj.view(1, -1, 1, 1))

    def decomposed(part, x):
        z = shrunk(part.conv_W00(x), part)
        for block in part.blocks:
            z = shrunk(part.lamz * z + block.conv_Wdtz(x - block.conv_Wdz(z)), part)
        return z.chunk(2, dim=1)

    ir, vis = torch.rand(2, 2, 1, 41, 37)
    assert ir[0].numel() > PIXELS
    with torch.no_grad():
        d = network.decoder
        (ir_low, ir_sparse), (vis_low, vis_sparse) = decomposed(network.get_ls1, ir), decomposed(network.get_ls2, vis)
        low = d.conv_ReL(torch.cat((d.conv_ReZx(ir_low), d.conv_ReZy(vis_low)), dim=1))
        expected = low + d.conv_ReH(torch.cat((d.conv_ReUx(ir_sparse), d.conv_ReUy(vis_sparse)), dim=1))
        assert (network(ir, vis) - expected).abs().max() <= 1e-5 * expected.abs().max()
