import numpy as np
import pytest
import torch
from imgredux_chou1995.method import Chou1995
from scipy import ndimage
from skimage import data

from imgredux.testing.inputs import ramp_and_noise

PROBES = ((5, 5), (20, 40), (40, 20), (50, 50), (31, 32))
BG = np.array([50, 123.7188, 97.8125, 135.9688, 124.9688])  # reference vectors at the probes
GM = np.array([4, 8.0625, 30, 27.3125, 26.3125])
LUMINANCE = np.array([9.3333, 3.2210, 5.0808, 3.2102, 3.1365])
NAMM = [9.6693, 3.4239, 7.3666, 5.0670, 4.9600]
WAYS = ("max", "namm")


def camera(height: int = 60, width: int = 84) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double() / 255


def by_definition(x: np.ndarray, combine: str) -> np.ndarray:
    vertical = np.array([[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]])
    falling = np.array([[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]])
    directions = (vertical, falling, falling[:, ::-1], vertical.T)
    # "mirror" is scipy's name for dcb|abcd|cba
    mg = np.max([np.abs(ndimage.correlate(x, k / 16, mode="mirror")) for k in directions], axis=0)
    kernel = np.array([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]) / 32
    bg = ndimage.correlate(x, kernel, mode="mirror")
    f1 = mg * (0.0001 * bg + 0.115) + 0.5 - 0.01 * bg
    f2 = np.where(bg <= 127, 17 * (1 - np.sqrt(bg / 127)), 3 / 128 * (bg - 127)) + 3
    return np.maximum(f1, f2) if combine == "max" else f1 + f2 - 0.3 * np.minimum(f1, f2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("combine", WAYS)
def test_reference_vectors(combine, dtype):
    jnd = 255 * Chou1995(combine=combine).forward((ramp_and_noise() / 255).to(dtype))
    assert jnd.dtype == dtype
    expected = np.maximum(LUMINANCE, GM * (0.0001 * BG + 0.115) + 0.5 - 0.01 * BG) if combine == "max" else NAMM
    assert [float(jnd[0, 0, y, x]) for y, x in PROBES] == pytest.approx(expected, abs=1.1e-4)


@pytest.mark.parametrize("combine", WAYS)
def test_map_is_the_formula_to_the_border(combine):
    x = camera()
    jnd = 255 * Chou1995(combine=combine).forward(x)[0, 0].numpy()
    np.testing.assert_allclose(jnd, by_definition(255 * x[0, 0].numpy(), combine), rtol=1e-9)


@pytest.mark.parametrize("level", [0, 20, 127, 200, 255])
def test_flat_images_have_the_threshold_of_luminance_to_the_border(level):
    LA = 17 * (1 - (level / 127) ** 0.5) + 3 if level <= 127 else 3 / 128 * (level - 127) + 3
    jnd = 255 * Chou1995().forward(torch.full((1, 3, 9, 12), level / 255))
    torch.testing.assert_close(jnd, torch.full_like(jnd, LA), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("combine", WAYS)
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 3), (7, 7), (9, 17), (1, 30000), (30000, 1)])
def test_any_size(combine, size):
    x = torch.rand(1, 1, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    jnd = 255 * Chou1995(combine=combine).forward(x)[0, 0].numpy()
    np.testing.assert_allclose(jnd, by_definition(255 * x[0, 0].numpy(), combine), rtol=1e-9)


@pytest.mark.parametrize("turn", [lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT])
def test_a_turned_picture_has_a_turned_map(turn):
    x, method = camera(), Chou1995()
    torch.testing.assert_close(method.forward(turn(x)), turn(method.forward(x)), rtol=1e-11, atol=0)


def test_color_is_judged_by_its_luma():
    rgb = torch.rand(2, 3, 24, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gray = (rgb * torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]).sum(1, keepdim=True)
    torch.testing.assert_close(Chou1995().forward(rgb), Chou1995().forward(gray), rtol=1e-9, atol=0)


@pytest.mark.parametrize("rows", [16, 48])
def test_strip_height_does_not_matter_and_batches_equal_singles(rows, monkeypatch):
    x = torch.cat([camera(), camera().flip(-1) / 3]).float()
    expected = torch.cat([Chou1995().forward(image) for image in x.split(1)])
    monkeypatch.setattr("imgredux.ops.strips.strip_rows", lambda x: rows)
    assert torch.equal(Chou1995().forward(x), expected)


@pytest.mark.parametrize("combine", WAYS)
def test_gradients_are_right_and_finite_on_flat_images(combine):
    method, generator = Chou1995(combine=combine), torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, 5, 6, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(method.forward, x)
    torch.testing.assert_close(method.forward(x).detach(), method.forward(x.detach()), rtol=1e-12, atol=0)
    for level in (0.0, 0.4, 1.0):
        flat = torch.full((1, 3, 9, 12), level, requires_grad=True)
        method.forward(flat).sum().backward()
        assert flat.grad is not None
        assert flat.grad.isfinite().all()


def test_an_unknown_combination_is_refused_by_name():
    with pytest.raises(ValueError, match="combine is 'sum'; choose max or namm"):
        Chou1995(combine="sum")  # pyright: ignore[reportArgumentType]
