import math

import numpy as np
import pytest
import torch
from imgredux_baselines.method import Concentrated, Flat, LocalStd, LocalStd15
from skimage import data

SIZES = [(1, 1), (1, 2), (3, 3), (7, 7), (9, 17), (1, 3000), (3000, 1)]


def photograph() -> torch.Tensor:
    return torch.from_numpy(data.astronaut()[100:160, 150:230]).movedim(-1, 0)[None].double() / 255


@pytest.mark.parametrize("channels", [1, 3])
def test_flat_is_one_gray_level(channels):
    jnd = Flat().forward(torch.rand(2, channels, 9, 17))
    torch.testing.assert_close(255 * jnd, torch.ones(2, 1, 9, 17))


def test_localstd_is_one_gray_level_and_the_deviation_of_25_pixels():
    x = photograph()
    luma = 255 * (0.299 * x[0, 0] + 0.587 * x[0, 1] + 0.114 * x[0, 2]).numpy()
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(luma, 2, mode="reflect"), (5, 5))
    np.testing.assert_allclose(255 * LocalStd().forward(x)[0, 0].numpy(), 1 + windows.std((-2, -1)), rtol=1e-9)


def test_localstd15_is_localstd_to_the_power_in_gray_levels():
    x = photograph()
    torch.testing.assert_close(255 * LocalStd15().forward(x), (255 * LocalStd().forward(x)) ** 1.5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", [Flat(), LocalStd(), LocalStd15()], ids=["flat", "localstd", "localstd15"])
def test_any_size(method, size):
    jnd = method.forward(torch.rand(1, 3, *size))
    assert jnd.shape == (1, 1, *size)
    assert jnd.isfinite().all()
    assert float(jnd.min()) >= 1 / 256


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("method", [Flat(), LocalStd(), LocalStd15()], ids=["flat", "localstd", "localstd15"])
def test_flat_images_have_one_gray_level_and_a_zero_gradient(method, level):
    x = torch.full((1, 3, 12, 20), level, requires_grad=True)
    jnd = method.forward(x)
    torch.testing.assert_close(255 * jnd, torch.ones_like(jnd))
    jnd.sum().backward()
    assert x.grad is not None
    assert not x.grad.any()


def test_gradient_of_localstd_is_the_slope_of_its_values():
    x = photograph()[..., :8, :9].requires_grad_()
    assert torch.autograd.gradcheck(LocalStd().forward, (x,))
    torch.testing.assert_close(LocalStd().forward(x), LocalStd().forward(x.detach()), rtol=1e-12, atol=0)


@pytest.mark.parametrize("share", [0.02, 0.05, 1.0])
def test_concentrated_chooses_the_pixels_of_highest_variance_in_225(share):
    x = photograph()
    luma = 255 * (0.299 * x[0, 0] + 0.587 * x[0, 1] + 0.114 * x[0, 2]).numpy()
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(luma, 7, mode="reflect"), (15, 15))
    count = math.ceil(share * luma.size)
    chosen = np.argsort(windows.var((-2, -1)), axis=None)[-count:]
    expected = np.zeros(luma.size)
    expected[chosen] = 1
    np.testing.assert_allclose(255 * Concentrated(share=share).forward(x).numpy().ravel(), expected)


def test_concentrated_chooses_all_that_tie():
    """Two equal spots, far from each other: whatever the order of pixels, a map of one is a map of both."""
    x = torch.zeros(1, 1, 40, 100)
    x[..., 20, 20] = x[..., 20, 80] = 1
    jnd = 255 * Concentrated(share=0.001).forward(x)
    assert jnd.sum() == 2 * 15 * 15  # every window that holds a spot has the same variance
    assert torch.equal(jnd, jnd.flip(-2).roll(1, -2))
    everywhere = 255 * Concentrated().forward(torch.full((1, 3, 12, 20), 0.3))
    torch.testing.assert_close(everywhere, torch.ones_like(everywhere))


@pytest.mark.parametrize("size", SIZES)
def test_concentrated_at_any_size_chooses_the_share_of_each_image(size):
    x = torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(0))
    jnd = 255 * Concentrated().forward(x)
    assert jnd.shape == (3, 1, *size)
    assert bool(((jnd == 0) | (jnd - 1).abs().lt(1e-6)).all())
    chosen = (jnd > 0).sum((1, 2, 3))
    assert bool((chosen >= math.ceil(0.02 * size[0] * size[1])).all())
    assert torch.equal(jnd, 255 * torch.cat([Concentrated().forward(image) for image in x.split(1)]))


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_beyond_the_image_is_refused(share):
    with pytest.raises(ValueError, match=f"share is {share}"):
        Concentrated(share=share)
