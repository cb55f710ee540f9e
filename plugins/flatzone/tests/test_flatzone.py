import numpy as np
import pytest
import torch
from PIL import Image

import imgredux
from imgredux import ops
from imgredux.errors import ImageError
from imgredux.metrics import psnr
from imgredux.ops.quantization import ijg_tables


def art(side: int = 120, scale: int = 5, seed: int = 1) -> np.ndarray:
    """Pixel art of eight colors, its pixels across the borders of blocks."""
    rng = np.random.default_rng(seed)
    small = rng.integers(30, 226, (8, 3)).astype(np.uint8)[rng.integers(0, 8, (side // scale, side // scale))]
    return np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.NEAREST))


def as_planes(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("quality", [20, 50, 80])
def test_pixel_art_comes_back(subsampling, quality):
    clean = as_planes(art())
    decoded = ops.jpeg(clean, quality, subsampling=subsampling)
    steps = ijg_tables(quality)[None]
    restored = imgredux.get("flatzone")(decoded, qtable=steps, subsampling=subsampling)
    assert psnr(restored, clean) - psnr(decoded, clean) > 2
    gray = ops.luma(clean).mul(255).round().div(255)
    damaged = ops.jpeg(gray, quality)
    assert psnr(imgredux.get("flatzone")(damaged, qtable=steps), gray) - psnr(damaged, gray) > 2


def test_auto_takes_it_for_graphics_and_says_so(tmp_path, caplog):
    page = np.full((160, 240, 3), 245, np.uint8)
    page[24:64, 16:130] = (40, 90, 200)
    page[90:130, 100:221] = (190, 60, 40)
    Image.fromarray(page).save(tmp_path / "page.jpg", quality=40)
    with caplog.at_level("INFO", "imgredux"):
        restored = imgredux.restore(tmp_path / "page.jpg")
    assert "graphics; flatzone" in caplog.text
    before = np.asarray(Image.open(tmp_path / "page.jpg")).astype(float)
    assert np.square(np.asarray(restored) - page).mean() < np.square(before - page).mean() / 4


def test_without_steps_the_image_comes_back():
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(imgredux.get("flatzone")(x), x)
    with pytest.raises(ImageError, match="qtable has shape"):
        imgredux.get("flatzone")(x, qtable=torch.ones(2, 8, 8))


def test_tiles_of_large_images_leave_no_seams(monkeypatch):
    decoded, steps = ops.jpeg(as_planes(art(320)), 40), ijg_tables(40)[None]
    method = imgredux.get("flatzone")
    whole = method(decoded, qtable=steps)
    monkeypatch.setattr("imgredux_flatzone.method.TILE", 128)
    tiled = method(decoded, qtable=steps)
    assert (tiled - whole).abs().max() < 2 / 255
    assert (tiled - whole).abs().mean() < 0.02 / 255
