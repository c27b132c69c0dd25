import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy_losses import largest_gradient, sobel, ssim
from safetensors.torch import load_file, save_file

import baselines
from baselines import Unavailable
from baselines.cddfuse import network as module
from baselines.cddfuse.losses import correlation, phase1_loss, phase2_loss, ssim_loss
from baselines.cddfuse.network import (
    PARTS,
    BaseAttention,
    CDDFuse,
    channel_attention,
    in_strips,
    load_network,
    state_for_saving,
)

CROPS = ["msrs00131D", "msrs01335N_odd"]
STAGES = ["vis_base", "vis_detail", "ir_base", "ir_detail", "out", "out_minmax"]  # the first four: odd crop only


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return CDDFuse().eval()


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    """A file of the kind that training leaves, with random weights."""
    path = tmp_path_factory.mktemp("weights") / "cddfuse.safetensors"
    save_file(state_for_saving(network), path)
    return path


@pytest.fixture(scope="module")
def golden(shared):
    return load_file(shared / "goldens" / "networks" / "cddfuse_random.safetensors")


@pytest.fixture(scope="module")
def official(shared, tmp_path_factory):
    """A checkpoint in the layout of the authors' files, in a weights folder; random weights."""
    checkpoint = {}
    for key, value in load_file(shared / "goldens" / "networks" / "cddfuse_random_params.safetensors").items():
        part, name = key.split("/")
        assert name.startswith("module.")
        checkpoint.setdefault(part, {})[name] = value
    root = tmp_path_factory.mktemp("weights")
    (root / "cddfuse").mkdir()
    torch.save(checkpoint, root / "cddfuse" / "CDDFuse_IVF.pth")
    return root


@pytest.mark.parametrize(
    "crop, dtype, tolerance",
    [(CROPS[0], torch.float32, 1e-5), (CROPS[1], torch.float32, 1e-5), (CROPS[1], torch.float64, 1e-7)],
)
def test_every_stage_is_the_authors(official, golden, crop, dtype, tolerance):
    """Relative to each tensor's largest magnitude. The goldens were computed in float64 and kept in float32."""
    network = load_network(official / "cddfuse" / "CDDFuse_IVF.pth").to(dtype)
    ir, vis = (golden[f"{crop}.{name}"].to(dtype)[None, None] / 255 for name in ("ir", "vis"))
    with torch.inference_mode():
        out = network(ir, vis)
        stages = (*network.encode(vis), *network.encode(ir), out, (out - out.min()) / (out.max() - out.min()))
    compared = 0
    for stage, got in zip(STAGES, stages):
        expected = golden.get(f"{crop}.{stage}")
        if expected is not None:
            compared += 1
            error = (got[0] - expected.to(dtype)).abs().max() / expected.abs().max()
            assert error <= tolerance, stage
    assert compared == (6 if "odd" in crop else 2)


@pytest.mark.parametrize("crop", CROPS)
def test_fuser_gives_what_the_authors_script_saves(official, golden, crop):
    """From a file in the official layout, stretched to [0, 1]; 1e-5."""
    fuser = baselines.load("cddfuse", checkpoint=official / "cddfuse" / "CDDFuse_IVF.pth")
    fused = fuser.fuse(golden[f"{crop}.ir"].numpy(), golden[f"{crop}.vis"].numpy(), "native")
    np.testing.assert_allclose(fused, golden[f"{crop}.out_minmax"][0].numpy(), atol=1e-5)


@pytest.mark.parametrize("change", ["drop", "add", "reshape"])
def test_official_layout_is_loaded_strictly(official, tmp_path, change):
    checkpoint = torch.load(official / "cddfuse" / "CDDFuse_IVF.pth", weights_only=True)
    part, key = checkpoint["DetailFuseLayer"], "module.net.0.shffleconv.bias"
    if change == "drop":
        del part[key]
    elif change == "add":
        part["module.net.1.shffleconv.bias"] = part[key]
    else:
        part[key] = part[key][:32]
    torch.save(checkpoint, tmp_path / "changed.pth")
    with pytest.raises(Unavailable, match=r"shffleconv\.bias"):
        baselines.load("cddfuse", checkpoint=tmp_path / "changed.pth")


def test_saved_weights_load_back(network, saved):
    assert set(dict(network.named_children())) == set(PARTS)
    loaded = load_network(saved).state_dict()
    assert loaded.keys() == network.state_dict().keys()
    assert all(torch.equal(value, loaded[key]) for key, value in network.state_dict().items())


