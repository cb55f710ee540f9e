"""PSNR-HVS and PSNR-HVS-M against another implementation's TID2013 results and the formulas in plain loops."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn

from imgredux import ImageError
from imgredux.metrics.psnr_hvs import _CSF, _LUMA_STEPS, _MASK, psnr_hvs, psnr_hvs_m
from imgredux.testing.shared import shared

# PSNR-HVS and -HVS-M of TID2013's i03_11_5, i08_15_3 and i19_10_5 as the package psnr-hvsm 0.3.0 publishes them (its
# authors compared them with the data set's own PSNRHVSM.txt): on MATLAB's rounded studio-range Y.
TID2013 = {
    "I03": (18.664438592987686, 19.020369286023183),
    "I08": (20.216441030333637, 20.580767145505902),
    "I19": (21.053488552260955, 22.713081456625254),
}


def pair(*shape: int, noise: float = 0.03) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(*shape[:2], 5, 5, generator=generator, dtype=torch.float64)
    image = torch.nn.functional.interpolate(coarse, shape[2:], mode="bilinear")
    return image, (image + noise * torch.randn(shape, generator=generator, dtype=torch.float64)).clamp(0, 1)


def masking_in_loops(block: np.ndarray, coefficients: np.ndarray, table: np.ndarray) -> float:
    energy = sum(coefficients[k, l] ** 2 * table[k, l] for k in range(8) for l in range(8) if k or l)  # noqa: E741
    whole = 64 * block.var(ddof=1)
    if whole == 0:
        return 0.0
    quarters = [block[:4, :4], block[:4, 4:], block[4:, :4], block[4:, 4:]]
    return np.sqrt(energy * sum(16 * quarter.var(ddof=1) for quarter in quarters) / whole) / 32


def in_loops(x: np.ndarray, y: np.ndarray, masked: bool) -> float:
    """The metric of two luma planes in grey levels, from the formulas of the 2007 paper."""
    table = _LUMA_STEPS.numpy()
    total, count = 0.0, 0
    for top in range(0, len(x) - 7, 8):
        for left in range(0, x.shape[1] - 7, 8):
            a, b = (plane[top : top + 8, left : left + 8] for plane in (x, y))
            ca, cb = (dctn(block, norm="ortho") for block in (a, b))
            mask_table = (10 / table) ** 2
            mask = max(masking_in_loops(a, ca, mask_table), masking_in_loops(b, cb, mask_table))
            for k in range(8):
                for l in range(8):  # noqa: E741
                    u = abs(ca[k, l] - cb[k, l])
                    if masked and (k or l):
                        u = max(u - mask / mask_table[k, l], 0)
                    total += (u * 25.73509 / table[k, l]) ** 2
                    count += 1
    return 10 * np.log10(255**2 / (total / count))


def test_the_tables_are_the_published_ones() -> None:
    assert _CSF[0, :3].tolist() == pytest.approx([1.608443, 2.339554, 2.573509], abs=6e-7)
    assert _CSF[7, 7].item() == pytest.approx(0.259950, abs=6e-7)
    assert _MASK[0, 1:3].tolist() == pytest.approx([0.826446, 1.0], abs=6e-7)


@pytest.mark.parametrize("name", TID2013)
def test_tid2013_images(name: str) -> None:
    folder = shared("data/metrics/tid2013_pairs")
    reference, image = (
        torch.from_numpy(
            np.round(np.asarray(Image.open(folder / side / f"{name}.bmp")) @ [65.481, 128.553, 24.966] / 255 + 16) / 255
        )[None, None]
        for side in ("ref_dir", "dist_dir")
    )
    assert psnr_hvs(image, reference).item() == pytest.approx(TID2013[name][0], abs=1e-6)
    assert psnr_hvs_m(image, reference).item() == pytest.approx(TID2013[name][1], abs=1e-6)


@pytest.mark.parametrize(("metric", "masked"), [(psnr_hvs, False), (psnr_hvs_m, True)])
@pytest.mark.parametrize("size", [(8, 8), (15, 40), (136, 24)])
def test_the_formulas_in_loops(metric, masked: bool, size: tuple[int, int]) -> None:
    image, reference = pair(2, 1, *size)
    image[0, :, :8, :8] = 0.5  # a flat block masks nothing
    planes = zip(image[:, 0].numpy() * 255, reference[:, 0].numpy() * 255, strict=True)
    expected = [in_loops(x, y, masked) for x, y in planes]
    assert metric(image, reference).numpy() == pytest.approx(np.array(expected), abs=1e-5)


def test_of_color_jfif_luma_is_measured() -> None:
    image, reference = pair(1, 3, 16, 16)
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]
    lumas = [(x * weights).sum(1, keepdim=True) for x in (image, reference)]
    assert psnr_hvs_m(image, reference).item() == pytest.approx(psnr_hvs_m(*lumas).item(), abs=1e-9)


def test_texture_hides_noise() -> None:
    generator = torch.Generator().manual_seed(1)
    noise = 0.02 * torch.randn(1, 1, 64, 64, generator=generator)
    texture, flat = torch.rand(1, 1, 64, 64, generator=generator), torch.full((1, 1, 64, 64), 0.5)
    assert psnr_hvs(texture + noise, texture).item() == pytest.approx(psnr_hvs(flat + noise, flat).item(), abs=1e-3)
    assert psnr_hvs_m(texture + noise, texture).item() > psnr_hvs_m(flat + noise, flat).item() + 6


def test_float32_and_float16_agree_with_float64() -> None:
    image, reference = pair(1, 1, 64, 64)
    expected = psnr_hvs_m(image, reference).item()
    assert psnr_hvs_m(image.float(), reference.float()).item() == pytest.approx(expected, abs=1e-4)
    assert psnr_hvs_m(image.half(), reference.half()).item() == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("metric", [psnr_hvs, psnr_hvs_m])
def test_one_value_per_image(metric) -> None:
    image, reference = pair(3, 3, 40, 56)
    singles = [metric(image[[i]], reference[[i]]).item() for i in range(3)]
    assert metric(image, reference).tolist() == pytest.approx(singles, abs=1e-12)


def test_gradients_are_right_and_finite_on_flat_blocks() -> None:
    image, reference = pair(1, 1, 8, 16, noise=0.2)
    assert torch.autograd.gradcheck(psnr_hvs_m, (image.requires_grad_(), reference), eps=1e-7, atol=1e-3)
    flat = torch.full((1, 1, 8, 8), 0.3, requires_grad=True)
    psnr_hvs_m(flat, torch.full((1, 1, 8, 8), 0.6)).sum().backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()
    assert flat.grad.abs().sum() > 0


def test_no_error_is_infinitely_good() -> None:
    image, _ = pair(1, 1, 16, 16)
    assert psnr_hvs_m(image, image).item() == float("inf")


def test_images_smaller_than_a_block_are_refused() -> None:
    image = torch.zeros(1, 1, 7, 64)
    with pytest.raises(ImageError, match="8x8"):
        psnr_hvs_m(image, image)
