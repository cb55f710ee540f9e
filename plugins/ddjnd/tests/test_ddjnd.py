import pytest
import torch
from imgredux_ddjnd.gain import REACH, texture
from imgredux_ddjnd.losses import objective
from imgredux_ddjnd.method import DDJND
from imgredux_ddjnd.recipe import RECIPES
from imgredux_ddjnd.starting import start
from skimage import data

import imgredux
from imgredux.maps import peak
from imgredux.testing.inputs import batch
from imgredux.training import Images

# The rows of Table 1: which of SPI, FDE, MA, MI are enabled.
TABLE_1 = ("", "spi", "fde", "ma", "mi", "spi fde", "spi ma", "fde mi", "ma mi", "spi fde ma mi")
SWITCHES = ("spi", "fde", "ma", "mi")


def fresh(seed: int = 0, **options) -> DDJND:
    torch.manual_seed(seed)
    small = {"head": "gain", "width": 4, "kan_width": 2, "depth": 1, "tile": 64, "overlap": 16}
    return imgredux.create("ddjnd", **{**small, **options}).eval().requires_grad_(False)


def alone(**options) -> DDJND:
    """The gain head without a trunk."""
    return fresh(trunk=False, **options)


def paper(**options) -> DDJND:
    return fresh(head="paper", **{"gate": 1.0, **options})


def astronaut(height: int = 64, width: int = 64) -> torch.Tensor:
    crop = data.astronaut()[100 : 100 + height, 150 : 150 + width]
    return torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 573_490),
        ({"width": 16, "kan_width": 8}, 146_800),
        ({"width": 64, "kan_width": 32}, 2_270_000),
        ({"shrink": 8}, 571_600),
    ],
)
def test_number_of_parameters(options, count):
    network = DDJND(head="paper", **options).network
    found = sum(p.numel() for p in network.parameters())
    assert found == pytest.approx(count, rel=0 if not options else 2e-3)
    if not options:
        parts = {name: sum(p.numel() for p in module.parameters()) for name, module in network.named_modules()}
        assert parts["spi.spd"] == 293_760
        assert parts["spi.spb.gbl"] + parts["spi.spb.lcl"] == 103_040
        assert parts["ma.convs"] == 43_072
        assert parts["ma.kans"] == 10_240


def test_a_fresh_network_gives_the_base_and_a_fresh_one_of_the_paper_no_change():
    x = astronaut()
    for method in (fresh(), alone()):
        torch.testing.assert_close(method(x), texture(x))
    assert paper(gate=0.0)(x).abs().max() == 0
    torch.testing.assert_close(paper(gate=0.0).critical(x), x, rtol=0, atol=0)


@pytest.mark.parametrize("strength", [1.0, 1000.0])
def test_the_gain_is_bounded(strength):
    method, x = fresh(bound=0.5), astronaut()
    torch.nn.init.normal_(method.network.gain.last.weight, std=strength)
    ratio = method(x) / texture(x)
    low, high = float(ratio.min().log()), float(ratio.max().log())
    assert -0.5001 <= low < high <= 0.5001
    assert high - low > 0.01


def test_peaks_are_cut_so_that_a_few_pixels_cannot_hold_the_noise():
    x = torch.full((1, 3, 96, 96), 0.5)
    x[..., 40:44, 40:44] = torch.rand(4, 4, generator=torch.Generator().manual_seed(0))
    base = texture(x)
    assert peak(base).item() > 15
    jnd = fresh()(torch.cat([x, astronaut(96, 96)]))
    assert 7.5 < peak(jnd)[0].item() < 8
    torch.testing.assert_close(jnd[:1], base.clamp(max=float(jnd[0].max())))
    torch.testing.assert_close(jnd[1:], texture(astronaut(96, 96)))


