import numpy as np
import pytest
import torch
from imgredux_yang2005.method import Yang2005, released
from PIL import Image
from scipy import ndimage
from skimage import data
from torch.nn import functional as F

from imgredux.ops.canny import canny
from imgredux.ops.color import rgb_to_ycbcr
from imgredux.testing.inputs import ramp_and_noise
from imgredux.testing.shared import shared

PROBES = ((5, 5), (20, 40), (40, 20), (50, 50), (31, 32))
WITHOUT_EDGES = (28362.6812, [9.6693, 3.4239, 7.3666, 5.0670, 4.9600])
PHOTOGRAPHS = {"kodim05": 3212751.036, "kodim13": 2807709.774, "kodim23": 2238416.309}
FORMULATIONS = ("released", "printed")
SIZES = [(1, 1), (1, 2), (3, 3), (7, 7), (9, 17), (1, 3000), (3000, 1)]


def camera(height: int = 60, width: int = 84) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double() / 255


def astronaut() -> torch.Tensor:
    return torch.from_numpy(data.astronaut()[100:160, 150:230]).movedim(-1, 0)[None].double() / 255


def gradient(plane: np.ndarray, **border: object) -> np.ndarray:
    vertical = np.array([[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]])
    falling = np.array([[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]])
    directions = (vertical, falling, falling[:, ::-1], vertical.T)
    return np.max([np.abs(ndimage.correlate(plane, k / 16, **border)) for k in directions], axis=0)


def luminance(y: np.ndarray, **border: object) -> tuple[np.ndarray, np.ndarray]:
    kernel = np.array([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]) / 32
    bg = ndimage.correlate(y, kernel, **border)
    return bg, np.where(bg <= 127, 17 * (1 - np.sqrt(bg / 127)), 3 / 128 * (bg - 127)) + 3


def blurred(L: np.ndarray, **border: object) -> np.ndarray:
    g = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 0.8**2))
    return ndimage.correlate(L, np.outer(g, g) / g.sum() ** 2, **border)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_reference_vectors_without_the_edge_term(dtype):
    x = (ramp_and_noise() / 255).to(dtype)
    planes = torch.cat([F.pad(x, (3, 3, 3, 3)), torch.ones(1, 1, 70, 70, dtype=dtype)], dim=1)
    jnd = 255 * released(planes)[..., 3:-3, 3:-3]
    total, values = WITHOUT_EDGES
    assert float(jnd.double().sum()) == pytest.approx(total, rel=1e-7)
    assert [float(jnd[0, 0, y, x]) for y, x in PROBES] == pytest.approx(values, abs=1e-4)


