"""Restorers do not make worse what they have never seen, and photographs do not notice."""

import io
import logging

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

import imgredux

SIDE = 96
y, x = np.mgrid[0:SIDE, 0:SIDE]


def grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.stack([np.clip(values, 0, 255).astype(np.uint8)] * 3, -1))


def text() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), "white")
    for line in range(0, SIDE, 12):
        ImageDraw.Draw(image).text((2, line), "Lorem ipsum 0123456789", fill=(0, 0, 0))
    return image


def pixels() -> Image.Image:
    rng = np.random.default_rng(1)
    colors = rng.integers(0, 256, (8, 3)).astype(np.uint8)
    return Image.fromarray(colors[rng.integers(0, 8, (24, 24))]).resize((SIDE, SIDE), 0)


PICTURES = {
    "screentone": grey(np.where(np.sin(x * np.pi / 2.5) * np.sin(y * np.pi / 2.5) * 0.5 + 0.5 > x / SIDE, 255, 0)),
    "checkerboard": grey((x + y) % 2 * 255),
    "lines": grey((x % 4 < 2) * 255),
    "text": text(),
    "pixel art": pixels(),
}


def coded(image: Image.Image, quality: int, subsampling: int = 0) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(io.BytesIO(file.getvalue()))


def psnr(a: Image.Image, b: Image.Image) -> float:
    error = (np.asarray(a.convert("RGB"), float) - np.asarray(b.convert("RGB"), float)) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-9)))


@pytest.mark.parametrize("quality", [10, 30, 60, 75, 90])
@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("name", PICTURES)
def test_patterns_are_no_worse_than_the_jpeg(name: str, subsampling: int, quality: int) -> None:
    original, jpeg = PICTURES[name], coded(PICTURES[name], quality, subsampling)
    assert psnr(imgredux.restore(jpeg), original) >= psnr(jpeg, original) - 0.1


@pytest.mark.parametrize("quality", [10, 40, 75])
def test_a_photograph_does_not_notice(quality: int, caplog: pytest.LogCaptureFixture) -> None:
    method = imgredux.get("unjpeg")
    photograph = coded(Image.fromarray(data.chelsea()[40:232, 100:292]), quality, 2)
    with caplog.at_level(logging.INFO, "imgredux"):
        guarded = np.asarray(method(photograph))
    assert "left what the file allows" not in caplog.text
    method.guarded = False
    assert np.abs(guarded.astype(int) - np.asarray(method(photograph))).max() <= 1


def test_the_log_says_how_much_left(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "imgredux"):
        imgredux.get("unjpeg")(coded(PICTURES["checkerboard"], 75))
    assert "100.0 % of its blocks left what the file allows" in caplog.text


def test_what_has_learnt_nothing_is_left_alone() -> None:
    jpeg = coded(PICTURES["lines"], 30)
    assert psnr(imgredux.get("slidingdct")(jpeg), PICTURES["lines"]) > psnr(jpeg, PICTURES["lines"]) + 1
