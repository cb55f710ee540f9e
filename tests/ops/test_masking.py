import numpy as np
import pytest
import torch
from scipy import ndimage

from imgredux.ops.masking import background, combine, local_std, luminance_adaptation, weighted_gradient
from imgredux.testing.inputs import ramp_and_noise

B = [[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]
G1 = [[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]]
G2 = [[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]]
G3 = [[0, 0, 1, 0, 0], [0, 0, 3, 8, 0], [-1, -3, 0, 3, 1], [0, -8, -3, 0, 0], [0, 0, -1, 0, 0]]
G4 = [[0, 1, 0, -1, 0], [0, 3, 0, -3, 0], [0, 8, 0, -8, 0], [0, 3, 0, -3, 0], [0, 1, 0, -1, 0]]
SIZES = [(1, 1), (1, 2), (7, 7), (9, 17), (700, 600)]
PROBES = ((5, 5), (20, 40), (40, 20), (50, 50), (31, 32))
FILTERS = {
    "background": background,
    "weighted_gradient": weighted_gradient,
    "local_std": lambda x: local_std(x, 3),
}


def noise(*size: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return (255 * torch.rand(1, 1, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("quantity", "total", "values"),
    [
        (background, 466010.0, (50, 123.7188, 97.8125, 135.9688, 124.9688)),
        (weighted_gradient, 97348.5, (4, 8.0625, 30, 27.3125, 26.3125)),
        (lambda x: luminance_adaptation(background(x)), 20770.1775, (9.3333, 3.2210, 5.0808, 3.2102, 3.1365)),
        (lambda x: luminance_adaptation(background(x), True), 18670.4281, (7.4694, 3.2020, 4.5424, 3.1875, 3.1344)),
    ],
    ids=["bg", "Gm", "LAcurve", "LA_wu"],
)
def test_reference_vectors(quantity, total, values, dtype):
    result = quantity(torch.from_numpy(ramp_and_noise()[0, 0].numpy()).to(dtype)[None, None])
    assert result.dtype == dtype
    assert float(result.double().sum()) == pytest.approx(total, rel=1e-6)
    assert [float(result[0, 0, y, x]) for y, x in PROBES] == pytest.approx(values, abs=1e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("border", "mode"), [("constant", "constant"), ("reflect", "mirror")])
def test_background_and_gradient_equal_scipy(size, border, mode):
    x = noise(*size, dtype=torch.float64)
    plane = x[0, 0].numpy()
    mean = ndimage.correlate(plane, np.array(B) / 32, mode=mode)
    gradient = np.max([abs(ndimage.correlate(plane, np.array(G) / 16, mode=mode)) for G in (G1, G2, G3, G4)], 0)
    np.testing.assert_allclose(background(x, border)[0, 0].numpy(), mean, rtol=0, atol=1e-11)
    np.testing.assert_allclose(weighted_gradient(x, border)[0, 0].numpy(), gradient, rtol=0, atol=1e-11)


@pytest.mark.parametrize("window", [1, 3, 9])
@pytest.mark.parametrize(("border", "mode"), [("constant", "constant"), ("symmetric", "symmetric")])
def test_local_std_equals_numpy_on_bright_smooth_pictures(window, border, mode):
    x = 240 + noise(60, 45) / 2000  # nearly flat and bright: E[x^2] - E[x]^2 in float32 would be all error
    padded = np.pad(x[0, 0].double().numpy(), window // 2, mode)
    expected = np.lib.stride_tricks.sliding_window_view(padded, (window, window)).std((-2, -1))
    np.testing.assert_allclose(local_std(x, window, border)[0, 0].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_local_std_wants_a_window_with_a_center():
    with pytest.raises(ValueError, match="size=4; give an odd size"):
        local_std(noise(9, 9), 4)


@pytest.mark.parametrize("gray", [0.0, 0.1, 127.0, 128.7, 255.0])
def test_flat_pictures_stay_flat_away_from_the_border(gray):
    x = torch.full((1, 1, 30, 20), gray)
    torch.testing.assert_close(background(x, "replicate"), x)
    assert not weighted_gradient(x, "replicate").gt(1e-4).any()
    assert not local_std(x, 9, "replicate").any()


def test_luminance_adaptation_at_its_corners():
    b = torch.tensor([0.0, 127, 255], dtype=torch.float64)
    assert luminance_adaptation(b).tolist() == pytest.approx([20, 3, 6], abs=1e-5)
    assert luminance_adaptation(b, dark_lift=True).tolist() == pytest.approx([20 - 17 * (32 / 127) ** 0.5, 3, 6])


def test_dark_lift_falls_up_to_127_and_rises_beyond():
    steps = luminance_adaptation(torch.arange(0, 256, 0.25, dtype=torch.float64), dark_lift=True).diff()
    assert (steps[: 127 * 4] <= 0).all()
    assert (steps[128 * 4 :] >= 0).all()


def test_combine_counts_the_overlap_once():
    a, b = torch.tensor([2.0, 5.0]), torch.tensor([10.0, 4.0])
    torch.testing.assert_close(combine(a, b), torch.tensor([11.4, 7.8]))
    torch.testing.assert_close(combine(a, b, overlap=1), torch.maximum(a, b))


@pytest.mark.parametrize("name", FILTERS)
def test_strip_height_does_not_matter(name, monkeypatch):
    x = noise(83, 61)
    whole = FILTERS[name](x)
    for rows in (1, 7, 64):
        monkeypatch.setattr("imgredux.ops.strips.strip_rows", lambda x, rows=rows: rows)
        assert torch.equal(FILTERS[name](x), whole)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("gray", [0.0, 127.0, 255.0])
def test_gradients_are_finite_on_flat_pictures_and_values_those_without(name, gray):
    for x in (torch.full((2, 1, 9, 17), gray), noise(9, 17)):
        leaf = x.clone().requires_grad_()
        result = FILTERS[name](leaf)
        torch.testing.assert_close(result.detach(), FILTERS[name](x), rtol=1e-6, atol=1e-6)
        luminance_adaptation(result).sum().backward()
        assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("name", FILTERS)
def test_gradients_are_right(name):
    x = noise(5, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: luminance_adaptation(FILTERS[name](x)), x)
