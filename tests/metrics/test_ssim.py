"""SSIM and MS-SSIM against published constants, the authors' MATLAB values, SciPy and pytorch-msssim."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import correlate
from skimage import data

from imgredux import ImageError
from imgredux.metrics.ssim import WEIGHTS, _scale_means, ms_ssim, ssim
from imgredux.testing.shared import shared

ROWS, COLUMNS = np.mgrid[:50, :70]
A = (3 * COLUMNS + 5 * ROWS + (COLUMNS * ROWS) % 17) % 256
B = np.clip(16 * (A // 16) + 8 * ((COLUMNS // 8 + ROWS // 8) % 2), 0, 255)
RGB2GRAY = np.array([0.298936021293775, 0.587043074451121, 0.114020904255103])  # MATLAB's weights
OFFICIAL = {  # TID2013 pairs: SSIM and MS-SSIM of the authors' MATLAB code on MATLAB's rounded grey
    "I03": (0.6993, 0.6733),
    "I04": (0.9978, 0.9996),
    "I06": (0.9989, 0.9998),
    "I08": (0.9669, 0.9566),
    "I19": (0.6519, 0.8462),
}


def tensor(plane: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(plane[None, None] / 255)


def noisy_pair(*shape: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(*shape[:2], 9, 9, generator=generator, dtype=torch.float64)
    image = torch.nn.functional.interpolate(coarse, shape[2:], mode="bilinear")
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return image.to(dtype), (image + 0.1 * noise).clamp(0, 1).to(dtype)


def oracle_maps(x: np.ndarray, y: np.ndarray, window: str = "gauss") -> tuple[np.ndarray, np.ndarray]:
    """Luminance, and contrast times structure, of two planes in [0, 255]: Eqs. (6) to (13) with SciPy's filter."""
    axis = np.arange(-5, 6)
    kernel = np.exp(-(axis**2 + axis[:, None] ** 2) / 4.5) if window == "gauss" else np.ones((8, 8))
    size = len(kernel)
    inside = tuple(slice(size // 2, side - (size - 1) // 2) for side in x.shape)

    def mean(plane: np.ndarray) -> np.ndarray:
        return correlate(plane, kernel / kernel.sum(), mode="constant")[inside]

    mu_x, mu_y = mean(x), mean(y)
    luminance = (2 * mu_x * mu_y + 6.5025) / (mu_x**2 + mu_y**2 + 6.5025)
    spread = mean(x * x) - mu_x**2 + mean(y * y) - mu_y**2
    return luminance, (2 * (mean(x * y) - mu_x * mu_y) + 58.5225) / (spread + 58.5225)


def halved(plane: np.ndarray) -> np.ndarray:
    odd = np.pad(plane, [(side % 2, side % 2) for side in plane.shape])
    odd = odd[: len(odd) // 2 * 2, : odd.shape[1] // 2 * 2]
    return (odd[::2, ::2] + odd[1::2, ::2] + odd[::2, 1::2] + odd[1::2, 1::2]) / 4


@pytest.mark.parametrize(("window", "expected"), [("gauss", 0.912853), ("box8", 0.944310)])
def test_ssim_of_the_reference_pair(window: str, expected: float) -> None:
    assert ssim(tensor(A), tensor(B), window=window).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", OFFICIAL)
def test_values_of_the_authors_code(name: str) -> None:
    folder = shared("data/metrics/tid2013_pairs")
    reference, image = (
        tensor(np.floor(np.asarray(Image.open(folder / side / f"{name}.bmp")) @ RGB2GRAY + 0.5))
        for side in ("ref_dir", "dist_dir")
    )
    assert ssim(image, reference).item() == pytest.approx(OFFICIAL[name][0], abs=6e-5)
    # The official figure is the script's other way to join the scales: a mean with normalised weights, no product.
    means = _scale_means(image, reference)[:, 0, 0].numpy()
    assert np.average(means, weights=WEIGHTS) == pytest.approx(OFFICIAL[name][1], abs=6e-5)


@pytest.mark.parametrize("window", ["gauss", "box8"])
@pytest.mark.parametrize("size", [(11, 11), (11, 200), (75, 43), (138, 74), (139, 75)])
def test_ssim_is_the_formula_on_scipys_filter(window: str, size: tuple[int, int]) -> None:
    image, reference = noisy_pair(2, 3, *size)
    maps = [
        oracle_maps(255 * x, 255 * y, window)
        for x, y in zip(image.flatten(0, 1).numpy(), reference.flatten(0, 1).numpy(), strict=True)
    ]
    expected = np.array([(luminance * rest).mean() for luminance, rest in maps]).reshape(2, 3).mean(1)
    assert ssim(image, reference, window=window).numpy() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("size", [(176, 192), (161, 203)])
def test_ms_ssim_is_the_product_over_five_scales(size: tuple[int, int]) -> None:
    image, reference = noisy_pair(1, 2, *size)
    expected = []
    for x, y in zip(255 * image[0].numpy(), 255 * reference[0].numpy(), strict=True):
        value = 1.0
        for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
            luminance, rest = oracle_maps(x, y)
            value *= (rest * (luminance if scale == 4 else 1)).mean() ** weight
            x, y = halved(x), halved(y)
        expected.append(value)
    assert ms_ssim(image, reference).item() == pytest.approx(np.mean(expected), abs=1e-10)


@pytest.mark.parametrize("photograph", [data.astronaut, data.coffee])
def test_float32_photographs_agree_with_pytorch_msssim(photograph) -> None:
    peer = pytest.importorskip("pytorch_msssim")
    image = torch.from_numpy(photograph()).permute(2, 0, 1)[None].float() / 255
    reference = (image + 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    assert ssim(image, reference).item() == pytest.approx(peer.ssim(image, reference, data_range=1).item(), abs=1e-5)
    expected = peer.ms_ssim(image, reference, data_range=1).item()
    assert ms_ssim(image, reference).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("window", ["gauss", "box8"])
@pytest.mark.parametrize("size", [(11, 11), (73, 41), (74, 42), (75, 43), (203, 161)])
def test_with_gradients_the_value_is_that_of_strips(window: str, size: tuple[int, int]) -> None:
    image, reference = noisy_pair(1, 2, *size)
    plain = ssim(image.requires_grad_(), reference, window=window)
    assert plain.requires_grad
    assert plain.item() == pytest.approx(ssim(image.detach(), reference, window=window).item(), abs=1e-12)


@pytest.mark.parametrize("size", [(11, 11), (27, 300), (161, 266), (300, 267), (178, 530)])
@pytest.mark.parametrize("metric", [ssim, ms_ssim])
def test_compiled_loops_give_the_value_of_the_tensors(metric, size, monkeypatch) -> None:
    kernel = pytest.importorskip("imgredux.kernels.ssim", reason="numba is not installed")
    if metric is ms_ssim and min(size) < 161:
        pytest.skip("too small for five scales")
    calls, found = [], kernel.tile
    monkeypatch.setattr(kernel, "tile", lambda *args: calls.append(1) or found(*args))
    image, reference = noisy_pair(2, 3, *size, dtype=torch.float32)
    compiled, itself = metric(image, reference), metric(image, image)
    assert calls
    assert torch.equal(itself, torch.ones(2, dtype=torch.float64))
    monkeypatch.setattr("imgredux.kernels.compiled", lambda name: None)
    torch.testing.assert_close(compiled, metric(image, reference), rtol=0, atol=1e-6)
    torch.testing.assert_close(compiled, metric(image.double(), reference.double()), rtol=0, atol=1e-6)


def test_gradients_are_right() -> None:
    image, reference = noisy_pair(1, 1, 12, 13)
    assert torch.autograd.gradcheck(lambda x, y: ssim(x, y), (image.requires_grad_(), reference.requires_grad_()))


def test_ms_ssim_of_a_negative_is_zero_with_finite_gradients() -> None:
    image = torch.rand(1, 1, 176, 176, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = ms_ssim(image, 1 - image.detach())
    value.sum().backward()
    assert value.item() == 0
    assert image.grad is not None
    assert image.grad.isfinite().all()


@pytest.mark.parametrize("metric", [ssim, ms_ssim])
def test_one_value_per_image_whatever_its_company(metric) -> None:
    image, reference = noisy_pair(3, 2, 170, 181, dtype=torch.float32)
    image[1, :, -40:, -20:] = torch.nan
    values = metric(image, reference)
    assert values.isnan().tolist() == [False, True, False]
    for single in (0, 2):
        alone = metric(image[single : single + 1], reference[single : single + 1])
        assert values[single].item() == alone.item()


def test_memory_layout_and_mixed_dtypes_do_not_matter() -> None:
    image, reference = noisy_pair(1, 3, 80, 90, dtype=torch.float32)
    expected = ssim(image, reference).item()
    assert ssim(image.contiguous(memory_format=torch.channels_last), reference).item() == expected
    assert ssim(image.double(), reference).item() == pytest.approx(expected, abs=1e-6)
    assert ssim(image.half(), image.half()).item() == 1


def test_flat_images_differ_in_luminance_only() -> None:
    black, white = torch.zeros(1, 1, 20, 20), torch.ones(1, 1, 20, 20)
    assert ssim(black, white).item() == pytest.approx(1e-4 / 1.0001, rel=1e-4)
    assert ssim(white, white).item() == 1


@pytest.mark.parametrize(
    ("metric", "size", "needed"), [(ssim, (10, 90), "11x11"), (ms_ssim, (160, 900), "at least 161x161")]
)
def test_small_images_are_refused(metric, size: tuple[int, int], needed: str) -> None:
    image = torch.zeros(1, 1, *size)
    with pytest.raises(ImageError, match=needed):
        metric(image, image)


def test_unfit_arguments_are_refused() -> None:
    image = torch.zeros(1, 3, 20, 20)
    with pytest.raises(ImageError, match="give two equal"):
        ssim(image, image[:, :1])
    with pytest.raises(ImageError, match="floating point"):
        ssim(image.byte(), image.byte())
    with pytest.raises(ValueError, match="choose gauss or box8"):
        ssim(image, image, window="box7")  # type: ignore[arg-type]