def test_the_base_is_low_at_edges_and_high_in_texture():
    x = torch.full((1, 3, 64, 64), 0.2)
    x[..., 32:] = 0.8
    assert texture(x).max() < 1.1 / 255
    x += torch.randn(64, 64, generator=torch.Generator().manual_seed(0)) * torch.linspace(0, 0.1, 64)[:, None]
    jnd = texture(x.clamp(0, 1))
    assert jnd[..., 50:, :].mean() > 3 * jnd[..., :14, :].mean()


def test_the_head_alone_sees_no_farther_than_it_says():
    method = alone(tile=64)
    torch.nn.init.normal_(method.network.gain.last.weight, std=0.1)
    x = astronaut(160, 176)
    whole = alone(tile=512)
    whole.load_state_dict(method.state_dict())
    torch.testing.assert_close(method(x), whole(x), rtol=1e-4, atol=1e-6)
    q = whole.network(2 * x - 1)[0]
    x[..., 80, 80] = 1 - x[..., 80, 80]
    changed = (whole.network(2 * x - 1)[0] - q).abs()[0, 0] > 1e-6
    rows, columns = changed.nonzero().T
    assert 80 - REACH <= rows.min() < rows.max() <= 80 + REACH
    assert columns.max() == 80 + REACH


def test_the_map_is_the_distance_to_the_critical_image():
    x = astronaut(40, 72)
    method, wide = paper(), paper(per_channel=True)
    y = method.critical(x)
    assert y.shape == x.shape
    assert 0 <= y.min() < y.max() <= 1
    torch.testing.assert_close(method(x), (y - x).square().mean(1, keepdim=True).sqrt())
    torch.testing.assert_close(wide(x), (y - x).abs())
    gray = x[:, :1]
    torch.testing.assert_close(method.critical(gray), method.critical(gray.expand(-1, 3, -1, -1)).mean(1, keepdim=True))


def test_critical_images_of_any_size_and_only_where_there_are_any():
    assert paper().critical(astronaut(33, 70)).shape == (1, 3, 33, 70)
    for method in (fresh(), paper(target="map")):
        with pytest.raises(imgredux.ImgreduxError, match="estimates no critical image"):
            method.critical(astronaut())


def test_a_map_as_target_is_the_networks_output():
    method, x = paper(target="map", per_channel=True), astronaut()
    torch.testing.assert_close(method(x), (method.network(2 * x - 1)[0] / 2).clamp(0, 1))
    assert paper(target="map")(x).shape == (1, 1, 64, 64)


def test_a_tile_is_the_network_itself_and_training_clips_nothing():
    method, x = paper(gate=9.0), astronaut()
    I_out = x + method.network(2 * x - 1)[0] / 2
    torch.testing.assert_close(method.estimate(x), I_out.clamp(0, 1))
    assert I_out.max() > 1
    assert method.train().estimate(x).max() > 1


@pytest.mark.parametrize("row", TABLE_1)
def test_the_rows_of_table_1_build(row):
    method = paper(**{name: name in row.split() for name in SWITCHES})
    jnd = method(astronaut(16, 24))
    assert jnd.isfinite().all()
    assert jnd.max() > 0


@pytest.mark.parametrize(
    ("ablated", "replacement", "changed"),  # of R, F_s, F_f
    [
        ("spi", {"weight": (4, 3, 3, 3), "bias": (4,)}, (True, True, False)),
        ("fde", {"weight": (4, 3, 3, 3), "bias": (4,)}, (True, False, True)),
        ("ma", {"weight": (8, 4, 3, 3), "bias": (8,)}, (True, False, False)),
        (
            "mi",
            {
                "activation.weight": (3, 8, 3, 3),
                "activation.bias": (3,),
                "detail.weight": (3, 4, 3, 3),
                "detail.bias": (3,),
            },
            (True, False, False),
        ),
    ],
)
def test_a_switch_replaces_its_module_alone(ablated, replacement, changed):
    whole, without = paper().network, paper(**{ablated: False}).network
    found = {name: tuple(p.shape) for name, p in getattr(without, ablated).named_parameters()}
    assert found == replacement
    kept = {name: value for name, value in whole.state_dict().items() if not name.startswith(f"{ablated}.")}
    missing, unexpected = without.load_state_dict(kept, strict=False)
    assert not unexpected
    assert {name.partition(".")[0] for name in missing} == {ablated}
    x = 2 * astronaut() - 1
    assert tuple(not torch.equal(a, b) for a, b in zip(whole(x), without(x), strict=True)) == changed


