import numpy as np
import pytest
import torch
from imgredux_wu2017 import method as wu2017
from imgredux_wu2017.method import Wu2017
from PIL import Image
from scipy import ndimage
from skimage import data
from torch.nn.functional import pad

from imgredux.ops.masking import background, luminance_adaptation
from imgredux.testing.inputs import ramp_and_noise
from imgredux.testing.shared import shared

PROBES = ((5, 5), (20, 40), (40, 20), (50, 50), (31, 32))
VECTORS = {
    "L_c": (52519.4207, (2.8284, 8.5962, 14.9666, 30.5673, 18.5931)),
    "LC": (5553.8051, (0.0326, 0.4287, 1.3517, 4.1929, 2.0042)),
    "count": (15156, (1, 8, 2, 5, 6)),
    "P_c": (15086.1389, (1, 7.6772, 1.7259, 5.9460, 4.9565)),
    "PM": (45749.6649, (0.4243, 10.5624, 4.9255, 31.0617, 16.4349)),
}
PHOTOGRAPH_PROBES = ((5, 5), (100, 200), (255, 383), (300, 600), (511, 767))
PHOTOGRAPHS = {
    "kodim05": (3694466.0249, (3.8928, 10.3349, 6.9990, 6.0821, 6.5333)),
    "kodim13": (5019122.4127, (7.6445, 24.8086, 7.6929, 21.9110, 6.5333)),
    "kodim23": (2075387.6568, (6.4885, 4.1290, 2.6482, 6.6301, 7.1566)),
}
FORMULATIONS = ("released", "printed")


def camera(height: int = 120, width: int = 168) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double() / 255


