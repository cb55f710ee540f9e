import tempfile

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from imgredux import ops
from imgredux.metrics import psnr
from imgredux.ops.flatzones import _drawn, flat_chroma, flat_luma, neighbors, stored_chroma
from imgredux.ops.quantization import ijg_tables


def zones(seed: int = 0, side: int = 96, scale: int = 6) -> Tensor:
    """Rectangles of a few colors, `(1, 3, side, side)`, edges at no block's border."""
    rng = np.random.default_rng(seed)
    colors = rng.integers(20, 236, (5, 3)).astype(np.uint8)
    small = colors[rng.integers(0, 5, (side // scale, side // scale))]
    pixels = np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.NEAREST))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("quality", [10, 30, 60, 85])
def test_flat_zones_come_back(quality: int) -> None:
    clean = zones()
    decoded, steps = ops.jpeg(clean, quality), ijg_tables(quality)[None]
    before, wanted = ops.luma(decoded), ops.luma(clean)
    luma = flat_luma(before, steps[:, 0])
    assert psnr(luma, wanted) - psnr(before, wanted) > (0.3 if quality < 30 else 2)
    planes, original = ops.rgb_to_ycbcr(decoded)[:, 1:], ops.rgb_to_ycbcr(clean)[:, 1:]
    chroma = flat_chroma(planes, steps[:, 1], luma)
    assert psnr(chroma, original) - psnr(planes, original) > (0.3 if quality < 30 else 3)


def test_luma_stays_near_the_coefficients_of_the_file() -> None:
    decoded, steps = ops.luma(ops.jpeg(zones(), 30)), ijg_tables(30)[:1]
    moved = ops.blocks(ops.dct(255 * (flat_luma(decoded, steps) - decoded))).abs() / steps
    assert moved.max() <= 0.4 + 1e-3


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("planes", [1, 2])
def test_a_step_is_tukeys_mean_of_the_neighbors(planes: int, guided: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    x = 40 * torch.rand(1, planes, 9, 7, generator=generator)
    guide = 30 * torch.rand(1, 1, 9, 7, generator=generator) if guided else None
    wide = np.pad(x[0].numpy().astype(float), ((0, 0), (2, 2), (2, 2)), mode="edge")
    flat = np.pad((guide[0, 0] if guide is not None else torch.zeros(9, 7)).numpy().astype(float), 2, mode="edge")
    expected = np.zeros((planes, 9, 7))
    for i, j in np.ndindex(9, 7):
        total, weight = np.zeros(planes), 1.0
        for down, across, nearness in neighbors():
            d = wide[:, i + 2 + down, j + 2 + across] - wide[:, i + 2, j + 2]
            apart = flat[i + 2 + down, j + 2 + across] - flat[i + 2, j + 2]
            w = nearness * max(1 - (d**2).sum() / 20**2, 0) ** 2 * max(1 - (apart / 12) ** 2, 0) ** 2
            total, weight = total + w * d, weight + w
        expected[:, i, j] = wide[:, i + 2, j + 2] + total / weight
    results = [_drawn(x, 20.0, guide, 12.0)]
    monkeypatch.setattr("imgredux.kernels.compiled", lambda name: None)
    results.append(_drawn(x, 20.0, guide, 12.0))
    for result in results:
        np.testing.assert_allclose(result[0].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(("subsampling", "factors"), [("4:2:0", (2, 2)), ("4:2:2", (1, 2))])
@pytest.mark.parametrize("quality", [20, 70])
def test_the_stored_samples_are_found(subsampling: str, factors: tuple[int, int], quality: int) -> None:
    jpeglib = pytest.importorskip("jpeglib", reason="tells what a file holds")
    noise = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(3))
    smooth = F.interpolate(0.3 + 0.4 * noise, size=(96, 128), mode="bicubic")
    image = Image.fromarray((255 * smooth[0].permute(1, 2, 0).clamp(0, 1)).round().byte().numpy())
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        image.save(file.name, quality=quality, subsampling=subsampling)
        held = jpeglib.read_dct(file.name)
        with Image.open(file.name) as opened:
            decoded = torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1)[None] / 255
    steps = ijg_tables(quality)[None, 1]
    chroma = ops.rgb_to_ycbcr(decoded)[:, 1:]
    found, means = stored_chroma(chroma, steps, factors), F.avg_pool2d(chroma, factors)
    for plane, coefficients in enumerate((held.Cb, held.Cr)):
        c = torch.from_numpy(coefficients.astype(np.float32)) * steps[0]
        c = c.permute(0, 2, 1, 3).reshape(1, 1, *found.shape[-2:])
        samples = (ops.idct(c) + 127.5) / 255  # where the zero of chroma lies here
        off = [(z[:, plane : plane + 1] - samples).square().mean().sqrt().item() * 255 for z in (found, means)]
        assert off[0] < 0.6
        assert off[0] < off[1] / 2


def test_what_libjpeg_did_not_enlarge_stays_means() -> None:
    noise = torch.rand(1, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    found = stored_chroma(noise, ijg_tables(20)[None, 1], (2, 2))
    torch.testing.assert_close(found, F.avg_pool2d(noise, 2))


def test_other_subsamplings() -> None:
    x, steps = torch.rand(1, 2, 16, 16), ijg_tables(50)[None, 1]
    assert flat_chroma(x, steps, x[:, :1], "4:1:1") is x
    assert flat_chroma(x, steps, x[:, :1], "4:4:4").shape == x.shape
    with pytest.raises(ValueError, match="choose one of"):
        flat_chroma(x, steps, x[:, :1], "5:5:5")
