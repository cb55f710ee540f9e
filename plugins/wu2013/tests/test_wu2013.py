import numpy as np
import pytest
import torch
from imgredux_wu2013.method import Wu2013, order, tolerance
from imgredux_wu2013.prediction import informative_neighbors, similar_patches
from PIL import Image
from scipy import ndimage
from scipy.stats import entropy
from skimage import data

from imgredux import kernels
from imgredux.ops.masking import background, luminance_adaptation
from imgredux.testing.inputs import ramp_and_noise
from imgredux.testing.shared import shared

PROBES = ((5, 5), (20, 40), (40, 20), (50, 50), (31, 32))
PHOTOGRAPH_PROBES = ((5, 5), (100, 200), (255, 383), (300, 600), (511, 767))
PHOTOGRAPHS = {
    "kodim05": (3861565.957, [5.5120, 6.6754, 3.6308, 6.9129, 0]),
    "kodim13": (4646423.052, [13.4820, 11.9768, 11.2020, 6.1861, 0]),
    "kodim23": (2542146.786, [3.8991, 5.3765, 4.0287, 7.5175, 0]),
}  # sum of the map, and its values at the probes


@pytest.fixture(params=["compiled", "torch"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to compute the prediction."""
    if request.param == "torch":
        monkeypatch.setattr("imgredux.kernels.compiled", lambda name: None)
    elif kernels.compiled("imgredux_wu2013.kernel") is None:
        pytest.skip("numba is not installed")
    return request.param


def photograph(name: str) -> torch.Tensor:
    gray = Image.open(shared("data/test/kodak") / f"{name}.png").convert("L")
    return torch.from_numpy(np.array(gray)).float()[None, None] / 255


def camera(height: int = 70, width: int = 90) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double()


def at(plane: torch.Tensor, probes: tuple[tuple[int, int], ...]) -> list[float]:
    return [float(plane[0, 0, y, x]) for y, x in probes]


def by_definition(F: np.ndarray, sigma2: np.ndarray) -> np.ndarray:
    """The prediction before rounding: every patch compared with every other of its window, in float64."""
    padded = np.pad(F, 13, mode="symmetric")
    patches = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
    height, width = F.shape
    log_w, values = [], []
    for y, x in np.ndindex(21, 21):
        if (y, x) != (10, 10):
            difference = patches[y : y + height, x : x + width] - patches[10 : 10 + height, 10 : 10 + width]
            log_w.append(-(difference**2).mean((-2, -1)) / sigma2)
            values.append(padded[y + 3 : y + 3 + height, x + 3 : x + 3 + width])
    w = np.exp(np.array(log_w) - np.max(log_w, axis=0))
    return ((w * values).sum(0) + F) / (w.sum(0) + 1)


def test_reference_vectors_of_every_step_without_edges():
    F = ramp_and_noise()
    F_ar = similar_patches(F, tolerance(F))
    steps = {
        "I_ar": (F_ar, 482175, [51, 124, 109, 174, 127]),
        "FE": ((F - F_ar).abs(), 22300, [1, 6, 1, 25, 2]),
        "LA": (
            luminance_adaptation(background(F_ar), dark_lift=True),
            18687.8997,
            [7.4694, 3.1344, 4.5424, 3.3984, 3.2699],
        ),
        "order": (order(F_ar), 21660.0571, [7.7059, 3.4205, 5.7716, 4.6118, 3.9636]),
    }
    for name, (plane, total, values) in steps.items():
        assert float(plane.sum()) == pytest.approx(total, rel=1e-3), name
        assert at(plane, PROBES) == pytest.approx(values, rel=1e-3), name
    assert abs(float(F_ar.sum()) - 482175) <= 5


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_reference_map_of_photographs(route, name):
    jnd = 255 * Wu2013().forward(photograph(name))
    total, values = PHOTOGRAPHS[name]
    assert float(jnd.double().sum()) == pytest.approx(total, rel=1e-3)
    assert at(jnd, PHOTOGRAPH_PROBES) == pytest.approx(values, rel=1e-3)


def test_prediction_is_the_definition_but_for_ties(route):
    F = camera()
    sigma2 = tolerance(F)
    expected = by_definition(F[0, 0].numpy(), sigma2[0, 0].numpy())
    got = similar_patches(F.float(), sigma2.float())[0, 0].numpy()
    different = got != np.floor(expected + 0.5)
    assert different.mean() < 1e-2
    np.testing.assert_allclose(np.mod(expected[different], 1), 0.5, atol=1e-3)
    assert np.abs(got - expected).max() < 0.501


def test_float64_takes_the_definition_in_float64():
    F = camera(40, 50)
    sigma2 = tolerance(F)
    expected = by_definition(F[0, 0].numpy(), sigma2[0, 0].numpy())
    np.testing.assert_array_equal(similar_patches(F, sigma2)[0, 0].numpy(), np.floor(expected + 0.5))


def test_prediction_where_all_weights_underflow(route):
    """Noise over the whole range: every exp(-mean SSD / sigma2) is 0 in float32, and nearly every one in float64."""
    generator = torch.Generator().manual_seed(0)
    F = torch.randint(0, 2, (1, 1, 40, 300), generator=generator) * 255.0
    sigma2 = torch.full_like(F, 4.0)
    got = similar_patches(F, sigma2)[0, 0].numpy()
    expected = by_definition(F[0, 0].double().numpy(), sigma2[0, 0].double().numpy())
    assert np.abs(got - expected).max() < 0.501


@pytest.mark.parametrize("formulation", ["released", "printed"])
@pytest.mark.parametrize("number", range(1, 25))
def test_photographs_in_float32_have_finite_maps_of_plausible_size(number, formulation):
    jnd = 255 * Wu2013(formulation=formulation).forward(photograph(f"kodim{number:02d}"))
    assert jnd.isfinite().all()
    assert float(jnd.min()) >= 0
    assert 2 < float(jnd.mean()) < 40


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (5, 40), (7, 7), (9, 17), (70, 1), (1, 3000), (3000, 1)])
@pytest.mark.parametrize("formulation", ["released", "printed"])
def test_any_size(formulation, size, route):
    generator = torch.Generator().manual_seed(0)
    jnd = Wu2013(formulation=formulation).forward(torch.rand(1, 1, *size, generator=generator))
    assert jnd.shape == (1, 1, *size)
    assert jnd.isfinite().all()
    assert float(jnd.min()) >= 0
    if formulation == "released" and min(size) <= 5:
        assert not jnd.any()


def test_released_frame_is_zero_and_nothing_else_is():
    jnd = Wu2013().forward(camera() / 255)[0, 0]
    inside = torch.zeros_like(jnd, dtype=torch.bool)
    inside[2:-3, 2:-3] = True
    assert torch.equal(jnd > 0, inside)


@pytest.mark.parametrize("level", [0, 60, 200, 255])
def test_flat_images_have_the_threshold_of_luminance_alone(level):
    """Nothing to predict wrongly and nothing that masks, so JND = LA + T - 0.3 min(LA, T) with T of zero gradient."""
    x = torch.full((1, 1, 40, 50), level / 255)
    T = 0.5 - 0.01 * level
    lifted = np.floor(32.5 + level * 95 / 127) if level <= 127 else level
    for formulation, b, masking in (("released", lifted, abs(T)), ("printed", level, T)):
        LA = 17 * (1 - (b / 127) ** 0.5) + 3 if b <= 127 else 3 / 128 * (b - 127) + 3
        jnd = 255 * Wu2013(formulation=formulation).forward(x)[..., 10:-10, 10:-10]
        expected = torch.full_like(jnd, LA + masking - 0.3 * min(LA, masking))
        torch.testing.assert_close(jnd, expected, rtol=1e-4, atol=1e-4)


def test_coefficients_are_shares_of_mutual_information():
    F = camera(40, 50)
    gray = F[0, 0].numpy()
    information = np.zeros((11, 11))
    for y, x in np.ndindex(11, 11):
        if (y, x) != (5, 5):
            dy, dx = y - 5, x - 5
            first = gray[max(-dy, 0) : 40 - max(dy, 0), max(-dx, 0) : 50 - max(dx, 0)].ravel()
            second = gray[max(dy, 0) : 40 + min(dy, 0), max(dx, 0) : 50 + min(dx, 0)].ravel()
            joint = np.histogram2d(first, second, bins=256, range=[[-0.5, 255.5]] * 2)[0]
            information[y, x] = entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint.ravel())
    expected = ndimage.correlate(gray, information / information.sum(), mode="reflect")  # scipy's name for symmetric
    np.testing.assert_allclose(informative_neighbors(F)[0, 0].numpy(), expected, rtol=1e-9)


def test_printed_map_is_the_papers_formula():
    F = camera()
    F_ar = informative_neighbors(F)[0, 0].numpy()
    vertical = np.array([[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]])
    falling = np.array([[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]])
    directions = (vertical, falling, falling[:, ::-1], vertical.T)
    G = np.max([np.abs(ndimage.correlate(F_ar, k / 16, mode="reflect")) for k in directions], axis=0)
    kernel = np.array([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]) / 32
    B = ndimage.correlate(F_ar, kernel, mode="reflect")
    LA = np.where(B <= 127, 17 * (1 - np.sqrt(B / 127)), 3 / 128 * (B - 127)) + 3
    SM = G * (1e-4 * B + 0.115) + 0.5 - 0.01 * B
    JND_p = LA + SM - 0.3 * np.minimum(LA, SM)
    JND_d = 1.125 * np.abs(F[0, 0].numpy() - F_ar)
    expected = JND_p + JND_d - 0.3 * np.minimum(JND_p, JND_d)
    got = 255 * Wu2013(formulation="printed").forward(F / 255)[0, 0].numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_color_is_judged_by_its_luma_in_whole_gray_levels():
    rgb = torch.from_numpy(data.astronaut()[100:160, 150:230]).movedim(-1, 0)[None]
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64).view(1, 3, 1, 1)
    gray = torch.floor((rgb * weights).sum(1, keepdim=True) + 0.5)
    for formulation in ("released", "printed"):
        method = Wu2013(formulation=formulation)
        torch.testing.assert_close(method.forward(rgb.double() / 255), method.forward(gray / 255), rtol=1e-9, atol=0)


@pytest.mark.parametrize("formulation", ["released", "printed"])
def test_a_batch_is_its_images_whatever_their_memory_and_the_threads(formulation, route):
    method = Wu2013(formulation=formulation)
    batch = torch.cat([camera(150, 90), camera(150, 90).flip(-1), camera(150, 90).flip(-2)]).float() / 255
    singles = torch.cat([method.forward(x) for x in batch.split(1)])
    assert torch.equal(method.forward(batch), singles)
    assert torch.equal(method.forward(batch.mT.contiguous().mT), singles)
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            assert torch.equal(method.forward(batch), singles)
    finally:
        torch.set_num_threads(threads)


def test_an_unknown_formulation_is_refused_by_name():
    with pytest.raises(ValueError, match=r"formulation is 'paper'; choose released or printed"):
        Wu2013(formulation="paper")  # pyright: ignore[reportArgumentType]
