"""SSIMULACRA 2.1 against its original program, and against an independent package where that one follows it."""

import importlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from imgredux import ImageError
from imgredux.metrics.ssimulacra2 import ssimulacra2
from imgredux.ops.jpeg import jpeg

module = importlib.import_module("imgredux.metrics.ssimulacra2")  # its function bears the same name


def tensor(array: np.ndarray, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1)[None].to(dtype) / 255


def quantized(a: np.ndarray) -> np.ndarray:
    return a // 16 * 16 + 8


def blurred(a: np.ndarray) -> np.ndarray:
    height, width = a.shape[:2]
    p = np.pad(a.astype(int), ((1, 1), (1, 1), (0, 0)), "edge")
    return (sum(p[i : i + height, j : j + width] for i in range(3) for j in range(3)) // 9).astype(np.uint8)


def noisy(a: np.ndarray) -> np.ndarray:
    r, c, k = np.indices(a.shape)
    return (a.astype(int) + (r * 73 + c * 151 + k * 37 + r * c * 29) % 25 - 12).clip(0, 255).astype(np.uint8)


# Printed by the authors' program: github.com/cloudinary/ssimulacra2 at 81feacf (SSIMULACRA 2.1), built with highway
# 1.0.3 and lcms2 2.14. Images as first argument and as second: the metric is not symmetric.
@pytest.mark.parametrize(
    ("picture", "change", "forward", "backward"),
    [
        ("astronaut", quantized, 52.43121, 52.00266),
        ("astronaut", blurred, 57.42737, 61.10878),
        ("astronaut", noisy, 68.15586, 67.50227),
        ("coffee", quantized, 65.06179, 65.54973),
        ("coffee", blurred, 46.40907, 48.99453),
        ("coffee", noisy, 71.63704, 71.33940),
        ("chelsea", quantized, 64.26354, 64.80825),
        ("chelsea", blurred, 64.54821, 66.37721),
        ("chelsea", noisy, 70.05996, 70.06489),
    ],
)
def test_scores_are_those_of_the_original_program(picture, change, forward, backward) -> None:
    original = getattr(data, picture)()
    x, y = tensor(original), tensor(change(original))
    assert ssimulacra2(y, x).item() == pytest.approx(forward, abs=0.05)
    assert ssimulacra2(x, y).item() == pytest.approx(backward, abs=0.05)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((8, 8), 94.23143),
        ((15, 16), 86.97250),
        ((33, 64), 24.71366),
        ((113, 113), 62.72123),
        ((224, 224), 59.20140),
        ((255, 301), 61.43416),
    ],
)
def test_small_and_odd_sizes_have_the_scales_and_weights_of_the_original_program(size, expected) -> None:
    corner = data.astronaut()[: size[0], : size[1]]
    assert ssimulacra2(tensor(quantized(corner)), tensor(corner)).item() == pytest.approx(expected, abs=0.05)


def test_the_blur_is_the_response_of_the_recursive_gaussian() -> None:
    """Charalampidis 2016, Eqs. (33), (37), (44), (50), (52)-(57), with sigma 1.5."""
    sigma, turns = 1.5, np.array([1, 3, 5])
    n = round(3.2795 * sigma + 0.2546)
    omega = turns * math.pi / (2 * n)
    p = np.array([1, -1, 1]) / np.tan(omega / 2)
    r = np.array([1, -1, 1]) * p**2 / np.sin(omega)
    rho = np.exp(-((sigma * omega) ** 2) / 2) / n
    zeta = np.cross(p, r)  # D_35, D_51, D_13
    zeta = zeta / zeta[2]
    beta = np.linalg.solve(np.array([p, r, zeta]), [1, n**2 - sigma**2, zeta @ rho])
    older = old = np.zeros(3)
    response = []
    for i in range(-n + 1, 13):
        signal = (i - n - 1 == 6) + (i + n - 1 == 6)
        older, old = old, -beta * np.cos(omega * (n + 1)) * signal + 2 * np.cos(omega) * old - older
        response.append(old.sum())
    taps = np.array([*module.TAPS[:0:-1], *module.TAPS])
    assert response[n - 1 :] == pytest.approx([0, 0, *taps, 0, 0], abs=1e-14)


