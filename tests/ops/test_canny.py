import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from skimage import data

from imgredux.ops.canny import canny
from imgredux.testing.shared import shared

TURNS = {
    "left-right": lambda x: x.flip(-1),
    "up-down": lambda x: x.flip(-2),
    "quarter turn": lambda x: x.rot90(1, (-2, -1)),
    "transposed": lambda x: x.mT,
}


def photograph(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Part of scikit-image's camera man, (1, 1, 300, 400) in grey levels; two strips high when strips are small."""
    return torch.from_numpy(data.camera()[40:340, 60:460]).to(dtype)[None, None]


def by_sectors(gray: np.ndarray, threshold: float | None) -> np.ndarray:
    """MATLAB's detector pixel by pixel in its four sectors, in float64 with SciPy's filters."""
    g = np.exp(-(np.arange(-6, 7) ** 2) / 4)
    g /= g.sum()
    d = np.gradient(g)
    d[d > 0] /= d[d > 0].sum()
    d[d < 0] /= -d[d < 0].sum()
    gx, gy = (
        ndimage.convolve1d(ndimage.convolve1d(gray, g, 1 - axis, mode="nearest"), d, axis, mode="nearest")
        for axis in (1, 0)
    )
    m = np.hypot(gx, gy)
    m /= m.max()
    ridge = np.zeros(m.shape, bool)
    for y in range(1, m.shape[0] - 1):
        for x in range(1, m.shape[1] - 1):
            across, down = abs(gx[y, x]) > abs(gy[y, x]), np.sign(gx[y, x]) == np.sign(gy[y, x])
            weight = min(abs(gx[y, x]), abs(gy[y, x])) / max(abs(gx[y, x]), abs(gy[y, x]), 1e-300)
            straight, diagonal = ((0, 1), (1 if down else -1, 1)) if across else ((1, 0), (1, 1 if down else -1))
            ridge[y, x] = all(
                m[y, x]
                >= (1 - weight) * m[y + s * straight[0], x + s * straight[1]]
                + weight * m[y + s * diagonal[0], x + s * diagonal[1]]
                for s in (1, -1)
            )
    if threshold is None:
        counts = np.bincount(np.floor(m * 63 + 0.5).astype(int).ravel(), minlength=64).cumsum()
        threshold = (np.argmax(counts > 0.7 * m.size) + 1) / 64
    strong, weak = ridge & (m > threshold), ridge & (m > 0.4 * threshold)
    return ndimage.binary_propagation(strong, np.ones((3, 3)), weak)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threshold", [None, 0.1, 0.5, 0.7])
def test_equals_matlabs_sectors_in_scipy(threshold, dtype):
    edges = canny(photograph(dtype), threshold)
    assert edges.dtype == torch.bool
    expected = by_sectors(photograph(torch.float64)[0, 0].numpy(), threshold)
    assert expected.any()
    assert np.count_nonzero(edges[0, 0].numpy() != expected) <= 3  # ties decided by the last bit


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("name", "counts"),
    [("kodim05", (56395, 14678, 5716)), ("kodim13", (67585, 8707, 1397)), ("kodim23", (29139, 2890, 1590))],
)
def test_reference_counts_on_photographs(name, counts, dtype):
    gray = np.array(Image.open(shared("data/test/kodak") / f"{name}.png").convert("L"))
    x = torch.from_numpy(gray).to(dtype)[None, None]
    assert [int(canny(x, threshold).sum()) for threshold in (None, 0.5, 0.7)] == pytest.approx(counts, abs=3)


@pytest.mark.parametrize(("gain", "offset"), [(1 / 255, 0), (0.25, 100), (-1, 255)])
def test_edges_do_not_depend_on_scale_offset_or_sign(gain, offset):
    difference = canny(gain * photograph() + offset) != canny(photograph())
    assert difference.sum() <= 3


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_photograph_has_turned_edges_to_the_last_pixel(turn):
    x = photograph() / 255
    assert torch.equal(canny(TURNS[turn](x)), TURNS[turn](canny(x)))


@pytest.mark.parametrize("rows", [1, 16, 1000])
def test_strip_height_does_not_matter(rows, monkeypatch):
    expected = canny(photograph())
    monkeypatch.setattr("imgredux.ops.strips.strip_rows", lambda x: rows)
    assert torch.equal(canny(photograph()), expected)


def test_each_image_of_a_batch_has_thresholds_of_its_own():
    x = torch.cat([photograph(), 0.1 * photograph().flip(-1), torch.zeros(1, 1, 300, 400)])
    assert torch.equal(canny(x), torch.cat([canny(image) for image in x.split(1)]))


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (7, 7), (9, 17), (41, 79), (30000, 1), (1, 30000)])
@pytest.mark.parametrize("gray", [0.0, 0.3137, 128.7, 255.0])
def test_a_flat_image_has_no_edges(size, gray):
    assert not canny(torch.full((1, 1, *size), gray)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 50), (30000, 1), (1, 30000)])
def test_an_image_without_an_inner_pixel_has_no_edges(size):
    assert not canny(torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)), 0.1).any()


def test_the_frame_is_never_an_edge():
    edges = canny(torch.rand(1, 1, 40, 30, generator=torch.Generator().manual_seed(0)), 0.01)
    assert edges.any()
    assert not torch.cat([edges[..., 0, :], edges[..., -1, :], edges[..., 0], edges[..., -1]], -1).any()


def test_carries_no_gradient():
    assert not canny(photograph().requires_grad_()).requires_grad


@pytest.mark.parametrize("threshold", [0, 1, 100])
def test_an_absolute_threshold_is_refused(threshold):
    with pytest.raises(ValueError, match=f"threshold is {threshold}; it is a share"):
        canny(photograph(), threshold)
