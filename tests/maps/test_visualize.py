"""Heat maps, overlays and sheets: what their colours and sizes say."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import color

from imgredux import ImageError
from imgredux.maps.visualize import heatmap, overlay, sheet
from imgredux.testing.inputs import sample_image
from imgredux.testing.process import run_python

RAMP = np.linspace(0, 20, 256, dtype=np.float32)[None].repeat(16, 0)


def lightness(image: Image.Image) -> np.ndarray:
    """CIE L* by scikit-image."""
    return color.rgb2lab(np.asarray(image))[..., 0]


def test_brighter_is_always_more() -> None:
    steps = np.diff(lightness(heatmap(RAMP, 20))[0])
    assert steps.min() > 0
    assert steps.max() < 4 * steps.mean()  # no jump that looks like an edge


def test_one_maximum_makes_maps_comparable() -> None:
    strong, weak = heatmap(RAMP, 20), heatmap(RAMP / 2, 20)
    assert np.array_equal(np.asarray(strong)[:, 100], np.asarray(weak)[:, 200])
    assert np.array_equal(np.asarray(heatmap(RAMP, 5))[:, 64:], np.asarray(heatmap(RAMP, 20))[:, -1:].repeat(192, 1))


def test_an_outlier_does_not_darken_the_rest() -> None:
    jnd = np.full((50, 50), 3, np.float32)
    jnd[:25] = 1
    spiked = jnd.copy()
    spiked[49, 49] = 1000
    assert np.array_equal(np.asarray(heatmap(jnd))[:49], np.asarray(heatmap(spiked))[:49])


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (60, 90)])
@pytest.mark.parametrize("level", [0.0, 1e-6, 7.0])
def test_any_size_and_level_has_a_picture(size: tuple[int, int], level: float) -> None:
    jnd = np.full(size, level, np.float32)
    assert heatmap(jnd).size == size[::-1]
    barred = heatmap(jnd, bar=True)
    assert np.array_equal(np.asarray(barred)[: size[0], : size[1]], np.asarray(heatmap(jnd)))
    assert barred.width > size[1]


def test_the_bar_holds_the_whole_table() -> None:
    barred = np.asarray(heatmap(np.full((300, 200), 8, np.float32), 20, bar=True))
    shades = {tuple(pixel) for pixel in barred[:, 200:].reshape(-1, 3)}
    table = {tuple(pixel) for pixel in np.asarray(heatmap(RAMP, 20))[0]}
    assert len(shades & table) > 0.9 * len(table)


def test_channels_are_shown_by_their_largest() -> None:
    jnd = np.stack([RAMP, RAMP[:, ::-1], 0 * RAMP], -1)
    assert np.array_equal(np.asarray(heatmap(jnd, 20)), np.asarray(heatmap(np.maximum(RAMP, RAMP[:, ::-1]), 20)))


def test_opacity_goes_from_the_gray_image_to_the_heat_map(tmp_path: Path) -> None:
    pixels, jnd = sample_image(16, 256), RAMP
    image = Image.fromarray(pixels)
    assert np.array_equal(np.asarray(overlay(image, jnd, 1, 20)), np.asarray(heatmap(jnd, 20)))
    gray = np.asarray(overlay(image, jnd, 0), int)
    assert (gray == gray[..., :1]).all()
    assert np.abs(gray[..., 0] - np.asarray(image.convert("L"), int)).max() <= 1  # Pillow's luma is rounded otherwise
    image.save(tmp_path / "photo.png")
    between = overlay(tmp_path / "photo.png", jnd)
    assert np.array_equal(np.asarray(between), np.asarray(overlay(pixels, jnd)))
    assert overlay(pixels[..., 0], jnd).size == (256, 16)


def test_an_overlay_lies_on_the_image_as_it_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(sample_image(20, 30)).save(tmp_path / "turned.jpg", exif=exif)
    assert overlay(tmp_path / "turned.jpg", np.ones((30, 20), np.float32)).size == (20, 30)


def test_a_sheet_shows_every_picture_unscaled() -> None:
    pictures = {name: Image.fromarray(sample_image(60, 90 + 10 * i, seed=i)) for i, name in enumerate("abcde")}
    page = np.asarray(sheet(pictures, columns=2))
    for image in pictures.values():
        pixels = np.asarray(image)
        windows = np.argwhere((page == pixels[0, 0]).all(-1))
        height, width = pixels.shape[:2]
        assert any(np.array_equal(page[y : y + height, x : x + width], pixels) for y, x in windows)
    assert sheet(pictures, columns=5).height < sheet(pictures, columns=1).height
    assert sheet({"ein sehr langer Titel, der nicht in die Breite passt" * 3: pictures["a"]}).width < 130


@pytest.mark.parametrize(
    ("jnd", "maximum"),
    [
        (-RAMP, None),
        (RAMP * np.float32("nan"), None),
        (RAMP[0], None),
        (RAMP, 0.0),
        (RAMP, float("nan")),
        (RAMP[:0], None),
    ],
)
def test_bad_maps_are_refused(jnd: np.ndarray, maximum: float | None) -> None:
    with pytest.raises(ImageError, match=r"map|maximum"):
        heatmap(jnd, maximum)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ImageError, match=r"\(16, 256\) does not fit an image of size \(8, 9\)"):
        overlay(sample_image(8, 9), RAMP)
    with pytest.raises(ValueError, match="at least one image"):
        sheet({})


def test_heat_maps_need_no_torch() -> None:
    code = "import sys, numpy as np; from imgredux.maps.visualize import heatmap; heatmap(np.ones((9, 9)), bar=True)"
    code += "; print('torch' in sys.modules)"
    assert run_python(code).strip() == "False"
