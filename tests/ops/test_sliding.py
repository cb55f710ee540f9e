import numpy as np
import pytest
import torch
from scipy import fft
from skimage import data
from torch import Tensor
from torch.nn import functional as F

from imgredux.metrics import psnr
from imgredux.ops import ijg_tables, jpeg, restored_chroma, rgb_to_ycbcr, sliding_dct
from imgredux.ops.sliding import mean_of_windows, thresholds

COARSE = ijg_tables(10)
LUMA, CHROMA = COARSE[:1], COARSE[1:]


def camera(height: int = 88, width: int = 104, quality: int = 10) -> Tensor:
    x = torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].float() / 255
    return jpeg(x, quality)


def cat(height: int = 96, width: int = 128, subsampling: str = "4:2:0") -> tuple[Tensor, Tensor]:
    """Cb and Cr of an image, and of its JPEG."""
    pixels = torch.from_numpy(data.chelsea()[60 : 60 + height, 120 : 120 + width].copy())
    original = pixels.permute(2, 0, 1)[None].float() / 255
    damaged = jpeg(original, 10, subsampling=subsampling)
    return rgb_to_ycbcr(original)[:, 1:], rgb_to_ycbcr(damaged)[:, 1:]


def plain(y: np.ndarray, Q: np.ndarray, kappa: float = 0.4, half: float = 0.35, stride: int = 1) -> np.ndarray:
    """The method on a plane in grey levels, whose sides are multiples of 8, window after window in float64."""
    height, width = y.shape
    padded = np.pad(y, 8, "edge")
    g = np.exp(np.log(Q).mean())
    t = kappa * g * (Q / g) ** 0.7
    total, weight = np.zeros_like(padded), np.zeros_like(padded)
    for top in range(0, height + 8, stride):
        for left in range(0, width + 8, stride):
            window = slice(top, top + 8), slice(left, left + 8)
            B = fft.dctn(padded[window], norm="ortho")
            keep = abs(B) > t
            keep[0, 0] = True
            w = (1 + keep.sum()) ** -3.0 * 0.25 ** ((top % 8 == 0) + (left % 8 == 0))
            total[window] += w * fft.idctn(B * keep, norm="ortho")
            weight[window] += w
    smooth = (total / np.where(weight, weight, 1))[8:-8, 8:-8]
    C, S = (fft.dctn(tiles(plane), axes=(-2, -1), norm="ortho") for plane in (y, smooth))
    clipped = fft.idctn(np.clip(S, C - half * Q, C + half * Q), axes=(-2, -1), norm="ortho")
    return clipped.swapaxes(1, 2).reshape(y.shape)


def tiles(plane: np.ndarray) -> np.ndarray:
    return plane.reshape(plane.shape[0] // 8, 8, plane.shape[1] // 8, 8).swapaxes(1, 2)


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"stride": 4}, {"kappa": 0.7, "half": 0.2}], ids=str)
@pytest.mark.parametrize("brightness", [1, 0.05])
def test_a_plain_implementation_gives_the_same(options, brightness):
    x = brightness * camera().double()  # dark windows keep their mean
    found = 255 * sliding_dct(x, LUMA, **options)[0, 0].numpy()
    expected = plain(255 * x[0, 0].numpy(), LUMA[0].double().numpy(), **options)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_thresholds_of_equal_steps_are_kappa_of_them_and_of_others_less_spread():
    equal = thresholds(torch.full((8, 8), 30.0), 0.4).flatten()
    torch.testing.assert_close(equal[1:], torch.full((63,), 12.0))
    assert equal[0] <= 1e-3  # a window's mean is kept
    Q = LUMA[0].double()
    t, scaled = thresholds(Q, 0.4).flatten()[1:], thresholds(3 * Q, 0.4).flatten()[1:]
    Q = Q.flatten()[1:]
    torch.testing.assert_close((t.max() / t.min()).log(), 0.7 * (Q.max() / Q.min()).log())
    torch.testing.assert_close(scaled, 3 * t)


@pytest.mark.parametrize("half", [0.1, 0.35, 0.5])
def test_coefficients_stay_within_half_steps_of_the_files(half):
    x = camera()
    y = sliding_dct(x, LUMA, half=half)
    C, restored = (fft.dctn(tiles(255 * p[0, 0].double().numpy()), axes=(-2, -1), norm="ortho") for p in (x, y))
    assert (abs(restored - C) <= half * LUMA[0].numpy() + 2e-3).all()


def test_a_step_at_a_block_boundary_is_spread():
    x = torch.full((1, 1, 32, 32), 0.4)
    x[..., 16:] = 0.42  # 5 grey levels: far less than a step
    assert sliding_dct(x, LUMA).diff(dim=-1).max() < 0.3 * 0.02
    edge = torch.full((1, 1, 32, 32), 0.2)
    edge[..., 16:] = 0.8
    assert (sliding_dct(edge, LUMA) - edge).abs().max() < 0.02


@pytest.mark.parametrize("size", [(16, 32), (9, 17), (1, 1), (3, 200)])
def test_flat_planes_of_any_size_stay_as_they_are(size):
    for level in (0.0, 0.3, 1.0):
        x = torch.full((1, 2, *size), level)
        torch.testing.assert_close(sliding_dct(x[:, :1], LUMA), x[:, :1], rtol=0, atol=2e-6)
        torch.testing.assert_close(restored_chroma(x, CHROMA), x, rtol=0, atol=2e-6)


