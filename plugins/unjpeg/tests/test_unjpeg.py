from dataclasses import replace

import pytest
import torch
from imgredux_unjpeg.method import UnJpeg, estimated, halved, planes_of
from imgredux_unjpeg.network import facts_of, units
from imgredux_unjpeg.recipe import EDGE, RECIPES
from skimage import data

import imgredux
from imgredux import ops
from imgredux.errors import ImageError
from imgredux.metrics import psnr
from imgredux.training import Images

RECIPE = RECIPES["blind"]


def fresh(seed: int = 0, **options) -> UnJpeg:
    torch.manual_seed(seed)
    small = {"widths": (8, 16, 24), "blocks": (1, 1, 1), "tile": 64, "overlap": 16}
    return imgredux.create("unjpeg", **{**small, **options}).eval().requires_grad_(False)


def cat(height: int = 96, width: int = 128) -> torch.Tensor:
    pixels = torch.from_numpy(data.chelsea()[60 : 60 + height, 120 : 120 + width].copy())
    return pixels.permute(2, 0, 1)[None].float() / 255


def steps_of(quality: int) -> torch.Tensor:
    return ops.ijg_tables(quality)[None]


def crops(count: int, side: int) -> torch.Tensor:
    return cat(side, side).mul(255).round().byte().expand(count, -1, -1, -1)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4", "4:2:2"])
def test_without_its_network_it_is_the_sliding_dct(subsampling):
    method, x = fresh(), ops.jpeg(cat(), 20, subsampling=subsampling)
    method.network.last.weight.zero_()
    expected = imgredux.create("slidingdct").forward(x, qtable=steps_of(20), subsampling=subsampling)
    found = method.forward(x, qtable=steps_of(20), subsampling=subsampling)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    gray = ops.luma(x)
    expected = imgredux.create("slidingdct").forward(gray, qtable=steps_of(20))
    torch.testing.assert_close(method.forward(gray, qtable=steps_of(20)), expected, rtol=0, atol=1e-5)


def test_without_steps_nothing_is_done():
    x = ops.jpeg(cat(), 20)
    assert torch.equal(fresh()(x), x)
    with pytest.raises(ImageError, match=r"qtable has shape \(8, 8\); 1 images need \(1, 2, 8, 8\)"):
        fresh()(x, qtable=torch.ones(8, 8))


def test_gray_in_color_is_gray():
    """A grey image of three planes has no chroma, before and after."""
    x = ops.jpeg(ops.luma(cat()).mul(255).round().div(255).expand(-1, 3, -1, -1), 20)
    planes = planes_of(x)
    assert planes[:, 1:].abs().max() < 1e-6
    assert not estimated(planes_of(x[:, :1]), steps_of(20))[:, 1:].any()


def test_the_file_decides():
    """Steps, and whether chroma is halved, change what the network gives."""
    method = fresh()
    for block in method.network.modules():
        if hasattr(block, "told"):
            torch.nn.init.normal_(block.told.weight, std=10)
    torch.nn.init.normal_(method.network.last.weight, std=0.1)
    planes = planes_of(ops.jpeg(cat(), 20))
    seen = torch.cat([planes, planes], 1)
    found = [
        method.network(seen, facts_of(steps_of(quality), halved(subsampling)))
        for quality, subsampling in ((20, "4:2:0"), (30, "4:2:0"), (20, "4:4:4"))
    ]
    assert (found[0] - found[1]).abs().max() > 1e-4
    assert (found[0] - found[2]).abs().max() > 1e-4


def test_changes_are_small_where_steps_are():
    sizes = torch.cat([units(facts_of(steps_of(quality), (True, True))) for quality in (10, 50, 95)])
    assert (sizes[:-1] > sizes[1:]).all()
    assert 0.001 < sizes.min() < sizes.max() < 0.1


@pytest.mark.parametrize(("name", "expected"), [
    (None, (True, True)), ("4:2:0", (True, True)), ("4:2:2", (False, True)), ("4:4:0", (True, False)),
    ("4:4:4", (False, False)), ("4:1:1", (False, True)),
])  # fmt: skip
def test_which_sides_of_chroma_are_halved(name, expected):
    assert halved(name) == expected