@pytest.mark.parametrize("change", [30, 75, 95, noisy], ids=["jpeg30", "jpeg75", "jpeg95", "noise"])
def test_maps_norms_and_weights_agree_with_an_independent_package(change, tmp_path: Path, monkeypatch) -> None:
    """That package (0.3.0) blurs with 11 taps of a Gaussian and mirrors two borders, where the original has neither.

    Given its taps, and changes far from the borders, all else must agree.
    """
    package = pytest.importorskip("ssimulacra2.ssimulacra2", reason="the package ssimulacra2 is not installed")
    gauss = np.exp(-(np.arange(6) ** 2) / (2 * 1.5**2))
    monkeypatch.setattr(module, "TAPS", tuple(gauss / (2 * gauss.sum() - 1)))
    monkeypatch.setattr(module, "REACH", 5)
    original = data.astronaut()
    inside = np.s_[176:-176, 176:-176]
    changed = original.copy()
    if callable(change):
        changed[inside] = change(original)[inside]
    else:
        decoded = jpeg(tensor(original), change)[0].permute(1, 2, 0) * 255
        changed[inside] = decoded.round().byte().numpy()[inside]
    paths = [tmp_path / "x.png", tmp_path / "y.png"]
    for path, array in zip(paths, (original, changed), strict=True):
        Image.fromarray(array).save(path)
    expected = package.compute_ssimulacra2(*map(str, paths))
    changed, original = (tensor(array, torch.float64) for array in (changed, original))  # not compiled: other taps
    assert ssimulacra2(changed, original).item() == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_equal_images_have_100_and_no_gradient(value: float) -> None:
    x = torch.full((1, 3, 40, 50), value)
    x[..., 20:] += 0.1 - value / 5
    y = x.clone().requires_grad_()
    score = ssimulacra2(y, x)
    score.sum().backward()
    assert score.item() == 100
    assert y.grad is not None
    assert (y.grad == 0).all()


@pytest.mark.parametrize("step", [1e-7, 1e-4, 1.0])
def test_gradients_are_finite_near_equality_and_at_the_extremes(step: float) -> None:
    x = torch.zeros(1, 3, 33, 40, requires_grad=True)
    y = torch.full((1, 3, 33, 40), step, requires_grad=True)
    ssimulacra2(y, x).sum().backward()
    for image in (x, y):
        assert image.grad is not None
        assert image.grad.isfinite().all()
        assert (image.grad != 0).any()


def test_the_gradient_is_that_of_the_score() -> None:
    generator = torch.Generator().manual_seed(0)
    x, noise, way = torch.rand(3, 1, 3, 70, 90, dtype=torch.float64, generator=generator)
    y = (x + 0.1 * (noise - 0.5)).requires_grad_()
    (gradient,) = torch.autograd.grad(ssimulacra2(y, x), y)
    ahead, behind = (ssimulacra2(y.detach() + step * way, x).item() for step in (1e-6, -1e-6))
    assert (gradient * way).sum().item() == pytest.approx((ahead - behind) / 2e-6, rel=1e-5)


def test_one_value_per_image_whatever_the_batch() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 3, 3, 100, 90, generator=generator)
    singles = [ssimulacra2(y[i : i + 1], x[i : i + 1]).item() for i in range(3)]
    assert ssimulacra2(y, x).tolist() == singles


def test_float32_is_as_good_as_float64() -> None:
    original = data.chelsea()
    scores = [
        ssimulacra2(tensor(noisy(original), t), tensor(original, t)).item() for t in (torch.float32, torch.float64)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=0.001)


def test_the_height_of_a_strip_does_not_matter(monkeypatch) -> None:
    x, y = (tensor(a[:131, :150], torch.float64) for a in (data.coffee(), blurred(data.coffee())))
    score = ssimulacra2(y, x).item()
    monkeypatch.setattr(module, "_ROWS", 16)
    assert ssimulacra2(y, x).item() == pytest.approx(score, abs=1e-9)


