import numpy as np
import pytest
import torch
from imgredux_d2lnet.fourier import AmplitudeBranch, PhaseBranch, recombine
from imgredux_d2lnet.losses import ALPHA, FAINT, objective
from imgredux_d2lnet.method import D2LNet
from imgredux_d2lnet.network import Block, SpatialAttention
from imgredux_d2lnet.recipe import RECIPES
from skimage import data
from torch.nn import functional as F

import imgredux
from imgredux import ops


def fresh(seed: int = 0, **options) -> D2LNet:
    torch.manual_seed(seed)
    return imgredux.create("d2lnet", **{"width": 4, "tile": 64, "overlap": 16, **options}).eval().requires_grad_(False)


def camera(height: int = 64, width: int = 64) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].float() / 255


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def spectrum(x: torch.Tensor) -> np.ndarray:
    return np.fft.fft2(x.detach().double().numpy(), norm="ortho")


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"width": 64, "channels": 3, "variant": "released"}, 25_614_521),
        ({"width": 64, "channels": 3}, 25_614_521),
        ({"width": 32}, 6_407_395),
        ({"width": 16}, 1_604_795),
        ({"width": 16, "attention": "parameter_free"}, 1_604_795 - 8 * 18),
        ({"width": 16, "variant": "paper"}, 1_604_795 - 8 * 18),
        ({"width": 16, "amplitude": False}, 1_604_795 - 4 * 18),
    ],
)
def test_number_of_parameters(options, count):
    assert sum(p.numel() for p in D2LNet(**options).parameters()) == count


def test_x_inv_has_the_amplitude_of_one_image_and_the_phase_of_the_other():
    X, Y = noise(1, 1, 32, 48), camera(32, 48)
    Z = spectrum(recombine(X, Y, "ortho", 1e-6))
    np.testing.assert_allclose(abs(Z), abs(spectrum(X)), atol=1e-4)
    np.testing.assert_allclose(Z / abs(Z), spectrum(Y) / abs(spectrum(Y)), atol=5e-3)


@pytest.mark.parametrize(
    ("variant", "of_out1"), [("combined", "amplitude"), ("paper", "amplitude"), ("released", "phase")]
)
def test_the_second_stage_starts_from_what_the_first_corrected(variant, of_out1):
    network = fresh(variant=variant).network
    X_in, X_out1 = camera(), noise(1, 1, 64, 64)
    Z, first, given = (spectrum(x) for x in (network.inverse(X_out1, X_in), X_out1, X_in))
    strong = abs(given) > 0.05  # far above what rounding to 8 bits leaves
    amplitude_from, phase_from = (first, given) if of_out1 == "amplitude" else (given, first)
    np.testing.assert_allclose(abs(Z)[strong], abs(amplitude_from)[strong], rtol=2e-3)
    np.testing.assert_allclose(np.cos(np.angle(Z) - np.angle(phase_from))[strong], 1, atol=1e-5)


@pytest.mark.parametrize(("variant", "branches"), [("combined", "ap"), ("paper", "ap"), ("released", "pa")])
def test_order_of_the_stages(variant, branches):
    network = fresh(variant=variant).network
    kinds = {"a": AmplitudeBranch, "p": PhaseBranch}
    for stage, kind in zip((network.stage1, network.stage2), branches, strict=True):
        assert [type(block.branch) for block in stage.down] == [kinds[kind]] * 4


def test_the_paper_has_relu_and_attention_without_parameters():
    network = fresh(variant="paper").network
    assert {module.slope for module in network.modules() if hasattr(module, "slope")} == {0.0}
    blocks = [block for stage in (network.stage1, network.stage2) for block in stage.down]
    assert all(block.attention is not None and block.attention.conv is None for block in blocks)


@pytest.mark.parametrize("variant", ["combined", "paper", "released"])
def test_training_begins_with_next_to_no_change(variant):
    x, method = camera(), fresh(variant=variant, width=16)
    RECIPES["q10"].prepare(method)
    out1, out2 = method.network(x)
    assert 0 < (out1 - x).square().mean().sqrt() < 0.01
    assert 0 < (out2 - x).square().mean().sqrt() < 0.01


