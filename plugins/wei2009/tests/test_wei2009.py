import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from imgredux_wei2009.method import Wei2009
from PIL import Image
from scipy import fft
from skimage import data

from imgredux.ops.canny import canny
from imgredux.testing.inputs import ramp_and_noise
from imgredux.testing.shared import shared

T_BASIC = """
1.5038 1.3417 1.7353 2.2858  3.0543  4.1276  5.6300  7.7387
1.3417 1.7545 1.7575 1.9774  2.4577  3.1978  4.2656  5.7799
1.7353 1.7575 2.5667 2.9181  3.3421  4.0581  5.1525  6.7420
2.2858 1.9774 2.9181 3.8687  4.6228  5.4827  6.6981  8.4508
3.0543 2.4577 3.3421 4.6228  5.9590  7.3019  8.8858 10.9897
4.1276 3.1978 4.0581 5.4827  7.3019  9.3311 11.6072 14.3770
5.6300 4.2656 5.1525 6.6981  8.8858 11.6072 14.8015 18.5976
7.7387 5.7799 6.7420 8.4508 10.9897 14.3770 18.5976 23.7244
"""  # R_vd = 4, Pic_h = 512
FIRST_ROW = [1.5038, 1.5545, 2.3950, 3.8201, 6.2445, 10.3965, 17.5565, 29.9856]  # R_vd = 3, Pic_h = 1080
PHOTOGRAPHS = {
    "kodim05": (3300904.079, 2149, 1803),
    "kodim13": (3591779.103, 2809, 1681),
    "kodim23": (2683553.044, 947, 1201),
}  # sum of T, texture blocks, edge blocks
LOW = np.add.outer(np.arange(8) ** 2, np.arange(8) ** 2) <= 16


@pytest.fixture(scope="module")
def method() -> Wei2009:
    return Wei2009()


def camera(height: int = 120, width: int = 168) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double() / 255


def tiles(x: torch.Tensor) -> np.ndarray:
    return x[0, 0].double().numpy().reshape(x.shape[-2] // 8, 8, x.shape[-1] // 8, 8).swapaxes(1, 2)


def moving(T: torch.Tensor, method: Wei2009, v: tuple[float, float], frame_rate: float) -> torch.Tensor:
    motion = torch.tensor(v, dtype=T.dtype).expand(*T.shape[:3], 2)
    return method.thresholds(camera(), motion=motion, frame_rate=frame_rate) / T


def test_base_thresholds_of_both_geometries(method):
    mid_gray = torch.full((1, 1, 8, 8), 0.5, dtype=torch.float64)  # F_lum = 1, and nothing masks
    T = method.thresholds(mid_gray)[0, 0, 0].numpy()
    expected = np.array(T_BASIC.split(), float).reshape(8, 8)
    np.testing.assert_allclose(T, expected, rtol=0, atol=5.1e-5)
    near = Wei2009(distance_heights=3, picture_height=1080).thresholds(mid_gray)[0, 0, 0].numpy()
    np.testing.assert_allclose(near[0], FIRST_ROW, rtol=0, atol=5.1e-5)
    assert near[7, 7] == pytest.approx(174.8745, abs=5.1e-5)


def test_frequencies_beyond_max_cpd_count_as_max_cpd():
    far = Wei2009(distance_heights=100, picture_height=3000).thresholds(camera())
    assert far.isfinite().all()
    x = torch.full((1, 1, 8, 8), 0.5, dtype=torch.float64)
    capped = Wei2009(max_cpd=5).thresholds(x)[0, 0, 0]
    assert capped[0, 7] == pytest.approx(0.25 * 4 * math.sqrt(2) * math.exp(0.18 * 5) / (1.33 + 0.11 * 5), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_reference_vectors_without_edges(method, dtype):
    x = (ramp_and_noise() / 255).to(dtype)
    T = method.thresholds(x, edges=torch.zeros_like(x))
    assert T.dtype == dtype
    assert float(T.double().sum()) == pytest.approx(28113.7696, rel=1e-6)
    assert float(T.max()) == pytest.approx(33.79277, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_reference_sums_and_blocks_on_photographs(method, name, dtype):
    gray = np.array(Image.open(shared("data/test/kodak") / f"{name}.png").convert("L"))
    x = torch.from_numpy(gray).to(dtype)[None, None] / 255
    total, texture, edge = PHOTOGRAPHS[name]
    assert float(method.thresholds(x).double().sum()) == pytest.approx(total, rel=1e-6)
    share = tiles(canny(x)).mean((-2, -1))
    assert (np.sum(share > 0.2), np.sum((share > 0.1) & (share <= 0.2))) == (texture, edge)


def test_thresholds_equal_the_formulas_with_scipys_dct(method):
    x = camera()
    edges = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.2
    C = fft.dctn(255 * tiles(x), axes=(-2, -1), norm="ortho")
    texture = (tiles(edges).mean((-2, -1)) > 0.2)[..., None, None]
    assert texture.any()
    assert not texture.all()
    F_lum = np.interp(C[..., :1, :1] / 8, [0, 60, 170, 255], [1.4, 1, 1, 1.2])
    T = method.basic.numpy() * F_lum
    Psi = np.where(texture, np.where(LOW, 2.25, 1.25), 1)
    elevation = np.clip((abs(C) / T) ** 0.36, 1, 4)
    expected = T * Psi * np.where(LOW & ~texture, 1, elevation)
    np.testing.assert_allclose(method.thresholds(x, edges=edges)[0].numpy(), expected, rtol=1e-12)


def test_map_is_the_deviation_of_pixels_under_noise_on_the_coefficients(method):
    x = camera(16, 24)
    T = method.thresholds(x)[0].numpy()
    variance = np.zeros_like(T)
    for i, j in np.ndindex(8, 8):
        one = np.zeros_like(T)
        one[..., i, j] = T[..., i, j]
        variance += fft.idctn(one, axes=(-2, -1), norm="ortho") ** 2
    np.testing.assert_allclose(255 * tiles(method.forward(x)), np.sqrt(variance), rtol=1e-12)


def test_float32_is_within_a_thousandth_of_float64(method):
    x = camera()
    torch.testing.assert_close(method.forward(x.float()).double(), method.forward(x), rtol=1e-3, atol=0)


@pytest.mark.parametrize("turn", [lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT])
def test_a_turned_picture_has_a_turned_map(method, turn: Callable[[torch.Tensor], torch.Tensor]):
    x = camera()
    torch.testing.assert_close(method.forward(turn(x)), turn(method.forward(x)), rtol=1e-12, atol=0)


def test_color_is_judged_by_its_luma(method):
    rgb = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    gray = (rgb * weights).sum(1, keepdim=True)
    none = torch.zeros(2, 1, 24, 32)
    torch.testing.assert_close(method.forward(rgb, edges=none), method.forward(gray, edges=none), rtol=1e-4, atol=0)


@pytest.mark.parametrize("rows", [16, 48, 1024])
def test_strip_height_does_not_matter_and_batches_equal_singles(method, rows, monkeypatch):
    x = torch.cat([camera(), camera().flip(-1) / 3]).float()
    expected = torch.cat([method.forward(image) for image in x.split(1)])
    monkeypatch.setattr("imgredux_wei2009.method.strip_rows", lambda x: rows)
    assert torch.equal(method.forward(x), expected)


@pytest.mark.parametrize("x", [camera(24, 32), torch.zeros(1, 1, 8, 16), torch.ones(1, 3, 8, 16)], ids=len)
def test_gradients_are_finite_and_the_values_those_without(method, x):
    leaf = x.clone().requires_grad_()
    result = method.forward(leaf)
    torch.testing.assert_close(result.detach(), method.forward(x), rtol=1e-6, atol=0)
    result.sum().backward()
    assert leaf.grad.isfinite().all()


def test_gradients_are_right(method):
    edges = canny(camera(16, 16))
    x = camera(16, 16).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: method.forward(x, edges=edges), x)


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (300, 1)])
def test_thresholds_of_any_size_complete_the_last_blocks(method, size):
    x = torch.rand(2, 1, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    edges = torch.ones_like(x)
    bottom, right = -size[0] % 8, -size[1] % 8
    full = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (0, bottom), (0, right)), "edge"))
    full_edges = torch.from_numpy(np.pad(edges.numpy(), ((0, 0), (0, 0), (0, bottom), (0, right))))
    T = method.thresholds(x, edges=edges)
    assert T.shape == (2, math.ceil(size[0] / 8), math.ceil(size[1] / 8), 8, 8)
    assert torch.equal(T, method.thresholds(full, edges=full_edges))