@pytest.mark.parametrize("project", [True, False])
def test_luma_stays_within_the_files_steps(project):
    x, method = ops.jpeg(0.4 + 0.2 * ops.luma(cat()), 20), fresh(project=project)
    torch.nn.init.normal_(method.network.last.weight, std=0.2)
    y = method(x, qtable=steps_of(20))
    assert 0 < y.min() < y.max() < 1  # clipping would move coefficients too
    moved = ops.blocks(ops.dct((y - x) * 255)).abs()
    assert bool((moved <= steps_of(20)[:, :1, None, None] / 2 + 1e-3).all()) == project


def test_training_crops_lie_on_the_grid_of_blocks():
    recipe = replace(RECIPE, gray=1.0, foreign=0.0, low=20, high=20)
    seen, clean, told, weight = recipe.sample(crops(4, 64 + EDGE), torch.Generator().manual_seed(0))
    assert seen.shape == (4, 6, 64, 64)
    assert clean.shape == (4, 3, 64, 64)
    assert told.shape == (4, 130)
    counts = ops.blocks(ops.dct(seen[:, :1] * 255 - 128)) / steps_of(20)[:, :1, None, None]
    # Far from the first coefficient, rounding to whole levels is small beside a step.
    far = (counts - counts.round())[..., 3:, 3:].abs()
    assert far.max() < 0.1
    assert weight.allclose(weight[:1])


def test_kinds_of_crops_come_in_their_shares():
    recipe = replace(RECIPE, gray=0.5, full=0.5, foreign=0.0)
    seen, clean, told, _ = recipe.sample(crops(8, 64 + EDGE), torch.Generator().manual_seed(0))
    colored = (clean[:, 0] != clean[:, 1]).flatten(1).any(1)
    assert colored.tolist() == 4 * [False] + 4 * [True]
    assert told[:, -1].tolist() == 6 * [1.0] + 2 * [0.0]
    assert seen[4:, 1:3].flatten(1).any(1).all()
    assert torch.equal(told[:2, :64], told[:2, 64:128])  # a file of luma alone
    assert not torch.equal(told[2:4, :64], told[2:4, 64:128])


def test_foreign_tables_are_tables():
    recipe = replace(RECIPE, foreign=1.0)
    tables = recipe.tables(20, torch.device("cpu"), torch.Generator().manual_seed(0))
    found = recipe._foreign(tables, torch.Generator().manual_seed(1))
    assert torch.equal(found, found.round())
    assert 1 <= found.min() <= found.max() <= 255
    assert (found != tables).flatten(1).any(1).all()
    assert (found / tables).log().abs().mean() < 0.5


def test_a_step_and_a_validation():
    method = imgredux.create("unjpeg", widths=(8, 16), blocks=(1, 1), tile=64, overlap=16).train()
    recipe = replace(RECIPE, judged=(10,))
    loss, _ = recipe.loss(method, recipe.sample(crops(4, 64 + EDGE), torch.Generator().manual_seed(0)))
    loss.backward()
    assert method.network.last.weight.grad.any()
    method.eval()
    figures = recipe.validate(method, Images([data.chelsea()[:128, :128].transpose(2, 0, 1)]))
    assert figures["gain"] == pytest.approx((figures["gain_y_q10"] + figures["gain_rgb_q10"]) / 2)
    assert figures["gain_y_q10"] > 0.3  # the sliding DCT's


def test_shipped_weights_restore_color_better_than_the_sliding_dct():
    x = cat(224, 288)
    damaged = ops.jpeg(x, 10)
    gains = [
        float(psnr(imgredux.get(name)(damaged, qtable=steps_of(10)), x)) for name in ("unjpeg.blind", "slidingdct")
    ]
    assert gains[0] > gains[1] + 0.15


def test_mistakes_are_named():
    for options, message in (
        ({"widths": (8, 16), "blocks": (1,)}, "give one to four levels of both"),
        ({"blocks": (1, 0, 1)}, "of 1 or more"),
        ({"tile": 100}, "tile is 100, overlap 16; give multiples of 16"),
        ({"tile": 64, "overlap": 48}, "the overlap at most half a tile"),
    ):
        with pytest.raises(ValueError, match=message):
            fresh(**options)
