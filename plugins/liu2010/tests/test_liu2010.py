import numpy as np
import pytest
import torch
from imgredux_liu2010.decomposition import structure
from imgredux_liu2010.method import Liu2010
from scipy import ndimage, sparse
from scipy.optimize import linprog
from skimage import data

FORMULATIONS = ("released", "printed")
SIZES = [(1, 1), (1, 2), (3, 3), (7, 7), (9, 17), (1, 3000), (3000, 1)]


def camera(height: int = 60, width: int = 84) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double()


def brick(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(data.brick()[:height, :width])[None, None].double()


def spot(side: int) -> torch.Tensor:
    f = torch.full((1, 1, 20, 24), 60.0, dtype=torch.float64)
    f[..., 6 : 6 + side, 8 : 8 + side] = 160
    return f


def energy(u: torch.Tensor, f: torch.Tensor, strength: float = 0.8) -> float:
    return float(u.diff(dim=-1).abs().sum() + u.diff(dim=-2).abs().sum() + strength * (u - f).abs().sum())


def least_energy(f: torch.Tensor, strength: float = 0.8) -> float:
    """The minimum as a linear programme: u, and a bound on every absolute value."""
    height, width = f.shape[-2:]
    along = [sparse.diags_array([-1.0, 1.0], offsets=[0, 1], shape=(n - 1, n)) for n in (height, width)]
    across = sparse.kron(sparse.eye_array(height), along[1]), sparse.kron(along[0], sparse.eye_array(width))
    D = sparse.vstack([*across, sparse.eye_array(height * width)])
    edges = D.shape[0] - height * width
    target = np.concatenate([np.zeros(edges), f.numpy().ravel()])
    weights = np.concatenate([np.ones(edges), np.full(height * width, strength)])
    identity = sparse.eye_array(D.shape[0])
    A = sparse.vstack([sparse.hstack([D, -identity]), sparse.hstack([-D, -identity])]).tocsr()
    cost = np.concatenate([np.zeros(height * width), weights])
    result = linprog(cost, A, np.concatenate([target, -target]), bounds=(None, None), method="highs")
    assert result.status == 0
    return result.fun


def gradient(plane: np.ndarray, mode: str) -> np.ndarray:
    vertical = np.array([[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]])
    falling = np.array([[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]])
    directions = (vertical, falling, falling[:, ::-1], vertical.T)
    return np.max([np.abs(ndimage.correlate(plane, k / 16, mode=mode)) for k in directions], axis=0)


def noise() -> torch.Tensor:
    return 255 * torch.rand(1, 1, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def print_on_paper() -> torch.Tensor:
    page = torch.from_numpy(data.text()[40:72, 60:100])[None, None].double()
    return 255 * (page > page.median()).double()


IMAGES = {
    "12x12": camera(12, 12),
    "camera": camera(24, 30),
    "brick": brick(24, 30),
    "noise": noise(),
    "text": print_on_paper(),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_energy_approaches_the_minimum_that_linear_programming_finds(name):
    f = IMAGES[name]
    least = least_energy(f)
    assert energy(f, f) > 1.05 * least
    assert energy(structure(f, 0.8, 200), f) == pytest.approx(least, rel=3e-3)
    assert energy(structure(f, 0.8, 5000), f) == pytest.approx(least, rel=1e-5)


@pytest.mark.parametrize("strength", [0.4, 1.5])
def test_other_strengths_converge_too(strength):
    f = camera(24, 30)
    assert energy(structure(f, strength, 5000), f, strength) == pytest.approx(least_energy(f, strength), rel=1e-5)


@pytest.mark.parametrize(("side", "stays"), [(1, False), (4, False), (6, True), (9, True)])
def test_a_square_is_structure_from_a_side_of_5_pixels_on(side, stays):
    """Removing it saves 4 side and costs 0.8 side^2, per grey level."""
    f = spot(side)
    u = structure(f, 0.8, 2000)
    torch.testing.assert_close(
        u[..., 6 + side // 2, 8 + side // 2], torch.tensor([[160.0 if stays else 60.0]]).double()
    )
    assert float((u[..., :3, :] - 60).abs().max()) < 1e-6


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_map_is_the_formula_to_the_border(formulation):
    f = camera()
    u = structure(f, 0.8, 200)[0, 0].numpy()
    f = f[0, 0].numpy()
    mode = "constant" if formulation == "released" else "mirror"  # scipy's name for dcb|abcd|cba
    kernel = np.array([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]) / 32
    bg = ndimage.correlate(f, kernel, mode=mode)
    LA = np.where(bg <= 127, 17 * (1 - np.sqrt(bg / 127)), 3 / 128 * (bg - 127)) + 3
    C_u, C_v = gradient(u, mode), gradient(f - u, mode)
    if formulation == "released":
        E_u, E_v = (np.clip(C * (0.0001 * bg + 0.115) + 0.5 - 0.01 * bg, 0, 10) for C in (C_u, C_v))
        CM = 0.7 * E_u + 1.4 * E_v
    else:
        CM = 0.117 * (C_u + 3 * C_v)
    expected = LA + CM - 0.3 * np.minimum(LA, CM)
    jnd = 255 * Liu2010(formulation=formulation).forward(camera() / 255)[0, 0].numpy()
    np.testing.assert_allclose(jnd, expected, rtol=1e-6)  # the solver amplifies the last bit of f


@pytest.mark.parametrize("level", [0, 20, 127, 200, 255])
def test_flat_images_have_the_threshold_of_luminance_alone(level):
    LA = 17 * (1 - (level / 127) ** 0.5) + 3 if level <= 127 else 3 / 128 * (level - 127) + 3
    x = torch.full((1, 3, 9, 12), level / 255)
    jnd = 255 * Liu2010(formulation="printed").forward(x)
    torch.testing.assert_close(jnd, torch.full_like(jnd, LA), rtol=1e-5, atol=1e-4)
    CM = 2.1 * max(0.5 - 0.01 * level, 0)
    jnd = 255 * Liu2010().forward(x)[..., 2:-2, 2:-2]
    torch.testing.assert_close(jnd, torch.full_like(jnd, LA + CM - 0.3 * min(LA, CM)), rtol=1e-5, atol=1e-4)


def test_texture_hides_more_than_an_edge_of_the_same_contrast():
    edge = torch.full((1, 1, 40, 40), 0.45)
    edge[..., 20:] = 0.55
    stripes = torch.full((1, 1, 40, 40), 0.45)
    stripes[..., ::4] = stripes[..., 1::4] = 0.55
    for formulation in FORMULATIONS:
        method = Liu2010(formulation=formulation)
        assert method.forward(stripes)[..., 16:24, 16:24].max() > 1.2 * method.forward(edge)[..., 16:24, 16:24].max()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_any_size(formulation, size):
    x = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    jnd = Liu2010(formulation=formulation, iterations=20).forward(x)
    assert jnd.shape == x.shape
    assert jnd.isfinite().all()
    assert float(jnd.min()) >= 0


@pytest.mark.parametrize("rows", [16, 96])
def test_windows_and_batches_do_not_change_a_bit(rows, monkeypatch):
    method, x = Liu2010(iterations=40), torch.cat([camera(), camera().flip(-1) / 3]).float() / 255
    expected = torch.cat([method.forward(image) for image in x.split(1)])
    monkeypatch.setattr("imgredux.ops.strips.strip_rows", lambda x: rows)
    monkeypatch.setattr("imgredux_liu2010.decomposition.strip_rows", lambda x: rows)
    assert torch.equal(method.forward(x), expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (37, 50), (3, 1100)])
@pytest.mark.parametrize("iterations", [7, 200])
def test_compiled_loops_give_the_same_bits(size, iterations, monkeypatch):
    kernel = pytest.importorskip("imgredux_liu2010.kernel", reason="numba is not installed")
    calls, found = [], kernel.sweep
    monkeypatch.setattr(kernel, "sweep", lambda *args: calls.append(1) or found(*args))
    f = 255 * torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1))
    compiled = structure(f, 0.8, iterations)
    assert calls
    monkeypatch.setattr("imgredux.kernels.compiled", lambda name: None)
    assert torch.equal(compiled, structure(f, 0.8, iterations))


def test_float64_is_kept_and_close_to_float32():
    x = camera() / 255
    jnd = Liu2010().forward(x)
    assert jnd.dtype == torch.float64
    torch.testing.assert_close(Liu2010().forward(x.float()).double(), jnd, rtol=1e-3, atol=0)


def test_color_is_judged_by_its_luma():
    rgb = torch.from_numpy(data.astronaut()[100:140, 150:190]).movedim(-1, 0)[None].double() / 255
    gray = (rgb * torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]).sum(1, keepdim=True)
    torch.testing.assert_close(Liu2010().forward(rgb), Liu2010().forward(gray), rtol=1e-6, atol=0)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"formulation is 'paper'; choose released or printed"):
        Liu2010(formulation="paper")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="iterations is 0"):
        Liu2010(iterations=0)