def test_motion_masks_as_the_temporal_formulas_say(method):
    frame_rate, motion = 30.0, (12.0, -6.0)
    theta = 2 * math.degrees(math.atan(1 / (2 * 4 * 512)))
    v = [math.copysign(1, m) * (s - min(0.98 * s + 0.15, 80)) for m in motion for s in [abs(frame_rate * theta * m)]]
    T = method.thresholds(camera())
    ratio = moving(T, method, motion, frame_rate)
    for i, j in ((0, 0), (1, 1), (2, 0), (0, 7), (7, 0), (5, 6)):
        f_t = abs(j * v[0] + i * v[1]) / (16 * theta)
        f_s = math.hypot(i, j) / (16 * theta)
        expected = 1.07 ** (max(f_t - 10, 0) if f_s < 5 else f_t)
        torch.testing.assert_close(ratio[..., i, j], torch.full_like(ratio[..., i, j], expected), rtol=1e-9, atol=0)
    fast = moving(T, method, (200.0, 0.0), 60.0)  # 335 degrees/s: the eye follows at 80
    assert fast.isfinite().all()
    assert fast[0, 0, 0, 0, 7] > 100
    assert (fast[..., 7, 0] < 1.5).all()  # vertical frequencies do not see horizontal motion, but the eye drifts


def test_a_film_played_backwards_masks_alike(method):
    x, motion = camera(), torch.tensor([5.0, -3.0]).expand(1, 15, 21, 2)
    forwards, backwards = (method.forward(x, motion=sign * motion, frame_rate=25) for sign in (1, -1))
    assert torch.equal(forwards, backwards)
    assert (forwards >= method.forward(x)).all()


def test_mistakes_are_named(method):
    x, motion = camera(), torch.zeros(1, 15, 21, 2)
    with pytest.raises(ValueError, match=r"edges has the shape \(1, 1, 60, 84\)"):
        method.forward(x, edges=torch.zeros(1, 1, 60, 84))
    with pytest.raises(ValueError, match="motion and frame_rate together"):
        method.forward(x, motion=motion)
    with pytest.raises(ValueError, match=r"these blocks need \(1, 15, 21, 2\)"):
        method.forward(x, motion=motion[:, 1:], frame_rate=25)
    with pytest.raises(ValueError, match="picture_height=0"):
        Wei2009(picture_height=0)
