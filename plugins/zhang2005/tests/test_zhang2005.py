import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from imgredux_zhang2005.method import Zhang2005
from PIL import Image
from scipy import fft
from skimage import data

from imgredux.ops.dct import pixel_std
from imgredux.testing.shared import shared

# Sums of thresholds that OpenJND's Python port gives for the top left 512x512 of the luma.
PHOTOGRAPHS = {"kodim05": 819165.1677853, "kodim13": 799010.2100711, "kodim23": 563915.0134831}


@pytest.fixture(scope="module")
def method() -> Zhang2005:
    return Zhang2005()


def camera(height: int = 120, width: int = 168) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double() / 255


def tiles(x: torch.Tensor) -> np.ndarray:
    return x[0, 0].double().numpy().reshape(x.shape[-2] // 8, 8, x.shape[-1] // 8, 8).swapaxes(1, 2)


def from_coefficients(C: np.ndarray) -> torch.Tensor:
    """An image of one block that has the coefficients C, not limited to [0, 1]."""
    return torch.from_numpy(fft.idctn(C, norm="ortho"))[None, None] / 255


def block(**coefficients: float) -> torch.Tensor:
    """A block of mean 128 with some AC coefficients: c23=50 is row 2, column 3."""
    C = np.zeros((8, 8))
    C[0, 0] = 1024
    for name, value in coefficients.items():
        C[int(name[1]), int(name[2])] = value
    return from_coefficients(C)


def base(ppd: float = 1 / 0.0298, L: float = 65.0, dc: float = 1) -> np.ndarray:
    """T of Eqs. (2) to (8), one coefficient after the other."""
    T_min = 0.142 * (L / 13.45) ** 0.649 if L <= 13.45 else L / 94.7
    f_p = 6.78 * (L / 300) ** 0.182 if L <= 300 else 6.78
    K = 3.125 * (L / 300) ** 0.0706 if L <= 300 else 3.125
    T = np.zeros((8, 8))
    for i in range(8):
        for j in range(8):
            if i or j:
                f = math.hypot(i, j) * ppd / 16
                theta = math.asin(min(1, 2 * (i * ppd / 16) * (j * ppd / 16) / f**2))
                log_T = math.log10(0.25 * T_min / (0.6 + 0.4 * math.cos(theta) ** 2))
                log_T += K * (math.log10(f) - math.log10(f_p)) ** 2
                phi = math.sqrt((2 if i else 1) / 8) * math.sqrt((2 if j else 1) / 8)
                T[i, j] = 256 / (phi * 130) * 10**log_T
    T[0, 0] = dc * min(T[0, 1], T[1, 0])
    return T


@pytest.mark.parametrize("L", [5.0, 65.0, 400.0])
def test_base_thresholds_follow_the_equations(L):
    method = Zhang2005(background_cd_m2=L, ppd=40, gain=1)
    T = method.thresholds(block())[0, 0, 0].numpy()
    np.testing.assert_allclose(T, base(40, L), rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_sums_of_thresholds_on_photographs_are_openjnds(method, name, dtype):
    gray = np.array(Image.open(shared("data/test/kodak") / f"{name}.png").convert("L"))[:512, :512]
    x = torch.from_numpy(gray).to(dtype)[None, None] / 255
    rel = 1e-6 if dtype == torch.float32 else 1e-12
    assert float(method.thresholds(x).double().sum()) == pytest.approx(PHOTOGRAPHS[name], rel=rel)


@pytest.mark.parametrize(("level", "factor"), [(0, 3), (64, 1.25), (128, 1), (192, 1.2)])
def test_dark_and_bright_blocks_hide_more(method, level, factor):
    x = torch.full((1, 1, 8, 8), level / 255, dtype=torch.float64)
    np.testing.assert_allclose(method.thresholds(x)[0, 0, 0], 0.3 * factor * base(), rtol=1e-12)


CASES = {
    "plain": ({"c56": 60.0, "c55": 60.0}, 1, 1),  # energy 120
    "texture": ({"c56": 400.0, "c55": 400.0}, 1 + 1.5 * 510 / 1510, 1 + 1.25 * 510 / 1510),
    "edge": ({"c01": 90.0, "c03": 130.0}, 1.125, 1.125),  # no high frequencies, L + M of 220
    "strong edge": ({"c01": 290.0, "c03": 130.0}, 1.25, 1.25),
    "busy edge": ({"c03": 950.0, "c56": 400.0}, 1.25, 1 + 1.25 * 1060 / 1510),  # E1 = 9: over 2 but not over 16
}


@pytest.mark.parametrize("case", CASES)
def test_classes_of_blocks_and_their_masking(case):
    coefficients, released, printed = CASES[case]
    x = block(**coefficients)
    C = fft.dctn(255 * tiles(x), axes=(-2, -1), norm="ortho")[0, 0]
    for formulation, xi, dc, gain in (("released", released, 1, 0.3), ("printed", printed, math.sqrt(2), 1)):
        T = base(dc=dc)
        expected = gain * T * xi * np.maximum(1, (abs(C) / T) ** 0.36)
        if case.endswith("edge") and (formulation, case) != ("printed", "busy edge"):
            for i, j in ((0, 1), (0, 3)):  # LF and MF
                expected[i, j] = gain * T[i, j] * xi
        expected[0, 0] = gain * T[0, 0]
        found = Zhang2005(formulation=formulation).thresholds(x)[0, 0, 0].numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_map_is_the_deviation_of_pixels_under_noise_on_the_coefficients(method):
    x = camera(16, 24)
    T = torch.from_numpy(method.thresholds(x)[0].numpy().swapaxes(1, 2).reshape(1, 1, 16, 24).copy())
    torch.testing.assert_close(255 * method.forward(x), pixel_std(T), rtol=1e-12, atol=0)
    noise = torch.randint(0, 2, (4000, 1, 16, 24), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
    moved = torch.cat([fft_back(part * T) for part in noise.split(1000)])
    torch.testing.assert_close(moved.std(0)[0], 255 * method.forward(x)[0, 0], rtol=0.06, atol=0)


def fft_back(C: torch.Tensor) -> torch.Tensor:
    blocks = C.numpy().reshape(len(C), 1, 2, 8, 3, 8)
    return torch.from_numpy(fft.idctn(blocks, axes=(3, 5), norm="ortho").reshape(C.shape))


def test_viewing_conditions_move_the_thresholds(method):
    x = camera()
    assert Zhang2005(ppd=60).thresholds(x).mean() > method.thresholds(x).mean()
    assert Zhang2005(ppd=1e6).forward(x.float()).isfinite().all()
    plain = block(c56=10.0)
    torch.testing.assert_close(Zhang2005(gain=0.6).thresholds(plain), 2 * method.thresholds(plain))
    half = Zhang2005(peak_cd_m2=65).thresholds(plain)  # the same luminance is twice as many grey levels
    torch.testing.assert_close(half[..., 1:], 2 * method.thresholds(plain)[..., 1:], rtol=1e-9, atol=0)


def test_float32_is_within_a_thousandth_of_float64(method):
    x = camera()
    torch.testing.assert_close(method.forward(x.float()).double(), method.forward(x), rtol=1e-3, atol=0)


@pytest.mark.parametrize("turn", [lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT])
def test_a_turned_picture_has_a_turned_map(method, turn: Callable[[torch.Tensor], torch.Tensor]):
    x = camera()
    torch.testing.assert_close(method.forward(turn(x)), turn(method.forward(x)), rtol=1e-9, atol=0)


@pytest.mark.parametrize("rows", [16, 48, 1024])
def test_strip_height_does_not_matter_and_batches_equal_singles(method, rows, monkeypatch):
    x = torch.cat([camera(), camera().flip(-1) / 3]).float()
    expected = torch.cat([method.forward(image) for image in x.split(1)])
    monkeypatch.setattr("imgredux.ops.strips.strip_rows", lambda x: rows)
    assert torch.equal(method.forward(x), expected)


@pytest.mark.parametrize("formulation", ["released", "printed"])
def test_gradients_are_right(formulation):
    x = camera(16, 16).requires_grad_()
    method = Zhang2005(formulation=formulation)
    assert torch.autograd.gradcheck(method.forward, x)
    torch.testing.assert_close(method.forward(x).detach(), method.forward(x.detach()), rtol=1e-9, atol=0)


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (300, 1)])
def test_thresholds_of_any_size_complete_the_last_blocks(method, size):
    x = torch.rand(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    bottom, right = -size[0] % 8, -size[1] % 8
    full = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (0, bottom), (0, right)), "edge"))
    T = method.thresholds(x)
    assert T.shape == (2, math.ceil(size[0] / 8), math.ceil(size[1] / 8), 8, 8)
    assert torch.equal(T, method.thresholds(full))


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="formulation is 'draft'"):
        Zhang2005(formulation="draft")
    with pytest.raises(ValueError, match="ppd=0"):
        Zhang2005(ppd=0)
    with pytest.raises(ValueError, match=r"peak_cd_m2=10.*peak above black"):
        Zhang2005(peak_cd_m2=10, black_cd_m2=20)
