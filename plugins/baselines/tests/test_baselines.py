import numpy as np
import pytest
import torch
from imgredux_baselines.method import Flat, LocalStd
from skimage import data

SIZES = [(1, 1), (1, 2), (3, 3), (7, 7), (9, 17), (1, 3000), (3000, 1)]


def photograph() -> torch.Tensor:
    return torch.from_numpy(data.astronaut()[100:160, 150:230]).movedim(-1, 0)[None].double() / 255


@pytest.mark.parametrize("channels", [1, 3])
def test_flat_is_one_grey_level(channels):
    jnd = Flat().forward(torch.rand(2, channels, 9, 17))
    torch.testing.assert_close(255 * jnd, torch.ones(2, 1, 9, 17))


def test_localstd_is_one_grey_level_and_the_deviation_of_25_pixels():
    x = photograph()
    luma = 255 * (0.299 * x[0, 0] + 0.587 * x[0, 1] + 0.114 * x[0, 2]).numpy()
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(luma, 2, mode="reflect"), (5, 5))
    np.testing.assert_allclose(255 * LocalStd().forward(x)[0, 0].numpy(), 1 + windows.std((-2, -1)), rtol=1e-9)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", [Flat(), LocalStd()], ids=["flat", "localstd"])
def test_any_size(method, size):
    jnd = method.forward(torch.rand(1, 3, *size))
    assert jnd.shape == (1, 1, *size)
    assert jnd.isfinite().all()
    assert float(jnd.min()) >= 1 / 256


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("method", [Flat(), LocalStd()], ids=["flat", "localstd"])
def test_flat_images_have_one_grey_level_and_a_zero_gradient(method, level):
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
