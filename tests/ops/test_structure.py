"""The structure tensor, beside SciPy and NumPy, and what edges and textures must give."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from imgredux import ops
from imgredux.testing.damaged import photograph


def test_a_step_has_one_direction_and_a_corner_two() -> None:
    x = torch.zeros(1, 1, 32, 32)
    x[..., 16:, :] = 100
    large, small = ops.strengths(x, 5).split(1, 1)
    assert large[..., 14:18, :].min() > 20
    assert small.max() < 1e-2
    x[..., :16] = 0  # a corner at (16, 16)
    assert ops.strengths(x, 5)[0, 1, 16, 16] > 10


def test_turning_the_image_turns_the_result() -> None:
    x = 255 * ops.luma(photograph("astronaut", 60, 70))
    turned = ops.strengths(x.transpose(-1, -2).contiguous(), 5)
    torch.testing.assert_close(turned.transpose(-1, -2), ops.strengths(x, 5), atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("size", [1, 5, 9])
def test_they_are_the_eigenvalues_of_scipys_filters(size: int) -> None:
    y = 255 * ops.luma(photograph("chelsea", 80, 90)).double()
    dx, dy = (ndimage.sobel(y[0, 0].numpy(), axis) / 8 for axis in (1, 0))
    xx, yy, xy = (ndimage.uniform_filter(z, size) for z in (dx * dx, dy * dy, dx * dy))
    theirs = np.linalg.eigvalsh(np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2))
    inside = np.s_[..., 6:-6, 6:-6]
    found = ops.strengths(y, size)[0].square().numpy()
    assert found[0][inside] == pytest.approx(theirs[..., 1][inside], rel=1e-6, abs=1e-6)
    assert found[1][inside] == pytest.approx(theirs[..., 0][inside], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (700, 600)])
def test_any_size_and_strips_do_not_show(size: tuple[int, int]) -> None:
    x = 255 * torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    found = ops.strengths(x, 5)
    assert found.shape == (2, 2, *size)
    assert found.isfinite().all()
    torch.testing.assert_close(found[1:], ops.strengths(x[1:], 5))
    torch.testing.assert_close(found, ops.strengths(x.requires_grad_(), 5).detach())


def test_gradients_are_finite_on_flat_images_and_an_even_window_is_refused() -> None:
    x = torch.full((1, 1, 16, 16), 128.0, requires_grad=True)
    ops.strengths(x, 5).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    with pytest.raises(ValueError, match="no centre pixel with size=4"):
        ops.strengths(x, 4)
