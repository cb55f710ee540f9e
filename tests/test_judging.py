"""Scores as the metric gives them, in every kind of image, and the worst place found where it is."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from imgredux.io import images, profiles
from imgredux.judging import TILE, Judge
from imgredux.metrics import psnr_hvs, ssimulacra2

ASTRONAUT = Image.fromarray(data.astronaut())


def quantized(image: Image.Image) -> Image.Image:
    return image.point(lambda value: value // 12 * 12 + 6)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_scores_are_the_metrics(mode: str) -> None:
    original = ASTRONAUT.convert(mode)
    changed = quantized(original)
    x, y = images.to_tensor(original), images.to_tensor(changed)
    judge = Judge(original)
    assert judge.score(changed) == pytest.approx(ssimulacra2(y, x).item(), abs=0.002)
    assert judge.psnr_hvs(changed) == pytest.approx(psnr_hvs(y, x).item(), abs=1e-3)
    assert judge.score(original) == judge.worst(original) == 100


def test_colors_outside_of_srgb_count() -> None:
    wide = ASTRONAUT.copy()
    wide.info["icc_profile"] = profiles.profile_of(None, profiles.PRIMARIES[12])
    x, y = (images.as_seen(one, wide.info["icc_profile"]) for one in (wide, quantized(wide)))
    assert Judge(wide).score(quantized(wide)) == pytest.approx(ssimulacra2(y, x).item(), abs=0.002)


def test_each_image_is_seen_by_its_own_profile() -> None:
    """A file in sRGB of an original in linear light shows the same picture."""
    seen = ASTRONAUT.convert("L")
    levels = np.arange(256) / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    linear = seen.point([round(255 * value) for value in light])
    linear.info["icc_profile"] = profiles.stated(gray=True, gamma=1.0)
    assert Judge(linear).score(seen) > 85
    seen.info["icc_profile"] = linear.info["icc_profile"]
    assert Judge(linear).score(seen) < 20


def test_the_worst_tile_is_found() -> None:
    original = Image.fromarray(np.tile(data.astronaut(), (2, 3, 1)))
    changed = original.copy()
    box = (TILE, TILE, 2 * TILE, 2 * TILE)
    changed.paste(quantized(original.crop(box)), box)
    judge = Judge(original)
    alone = Judge(original.crop(box)).score(changed.crop(box))
    assert judge.worst(changed) == pytest.approx(alone, abs=1e-6)
    assert judge.score(changed) > alone + 10


@pytest.mark.parametrize("size", [(1, 1), (5, 700), (9, 8), (1100, 9)])
def test_images_of_every_size_are_judged(size: tuple[int, int]) -> None:
    original = ASTRONAUT.resize(size)
    judge = Judge(original)
    assert judge.score(original) == judge.worst(original) == 100
    assert judge.psnr_hvs(original) == float("inf")
    assert judge.score(quantized(original)) < 100


def test_what_is_transparent_is_not_seen() -> None:
    alpha = Image.new("L", ASTRONAUT.size, 255)
    alpha.paste(0, (0, 0, 256, 512))
    original, changed = ASTRONAUT.copy(), ASTRONAUT.copy()
    changed.paste((9, 9, 9), (0, 0, 250, 512))
    for one in (original, changed):
        one.putalpha(alpha)
    assert Judge(original).score(changed) == 100
    changed.putalpha(255)
    assert Judge(original).score(changed) < 50
