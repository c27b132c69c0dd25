import numpy as np
import pytest
import torch

import baselines
from baselines.mambadfuse import MambaDFuse as Fuser
from baselines.mambadfuse import pad
from baselines.mambadfuse.losses import fusion_loss
from baselines.mambadfuse.network import MambaDFuse, Mixer


def relative(got, want):
    return ((got - want).abs().max() / want.abs().max()).item()


@pytest.fixture(scope="module")
def golden(shared):
    from safetensors.torch import load_file

    def load(name):
        return load_file(shared / "goldens" / "networks" / f"{name}.safetensors")

    return load


@pytest.mark.parametrize("kind", ["plain", "m3"])
@torch.no_grad()
def test_mixer_equals_the_authors_in_float64(golden, kind):
    """1e-6 of scale; no checkpoint needed."""
    values = golden("mamba_block_random")
    mixer = Mixer(60, m3=kind == "m3").double()
    prefix = f"{kind}.params."
    mixer.load_state_dict({k[len(prefix) :]: v for k, v in values.items() if k.startswith(prefix)})
    streams = ("x",) if kind == "plain" else ("x", "extra_emb1", "extra_emb2")
    given = [values[f"{kind}.{name}"] for name in streams]
    assert relative(mixer(*given), values[f"{kind}.y"]) < 1e-6
    assert relative(mixer.float()(*(x.float() for x in given)).double(), values[f"{kind}.y"]) < 1e-5


@pytest.mark.parametrize("crop", ["msrs00131D", "msrs01335N_odd"])
@torch.no_grad()
def test_network_equals_the_authors_stage_by_stage(golden, crop):
    """1e-4 of each tensor's own scale, with the authors' parameter names loaded strictly."""
    network = MambaDFuse()
    network.load_state_dict(golden("mambadfuse_random_params"))
    values = golden("mambadfuse_random")
    ir, vis = (values[f"{crop}.{name}"].float()[None, None] / 255 for name in ("ir", "vis"))
    first, second = network.encode(ir, vis)
    feature = network.deep_fuse(*network.shallow_fuse([first, second], ir.shape[2:]))
    got = {
        "enc_ir": first[0][0],
        "enc_vis": second[0][0],
        "enc_ir_res": first[1][0],
        "enc_vis_res": second[1][0],
        "fused_feature": feature[0],
        "out": network(ir, vis)[0],
        "out_padded": network(pad(ir), pad(vis))[0, :, : ir.shape[2], : ir.shape[3]],
    }
    checked = [name for name in got if f"{crop}.{name}" in values]
    assert len(checked) >= 5
    for name in checked:
        assert relative(got[name], values[f"{crop}.{name}"]) < 1e-4, name


@torch.no_grad()
def test_fuser_loads_an_official_file(golden, tmp_path):
    torch.save({"params": golden("mambadfuse_random_params")}, tmp_path / "10000_E.pth")
    fuser = baselines.load("mambadfuse", checkpoint=tmp_path / "10000_E.pth")
    values = golden("mambadfuse_random")
    fused = fuser.fuse(values["msrs00131D.ir"].numpy(), values["msrs00131D.vis"].numpy())
    want = values["msrs00131D.out_padded"][0].clamp(0, 1).numpy()
    np.testing.assert_allclose(fused, want, atol=1e-4)


def test_a_file_that_does_not_fit_is_one_clear_line(tmp_path):
    torch.save({"params": {"unrelated.weight": torch.zeros(3)}}, tmp_path / "x.pth")
    with pytest.raises(baselines.Unavailable, match=r"x\.pth does not fit the network") as caught:
        baselines.load("mambadfuse", checkpoint=tmp_path / "x.pth")
    assert "\n" not in str(caught.value)
    (tmp_path / "y.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(baselines.Unavailable, match="not a readable checkpoint"):
        baselines.load("mambadfuse", checkpoint=tmp_path / "y.pth")


@pytest.mark.parametrize("method", ["mambadfuse", "cddfuse", "seafusion"])
@pytest.mark.parametrize("content", [[1, 2], torch.zeros(2), {1: torch.zeros(2)}, {"params": [1]}])
def test_a_file_that_is_no_state_dict_is_one_clear_line(tmp_path, method, content):
    torch.save(content, tmp_path / "z.pth")
    with pytest.raises(baselines.Unavailable, match="not a state dict"):
        baselines.load(method, checkpoint=tmp_path / "z.pth")


def test_parameters_of_the_card():
    assert sum(p.numel() for p in MambaDFuse().parameters()) == Fuser.card.parameters


@torch.no_grad()
def test_streaming_in_chunks_changes_nothing():
    """The mixer without gradients passes tokens in chunks; with gradients all at once. 1e-6 of scale."""
    torch.manual_seed(0)
    mixer = Mixer(60, m3=True)
    streams = [torch.randn(2, 1024 + 700, 60) for _ in range(3)]
    with torch.enable_grad():
        whole = mixer(*streams).detach()
    assert relative(mixer(*streams), whole) < 1e-6


@torch.no_grad()
def test_paper_variant_gates_all_branches_with_the_fusion_stream():
    torch.manual_seed(0)
    official, paper = Mixer(60, m3=True), Mixer(60, m3=True, variant="paper")
    paper.load_state_dict(official.state_dict())
    x, a, b = (torch.randn(1, 30, 60) for _ in range(3))
    assert relative(paper(x, a, b), official(x, a, b)) > 1e-3
    # With the same gate projection in all branches and one stream, both variants are the same function.
    for i in (1, 2):
        getattr(official, f"in_proj_extra{i}").weight.copy_(official.in_proj.weight)
    paper.load_state_dict(official.state_dict())
    assert relative(paper(x, x, x), official(x, x, x)) < 1e-6
    with pytest.raises(ValueError, match="variant 'other' is not one of official, paper"):
        MambaDFuse(variant="other")


def test_padding_mirrors_to_the_next_multiple_of_eight():
    x = torch.arange(20.0 * 24).reshape(1, 1, 20, 24)
    padded = pad(x)
    assert padded.shape == (1, 1, 24, 32)
    assert torch.equal(padded[..., :20, 24:], x.flip(3)[..., :8])
    assert torch.equal(padded[..., 20:, :24], x.flip(2)[..., :4, :])


def test_loss_is_zero_only_for_the_ideal_image():
    torch.manual_seed(0)
    ir = torch.rand(2, 1, 32, 32)
    loss, parts = fusion_loss(ir, ir, ir)
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert parts["ssim"].item() == pytest.approx(1, abs=1e-6)
    worse, _ = fusion_loss(ir * 0.9, ir, ir)
    assert worse > loss + 0.5


def test_gradients_reach_every_parameter():
    network = MambaDFuse()
    ir, vis = torch.rand(2, 1, 1, 20, 24)
    fusion_loss(network(ir, vis), ir, vis)[0].backward()
    missing = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert missing == set()