def test_each_image_of_a_batch_is_stretched_by_itself(saved):
    """Random weights; a batch equals its images to 1e-5 and each spans [0, 1]."""
    rng = np.random.default_rng(0)
    ir, vis = rng.random((2, 3, 1, 17, 22), np.float32) * np.array([0.2, 0.5, 1], np.float32)[:, None, None, None]
    fuser = baselines.load("cddfuse", checkpoint=saved)
    fused = fuser.fuse(ir, vis, "native")
    assert (fused.min(axis=(1, 2, 3)) == 0).all() and (fused.max(axis=(1, 2, 3)) == 1).all()
    for i in range(3):
        np.testing.assert_allclose(fused[i, 0], fuser.fuse(ir[i, 0], vis[i, 0], "native"), atol=1e-5)


def test_a_flat_result_is_left_as_it_is(saved):
    fuser = baselines.load("cddfuse", checkpoint=saved)
    fuser.network = lambda ir, vis: torch.full_like(vis, 0.25)
    assert (fuser.fuse(np.zeros((16, 16)), np.zeros((16, 16)), "native") == 0.25).all()


def test_strips_of_rows_do_not_show(network, monkeypatch):
    """Strips of 3 rows, in inference, against the whole image; float64, 1e-12."""
    ir, vis = torch.rand(2, 1, 1, 31, 18, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    double = CDDFuse().double()
    double.load_state_dict(network.state_dict())
    whole = double(ir, vis).detach()  # one strip, since gradients are recorded
    monkeypatch.setattr(module, "STRIP_ROWS", 3)
    monkeypatch.setattr(module, "STRIP_PIXELS", 1)
    seen = []
    with torch.inference_mode():
        in_strips(lambda strip: seen.append(strip.shape[2]) or strip, vis, halo=1)
        torch.testing.assert_close(double(ir, vis), whole, rtol=0, atol=1e-12)
    assert len(seen) == 10 and max(seen) == 5


def test_attention_equals_its_textbook_form():
    """Normalise, multiply, soften, mix, project, per head (Zamir et al., 2022); float64, 1e-12."""
    torch.manual_seed(2)
    x = torch.randn(2, 64, 9, 7, dtype=torch.float64)
    qkv, projection = torch.randn(192, 64, 1, 1).double() / 8, torch.randn(64, 64, 1, 1).double() / 8
    temperature = torch.rand(8, 1, 1).double() + 0.5
    queries, keys, values = F.conv2d(x, qkv).view(2, 3, 8, 8, 63).unbind(1)
    weights = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).mT * temperature
    expected = x + F.conv2d((weights.softmax(-1) @ values).view(2, 64, 9, 7), projection)
    got = channel_attention(lambda strip: F.conv2d(strip, qkv), x, temperature, projection)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


def test_base_attention_merges_its_two_convolutions():
    torch.manual_seed(3)
    attention = BaseAttention(64, 8).double()
    x = torch.randn(1, 64, 8, 10, dtype=torch.float64)
    expected = channel_attention(
        lambda strip: attention.qkv2(attention.qkv1(strip)), x, attention.scale, attention.proj.weight
    )
    torch.testing.assert_close(attention(x, torch.nn.Identity()), expected, rtol=0, atol=1e-12)


def test_missing_file_is_unavailable_and_says_where_to_put_one(tmp_path, monkeypatch):
    monkeypatch.setattr("baselines.base.SHIPPED", tmp_path)
    with pytest.raises(Unavailable, match=r"cddfuse/CDDFuse_IVF.pth or cddfuse/cddfuse.safetensors"):
        baselines.load("cddfuse", weights_root=tmp_path)


def test_own_checkpoint_fuses_a_real_pair(shared):
    """With whatever checkpoint is at hand: more of both sources' edges (Qabf) and more contrast than their mean."""
    import cv2

    import metrics

    try:
        fuser = baselines.load("cddfuse", weights_root=shared / "weights")
    except Unavailable as reason:
        pytest.skip(str(reason))
    ir, vis = (cv2.imread(str(shared / "data/TNO" / folder / "06.png"), 0)[::2, ::2] for folder in ("ir", "vi"))
    scores, mean = (
        metrics.evaluate(method.fuse(ir, vis) * 255, ir, vis, ["SD", "Qabf"])
        for method in (fuser, baselines.load("average"))
    )
    assert scores["Qabf"] > mean["Qabf"] + 0.05
    assert scores["SD"] > mean["SD"]


class Linear:
    """Stands in for the network in the tests of the losses: every stage is linear in its inputs."""

    def encode(self, image):
        return torch.cat((image, image**2), 1), torch.cat((1 - image, image**3), 1)

    def merge(self, base, detail):
        return base / 2, detail / 3

    def decode(self, image, base, detail):
        return 0.5 * image + 0.3 * base[:, :1] + 0.1 * detail[:, 1:]