def test_reference_vectors_with_the_edge_term():
    """Probes only: the image is full of ties, which the detector breaks by the last bit of its sums."""
    jnd = 255 * Yang2005().forward(ramp_and_noise() / 255)
    values = [float(jnd[0, 0, y, x]) for y, x in PROBES]
    assert values == pytest.approx([9.6693, 2.7410, 7.3099, 2.7314, 2.7291], abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_reference_sums_of_photographs(name, dtype):
    gray = np.array(Image.open(shared("data/test/kodak") / f"{name}.png").convert("L"))
    jnd = 255 * Yang2005().forward(torch.from_numpy(gray).to(dtype)[None, None] / 255)
    assert jnd.dtype == dtype
    assert float(jnd.double().sum()) == pytest.approx(PHOTOGRAPHS[name], rel=1e-7)


def test_released_map_is_the_formula_to_the_border():
    x = camera()
    gray, edges = 255 * x[0, 0].numpy(), canny(x, 0.5)[0, 0].numpy()
    assert edges.any()
    bg, T_l = luminance(gray, mode="constant")
    near = ndimage.binary_dilation(edges, np.ones((11, 11)))
    W = blurred(1 - 0.95 * near, mode="constant")
    T_t = gradient(gray, mode="constant") * W * (0.0001 * bg + 0.115) + 0.5 - 0.01 * bg
    expected = T_l + T_t - 0.3 * np.minimum(T_l, T_t)
    np.testing.assert_allclose(255 * Yang2005().forward(x)[0, 0].numpy(), expected, rtol=1e-9)


def test_printed_maps_of_y_cb_cr_are_the_formula_to_the_border():
    x = astronaut()
    planes = 255 * rgb_to_ycbcr(x)
    edges = canny(planes[:, :1], 0.5)[0, 0].numpy()
    assert edges.any()
    W = blurred(1 - 0.9 * edges, mode="mirror")  # scipy's name for dcb|abcd|cba
    _, T_l = luminance(planes[0, 0].numpy(), mode="mirror")
    jnd = 255 * Yang2005(formulation="printed", chroma=True).forward(x)
    assert jnd.shape == (1, 3, 60, 80)
    for c, (beta, C) in enumerate([(0.117, 0.3), (0.65, 0.25), (0.45, 0.2)]):
        T_t = beta * gradient(planes[0, c].numpy(), mode="mirror") * W
        expected = T_l + T_t - C * np.minimum(T_l, T_t)
        np.testing.assert_allclose(jnd[0, c].numpy(), expected, rtol=1e-9, atol=1e-5)  # sqrt(b) is held at b = 0


def test_the_luma_map_is_the_first_of_the_three():
    x = astronaut()
    three = Yang2005(formulation="printed", chroma=True).forward(x)
    torch.testing.assert_close(Yang2005(formulation="printed").forward(x), three[:, :1], rtol=1e-12, atol=0)
    gray = camera()
    one = Yang2005(formulation="printed", chroma=True).forward(gray)
    assert torch.equal(one, Yang2005(formulation="printed").forward(gray))


@pytest.mark.parametrize("level", [0, 20, 127, 200, 255])
def test_flat_images_have_the_threshold_of_luminance_alone(level):
    LA = 17 * (1 - (level / 127) ** 0.5) + 3 if level <= 127 else 3 / 128 * (level - 127) + 3
    x = torch.full((1, 3, 30, 40), level / 255)
    maps = 255 * Yang2005(formulation="printed", chroma=True).forward(x)
    torch.testing.assert_close(maps, torch.full_like(maps, LA), rtol=1e-4, atol=1e-4)
    T_t = 0.5 - 0.01 * level  # texture masking of the released code where nothing masks
    jnd = 255 * Yang2005().forward(x)[..., 9:-9, 9:-9]
    torch.testing.assert_close(jnd, torch.full_like(jnd, LA + T_t - 0.3 * min(LA, T_t)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_any_size(formulation, size):
    x = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    jnd = Yang2005(formulation=formulation).forward(x)
    assert jnd.shape == x.shape
    assert jnd.isfinite().all()
    assert float(jnd.min()) >= 0


@pytest.mark.parametrize("turn", [lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT])
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_a_turned_picture_has_a_turned_map(formulation, turn):
    x, method = camera(), Yang2005(formulation=formulation)
    torch.testing.assert_close(method.forward(turn(x)), turn(method.forward(x)), rtol=1e-11, atol=0)


@pytest.mark.parametrize("rows", [16, 48])
@pytest.mark.parametrize("options", [{}, {"formulation": "printed", "chroma": True}], ids=FORMULATIONS)
def test_strip_height_does_not_matter_and_batches_equal_singles(options, rows, monkeypatch):
    method, x = Yang2005(**options), torch.cat([astronaut(), astronaut().flip(-1) / 3]).float()
    expected = torch.cat([method.forward(image) for image in x.split(1)])
    monkeypatch.setattr("imgredux.ops.strips.strip_rows", lambda x: rows)
    assert torch.equal(method.forward(x), expected)


@pytest.mark.parametrize("options", [{}, {"formulation": "printed", "chroma": True}], ids=FORMULATIONS)
def test_gradients_are_right_and_finite_on_flat_images(options, monkeypatch):
    method = Yang2005(**options)
    for level in (0.0, 0.4, 1.0):
        flat = torch.full((2, 3, 9, 12), level, requires_grad=True)
        method.forward(flat).sum().backward()
        assert flat.grad is not None
        assert flat.grad.isfinite().all()
    x = torch.rand(1, 3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    edges = canny(x.mean(1, keepdim=True), 0.5)
    monkeypatch.setattr(
        "imgredux_yang2005.method.canny", lambda y, threshold: edges
    )  # it may jump, and has no gradient
    assert torch.autograd.gradcheck(method.forward, x.clone().requires_grad_())
    torch.testing.assert_close(
        method.forward(x.clone().requires_grad_()).detach(), method.forward(x), rtol=1e-12, atol=0
    )


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"formulation is 'paper'; choose released or printed"):
        Yang2005(formulation="paper")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"choose formulation='printed'"):
        Yang2005(chroma=True)
