import numpy as np
import pytest
import torch
from imgredux_slidingdct.method import SlidingDCT, mean_of_windows, thresholds
from PIL import Image
from scipy import fft
from skimage import data
from torch.nn import functional as F

from imgredux import create, to_tensor
from imgredux.metrics import psnr, psnr_b
from imgredux.ops import ijg_tables, jpeg, rgb_to_ycbcr
from imgredux.testing.shared import shared

COARSE = ijg_tables(10)[None]


@pytest.fixture(scope="module")
def method() -> SlidingDCT:
    return SlidingDCT()


def camera(height: int = 88, width: int = 104, quality: int = 10) -> torch.Tensor:
    x = torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].float() / 255
    return jpeg(x, quality)


def cat(height: int = 96, width: int = 128, **options: str) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = torch.from_numpy(data.chelsea()[60 : 60 + height, 120 : 120 + width].copy())
    original = pixels.permute(2, 0, 1)[None].float() / 255
    return original, jpeg(original, 10, **options)


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
    return np.clip(clipped.swapaxes(1, 2).reshape(y.shape), 0, 255)


def tiles(plane: np.ndarray) -> np.ndarray:
    return plane.reshape(plane.shape[0] // 8, 8, plane.shape[1] // 8, 8).swapaxes(1, 2)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_plain_implementation_gives_the_same(stride):
    x = camera().double()
    found = 255 * SlidingDCT(stride=stride).forward(x, qtable=COARSE)[0, 0].numpy()
    expected = plain(255 * x[0, 0].numpy(), COARSE[0, 0].double().numpy(), stride=stride)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_other_parameters_do_what_the_plain_implementation_does():
    x = camera().double()
    found = 255 * SlidingDCT(kappa=0.7, half=0.2).forward(x, qtable=COARSE)[0, 0].numpy()
    expected = plain(255 * x[0, 0].numpy(), COARSE[0, 0].double().numpy(), kappa=0.7, half=0.2)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_thresholds_of_equal_steps_are_kappa_of_them_and_of_others_less_spread():
    equal = thresholds(torch.full((8, 8), 30.0), 0.4).flatten()
    torch.testing.assert_close(equal[1:], torch.full((63,), 12.0))
    assert equal[0] <= 1e-3  # a window's mean is kept
    Q = COARSE[0, 0].double()
    t, scaled = thresholds(Q, 0.4).flatten()[1:], thresholds(3 * Q, 0.4).flatten()[1:]
    Q = Q.flatten()[1:]
    torch.testing.assert_close((t.max() / t.min()).log(), 0.7 * (Q.max() / Q.min()).log())
    torch.testing.assert_close(scaled, 3 * t)


@pytest.mark.parametrize("half", [0.1, 0.35, 0.5])
def test_coefficients_stay_within_half_steps_of_the_files(half):
    x = jpeg(0.1 + 0.8 * camera(), 10)
    y = SlidingDCT(half=half).forward(x, qtable=COARSE)
    C, restored = (fft.dctn(tiles(255 * p[0, 0].double().numpy()), axes=(-2, -1), norm="ortho") for p in (x, y))
    assert 0 < y.min() < y.max() < 1  # nothing was clipped, which could lead out again
    assert (abs(restored - C) <= half * COARSE[0, 0].numpy() + 2e-3).all()


def test_dark_windows_keep_their_mean(method):
    x = camera().double() / 20
    found = 255 * method.forward(x, qtable=COARSE)[0, 0].numpy()
    np.testing.assert_allclose(found, plain(255 * x[0, 0].numpy(), COARSE[0, 0].double().numpy()), atol=1e-9)


def test_a_step_at_a_block_boundary_is_spread(method):
    x = torch.full((1, 1, 32, 32), 0.4)
    x[..., 16:] = 0.42  # 5 grey levels: far less than a step
    y = method.forward(x, qtable=COARSE)
    assert y.diff(dim=-1).max() < 0.3 * 0.02
    edge = torch.full((1, 1, 32, 32), 0.2)
    edge[..., 16:] = 0.8
    assert (method.forward(edge, qtable=COARSE) - edge).abs().max() < 0.02


def test_flat_planes_stay_as_they_are(method):
    for level in (0.0, 0.3, 1.0):
        for channels in (1, 3):
            x = torch.full((1, channels, 16, 32), level)
            torch.testing.assert_close(method.forward(x, qtable=COARSE), x, rtol=0, atol=2e-6)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_colour_becomes_better_and_chroma_best_with_its_own_subsampling(method, subsampling):
    original, damaged = cat(224, 288, subsampling=subsampling)
    luma_only = psnr(method.forward(damaged, qtable=COARSE, subsampling="4:1:1"), original).item()
    gains = {
        name: psnr(method.forward(damaged, qtable=COARSE, subsampling=name), original).item() - luma_only
        for name in ("4:4:4", "4:2:2", "4:4:0", "4:2:0")
    }
    assert luma_only > psnr(damaged, original).item()
    assert gains[subsampling] > 0.1
    assert gains[subsampling] == max(gains.values())


def test_chroma_of_444_is_restored_like_a_grey_plane(method):
    _, damaged = cat(subsampling="4:4:4")
    planes = rgb_to_ycbcr(damaged.double())
    swapped = COARSE.flip(1)  # its first table, that of luma, is the chroma's
    tables = (COARSE, swapped, swapped)
    parts = [method.forward(plane, qtable=table) for plane, table in zip(planes.split(1, 1), tables, strict=True)]
    restored = method.forward(damaged.double(), qtable=COARSE, subsampling="4:4:4")
    found, expected = rgb_to_ycbcr(restored).movedim(1, -1), torch.cat(parts, 1).movedim(1, -1)
    inside = ((restored > 0) & (restored < 1)).all(1)  # others were clipped
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=1e-9)


