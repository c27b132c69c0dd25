"""Large images in parts: where tiles lie, how they are blended, how far methods reach, MambaDFuse in bands."""

import copy
import importlib
import itertools

import numpy as np
import pytest
import torch

import baselines
from baselines import ClassicalFuser, MethodCard, NetworkFuser, contract, tiling
from baselines.mambadfuse import MambaDFuse, MambaDFuseMedical
from baselines.mambadfuse.network import MambaDFuse as Network
from baselines.mambadfuse.network import MedicalMambaDFuse

TILEABLE = [name for name in baselines.names() if baselines.method(name).reach is not None]
NETWORKS = [name for name in TILEABLE if issubclass(baselines.method(name), NetworkFuser)]


@pytest.mark.parametrize("length", [16, 99, 100, 101, 137, 500, 1023, 4001])
@pytest.mark.parametrize(("tile", "reach", "align"), [(100, 20, 1), (101, 20, 4), (512, 96, 16), (64, 0, 1)])
def test_tiles_cover_a_side_and_overlap_enough(length, tile, reach, align):
    found = tiling.places(length, tile, reach, align)
    assert found[0][0] == 0 and found[-1][1] == length
    assert all(start % align == 0 and 0 < end - start <= tile for start, end in found)
    common = [end - start for (_, end), (start, _) in itertools.pairwise(found)]
    assert all(shared >= 2 * reach + tiling.BLEND for shared in common)
    assert (len(found) == 1) == (length <= tile - tile % align)
    total = np.zeros(length)
    for (start, end), share in zip(found, tiling.weights(length, found, reach)):
        assert start == 0 or not share[:reach].any()
        assert end == length or not share[len(share) - reach :].any()
        total[start:end] += share
    np.testing.assert_allclose(total, 1, atol=1e-6)


class Blur(ClassicalFuser):
    """Reaches 2 pixels, and counts the pixels that it is given."""

    card = MethodCard("blur", "Blur", "classical")
    reach = 2

    def __init__(self):
        super().__init__()
        self.seen = []

    def fuse_pair(self, ir, vis):
        self.seen.append(ir.shape)
        padded = np.pad(ir, 2, mode="edge")
        height, width = ir.shape
        return sum(padded[i : i + height, i : i + width] for i in range(5)) / 10 + vis / 2


def random_pair(height, width, batch=1):
    return np.random.default_rng(0).random((2, batch, 1, height, width), dtype=np.float32)


def test_a_tiled_fuser_gives_the_whole_result_and_never_sees_more_than_a_tile():
    fuser, tiled = Blur(), Blur()
    tiled.tile = 40
    for size in ((41, 16), (55, 131), (40, 400)):
        for batch in (1, 3):
            pair = random_pair(*size, batch)
            np.testing.assert_allclose(tiled.fuse(*pair), fuser.fuse(*pair), atol=1e-6)
    assert max(max(shape) for shape in tiled.seen) <= 40
    tiled.seen.clear()
    small = random_pair(40, 17)
    assert np.array_equal(tiled.fuse(*small), fuser.fuse(*small)) and tiled.seen == [(40, 17)]


def test_a_reach_that_is_too_small_is_noticed():
    class Liar(Blur):
        reach = 0

    fuser = Liar()
    contract.tiles(lambda device: Blur(), "cpu")
    with pytest.raises(contract.Broken, match="in tiles of 32: values differ"):
        contract.tiles(lambda device: fuser, "cpu")
    assert fuser.tile is None


def test_stretches_are_those_of_the_whole_image():
    class Stretched(Blur):
        card = MethodCard("stretched", "Stretched", "classical", stretch=True)

    fuser = Stretched()
    ir = np.linspace(0.2, 0.6, 300, dtype=np.float32) * np.ones((20, 1), np.float32)
    whole = fuser.fuse(ir, ir, "native")
    fuser.tile = 40
    np.testing.assert_allclose(fuser.fuse(ir, ir, "native"), whole, atol=1e-5)
    assert whole.min() == 0 and whole.max() == 1


def without_weights(name):
    """The method with a network of random weights."""
    cls = baselines.method(name)
    fuser = object.__new__(cls)
    fuser.device, fuser.checkpoint = "cpu", None
    kind = importlib.import_module(cls.__module__).Network
    torch.manual_seed(0)
    fuser.network = (kind(cls.operation) if hasattr(cls, "operation") else kind()).eval()
    for module in fuser.network.modules():
        if hasattr(module, "stored"):
            module.stored = True
    return fuser