def test_one_channel_is_gray() -> None:
    x = torch.rand(1, 1, 50, 60, generator=torch.Generator().manual_seed(0))
    y = (x * 0.9).requires_grad_()
    assert ssimulacra2(y, x).item() == ssimulacra2(y.repeat(1, 3, 1, 1), x.repeat(1, 3, 1, 1)).item()


def test_unfit_images_are_refused() -> None:
    with pytest.raises(ImageError, match="at least 8x8"):
        ssimulacra2(torch.rand(1, 3, 7, 9), torch.rand(1, 3, 7, 9))
    with pytest.raises(ImageError, match="2 channels; this metric needs 1 or 3"):
        ssimulacra2(torch.rand(1, 2, 9, 9), torch.rand(1, 2, 9, 9))


@pytest.mark.parametrize("size", [(8, 8), (9, 300), (64, 256), (113, 257), (255, 301), (300, 530)])
@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_loops_give_the_score_of_the_tensors(size, threads, monkeypatch) -> None:
    """Tiles and strips of every kind: one, several, odd; both kinds of samples, both layouts."""
    pytest.importorskip("numba", reason="numba is not installed")
    reference = np.ascontiguousarray(np.tile(data.astronaut(), (1, 2, 1))[100 : 100 + size[0], 90 : 90 + size[1]])
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    for image in (quantized(reference), noisy(reference), blurred(reference)):
        y, x = tensor(image), tensor(reference)
        expected = ssimulacra2(y.double(), x.double()).item()
        assert module.of_bytes(image, reference) == pytest.approx(expected, abs=0.002)
        assert ssimulacra2(y, x).item() == pytest.approx(expected, abs=0.002)
        assert ssimulacra2(y.contiguous(), x.contiguous()).item() == pytest.approx(expected, abs=0.002)
        wide = [1.3 * one - 0.15 for one in (y, x)]  # colors outside of sRGB
        assert ssimulacra2(*wide).item() == pytest.approx(
            ssimulacra2(*(one.double() for one in wide)).item(), abs=0.002
        )
        grey = module.of_bytes(image[..., 1], reference[..., 1])
        assert grey == pytest.approx(ssimulacra2(y[:, 1:2].double(), x[:, 1:2].double()).item(), abs=0.002)


def test_what_is_compiled_is_used_and_the_rest_is_not(monkeypatch) -> None:
    kernel = pytest.importorskip("imgredux.kernels.ssimulacra2", reason="numba is not installed")
    calls = []
    found = kernel.tile
    monkeypatch.setattr(kernel, "tile", lambda *args: calls.append(1) or found(*args))
    original = data.astronaut()[:64, :64]
    x, y = tensor(original), tensor(quantized(original))
    ssimulacra2(y, x)
    assert calls
    calls.clear()
    ssimulacra2(y.double(), x.double())
    ssimulacra2(y.requires_grad_(), x)
    assert not calls
    with torch.no_grad():
        ssimulacra2(y, x)
    assert calls


def test_without_numba_bytes_have_the_same_score(monkeypatch) -> None:
    original = data.astronaut()[:100, :120]
    score = module.of_bytes(quantized(original), original)
    monkeypatch.setattr("imgredux.kernels.compiled", lambda name: None)
    assert module.of_bytes(quantized(original), original) == pytest.approx(score, abs=0.002)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((9, 9), np.float32), "float32"),
        (np.zeros((9, 9, 4), np.uint8), r"\(9, 9, 4\)"),
        (np.zeros((7, 9, 3), np.uint8), "8x8"),
        (np.zeros((9, 10, 3), np.uint8), "two equal"),
    ],
)
def test_bytes_that_cannot_be_judged_are_errors(image, said) -> None:
    with pytest.raises(ImageError, match=said):
        module.of_bytes(image, np.zeros((9, 9, 3), np.uint8))


def test_equal_bytes_have_100() -> None:
    original = data.astronaut()[:100, :301]
    assert module.of_bytes(original.copy(), original) == 100
