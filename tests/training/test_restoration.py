"""The recipe of restorers: what it samples is what the protocols measure on."""

import numpy as np
import pytest
import torch
from skimage import data

from imgredux import Restorer, Spec, ops
from imgredux.datasets.pairs import studio_luma
from imgredux.metrics import psnr
from imgredux.training import Images, JpegRecipe


def crops(count: int, side: int) -> torch.Tensor:
    photo = np.ascontiguousarray(data.astronaut().transpose(2, 0, 1))
    return Images([photo]).crops(count, side, torch.Generator().manual_seed(1))


def sampled(recipe: JpegRecipe, count: int = 64) -> tuple[torch.Tensor, ...]:
    return recipe.sample(crops(count, recipe.crop + recipe.margin), torch.Generator().manual_seed(2))


def test_without_jitter_the_damage_is_libjpegs() -> None:
    recipe = JpegRecipe(crop=32, low=10, high=10, studio=1.0, jitter=0.0)
    given = crops(8, 48)
    damaged, clean, steps = recipe.sample(given, torch.Generator().manual_seed(2))
    assert torch.equal(clean, studio_luma(given.float() / 255)[..., :32, :32])
    by_libjpeg = ops.jpeg(studio_luma(given.float() / 255), 10)[..., :32, :32]
    assert ((damaged - by_libjpeg).abs() > 1e-3).float().mean() < 0.02
    assert torch.equal(steps, ops.ijg_tables(10).expand(8, -1, -1, -1))


@pytest.mark.parametrize(("mode", "channels", "phases"), [("y", 1, set(range(8))), ("rgb", 3, set(range(0, 16, 2)))])
def test_jitter_starts_the_grid_anywhere(mode, channels: int, phases: set[int]) -> None:
    recipe = JpegRecipe(crop=32, mode=mode, low=5, high=5, jitter=1.0)
    damaged, clean, _ = sampled(recipe, 200)
    assert damaged.shape == clean.shape == (200, channels, 32, 32)
    seen = set()
    for image in damaged.mul(255).mean(1):
        steps = (image[:, 1:] - image[:, :-1]).abs().mean(0)  # largest where blocks meet
        by_phase = torch.stack([steps[phase::8].mean() for phase in range(8)])
        seen.add((7 - int(by_phase.argmax())) % 8)
    assert seen >= {phase % 8 for phase in phases}


def test_qualities_fill_their_range_the_lower_half_more() -> None:
    _, _, steps = sampled(JpegRecipe(crop=16, low=5, high=95), 3000)
    tables = torch.stack([ops.ijg_tables(quality) for quality in range(1, 101)])
    found = torch.tensor([int((tables == table).flatten(1).all(1).nonzero()[0]) + 1 for table in steps])
    assert found.min() >= 5
    assert found.max() <= 95
    assert (found <= 50).float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_both_ranges_of_luma_occur() -> None:
    _, clean, _ = sampled(JpegRecipe(crop=32, studio=0.5), 400)
    dark = clean.amin((1, 2, 3)) < 15.5 / 255
    assert dark.any()
    assert not dark.all()


def test_evenly_weighted_errors_do_not_grow_with_the_steps() -> None:
    losses = {}
    for even in (False, True):
        for quality in (10, 90):
            recipe = JpegRecipe(crop=32, low=quality, high=quality, even=even)
            losses[even, quality] = recipe.loss(Same(), sampled(recipe))[0].item()
    assert losses[False, 10] > 8 * losses[False, 90]
    assert 0.4 < losses[True, 10] / losses[True, 90] < 2.5


class Same(Restorer):
    """Gives back what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = Spec(name="same", kind="restorer", target="x:Y", title="", paper="", license="", context=0)

    def forward(self, x, *, qtable=None):
        return x


def test_progress_is_the_protocols_psnr() -> None:
    photo = np.ascontiguousarray(data.astronaut().transpose(2, 0, 1))
    held = Images([photo])
    figures = JpegRecipe(judged=(10, 40)).validate(Same(), held)
    assert figures["gain"] == pytest.approx(0, abs=1e-6)
    clean = studio_luma(held.center(0, 192).float() / 255)
    assert figures["psnr_q40"] == pytest.approx(psnr(ops.jpeg(clean, 40), clean).item(), abs=1e-4)