@pytest.mark.parametrize("head", ["gain", "paper"])
@pytest.mark.parametrize("reading", [{}, {"position": "printed", "channel": "danet"}])
def test_gradients_reach_every_parameter(head, reading):
    method = fresh(head=head, gate=1.0, kan_width=8, **reading).requires_grad_().train()
    if head == "gain":
        torch.nn.init.normal_(method.network.gain.last.weight)
    with torch.no_grad():
        method.network.fde.fda.beta.fill_(0.1)
    x = batch(2, 32, 40)
    R, F_s, F_f = method.network(2 * x - 1)
    objective(R, torch.zeros_like(R), F_s, F_f)[0].backward()
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        key_bias = name.endswith("sha.k.bias")  # a constant added to a row of products leaves its softmax
        assert key_bias or parameter.grad.any(), name


@pytest.mark.parametrize("head", ["gain", "paper"])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_gradients_are_finite_on_flat_images(head, level):
    method = fresh(head=head, gate=0.0).requires_grad_().train()
    x = torch.full((2, 3, 32, 32), level)
    R, F_s, F_f = method.network(2 * x - 1)
    loss, _ = objective(R, torch.zeros_like(R), F_s, F_f)
    (loss + method(x).mean()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in method.parameters())


def test_a_fresh_network_starts():
    """With torch's own initial values the first layers get gradients of 1e-8."""
    method = fresh(head="paper", depth=5, width=16).requires_grad_().train()
    x = astronaut(32, 32)
    R, F_s, F_f = method.network(2 * x - 1)
    assert 0.02 < float(F_s.detach().std()) < 20
    objective(R, R.detach() + 0.03, F_s, F_f)[0].backward()
    assert float(method.network.spi.spd.gbl[0].scales[0][0].weight.grad.norm()) > 1e-5


@pytest.mark.parametrize("ablated", [(), ("spi",), ("ma",), ("spi", "ma")], ids=str)
def test_training_starts_from_no_change_with_the_factor_open(ablated):
    method = fresh(head="paper", kan_width=4, depth=3, gate=0.0, **dict.fromkeys(ablated, False)).train()
    start(method.network)
    x = astronaut(64, 64)
    R, F_s, F_f = method.network(2 * x - 1)
    assert R.abs().max() == 0
    assert F_s.std() > 1e-3
    assert F_f.std() > 1e-3
    G = method.network.mi.detail_bn(method.network.mi.detail(F_f))
    assert 0.5 < G.std() < 2


def test_the_spatial_branch_starts_with_details_of_both_signs():
    method = fresh(head="paper", width=8, depth=5, padding="reflect")
    start(method.network)
    spi = method.network.spi
    assert spi(torch.full((1, 3, 32, 32), 0.3))[:, :4].abs().max() < 0.02  # what comes from the global patterns
    x = 2 * astronaut(64, 64) - 1
    F_s = spi(x)
    first = spi.spd.gbl[0].scales[0][0]
    detail = first(x)[:, 0]  # the first filter of the first layer, whose pair bears the other sign
    found = F_s[:, 0] - F_s[:, 1]
    assert float(torch.corrcoef(torch.stack([found.flatten(), detail.flatten()]))[0, 1]) > 0.9


