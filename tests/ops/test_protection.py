import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from imgredux.ops.canny import canny
from imgredux.ops.protection import dilate, edge_protection, gaussian_blur

VERTICAL = [[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]]
FALLING = [[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]]
RISING = [[0, 0, 1, 0, 0], [0, 0, 3, 8, 0], [-1, -3, 0, 3, 1], [0, -8, -3, 0, 0], [0, 0, -1, 0, 0]]
KERNELS = (VERTICAL, FALLING, RISING, [list(row) for row in zip(*VERTICAL, strict=True)])
TURNS = {"left-right": lambda x: x.flip(-1), "up-down": lambda x: x.flip(-2), "transposed": lambda x: x.mT}
SIZES = [(1, 1), (1, 2), (4, 9), (7, 7), (9, 17), (300, 1)]


def photograph(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Part of scikit-image's camera man, (1, 1, 300, 400) in grey levels."""
    return torch.from_numpy(data.camera()[40:340, 60:460]).to(dtype)[None, None]


def fspecial(size: int, sigma: float) -> np.ndarray:
    squares = (np.arange(size) - size // 2) ** 2
    kernel = np.exp(-np.add.outer(squares, squares) / (2 * sigma**2))
    return kernel / kernel.sum()


def by_scipy(x: torch.Tensor) -> np.ndarray:
    gray = x[0, 0].numpy()
    gradient = np.max([abs(ndimage.correlate(gray, np.array(k) / 16, mode="constant")) for k in KERNELS], axis=0)
    edges = canny(x, min(60 / gradient[2:-2, 2:-2].max(), 0.8))[0, 0].numpy()
    assert edges.any()
    clear = 1.0 - ndimage.binary_dilation(edges, np.ones((5, 5)))
    return ndimage.correlate(clear, fspecial(5, 0.8), mode="constant")


@pytest.mark.parametrize("gain", [1, 0.3])  # gradients above 75, where the threshold is 60 of them, and below
def test_equals_the_recipe_in_scipy(gain):
    x = gain * photograph()
    np.testing.assert_allclose(edge_protection(x)[0, 0].numpy(), by_scipy(x), rtol=0, atol=1e-12)


def test_a_step_is_protected_two_pixels_around():
    x = torch.full((1, 1, 40, 40), 20.0)
    x[..., 20:] = 200  # columns 19 and 20 are the edge, 17 to 22 those around
    assert canny(x, 0.5)[0, 0, 20].nonzero().flatten().tolist() == [19, 20]
    row = edge_protection(x)[0, 0, 20]
    assert (row[19:21] == 0).all()
    assert (row[17:23] < 0.5).all()
    torch.testing.assert_close(row[25:-2], torch.ones(13))


@pytest.mark.parametrize("gray", [0.0, 0.1, 128.7, 255.0])
def test_a_flat_image_has_nothing_to_protect_but_the_kernel_leaves_it_at_the_border(gray):
    ep = edge_protection(torch.full((1, 1, 30, 20), gray, dtype=torch.float64))[0, 0].numpy()
    np.testing.assert_allclose(ep[2:-2, 2:-2], 1, rtol=1e-12)
    assert ep[0, 0] == pytest.approx(fspecial(5, 0.8)[2:, 2:].sum())
    assert ep[1, 10] == pytest.approx(fspecial(5, 0.8)[1:].sum())


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_image_is_protected_alike(turn):
    x = photograph()
    torch.testing.assert_close(edge_protection(TURNS[turn](x)), TURNS[turn](edge_protection(x)), rtol=0, atol=1e-12)


def test_float32_is_float64_on_a_photograph():
    single, double = edge_protection(photograph(torch.float32)), edge_protection(photograph())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_any_size_stays_between_0_and_1(size):
    x = 255 * torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    ep = edge_protection(x)
    assert ep.shape == x.shape
    assert ((ep >= 0) & (ep <= 1 + 1e-6)).all()


def test_each_image_of_a_batch_has_its_own_threshold():
    x = torch.cat([photograph(), photograph().flip(-1) / 4]).float()
    assert torch.equal(edge_protection(x), torch.cat([edge_protection(image) for image in x.split(1)]))


def test_no_gradient():
    assert not edge_protection(photograph().requires_grad_()).requires_grad


def test_strip_height_does_not_matter(monkeypatch):
    x = photograph(torch.float32)
    whole = edge_protection(x)
    for rows in (1, 7, 64):
        for module in ("strips", "protection"):
            monkeypatch.setattr(f"imgredux.ops.{module}.strip_rows", lambda x, rows=rows: rows)
        assert torch.equal(edge_protection(x), whole)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("size", [1, 3, 5])
def test_dilate_and_gaussian_blur_equal_scipy(shape, size):
    x = torch.rand(1, 1, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    few = x > 0.9
    expected = ndimage.binary_dilation(few[0, 0].numpy(), np.ones((size, size)))
    np.testing.assert_array_equal(dilate(few, size)[0, 0].numpy(), expected)
    expected = ndimage.correlate(x[0, 0].numpy(), fspecial(size, 0.8), mode="constant")
    np.testing.assert_allclose(gaussian_blur(x, size, 0.8)[0, 0].numpy(), expected, rtol=0, atol=1e-14)


def test_gaussian_blur_has_the_right_gradient():
    x = torch.rand(1, 1, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: gaussian_blur(x, 5, 0.8), x)
