import numpy as np
import pytest
import torch
from imgredux_jiang2022.method import KLT, SCALE, SHAPE, Jiang2022, critical_point
from PIL import Image
from scipy.special import logsumexp
from scipy.stats import weibull_min
from skimage import data

from imgredux.ops.protection import edge_protection
from imgredux.testing.inputs import ramp_and_noise
from imgredux.testing.shared import shared

PHOTOGRAPHS = {
    "kodim05": (42, 939453.278, 315461.363),
    "kodim13": (47, 1355521.482, 623541.238),
    "kodim23": (20, 697933.445, 498303.873),
}  # L, sum of the raw map, sum of the map with edge protection
SHARES = {
    64: [0.98387148, 0.98573830, 0.98707994, 0.98834667, 0.98954329, 0.99051380],
    128: [0.97155832, 0.97278157, 0.97388513, 0.97495483, 0.97600479, 0.97698436],
}
TURNS = {
    "as it is": lambda x: x,
    "left-right": lambda x: x.flip(-1),
    "up-down": lambda x: x.flip(-2),
    "transposed": lambda x: x.mT,
}
DTYPES = [torch.float32, torch.float64]


@pytest.fixture(scope="module")
def raw() -> Jiang2022:
    return Jiang2022(edge_protection=False)


def camera(height: int = 120, width: int = 168) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double() / 255


def noise(*size: int) -> torch.Tensor:
    return torch.rand(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def shares(x: torch.Tensor) -> torch.Tensor:
    energies = KLT.of(x).energies()
    return energies.cumsum(0) / energies.sum()


def at(jnd: torch.Tensor, probes: list[tuple[int, int]]) -> list[float]:
    return [255 * float(jnd[0, 0, y, x]) for y, x in probes]


def by_svd(x: torch.Tensor, L: int) -> np.ndarray:
    """The CPL image by NumPy's singular value decomposition of the centred patches, in [0, 1]."""
    tiles = x[0, 0].numpy().reshape(x.shape[-2] // 8, 8, -1, 8).swapaxes(1, 2)
    X = tiles.reshape(-1, 64)
    V = np.linalg.svd(X - X.mean(0))[2][:L]
    return (X @ V.T @ V).reshape(tiles.shape).swapaxes(1, 2).reshape(x.shape[-2:])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(("side", "L", "total"), [(64, 25, 15728.0649), (128, 50, 70374.0129)])
def test_reference_numbers_of_components_and_sums(raw, side, L, total, turn, dtype):
    x = TURNS[turn](ramp_and_noise(side) / 255).to(dtype)
    assert raw.components_of(x).tolist() == [L]
    jnd = raw.forward(x)
    assert jnd.dtype == dtype
    assert 255 * float(jnd.double().sum()) == pytest.approx(total, rel=1e-6)


def test_reference_shares_of_energy():
    for side, expected in SHARES.items():
        assert shares(ramp_and_noise(side) / 255)[:6].tolist() == pytest.approx(expected, abs=6e-9)
    full = shares(ramp_and_noise(128) / 255)
    assert (float(full[49]), float(full[62])) == pytest.approx((0.99809232, 0.99991884), abs=6e-9)


def test_reference_probes(raw):
    probes = [(5, 5), (20, 40), (40, 20), (50, 50), (31, 32)]
    assert at(raw.forward(ramp_and_noise(64) / 255), probes) == pytest.approx(
        [0.0698, 3.9326, 4.7477, 1.7743, 0.1199], abs=6e-5
    )
    probes = [(5, 5), (20, 40), (40, 100), (100, 50), (127, 127)]
    expected = [1.1948, 5.3297, 4.0623, 3.7788, 2.1957]
    assert at(raw.forward(ramp_and_noise(128) / 255), probes) == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_reference_maps_of_photographs(raw, name, dtype):
    gray = np.array(Image.open(shared("data/test/kodak") / f"{name}.png").convert("L"))
    x = torch.from_numpy(gray).to(dtype)[None, None] / 255
    L, plain, protected = PHOTOGRAPHS[name]
    assert raw.components_of(x).tolist() == [L]
    assert 255 * float(raw.forward(x).double().sum()) == pytest.approx(plain, rel=1e-6)
    assert 255 * float(Jiang2022().forward(x).double().sum()) == pytest.approx(protected, rel=1e-6)


def test_critical_point_equals_scipys_weibull():
    for decay in (0.5, 0.8, 0.95):
        energies = decay ** np.arange(64)
        P = np.cumsum(energies) / energies.sum()
        log_f = weibull_min.logpdf(P, SHAPE, scale=SCALE)
        expected = np.exp(log_f - logsumexp(log_f)) @ np.arange(1, 65)
        assert critical_point(torch.from_numpy(energies)) == np.ceil(expected)


@pytest.mark.parametrize("L", [1, 20, 63])
def test_map_is_what_numpys_svd_leaves_out(L):
    x = camera()
    method = Jiang2022(components=L, edge_protection=False)
    cpl = by_svd(x, L)
    np.testing.assert_allclose(method.forward(x)[0, 0].numpy(), abs(x[0, 0].numpy() - cpl), rtol=0, atol=1e-10)
    np.testing.assert_allclose(method.critical(x)[0, 0].numpy(), cpl.clip(0, 1), rtol=0, atol=1e-10)
    assert method.components_of(x).tolist() == [L]


def test_the_model_chooses_a_picture_that_lacks_its_map(raw):
    x = camera()
    cpl = by_svd(x, int(raw.components_of(x)))
    np.testing.assert_allclose(raw.forward(x)[0, 0].numpy(), abs(x[0, 0].numpy() - cpl), rtol=0, atol=1e-10)


def test_all_components_are_the_picture():
    method = Jiang2022(components=64)
    assert (255 * method.forward(camera().float())).max() < 1e-3
    torch.testing.assert_close(method.critical(camera()), camera(), rtol=0, atol=1e-12)


def test_edge_protection_scales_the_map(raw):
    x = camera()
    torch.testing.assert_close(Jiang2022().forward(x), raw.forward(x) * edge_protection(255 * x), rtol=1e-12, atol=0)


@pytest.mark.parametrize("level", [0, 1, 77, 255])
def test_a_flat_image_lacks_nothing(raw, level):
    x = torch.full((1, 3, 40, 24), level / 255)
    assert (255 * raw.forward(x)).max() < 1e-3
    assert raw.components_of(x).tolist() == [33]  # P_k = 1 for all: the mean of 1..64


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (9, 17), (300, 1)])
def test_critical_image_of_any_size(raw, size):
    x = noise(2, 1, *size)
    bottom, right = -size[0] % 8, -size[1] % 8
    full = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (0, bottom), (0, right)), "edge"))
    assert raw.critical(x).shape == x.shape
    assert torch.equal(raw.critical(x), raw.critical(full)[..., : size[0], : size[1]])
    assert torch.equal(raw.components_of(x), raw.components_of(full))