def test_mixed_precision_trains():
    method = fresh(head="gain").requires_grad_().train()
    x = batch(1, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        q, F_s, F_f = method.network(2 * x - 1)
        total, _ = objective(q, torch.ones_like(q), F_s, F_f)
        jnd = method.map_of(x, q)
    total.backward()
    assert jnd.dtype == torch.float32
    assert all(p.grad is None or p.grad.isfinite().all() for p in method.parameters())


def test_mistakes_are_named():
    for options, message in (
        ({"head": "tail"}, "head is 'tail'; choose gain or paper"),
        ({"target": "video"}, "target is 'video'; choose image or map"),
        ({"padding": "circular"}, "padding is 'circular'; choose reflect or replicate or zeros"),
        ({"position": "columns"}, "position is 'columns'; choose rows or printed"),
        ({"width": 6}, "width is 6; give a multiple of 4 and of shrink, 1"),
        ({"width": 12, "shrink": 8}, "width is 12; give a multiple of 4 and of shrink, 8"),
        ({"depth": 0}, "depth is 0; give 1 or more"),
        ({"tile": 100}, "tile is 100, overlap 24; give multiples of 8"),
        ({"tile": 64, "overlap": 40}, "the overlap at most half a tile"),
        ({"per_channel": True}, "need head='paper'"),
        ({"hidden": 0}, "hidden is 0"),
        ({"head": "paper", "trunk": False}, "trunk=False needs head='gain'"),
    ):
        with pytest.raises(ValueError, match=message):
            DDJND(**{"head": "gain", **options})


def test_the_recipes_build_the_methods_they_name():
    assert list(RECIPES) == ["hiding", "paper", "map", "printed"]
    for recipe in RECIPES.values():
        method = DDJND(**{**recipe.options, "width": 4, "kan_width": 2, "depth": 1})
        if method.network.trunk:
            assert method.tile == recipe.stages()[-1][1].crop  # attention sees in use what it saw in training
        assert getattr(recipe, "target", "image") == method.target


@pytest.mark.parametrize("tag", ["paper", "map", "printed"])
def test_a_step_on_pairs(tag):
    recipe = RECIPES[tag]
    method = fresh(**{**recipe.options, "gate": 1.0, "tile": 32, "overlap": 8}).requires_grad_().train()
    crops = (torch.cat([batch(2, 32, 32), batch(2, 32, 32, seed=7)], 1) * 255).byte()
    reference, critical = recipe.sample(crops, torch.Generator())
    loss, parts = recipe.loss(method, (reference, critical))
    loss.backward()
    wanted = (critical - reference).abs() if tag == "map" else critical
    distance = (recipe.predict(method, reference) - wanted).detach().square().mean()
    assert float(parts["feature"]) == pytest.approx(4 * float(distance), rel=1e-4)  # of [-1, 1]
    assert float(loss.detach()) == pytest.approx(float(parts["feature"] + recipe.kd_weight * parts["distillation"]))


@pytest.mark.parametrize("trunk", [True, False])
def test_a_step_of_hiding(trunk):
    recipe = RECIPES["hiding"]
    method = fresh(trunk=trunk).requires_grad_().train()
    crops = (batch(1, 128, 128) * 255).byte()
    image, mse, seed = recipe.sample(crops, torch.Generator().manual_seed(0))
    assert float(mse) in (16, 36, 100)
    losses = [recipe.loss(method, (image, mse, seed)) for _ in range(2)]
    assert torch.equal(losses[0][0], losses[1][0])  # the batch says all that is random
    losses[0][0].backward()
    assert method.network.gain.last.weight.grad.any()
    assert {"score", "hvs", "edges", "packed"} <= set(losses[0][1])
    assert ("distillation" in losses[0][1]) == trunk


def test_progress_is_counted_from_the_map_that_training_starts_from():
    validation = Images([data.astronaut()[:128, :128].transpose(2, 0, 1)])
    figures = RECIPES["hiding"].validate(fresh(tile=128), validation)
    assert figures["gain"] == pytest.approx(0, abs=1e-3)
    assert figures["score_16"] > figures["score_100"]
    assert figures["edges_held"] == pytest.approx(figures["base_edges_held"], abs=1e-4)