def dissimilarity(x, y):
    return np.clip(1 - ssim(x, y, "reflect"), 0, 1).mean() / 2


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(5)
    return torch.from_numpy(rng.random((2, 1, 20, 24))), torch.from_numpy(rng.random((2, 1, 20, 24)))


def decomposition(ir, vis):
    stages = [[image.numpy() for image in Linear().encode(x)] for x in (ir, vis)]
    base, detail = (
        np.mean(
            [
                np.corrcoef(a.ravel(), b.ravel())[0, 1]
                for first, second in zip(stages[0][i], stages[1][i])
                for a, b in zip(first, second)
            ]
        )
        for i in (0, 1)
    )
    return detail**2 / (1.01 + base)


def test_reconstruction_loss_is_the_sum_of_its_terms(batch):
    """Against numpy, relative 1e-6."""
    ir, vis = batch
    loss, parts = phase1_loss(Linear(), ir, vis)
    expected = 2 * decomposition(ir, vis)
    assert parts["decomposition"].item() == pytest.approx(expected / 2, rel=1e-6)
    for source, name in ((ir, "ir"), (vis, "vis")):
        images = [x[:, 0].numpy() for x in (source, Linear().decode(source, *Linear().encode(source)))]
        ssim = np.mean([dissimilarity(x, y) for x, y in zip(*images)])
        assert parts[f"ssim_{name}"].item() == pytest.approx(ssim, rel=1e-6)
        expected += 5 * ssim + np.mean((images[0] - images[1]) ** 2)
        if name == "vis":
            gradients = [np.stack([sobel(image, "edge") / 8 for image in x]) for x in images]
            expected += 5 * np.abs(gradients[0] - gradients[1]).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_fusion_loss_is_the_sum_of_its_terms(batch):
    """Against numpy, relative 1e-6."""
    ir, vis = batch
    loss, _ = phase2_loss(Linear(), ir, vis)
    (base_ir, detail_ir), (base_vis, detail_vis) = Linear().encode(ir), Linear().encode(vis)
    fused = 0.5 * vis + 0.15 * (base_ir + base_vis)[:, :1] + 0.1 / 3 * (detail_ir + detail_vis)[:, 1:]
    a, b, f = (x[:, 0].numpy() for x in (ir, vis, fused))
    gradient = np.mean([largest_gradient(*images) for images in zip(f, a, b)])
    expected = np.abs(f - np.maximum(a, b)).mean() + 10 * gradient
    assert loss.item() == pytest.approx(expected + 2 * decomposition(ir, vis), rel=1e-6)


def test_ssim_loss_ends():
    x = torch.rand(1, 1, 16, 16, dtype=torch.float64)
    assert ssim_loss(x, x).item() == pytest.approx(0, abs=1e-12)
    assert 0.25 < ssim_loss(x, 1 - x).item() <= 0.5


def test_correlation_of_a_flat_map_is_zero_with_finite_gradient():
    flat = torch.full((1, 2, 8, 8), 0.3, requires_grad=True)
    value = correlation(flat, torch.rand(1, 2, 8, 8))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-3) and torch.isfinite(flat.grad).all()


@pytest.mark.parametrize("phase, trained", [(phase1_loss, PARTS[:2]), (phase2_loss, PARTS)])
@pytest.mark.parametrize("content", ["textured", "flat"])
def test_gradients_are_finite_and_reach_the_parts_of_the_phase(phase, trained, content):
    torch.manual_seed(4)
    network = CDDFuse()
    ir, vis = torch.rand(2, 1, 1, 16, 18) if content == "textured" else torch.full((2, 1, 1, 16, 18), 0.5)
    loss, parts = phase(network, ir, vis)
    loss.backward()
    assert not any(part.requires_grad for part in parts.values())
    for name, part in network.named_children():
        gradients = [p.grad for p in part.parameters()]
        assert all((g is not None and bool(torch.isfinite(g).all())) == (name in trained) for g in gradients), name


def test_both_losses_fall_when_trained():
    """Twelve steps of each phase on one small pair."""
    torch.manual_seed(6)
    network = CDDFuse().to(memory_format=torch.channels_last)
    y, x = torch.meshgrid(torch.linspace(0, 6, 24), torch.linspace(0, 6, 24), indexing="ij")
    ir, vis = (0.5 + 0.4 * torch.sin(t)[None, None] for t in (x + y, 3 * x))
    for phase in (phase1_loss, phase2_loss):
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        values = []
        for _ in range(12):
            optimizer.zero_grad()
            loss, _ = phase(network, ir, vis)
            loss.backward()
            optimizer.step()
            values.append(loss.item())
        assert values[-1] < 0.9 * values[0], phase.__name__
