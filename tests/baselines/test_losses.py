"""What the training losses of several networks share, and MambaDFuse's, against numpy; relative 1e-6."""

import numpy as np
import numpy_losses
import pytest
import torch

from baselines.cddfuse.losses import image_loss
from baselines.losses import largest_gradient, stronger_gradient, summed_contrast
from baselines.mambadfuse.losses import fusion_loss


@pytest.fixture(scope="module")
def images():
    """Fused, infrared and visible, (2, 1, 20, 24)."""
    return torch.from_numpy(np.random.default_rng(5).random((3, 2, 1, 20, 24)))


def mean(term, images):
    return np.mean([term(*(x[0].numpy() for x in each)) for each in zip(*images)])


def intensity(fused, ir, vis):
    return np.abs(fused - np.maximum(ir, vis)).mean()


def test_stronger_gradient(images):
    got = stronger_gradient(*images).item()
    assert got == pytest.approx(mean(numpy_losses.stronger_gradient, images), rel=1e-6)


def test_only_the_stronger_gradient_tells_directions_apart(images):
    """Of an image and its negative, beside a flat one."""
    image, flat = images[0], torch.zeros_like(images[0])
    assert stronger_gradient(image, image, flat) == largest_gradient(image, image, flat) == 0
    assert largest_gradient(-image, image, flat) == 0
    assert stronger_gradient(-image, image, flat) > 1


def test_summed_contrast(images):
    got = summed_contrast(*images, share=0.4, gain=1.1, floor=0.9).item()
    expected = mean(lambda *each: np.abs(each[0] - numpy_losses.summed_target(*each[1:], 0.4, 1.1, 0.9)).mean(), images)
    assert got == pytest.approx(expected, rel=1e-6)


def test_summed_contrast_asks_for_the_maximum_at_no_share_and_for_hot_targets_at_any(images):
    _, ir, vis = images
    assert summed_contrast(torch.maximum(ir, vis), ir, vis, share=0, floor=0) == pytest.approx(0, abs=1e-12)
    ir, vis = torch.zeros(1, 1, 32, 32, dtype=torch.double), torch.full((1, 1, 32, 32), 0.6, dtype=torch.double)
    ir[..., 4:8, 4:8], vis[..., 4:8, 4:8] = 1, 0
    best = torch.full_like(ir, 0.5, requires_grad=True)
    optimizer = torch.optim.SGD([best], lr=1)
    for _ in range(600):
        optimizer.zero_grad()
        (summed_contrast(best, ir, vis, share=1) * 2).backward()
        optimizer.step()
    assert best.detach()[..., 4:8, 4:8].min() >= 0.94


def mambadfuse(images, gradient, weights, share=None):
    """Of the batch: SSIM's share follows from the mean slopes of all its images."""
    if share is None:
        ir, vis = (mean(numpy_losses.slope, [x]) for x in images[1:])
        share = ir / (ir + vis)
    similar = [mean(lambda a, b: numpy_losses.ssim(a, b, "constant").mean(), (x, images[0])) for x in images[1:]]
    terms = (mean(intensity, images), mean(gradient, images), 1 - share * similar[0] - (1 - share) * similar[1])
    return np.dot(weights, terms)


def test_mambadfuses_loss_is_the_sum_of_its_terms(images):
    """By default the authors' 20/20/10; their medical one; with the direction asked for."""
    for options, expected in (
        ({}, mambadfuse(images, numpy_losses.largest_gradient, (20, 20, 10))),
        (
            {"gradient": 100, "ssim": 50, "ssim_share": 0.5},
            mambadfuse(images, numpy_losses.largest_gradient, (20, 100, 50), 0.5),
        ),
        ({"stronger": 15}, mambadfuse(images, numpy_losses.stronger_gradient, (20, 15, 10))),
    ):
        loss, parts = fusion_loss(*images, **options)
        assert loss.item() == pytest.approx(expected, rel=1e-6), options
        assert parts["intensity"].item() == pytest.approx(mean(intensity, images), rel=1e-6)


def test_cddfuses_own_terms_of_images(images):
    loss, parts = image_loss(*images, intensity=5, stronger=10, ssim=2)
    similar = [mean(lambda a, b: numpy_losses.ssim(a, b, "reflect").mean(), (x, images[0])) for x in images[1:]]
    assert parts["ssim"].item() == pytest.approx(np.mean(similar), rel=1e-6)
    expected = 5 * mean(intensity, images) + 10 * mean(numpy_losses.stronger_gradient, images)
    assert loss.item() == pytest.approx(expected + 2 * (1 - np.mean(similar)), rel=1e-6)
