"""The place on a knob: the right one, in few encodings; and a large image by its mosaic."""

import math

import numpy as np
import pytest
from imgredux_jndsearch import method
from imgredux_jndsearch.mosaic import ROWS, TILE, mosaic
from imgredux_jndsearch.solving import solve
from PIL import Image
from skimage import data

import imgredux


def curves(count: int, seed: int = 0):
    """Rising scores of knobs, such as codecs have them."""
    draw = np.random.default_rng(seed)
    for _ in range(count):
        x = np.arange(int(draw.choice([75, 99, 100])) + 1)
        yield 100 - draw.uniform(60, 150) * (1 - x / x[-1]) ** draw.uniform(0.7, 1.6) - draw.uniform(0, 15)


@pytest.mark.parametrize("wanted", [65.0, 80.0, 90.0, 99.9])
def test_the_lowest_place_is_found_in_few_steps(wanted):
    asked = []
    for scores in curves(100):
        calls: list[int] = []

        def score(place, scores=scores, calls=calls):
            calls.append(place)
            return scores[place]

        reached = np.flatnonzero(scores >= wanted)
        assert solve(score, wanted, len(scores) - 1) == (reached[0] if len(reached) else None)
        assert len(calls) == len(set(calls))
        asked.append(len(calls))
    assert np.mean(asked) < 5.5  # a bisection asks 8


def test_a_like_curve_saves_half_of_them():
    asked = []
    for scores in curves(100):
        like: dict[int, float] = {}
        assert solve(lambda place, s=scores, k=like: k.setdefault(place, s[place] + 2), 80, len(scores) - 1) is not None
        calls: dict[int, float] = {}
        found = solve(lambda place, s=scores, k=calls: k.setdefault(place, s[place]), 80, len(scores) - 1, curve=like)
        reached = np.flatnonzero(scores >= 80)
        assert found == (reached[0] if len(reached) else None)
        asked.append(len(calls))
    assert np.mean(asked) < 3.5


@pytest.mark.parametrize("dead", [0, 3, 39, 50, 99])
def test_of_files_that_are_too_large_none_is_looked_for(dead):
    scores = np.where(np.arange(100) >= dead, math.inf, np.arange(100.0))
    assert solve(lambda place: scores[place], 40, 99) in ({40} if dead > 40 else {dead, None})
    asked = []
    found = solve(lambda p: asked.append(p) or scores[p], 40, 99, smaller=lambda place: max(dead - 1, 0))
    assert found in ({40} if dead > 40 else {dead, None})
    assert len(asked) <= 7


def test_dips_below_are_tried():
    scores = np.arange(100.0)
    scores[38] = 41
    assert solve(lambda place: scores[place], 40, 99) == 40
    assert solve(lambda place: scores[place], 40, 99, below=2) == 38


def test_a_mosaic_holds_tiles_of_the_image():
    image = Image.fromarray(np.tile(data.astronaut(), (2, 2, 1)))
    image.info["icc_profile"] = b"as it was"
    small = mosaic(image)
    assert small.size == (ROWS * TILE, ROWS * TILE)
    assert small.info == image.info
    places = [(x, y, x + TILE, y + TILE) for x in (0, TILE) for y in (0, TILE)]
    tiles = {image.crop(place).tobytes() for place in places}
    for y in range(0, ROWS * TILE, TILE):
        for x in range(0, ROWS * TILE, TILE):
            assert small.crop((x, y, x + TILE, y + TILE)).tobytes() in tiles


@pytest.mark.parametrize("size", [(512, 512), (512, 100)])
def test_a_large_image_gets_what_a_small_one_gets(size, monkeypatch):
    image = Image.fromarray(data.astronaut()[: size[1], : size[0]])
    codec = imgredux.create("jndsearch", candidates=["webp", "jpeg420", "jpeg444"])
    small = codec.search(image, "first")
    monkeypatch.setattr(method, "LARGE", 0)
    large = codec.search(image, "first")
    assert large.score >= 65
    assert large.codec == small.codec
    assert len(large.data) <= 1.03 * len(small.data)  # dips of WebP's scores are passed over