@pytest.mark.parametrize("turn", [lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT])
def test_a_turned_picture_is_restored_as_before(turn):
    x = camera().double()
    table = LUMA.mT if turn(x).shape != x.shape else LUMA
    found = sliding_dct(turn(x), table)
    torch.testing.assert_close(found, turn(sliding_dct(x, LUMA)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("size", [(1, 1), (8, 40), (24, 130), (131, 70)])
def test_compiled_loops_give_what_the_tensors_give(stride, size, monkeypatch):
    kernel = pytest.importorskip("imgredux.kernels.sliding", reason="numba is not installed")
    calls, found = [], kernel.mean_of_windows
    monkeypatch.setattr(kernel, "mean_of_windows", lambda *args: calls.append(1) or found(*args))
    x, t = camera(size[0] + 14, size[1] + 14), thresholds(LUMA[0], 0.4) / 255
    compiled = mean_of_windows(x, t, stride, most=144)
    assert calls
    monkeypatch.setattr("imgredux.kernels.compiled", lambda name: None)
    # A coefficient at its threshold may be on either side of it.
    difference = (compiled - mean_of_windows(x, t, stride, most=144)).abs()
    assert difference.max() < 1e-3
    assert difference.median() < 1e-6


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_bits_do_not_depend_on_strips_tiles_or_batches(stride, monkeypatch):
    x = F.pad(camera(184, 200), (5, 70, 3, 100), mode="reflect")  # 287 x 275, three strips
    t = thresholds(LUMA[0], 0.4) / 255
    padded = F.pad(x, (7, 7, 7, 7), mode="replicate")
    whole = mean_of_windows(padded[..., : 120 + 14, :], t, stride)
    for top, left, rows, columns in ((16, 32, 64, 80), (48, 16, 8, 256), (104, 248, 16, 27)):
        part = padded[..., top : top + rows + 14, left : left + columns + 14]
        expected = whole[..., top : top + rows, left : left + columns]
        assert torch.equal(mean_of_windows(part, t, stride), expected)
    batch = torch.cat([x, x.flip(-1)])
    steps = torch.cat([LUMA, ijg_tables(40)[:1]])
    together = sliding_dct(batch, steps, stride=stride)
    monkeypatch.setattr("imgredux.ops.sliding.COLUMNS", 5)
    singles = [sliding_dct(batch[i : i + 1], steps[i : i + 1], stride=stride) for i in (0, 1)]
    assert torch.equal(together, torch.cat(singles))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:4:0", "4:2:0"])
def test_tiles_of_chroma_have_the_bits_of_the_whole(subsampling):
    _, x = cat(131, 145)
    whole = restored_chroma(x, CHROMA, subsampling)
    for top, left, bottom, right in ((0, 0, 80, 96), (16, 32, 131, 145), (48, 16, 128, 145)):
        part = restored_chroma(x[..., top:bottom, left:right], CHROMA, subsampling)
        inner = [0 if start == 0 else 32 for start in (top, left)]
        ends = [
            stop - start - (0 if stop == side else 32) for start, stop, side in ((top, bottom, 131), (left, right, 145))
        ]
        inside = (..., slice(inner[0], ends[0]), slice(inner[1], ends[1]))
        assert torch.equal(part[inside], whole[..., top:bottom, left:right][inside])


def test_chroma_of_420_looks_30_pixels_far():
    x = torch.rand(1, 2, 32, 128, generator=torch.Generator().manual_seed(0))
    whole, first = restored_chroma(x, CHROMA, half=0.1), []
    for start in range(64, 80):
        changed = x.clone()
        changed[..., start:] = x[..., start:].flip(-1)
        moved = (restored_chroma(changed, CHROMA, half=0.1) != whole).flatten(0, -2).any(0).nonzero()
        first.append(start - int(moved[0]))
    assert max(first) == 30


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_chroma_becomes_better_and_best_with_its_own_subsampling(subsampling):
    original, damaged = cat(224, 288, subsampling)
    before = psnr(damaged, original).item()
    gains = {
        name: psnr(restored_chroma(damaged, CHROMA, name), original).item() - before
        for name in ("4:4:4", "4:2:2", "4:4:0", "4:2:0")
    }
    assert gains[subsampling] > 0.3
    assert gains[subsampling] == max(gains.values())


def test_chroma_of_444_is_restored_plane_by_plane_and_that_of_411_left():
    _, planes = cat(subsampling="4:4:4")
    expected = torch.cat([sliding_dct(plane, CHROMA) for plane in planes.split(1, 1)], 1)
    torch.testing.assert_close(restored_chroma(planes, CHROMA, "4:4:4"), expected, rtol=0, atol=1e-6)
    assert torch.equal(restored_chroma(planes, CHROMA, "4:1:1"), planes)
    assert torch.equal(restored_chroma(planes, CHROMA), restored_chroma(planes, CHROMA, "4:2:0"))


def test_gradients_pass_chroma_as_if_its_change_were_a_constant():
    planes = cat(32, 48)[1].requires_grad_()
    weights = torch.rand(planes.shape, generator=torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad((restored_chroma(planes, CHROMA) * weights).sum(), planes)
    assert torch.equal(gradient, weights)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"'4:2:1'; choose one of 4:4:4"):
        restored_chroma(cat()[1], CHROMA, "4:2:1")
    with pytest.raises(ValueError, match=r"are \(1, 1, 88, 104\) and \(8, 8\); pass \(B, 1, H, W\) and \(B, 8, 8\)"):
        sliding_dct(camera(), LUMA[0])
    with pytest.raises(ValueError, match="stride is 3; choose 1, 2 or 4"):
        sliding_dct(camera(), LUMA, stride=3)