@pytest.mark.parametrize("size", [(16, 24), (15, 24), (16, 7), (8, 1)])
@pytest.mark.parametrize("kind", [AmplitudeBranch, PhaseBranch])
def test_branches_are_those_of_the_full_transform(kind, size):
    torch.manual_seed(0)
    branch, x = kind(4, "ortho", 0.0).double(), noise(2, 4, *size).double() - 0.6
    Z = torch.fft.fft2(x, norm="ortho")
    A, P = Z.abs(), Z.angle().masked_fill(Z.imag.abs() < 1e-12, 0) + torch.pi * ((Z.real < 0) & (Z.imag.abs() < 1e-12))

    def conv(bins):
        return branch.second(F.leaky_relu(branch.first(bins), 0.2))

    changed = torch.polar(A, conv(P)) if kind is PhaseBranch else conv(A) * torch.exp(1j * P)
    expected = torch.fft.ifft2(changed, norm="ortho").real
    torch.testing.assert_close(branch(x), expected, rtol=0, atol=1e-8 if kind is PhaseBranch else 1e-4)


def test_a_block_is_the_papers_equations_and_a_residual():
    torch.manual_seed(0)
    block, x = Block(4, 8, "amplitude", "cbam", "ortho", 0.01), noise(1, 4, 16, 16)
    r = block.residual(x)
    F_fre = block.branch(r)
    F_spa = F.leaky_relu(block.second(F.leaky_relu(block.first(x), 0.2)), 0.2)
    torch.testing.assert_close(block(x), block.attention(F_spa - F_fre) * F_spa + F_fre + r)


def test_attention_without_parameters_weighs_by_the_difference():
    F_dif = noise(2, 4, 8, 8) - 0.5
    found = SpatialAttention(learned=False)(F_dif)
    torch.testing.assert_close(found.mean((1, 2, 3)), torch.ones(2), rtol=1e-4, atol=0)
    level = F_dif.abs().mean(1, keepdim=True)
    torch.testing.assert_close(found[0] / found[0].max(), level[0] / level[0].max())


@pytest.mark.parametrize("ablated", ["amplitude", "phase"])
@pytest.mark.parametrize("variant", ["combined", "released"])
def test_ablations_take_the_transform_out_of_their_stage(ablated, variant):
    whole, without = fresh(variant=variant).network, fresh(variant=variant, **{ablated: False}).network
    first = (ablated == "amplitude") == (variant == "combined")
    changed, kept = ("stage1", "stage2") if first else ("stage2", "stage1")
    assert all(block.attention is None for block in getattr(without, changed).down)
    assert all(block.attention is not None for block in getattr(without, kept).down)
    missing, unexpected = without.load_state_dict(whole.state_dict(), strict=False)
    assert not missing
    assert {name.split(".")[-2] for name in unexpected} == {"conv"}
    (a1, a2), (b1, b2) = whole(camera()), without(camera())
    assert torch.equal(a1, b1) != first
    assert not torch.equal(a2, b2)


@pytest.mark.parametrize("variant", ["combined", "paper", "released"])
@pytest.mark.parametrize("phase_loss", ["wrapped", "naive"])
@pytest.mark.parametrize("level", [0.0, 0.5, None])
def test_gradients_are_finite(variant, phase_loss, level):
    network = fresh(variant=variant).network.requires_grad_()
    x = camera() if level is None else torch.full((1, 1, 64, 64), level)
    total, parts = objective(*network(x), x.clone(), network.order, phase_loss)
    total.backward()
    assert set(parts) == {"spatial", "amplitude", "phase"}
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("order", ["amplitude_first", "phase_first"])
def test_the_loss_is_the_papers_with_the_angle_wrapped(order):
    out1, out2, target = (camera() + 0.1 * noise(2, 1, 64, 64, seed=seed) for seed in range(3))
    target[..., 32:] = 0.5  # faint bins
    Z1, Z2, GT = (np.fft.rfft2(x.double().numpy(), norm="ortho") for x in (out1, out2, target))

    def amplitude(Z):
        return abs(abs(Z) - abs(GT)).mean()

    def phase(Z):
        return (abs(np.angle(Z * GT.conj())) * (abs(GT) >= FAINT)).mean()

    L_amp, L_pha = amplitude(Z1), phase(Z2)
    if order == "phase_first":
        L_amp, L_pha = (L_amp + amplitude(Z2)) / 2, (phase(Z1) + L_pha) / 2
    expected = abs(out2 - target).double().mean().item() + ALPHA * (L_amp + L_pha)
    total, parts = objective(out1, out2, target, order)
    assert float(total) == pytest.approx(expected, rel=1e-4)
    assert float(parts["amplitude"]) == pytest.approx(L_amp, rel=1e-4)
    assert float(parts["phase"]) == pytest.approx(L_pha, rel=1e-4)