def noise(*size: int) -> torch.Tensor:
    return torch.rand(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def count_by_numpy(gray: np.ndarray) -> np.ndarray:
    """The pattern count as the authors' code says it, with angles in whole degrees."""
    kernel = np.array([[-1, 0, 1]] * 3) / 3
    padded = np.pad(gray, 1, "symmetric")
    gx, gy = (ndimage.correlate(padded, k, mode="constant") for k in (kernel, kernel.T))
    theta = np.degrees(np.arctan2(gy, gx))
    theta = np.sign(theta) * np.floor(abs(theta) + 0.5)  # MATLAB's round
    theta = theta - 180 * (theta > 90) + 180 * (theta < -90) + 90
    valid = np.hypot(gx, gy) >= 5
    bins = np.floor(np.where(valid, theta, 192) / 12 + 0.5)
    around = np.sort([np.roll(bins, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)], axis=0)
    count = 1 + np.count_nonzero(np.diff(around, axis=0), axis=0)
    count = np.where(valid, count, 1)[1:-1, 1:-1]
    inner = np.zeros(gray.shape, bool)
    inner[1:-1, 1:-1] = True
    return np.where(inner, count, 1)


def printed_by_numpy(gray: np.ndarray) -> np.ndarray:
    """The paper's model, its orientations counted pixel by pixel."""
    gh, gv = (ndimage.prewitt(np.pad(gray, 2, "symmetric"), axis)[1:-1, 1:-1] / 3 for axis in (1, 0))
    C_p = np.zeros(gray.shape)
    for y, x in np.ndindex(*gray.shape):
        field = zip(gh[y : y + 3, x : x + 3].ravel(), gv[y : y + 3, x : x + 3].ravel(), strict=True)
        C_p[y, x] = len({round(np.degrees(np.arctan2(v, h)) / 12) % 15 for h, v in field if h or v})
    C_l = np.hypot(gh, gv)[1:-1, 1:-1]
    M_P = np.log2(1 + C_l) * 0.8 * C_p**2.7 / (C_p**2 + 0.01)
    M_S = np.maximum(M_P, 1.84 * C_l**2.4 / (C_l**2 + 676))
    B = np.ones((5, 5)) + np.pad(np.ones((3, 3)), 1)
    B[2, 2] = 0
    b = ndimage.correlate(gray, B / 32, mode="reflect")
    LA = np.where(b <= 127, 17 * (1 - np.sqrt(b / 127)) + 3, 3 / 128 * (b - 127) + 3)
    return LA + M_S - 0.3 * np.minimum(LA, M_S)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_reference_vectors_of_the_terms_without_edges(dtype):
    F = ramp_and_noise().to(dtype)
    count = wu2017.pattern_count(F)
    inside = pad(torch.ones_like(F, dtype=torch.bool), (2, 2, 2, 2))
    L_c = wu2017.contrast(pad(F, (2, 2, 2, 2)), inside)[..., 2:-2, 2:-2]
    P_c = wu2017.pattern_complexity(count.to(dtype))
    terms = {
        "L_c": L_c,
        "LC": wu2017.contrast_masking(L_c),
        "count": count,
        "P_c": P_c,
        "PM": L_c * wu2017.pattern_gain(P_c),
    }
    for name, term in terms.items():
        total, values = VECTORS[name]
        assert float(term.double().sum()) == pytest.approx(total, rel=1e-6), name
        assert [float(term[0, 0, y, x]) for y, x in PROBES] == pytest.approx(values, abs=6e-5), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_reference_maps_of_photographs(name, dtype):
    gray = np.array(Image.open(shared("data/test/kodak") / f"{name}.png").convert("L"))
    jnd = 255 * Wu2017().forward(torch.from_numpy(gray).to(dtype)[None, None] / 255)
    assert jnd.dtype == dtype
    total, values = PHOTOGRAPHS[name]
    assert float(jnd.double().sum()) == pytest.approx(total, rel=1e-6)
    assert [float(jnd[0, 0, y, x]) for y, x in PHOTOGRAPH_PROBES] == pytest.approx(values, abs=6e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_count_equals_whole_degrees_in_numpy_to_the_last_pixel(dtype):
    F = (255 * camera(300, 350)).to(dtype)
    expected = count_by_numpy(F[0, 0].double().numpy())
    assert set(np.unique(expected)) >= set(range(1, 9))
    np.testing.assert_array_equal(wu2017.pattern_count(F)[0, 0].numpy(), expected)


def test_the_ends_of_orientation_are_two_bins():
    up_and_down = torch.zeros(1, 1, 12, 12, dtype=torch.float64)
    up_and_down[..., 6:, :] = 50  # 90 degrees, and -90 at the back of the bar: bins 15 and 0
    up_and_down[..., 7:, :] = 0
    assert wu2017.pattern_count(up_and_down)[0, 0, 6, 6] == 1  # the crest itself is weak
    assert wu2017.pattern_count(up_and_down)[0, 0, 5, 6] == 2  # with the weak pixels around
    staircase = up_and_down.roll(1, -2) + up_and_down
    assert wu2017.pattern_count(staircase)[0, 0, 6, 6] == 2


def test_printed_equals_the_papers_formulas_in_numpy():
    jnd = 255 * Wu2017(formulation="printed").forward(camera())
    np.testing.assert_allclose(jnd[0, 0].numpy(), printed_by_numpy(255 * camera()[0, 0].numpy()), rtol=1e-5)


@pytest.mark.parametrize(("gray", "expected"), [(0, 0.7 * (20 - 17 * (32 / 127) ** 0.5)), (255, 0.7 * 6)])
def test_a_flat_image_shows_luminance_adaptation_alone(gray, expected):
    x = torch.full((1, 1, 30, 20), gray / 255, dtype=torch.float64)
    inner = 255 * Wu2017().forward(x)[..., 4:-4, 4:-4]
    torch.testing.assert_close(inner, torch.full_like(inner, expected))


def test_the_frame_of_2_pixels_shows_luminance_adaptation_alone():
    x = camera(20, 30)
    expected = 0.7 * luminance_adaptation(background(255 * x), dark_lift=True)
    expected[..., 2:-2, 2:-2] = 255 * Wu2017().forward(x)[..., 2:-2, 2:-2]
    torch.testing.assert_close(255 * Wu2017().forward(x), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_color_is_judged_by_its_luma(formulation):
    rgb = noise(2, 3, 24, 32)
    gray = (rgb * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    method = Wu2017(formulation=formulation)
    torch.testing.assert_close(method.forward(rgb), method.forward(gray), rtol=1e-6, atol=0)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 5), (4, 4), (7, 7), (9, 17), (3000, 1), (1, 3000)])
def test_any_size_is_finite_and_positive(size, formulation):
    for x in (noise(1, 1, *size), torch.zeros(1, 1, *size), torch.ones(1, 1, *size)):
        jnd = Wu2017(formulation=formulation).forward(x)
        assert jnd.shape == x.shape
        assert jnd.isfinite().all()
        assert (jnd > 0).all()


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_strip_height_does_not_matter_and_batches_equal_singles(formulation, monkeypatch):
    x = torch.cat([camera(117, 163), camera(117, 163).flip(-1) / 3]).float()
    method = Wu2017(formulation=formulation)
    expected = torch.cat([method.forward(image) for image in x.split(1)])
    assert torch.equal(method.forward(x), expected)
    for rows in (7, 64):
        for module in ("strips", "protection"):
            monkeypatch.setattr(f"imgredux.ops.{module}.strip_rows", lambda x, rows=rows: rows)
        assert torch.equal(method.forward(x), expected)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("x", [camera(24, 32), torch.zeros(1, 1, 8, 16), torch.ones(1, 3, 8, 16)], ids=len)
def test_gradients_are_finite_and_the_values_those_without(x, formulation):
    method = Wu2017(formulation=formulation)
    leaf = x.clone().requires_grad_()
    result = method.forward(leaf)
    torch.testing.assert_close(result.detach(), method.forward(x), rtol=1e-6, atol=0)
    result.sum().backward()
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_gradients_are_those_between_the_steps(formulation):
    method = Wu2017(formulation=formulation)
    x = (0.2 + 0.6 * noise(1, 1, 9, 8)).requires_grad_()
    assert torch.autograd.gradcheck(method.forward, x)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="formulation is 'paper'; choose released or printed"):
        Wu2017(formulation="paper")