def test_color_is_judged_by_its_luma(raw):
    rgb = noise(1, 3, 96, 80)
    gray = (rgb * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    torch.testing.assert_close(raw.forward(rgb), raw.forward(gray), rtol=0, atol=1e-6)
    torch.testing.assert_close(raw.critical(rgb), raw.critical(gray), rtol=0, atol=1e-6)


def test_strip_height_does_not_matter_and_batches_equal_singles(monkeypatch):
    method = Jiang2022()
    x = torch.cat([camera(), camera().flip(-1)]).float()
    expected = torch.cat([method.forward(image) for image in x.split(1)])
    assert torch.equal(method.forward(x), expected)
    for rows in (16, 48):
        for module in ("imgredux.ops.strips", "imgredux_jiang2022.method"):
            monkeypatch.setattr(f"{module}.strip_rows", lambda x, rows=rows: rows)
        assert torch.equal(method.forward(x), expected)


@pytest.mark.parametrize(
    "x", [camera(), noise(1, 3, 16, 24), torch.zeros(1, 1, 8, 16), torch.ones(2, 1, 16, 8)], ids=len
)
def test_gradients_are_finite_and_the_values_those_without(x):
    method = Jiang2022()
    leaf = x.clone().requires_grad_()
    result = method.forward(leaf)
    torch.testing.assert_close(result.detach(), method.forward(x), rtol=1e-6, atol=1e-9)
    result.sum().backward()
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("L", [None, 12])
def test_gradients_are_right(L):
    method = Jiang2022(components=L, edge_protection=False)
    x = camera(88, 96) + 0.02 * noise(1, 1, 88, 96)
    assert torch.autograd.gradcheck(method.forward, x.requires_grad_(), fast_mode=True)


@pytest.mark.parametrize("components", [0, 65, -1])
def test_mistakes_are_named(components):
    with pytest.raises(ValueError, match=f"components is {components}; an 8x8 patch has 1 to 64"):
        Jiang2022(components=components)
