"""The modules, one by one, beside the paper's equations in other words."""

import numpy as np
import pytest
import torch
from imgredux_ddjnd.decoder import KAN, MA, MI, Product, splines
from imgredux_ddjnd.frequency import FDA, FDC, FDD, FDE, detail
from imgredux_ddjnd.spatial import SPB, SPD, SPI, SSCB
from scipy.fft import dctn, idctn
from scipy.interpolate import BSpline
from torch.nn import functional as F


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("padding", ["reflect", "replicate", "zeros"])
def test_shapes(padding):
    I_ori, F_a, F_b = noise(2, 3, 16, 24), noise(2, 8, 16, 24), noise(2, 8, 16, 24, seed=1)
    same = (2, 8, 16, 24)
    assert [x.shape for x in SPD(8, 2, padding)(I_ori)] == [same, same]
    assert SPB(8, 2, padding)(F_a, F_b).shape == same
    assert SPI(8, 2, padding)(I_ori).shape == same
    assert [x.shape for x in FDD(8, padding)(F_a)] == [same, same]
    assert FDC(8, padding)(F_a, F_b).shape == same
    assert FDE(8, padding)(I_ori).shape == same
    assert MA(8, 4, 5, padding)(F_a).shape == (2, 16, 16, 24)
    for module in (MI(8, 16, 3, padding), Product(8, 16, 3, padding)):
        assert module(noise(2, 16, 16, 24), F_a, I_ori).shape == (2, 3, 16, 24)


@pytest.mark.parametrize("keep", [-1, 0, 3, 14])
def test_i_fre_is_what_the_zeroed_coefficients_held(keep):
    f = noise(1, 3, 16, 24).double()
    tiles = f.numpy().reshape(1, 3, 2, 8, 3, 8)
    C = dctn(tiles, axes=(3, 5), norm="ortho")
    u = np.arange(8)
    kept = (u[:, None] + u <= keep)[:, None]
    f_tilde = idctn(C * kept, axes=(3, 5), norm="ortho").reshape(f.shape)
    np.testing.assert_allclose(detail(f, keep).numpy(), np.abs(f.numpy() - f_tilde), atol=1e-12)


