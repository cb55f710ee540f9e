"""What is found meets the target, and nothing that was skipped would have been smaller."""

import io

import numpy as np
import pytest
from imgredux_jndsearch.method import TARGETS
from PIL import Image
from skimage import data

import imgredux
from imgredux.critical import Unreached
from imgredux.errors import ImageError, PluginError
from imgredux.io.images import to_tensor
from imgredux.metrics import ssimulacra2

PHOTOGRAPH = Image.fromarray(np.ascontiguousarray(data.chelsea()[60:220, 100:308]))


@pytest.fixture(scope="module")
def search():
    return imgredux.get("jndsearch")


def score(data_: bytes) -> float:
    return float(ssimulacra2(to_tensor(Image.open(io.BytesIO(data_)).convert("RGB")), to_tensor(PHOTOGRAPH)))


@pytest.mark.parametrize("target", TARGETS)
def test_the_target_is_met(search, target):
    found = search.search(PHOTOGRAPH, target)
    assert score(found.data) == pytest.approx(found.score, abs=1e-4)
    assert found.score >= TARGETS[target]


def test_no_candidate_alone_is_smaller(search):
    best = search.search(PHOTOGRAPH, 75.0)
    sizes = {}
    for name in ("jxl", "avif", "webp", "jndjpeg", "jpeg444", "jpeg420"):
        alone = imgredux.create("jndsearch", candidates=[name]).search(PHOTOGRAPH, 75.0)
        assert alone.score >= 75
        sizes[name] = len(alone.data)
    assert len(best.data) == min(sizes.values())
    assert sizes["jndjpeg"] < min(sizes["jpeg444"], sizes["jpeg420"])


def test_a_lower_quality_would_miss_it():
    found = imgredux.create("jndsearch", candidates=["jpeg444"]).search(PHOTOGRAPH, "side-by-side")
    worse = imgredux.get("jpeg444").encode(PHOTOGRAPH, quality=int(found.value) - 3)
    assert score(worse) < TARGETS["side-by-side"] <= found.score


def test_what_cannot_be_is_said(search):
    with pytest.raises(ImageError, match="first, side-by-side, in-place, flicker"):
        search.encode(PHOTOGRAPH, target="perfect")
    with pytest.raises(ImageError, match="equal images only"):
        search.encode(PHOTOGRAPH, target=100)
    jpeg = imgredux.create("jndsearch", candidates=["jpeg420"])
    with pytest.raises(Unreached, match="jpeg420 reaches a SSIMULACRA 2 of 99"):
        jpeg.encode(PHOTOGRAPH, target=99.5)
    with pytest.raises(Unreached, match="jpeg420 is lossless"):
        jpeg.encode(PHOTOGRAPH, target="lossless")
    with pytest.raises(PluginError, match="cannot be a candidate"):
        imgredux.create("jndsearch", candidates=["wei2009"])


def test_what_the_metric_forgives_on_noise_is_refused():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (33, 71), dtype=np.uint8))
    found = imgredux.create("jndsearch", candidates=["webp"]).search(noise, "side-by-side")
    error = np.asarray(imgredux.decode(found.data).convert("L")).astype(float) - np.asarray(noise)
    assert 10 * np.log10(255**2 / np.square(error).mean()) > 25


def test_a_format_that_cannot_hold_the_size_is_left_out():
    wide = Image.fromarray(np.tile(np.asarray(PHOTOGRAPH)[:16], (1, 80, 1)))  # WebP ends at 16,383
    found = imgredux.create("jndsearch", candidates=["webp", "jpeg420"]).search(wide, "first")
    assert found.codec == "jpeg420"


def test_transparency_is_kept_to_the_bit(search):
    rgba = PHOTOGRAPH.copy()
    alpha = Image.fromarray(np.tile(np.arange(208, dtype=np.uint8), (160, 1)))
    rgba.putalpha(alpha)
    decoded = imgredux.decode(search.encode(rgba, target="first"))
    assert np.array_equal(np.asarray(decoded)[..., 3], np.asarray(alpha))


def test_a_lossless_file_gives_every_sample_back(search):
    found = search.search(PHOTOGRAPH, "lossless")
    assert (found.value, found.score, found.worst) == (None, 100, 100)
    assert np.array_equal(np.asarray(imgredux.decode(found.data).convert("RGB")), np.asarray(PHOTOGRAPH))


def test_a_drawing_becomes_a_lossless_file_where_that_is_smaller(search):
    drawing = Image.new("RGBA", (300, 200))
    drawing.paste((200, 30, 30, 255), (20, 20, 180, 180))
    found = search.search(drawing, "first")
    assert found.value is None
    assert np.array_equal(np.asarray(imgredux.decode(found.data).convert("RGBA")), np.asarray(drawing))


def test_the_worst_tile_is_guarded():
    """Half of the image is smooth, where a coarse file bands; the other half hides anything, and lifts the score."""
    y, x = np.mgrid[:512, :1024].astype(float)
    noise = np.random.default_rng(0).integers(-60, 60, y.shape) * (x >= 512)
    image = Image.fromarray((110 + 12 * np.sin(x / 90) + 10 * np.cos(y / 70) + noise).clip(0, 255).astype(np.uint8))
    codec = imgredux.create("jndsearch", candidates=["jpeg444"])
    loose, tight = codec.search(image, 70.0, guard=100), codec.search(image, 70.0, guard=2)
    assert loose.worst < 68 <= tight.worst
    assert len(tight.data) > len(loose.data)
