"""PSNR and PSNR-B against published constants and plain numpy."""

import numpy as np
import pytest
import torch

from imgredux import ImageError
from imgredux.metrics import psnr, psnr_b
from imgredux.metrics.psnr import _blocking_effect, _plane

ROWS, COLUMNS = np.mgrid[:50, :70]
A = (3 * COLUMNS + 5 * ROWS + (COLUMNS * ROWS) % 17) % 256
B = np.clip(16 * (A // 16) + 8 * ((COLUMNS // 8 + ROWS // 8) % 2), 0, 255)
C = (7 * (ROWS // 8) + 13 * (COLUMNS // 8)) % 23 * 10


def tensor(*planes: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(planes)[None] / 255)


def test_the_constants_are_those_of_the_reference() -> None:
    assert [A.mean(), B.mean(), C.mean()] == pytest.approx([127.213714, 123.780571, 107.977143], abs=1e-6)


def test_psnr_of_the_reference_pair() -> None:
    assert psnr(tensor(A), tensor(B)).item() == pytest.approx(31.184852, abs=1e-6)


@pytest.mark.parametrize(
    ("plane", "counts", "expected"),
    [
        (A, "frac", 214.854403),
        (A, "true", 117.691944),
        (A, "floor", 309.620417),
        (B, "frac", 234.891823),
        (B, "true", 138.322672),
        (B, "floor", 329.111736),
        (C, "frac", 6917.491019),
        (C, "true", 6369.153316),
        (C, "floor", 7461.008170),
    ],
)
def test_blocking_effect_with_every_way_to_count(plane: np.ndarray, counts: str, expected: float) -> None:
    assert _blocking_effect(_plane(tensor(plane)), counts).item() == pytest.approx(expected, abs=1e-5)


def test_psnr_b_of_the_reference_pair() -> None:
    assert psnr_b(tensor(C), tensor(A), counts="frac").item() == pytest.approx(5.878465, abs=1e-6)


def test_blocks_of_the_reference_do_not_count() -> None:
    smooth = torch.full((1, 1, 64, 64), 0.5)
    blocky = smooth + 0.1 * (torch.arange(64) // 8 % 2)
    assert psnr_b(smooth, blocky).item() == pytest.approx(psnr(smooth, blocky).item())
    assert psnr_b(blocky, smooth).item() < psnr(blocky, smooth).item()


def test_one_value_per_image_not_one_per_batch() -> None:
    images, references = torch.cat([tensor(A), tensor(C)]), torch.cat([tensor(B), tensor(B)])
    for metric in (psnr, psnr_b):
        singles = [metric(tensor(plane), tensor(B)).item() for plane in (A, C)]
        assert metric(images, references).tolist() == singles


def test_color_blocks_are_measured_on_rounded_studio_luma() -> None:
    red, green, blue = A, B, C
    luma = np.round((65.481 * red + 128.553 * green + 24.966 * blue) / 255 + 16)
    image, reference = tensor(red, green, blue), tensor(A, A, A)
    error = ((image - reference).numpy() ** 2).mean() * 255**2
    expected = 10 * np.log10(255**2 / (error + _blocking_effect(torch.from_numpy(luma)[None], "true").item()))
    assert psnr_b(image, reference).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (8, 8), (7, 200), (200, 1)])
def test_small_images_give_finite_values(size: tuple[int, int]) -> None:
    image = torch.linspace(0, 1, size[0] * size[1], dtype=torch.float64).reshape(1, 1, *size)
    assert psnr_b(image, image + 0.1).isfinite().all()


def test_equal_images_are_infinitely_good() -> None:
    assert psnr(tensor(A), tensor(A)).item() == float("inf")


def test_images_of_two_shapes_are_refused() -> None:
    with pytest.raises(ImageError, match="give two equal"):
        psnr(tensor(A), tensor(A, A, A))