def test_patterns_are_joined_from_two_sizes():
    spd, x = SPD(8, 2, "zeros"), noise(1, 3, 16, 16)
    expected = x
    for layer in spd.gbl:
        nine, seven = (scale[0] for scale in layer.scales)
        assert (nine.kernel_size, seven.kernel_size, nine.out_channels) == ((9, 9), (7, 7), 4)
        parts = [F.conv2d(expected, c.weight, c.bias, padding=c.kernel_size[0] // 2) for c in (nine, seven)]
        expected = F.gelu(torch.cat(parts, 1))
    torch.testing.assert_close(spd(x)[0], expected)


def test_separable_blocks_look_along_columns_and_rows():
    for length in (3, 7):
        block, x = SSCB(4, length, "zeros"), torch.zeros(1, 4, 21, 21)
        x[..., 10, 10] = 1
        moved = (block(x) - x - (block(0 * x))).abs().amax((0, 1)) > 1e-9
        rows, columns = moved.nonzero().unbind(1)
        assert int(rows.max() - rows.min()) == int(columns.max() - columns.min()) == length - 1


def test_balance_is_the_equations():
    spb, a, b = SPB(8, 1, "zeros"), noise(1, 8, 8, 8), noise(1, 8, 8, 8, seed=1)
    F_gl = torch.cat([spb.gbl(a), spb.lcl(b)], 1)
    adjusted = torch.cat([scale(F_gl) for scale in spb.adjust.scales], 1)
    torch.testing.assert_close(spb(a, b), adjusted * spb.enhance(adjusted))


def test_low_frequencies_are_coarser():
    F_low, F_high = FDD(8, "reflect")(noise(1, 8, 32, 32))
    assert F_low.diff(dim=-1).std() / F_low.std() < 0.6
    assert F_high.diff(dim=-1).std() / F_high.std() > 0.9


def test_correction_is_the_equation():
    fdc, low, high = FDC(8, "zeros").eval(), noise(2, 8, 8, 12), noise(2, 8, 8, 12, seed=1)
    quarters = low.unflatten(-1, (2, 6)).unflatten(-3, (2, 4)).mean((-3, -1))
    w = fdc.mlp(torch.cat([low.mean((2, 3)), quarters.flatten(1)], 1))[..., None, None]
    u = fdc.bn(fdc.conv(high))
    torch.testing.assert_close(fdc(low, high), w * u + torch.sigmoid(u))
    assert ((w > 0) & (w < 1)).all()


@pytest.mark.parametrize("channel", ["rows", "danet", "printed"])
def test_channel_attention_is_the_equation(channel):
    fda, x = FDA(channel), noise(2, 4, 6, 5).double()
    assert torch.equal(fda(x), x)  # beta begins at 0
    fda.beta.data = torch.tensor(0.75).double()
    A = x.flatten(2).numpy()
    E = A @ A.transpose(0, 2, 1)
    E = {"rows": E / 30, "danet": E.max(-1, keepdims=True) - E, "printed": E}[channel]
    axes = (1, 2) if channel == "printed" else 2
    CA = np.exp(E - E.max(axes, keepdims=True))
    CA /= CA.sum(axes, keepdims=True)
    np.testing.assert_allclose(fda(x).detach().flatten(2), 0.75 * CA @ A + A, rtol=1e-6)


@pytest.mark.parametrize("grid", [1, 5, 8])
def test_splines_are_those_of_scipy(grid):
    h = 2 / grid
    knots = -1 + h * np.arange(-3, grid + 4)
    u = np.linspace(-1 - 3.5 * h, 1 + 3.5 * h, 401)
    expected = np.stack([BSpline.basis_element(knots[k : k + 5], False)(u) for k in range(grid + 3)], -1)
    found = splines(torch.from_numpy(u), grid)
    np.testing.assert_allclose(found, np.nan_to_num(expected), atol=1e-12)
    inside = torch.from_numpy(u).abs() <= 1
    torch.testing.assert_close(found[inside].sum(-1), torch.ones(int(inside.sum())).double())


def test_a_kan_layer_is_a_sum_of_functions_of_one_number():
    kan, x = KAN(4, 5).double().requires_grad_(False), noise(2, 4, 3, 5).double()
    u = (x - x.mean(1, keepdim=True)) / (x.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    u = u.tanh().permute(0, 2, 3, 1).numpy()
    knots = -1 + 0.4 * np.arange(-3, 9)
    expected = np.zeros_like(u)
    for o in range(4):
        for i in range(4):
            coefficients = (kan.scale[o, i] * kan.spline[o, i]).numpy()
            value = u[..., i]
            silu = value / (1 + np.exp(-value))
            expected[..., o] += float(kan.base[o, i]) * silu + BSpline(knots, coefficients, 3)(value)
    np.testing.assert_allclose(kan(x).permute(0, 2, 3, 1), expected, atol=1e-10)


@pytest.mark.parametrize("order", ["text", "printed"])
def test_integration_is_the_equation(order):
    mi = MI(4, 8, 3, "zeros", order).eval()
    CK, F_f, I_ori = noise(1, 8, 8, 8), noise(1, 4, 8, 8, seed=1), noise(1, 3, 8, 8, seed=2)
    A = mi.activation(CK * mi.attention(CK))
    O, G = F.gelu(mi.image_bn(mi.image(I_ori))), F.gelu(mi.detail_bn(mi.detail(F_f)))  # noqa: E741
    expected = (A + O) * G if order == "text" else A + O + I_ori * G
    torch.testing.assert_close(mi(CK, F_f, I_ori), expected)
    assert mi.attention(CK).shape == (1, 8, 1, 1)