@pytest.mark.parametrize("name", NETWORKS)
def test_reach_is_how_far_a_pixel_is_seen(name):
    """Not a number spreads over all that depends on it. Exact where the grid is that of the pixels."""
    fuser = without_weights(name)
    side = 2 * fuser.reach + 12
    side += -side % fuser.align
    found = 0
    for index in (0, 1):
        for y, x in ((side // 2, side // 2), (side // 2 + 1, side // 2 - 1)):
            pair = torch.rand(2, 1, 1, side, side)
            pair[index, 0, 0, y, x] = float("nan")
            with torch.inference_mode():
                rows, columns = np.nonzero(np.isnan(fuser.forward(*pair)[0, 0].numpy()))
            assert len(rows)
            found = max(found, *np.abs(rows - y), *np.abs(columns - x))
    assert found == fuser.reach if fuser.align == 1 else found <= fuser.reach


def test_lrrnet_stretches_whole_images_before_tiles():
    fuser = without_weights("lrrnet")
    ir, vis = random_pair(90, 170) * np.linspace(0.1, 1, 170, dtype=np.float32)
    whole = fuser.fuse(ir, vis, "raw")
    fuser.tile = 80
    np.testing.assert_allclose(fuser.fuse(ir, vis, "raw"), whole, atol=1e-5)
    assert np.ptp(whole) > 0.1


def test_methods_that_see_the_whole_image_say_why():
    for name in baselines.names():
        cls = baselines.method(name)
        if not cls.streams and cls.reach is None:
            assert cls.whole != baselines.Fuser.whole, name
            assert cls.whole in baselines.untiled(cls, 512)
        else:
            assert baselines.untiled(cls, 512) is None, name


def test_tiles_that_a_method_cannot_have():
    with pytest.raises(ValueError, match="cddfuse: cannot be tiled: its attention"):
        baselines.load("cddfuse", tile=512)
    with pytest.raises(ValueError, match="laplacian: tiles of 100 pixels are too small; it takes at least 288"):
        baselines.load("laplacian", tile=100)
    assert baselines.load("laplacian", tile=288).tile == 288


def test_what_methods_need_is_known():
    for name in baselines.names():
        assert 1 < tiling.bytes_per_pixel(name) < 50_000, name
    assert tiling.bytes_per_pixel("mine") is None


@pytest.mark.parametrize("variant", ["official", "paper"])
@torch.inference_mode()
def test_mambadfuse_in_bands_is_mambadfuse(variant):
    """1e-5 of scale, in bands of few and of more rows, of which the last is short or not."""
    torch.manual_seed(0)
    network = Network(variant).to(memory_format=torch.channels_last)
    for batch, height, width, bands in ((1, 48, 24, (16, 24, 100)), (2, 41, 17, (16, 40))):
        ir, vis = torch.rand(2, batch, 1, height, width)
        whole = network(ir, vis)
        for rows in bands:
            banded = network.in_bands(ir, vis, rows)
            assert banded.shape == whole.shape
            assert (banded - whole).abs().max() <= 1e-5 * whole.abs().max()


@torch.inference_mode()
def test_bands_without_the_compiled_kernel(monkeypatch):
    monkeypatch.setenv("BENCH_SCAN_BACKEND", "chunked")
    torch.manual_seed(0)
    network = Network()
    ir, vis = torch.rand(2, 1, 1, 20, 16)
    torch.testing.assert_close(network.in_bands(ir, vis, 16), network(ir, vis), atol=1e-5, rtol=0)


@torch.inference_mode()
def test_states_go_from_band_to_band():
    """What stands in the first row is seen in the last, bands below."""
    torch.manual_seed(0)
    network = Network()
    ir, vis = torch.rand(2, 1, 1, 64, 16)
    other = ir.clone()
    other[:, :, 0] = 1 - other[:, :, 0]
    whole, changed = network(ir, vis), network(other, vis)
    seen = (whole - changed)[..., 40:, :].abs().max()
    assert seen > 0
    banded = network.in_bands(ir, vis, 16) - network.in_bands(other, vis, 16)
    assert banded[..., 40:, :].abs().max() == pytest.approx(seen.item(), rel=0.1)


@torch.inference_mode()
def test_the_medical_network_takes_the_mri_first_in_bands_too():
    torch.manual_seed(0)
    network = MedicalMambaDFuse()
    a, b = torch.rand(2, 1, 1, 40, 24)
    torch.testing.assert_close(network.in_bands(a, b, 16), network(a, b), atol=1e-5, rtol=0)


@pytest.mark.parametrize("cls", [MambaDFuse, MambaDFuseMedical])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_fuser_in_bands(cls, precision):
    """The shipped weights, odd sides, a batch."""
    fuser = baselines.create(cls, precision=precision)
    pair = random_pair(61, 45, batch=2)
    whole = fuser.fuse(*pair, "raw")
    banded = baselines.create(cls, precision=precision, tile=16)
    calls = []
    inner = banded.network.in_bands
    banded.network.in_bands = lambda *arguments: calls.append(arguments) or inner(*arguments)
    np.testing.assert_allclose(banded.fuse(*pair, "raw"), whole, atol=1e-5 if precision == "fp32" else 0.01)
    assert len(calls) == 2 and calls[0][2] == 16
    small = copy.copy(banded)
    small.tile = 100
    assert np.array_equal(small.fuse(*pair, "raw"), whole) and len(calls) == 2


def test_memory_of_bands_does_not_grow_with_the_height():
    """What is alive at once, counted by torch's own allocations: four times the rows, little more memory."""
    torch.manual_seed(0)
    network = Network()
    peaks = []
    for height in (64, 256):
        ir, vis = torch.rand(2, 1, 1, height, 64)
        activities = [torch.profiler.ProfilerActivity.CPU]
        with torch.profiler.profile(activities=activities, profile_memory=True) as seen, torch.inference_mode():
            network.in_bands(ir, vis, 16)
        held = most = 0
        for event in seen.profiler.kineto_results.events():
            if event.name() == "[memory]":
                held += event.nbytes()
                most = max(most, held)
        peaks.append(most)
    assert peaks[0] > 64 * 16 * 60 * 4
    assert peaks[1] < 1.3 * peaks[0]


@pytest.mark.parametrize("tile", [None, 100])
def test_networks_take_numbers_below_the_normal_ones_as_zero_and_nothing_else_does(tile):
    tiny = torch.tensor(1e-39)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot")
    torch.set_flush_denormal(False)
    found = []

    class Faint(torch.nn.Module):
        def forward(self, ir, vis):
            found.append(float(tiny * 2))
            return (ir + vis) / 2

    class Tiny(NetworkFuser):
        card = MethodCard("tiny", "Tiny", "learned")
        reach = 1

        def build(self, checkpoint):
            return Faint()

    fuser = Tiny()
    fuser.tile = tile
    fuser.fuse(*random_pair(160, 160))
    assert set(found) == {0.0}
    assert float(tiny * 2) > 0