def test_without_steps_nothing_changes_and_420_is_the_default(method):
    _, x = cat()
    assert torch.equal(method.forward(x), x)
    assert torch.equal(method.forward(x, qtable=COARSE), method.forward(x, qtable=COARSE, subsampling="4:2:0"))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2"])
def test_a_file_brings_its_subsampling(subsampling, tmp_path):
    original, _ = cat()
    pixels = (original[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    file = tmp_path / "cat.jpg"
    Image.fromarray(pixels).save(file, quality=10, subsampling=subsampling)
    whole = create("slidingdct")
    expected = whole(to_tensor(file), qtable=COARSE, subsampling=subsampling)
    given = torch.from_numpy(np.array(whole(file))).permute(2, 0, 1)[None]
    assert torch.equal(given, (expected * 255).round().to(torch.uint8))


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_bits_do_not_depend_on_strips_tiles_or_batches(stride, monkeypatch):
    x = F.pad(camera(184, 200), (5, 70, 3, 100), mode="reflect")  # 287 x 275, three strips
    t = thresholds(COARSE[0, 0], 0.4) / 255
    padded = F.pad(x, (7, 7, 7, 7), mode="replicate")
    whole = mean_of_windows(padded[..., : 120 + 14, :], t, stride)
    for top, left, rows, columns in ((16, 32, 64, 80), (48, 16, 8, 256), (104, 248, 16, 27)):
        part = padded[..., top : top + rows + 14, left : left + columns + 14]
        expected = whole[..., top : top + rows, left : left + columns]
        assert torch.equal(mean_of_windows(part, t, stride), expected)
    method = SlidingDCT(stride=stride)
    batch = torch.cat([x, x.flip(-1)])
    tables = torch.stack([COARSE[0], ijg_tables(40)])
    monkeypatch.setattr("imgredux_slidingdct.method.COLUMNS", 5)
    singles = [method.forward(batch[i : i + 1], qtable=tables[i : i + 1]) for i in (0, 1)]
    assert torch.equal(method.forward(batch, qtable=tables), torch.cat(singles))


@pytest.mark.parametrize("turn", [lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT])
def test_a_turned_picture_is_restored_as_before(method, turn):
    x = camera().double()
    table = COARSE.mT if turn(x).shape != x.shape else COARSE
    found = method.forward(turn(x), qtable=table)
    torch.testing.assert_close(found, turn(method.forward(x, qtable=COARSE)), rtol=0, atol=1e-9)


def test_classic5_at_quality_10_is_as_good_as_the_readme_says():
    restorer, values = create("slidingdct"), []
    for file in sorted(shared("data/test/classic5").glob("*.bmp")):
        x = to_tensor(file)
        y = (restorer(jpeg(x, 10), qtable=COARSE) * 255).round() / 255
        values.append([psnr(y, x).item(), psnr_b(y, x, counts="frac").item()])
    assert np.mean(values, 0) == pytest.approx([28.83, 28.83], abs=0.02)


def test_mistakes_are_named(method):
    x = camera()
    with pytest.raises(ValueError, match="stride=3"):
        SlidingDCT(stride=3)
    with pytest.raises(ValueError, match=r"kappa=-0.1"):
        SlidingDCT(kappa=-0.1)
    with pytest.raises(ValueError, match=r"'4:2:1'; choose one of 4:4:4"):
        method.forward(x, qtable=COARSE, subsampling="4:2:1")
    with pytest.raises(ValueError, match=r"qtable has shape \(2, 8, 8\)"):
        method.forward(x, qtable=COARSE[0])