def test_phases_on_either_side_of_the_cut_are_near():
    ramp = torch.arange(16) / 16
    near, other = (-torch.cos(2 * torch.pi * ramp + shift).expand(1, 1, 16, 16) for shift in (-0.01, 0.01))
    wrapped, naive = (objective(near, near, other, phase_loss=kind)[1]["phase"] for kind in ("wrapped", "naive"))
    assert float(wrapped) == pytest.approx(0.02 / (16 * 9), rel=1e-2)
    assert naive > 2 * torch.pi * 0.99 / (16 * 9)


def test_no_seam_shows():
    height, width, method = 128, 224, fresh(width=8, tile=128, overlap=32)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    ramp = (0.2 + 0.6 * x / width + 0.02 * torch.sin(x / 3) * torch.cos(y / 4))[None, None]
    added = method(ramp) - ramp
    jumps = added.diff(dim=-1).abs().mean((0, 1, 2))
    overlap = jumps[96:128]  # where the second tile begins, and the first ends
    inside = torch.cat([jumps[8:96], jumps[128:-8]])
    assert inside.max() > 0
    assert overlap.max() <= inside.max()


def test_a_tile_is_the_network_itself():
    method, x = fresh(), camera()
    torch.testing.assert_close(method(x), method.network(x)[1].clamp(0, 1), rtol=0, atol=0)
    method.train()
    batch = torch.cat([x, x.flip(-1)])
    assert torch.equal(method(batch), method.network(batch)[1])


def test_color_keeps_its_chroma_with_a_network_of_luma():
    method, x = fresh(), 0.4 + 0.2 * noise(1, 3, 64, 64)
    y = method.train()(x)
    torch.testing.assert_close(ops.luma(y), method(ops.luma(x)))
    torch.testing.assert_close(ops.rgb_to_ycbcr(y)[:, 1:], ops.rgb_to_ycbcr(x)[:, 1:])


def test_gray_goes_through_a_network_of_color():
    method, x = fresh(channels=3), camera(40, 70)
    expected = method(x.expand(-1, 3, -1, -1))
    assert not torch.equal(expected[:, 0], expected[:, 1])
    torch.testing.assert_close(method(x), expected.mean(1, keepdim=True))


@pytest.mark.parametrize("project", [True, False])
def test_the_result_stays_within_the_files_steps(project):
    steps = ops.ijg_tables(20)[None]
    x = ops.jpeg(camera(64, 128), 20)
    y = fresh(project=project).train()(x, qtable=steps) if project else fresh(project=False)(x, qtable=steps)
    moved = ops.blocks(ops.dct((y - x).detach() * 255)).abs()
    within = bool((moved <= steps[:, :1, None, None] / 2 + 1e-3).all())
    assert within == project


def test_mistakes_are_named():
    for options, message in (
        ({"channels": 2}, "channels is 2; choose 1 or 3"),
        ({"variant": "draft"}, "variant is 'draft'; choose combined, paper or released"),
        ({"attention": "none"}, "attention is 'none'; choose cbam, parameter_free or None"),
        ({"width": 6}, "width is 6; give a multiple of 4"),
        ({"tile": 100}, "tile is 100, overlap 32; give multiples of 16"),
        ({"tile": 64, "overlap": 48}, "the overlap at most half a tile"),
    ):
        with pytest.raises(ValueError, match=message):
            D2LNet(**options)


def test_mixed_precision_trains():
    method = fresh().requires_grad_().train()
    with torch.autocast("cpu", torch.bfloat16):
        out1, out2 = method.network(camera())
        total, _ = objective(out1, out2, camera())
    total.backward()
    assert out1.dtype == out2.dtype == torch.float32
    assert all(p.grad.isfinite().all() for p in method.parameters())
