"""The report in a browser: tables that sort, images under noise, restorers and codecs, light and dark."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

import imgredux
from imgredux.report import report

pytestmark = pytest.mark.browser
SCORES = {"wei2009": 80.0, "localstd": 82.0, "flat": 60.0}


def rows() -> list[dict[str, Any]]:
    common = {"weights": "", "dataset": "d", "seed": 0, "seconds": 0.1, "version": "0.1.0", "commit": "a", "date": "-"}
    made = [
        {"protocol": "jnd-equal-mse", "method": name, "image": "x", "level": 100, "values": values, **common}
        for name, score in SCORES.items()
        for values in [{"ssimulacra2": score, "lpips": 0.1 + score / 1000, "phi": 1.0, "mse": 100.0}]
    ]
    for name, psnr in (("jpeg", 27.0), ("slidingdct", 28.0)):
        made.append(
            {"protocol": "jpeg-rgb", "method": name, "image": "x", "level": 10, "values": {"psnr": psnr}, **common}
        )
    for name in ("jpeg420", "webp"):
        for level, bpp in ((1, 0.3), (2, 0.6), (3, 1.2)):
            values = {"psnr": 25.0 + 4 * level, "bpp": bpp}
            made.append({"protocol": "rd", "method": name, "image": "x", "level": level, "values": values, **common})
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of four photographs."""
    folder = tmp_path_factory.mktemp("report")
    photos = {
        "astronaut": data.astronaut(),
        "chelsea": data.chelsea(),
        "coffee": data.coffee(),
        "rocket": data.rocket(),
    }
    for name, pixels in photos.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    report(folder / "rows.jsonl", folder / "out", images=[folder / f"{name}.png" for name in photos])
    return folder / "out"


def opened(visit: Callable, made: Path, **more: Any) -> Any:
    page = visit(made / "index.html", **more)
    page.wait_for_selector("body[data-ready]")
    return page


def test_four_images_are_less_than_four_megabytes(made: Path) -> None:
    assert (made / "index.html").stat().st_size < 4_000_000


def test_images_come_first(visit: Callable, made: Path) -> None:
    page = opened(visit, made)
    tops = page.evaluate("[...document.querySelectorAll('main > section')].map(one => one.id)")
    assert tops[0] == "pictures"
    assert page.locator("#noise-canvas").is_visible()


def test_noise_is_that_of_inject(visit: Callable, made: Path) -> None:
    page = opened(visit, made)
    photo = page.evaluate("(({window, maps}) => ({window, maps: maps.map(one => one.method)}))(GALLERY.state.photo)")
    left, top, width, height = photo["window"]
    pixels = np.asarray(Image.open(made.parent / "astronaut.png"))
    for method in photo["maps"]:
        page.locator(f"#noise-right input[value='{method}']").check(force=True)
        page.evaluate(
            "(name) => GALLERY.noise.draw({ a: {}, b: { method: name, factor:"
            " GALLERY.state.photo.maps.find(one => one.method === name).unit }, cut: 0 })",
            method,
        )
        meant = imgredux.inject(pixels, imgredux.get(method)(pixels), 100.0).image[
            top : top + height, left : left + width
        ]
        assert np.abs(shown(page).astype(int) - meant).max() <= 1


def shown(page: Any) -> np.ndarray:
    import base64
    import io

    text = page.evaluate("document.getElementById('noise-canvas').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))).convert("RGB"))


def test_the_knob_is_a_mean_squared_error(visit: Callable, made: Path) -> None:
    page = opened(visit, made)
    assert page.text_content("#factor-of") == "MSE"
    assert page.text_content("#factor") == "100"
    page.focus("#knob")
    page.keyboard.press("Home")
    assert page.text_content("#factor") == "6.25"  # a quarter of the amplitude


def test_restorers_and_codecs_are_under_the_slider(visit: Callable, made: Path) -> None:
    page = opened(visit, made)
    page.click("#tab-jpegs")
    assert page.locator("#jpegs-right label").all_text_contents() == ["original", "JPEG", "slidingdct"]
    page.click("#tab-bytes")
    assert page.locator("#bytes-left label").all_text_contents() == ["original", "webp", "jpeg420"]
    page.wait_for_function("document.getElementById('bytes-facts').textContent.includes('bits per pixel')")


def test_a_click_sorts_by_a_column(visit: Callable, made: Path) -> None:
    page = opened(visit, made)
    order = "[...document.querySelector('#jnd-equal-mse table.figures').tBodies[0].rows].map(row => row.dataset.method)"
    assert page.evaluate(order) == ["localstd", "wei2009", "flat"]
    page.click("#jnd-equal-mse table.figures thead tr:nth-child(2) th:nth-child(2) button")
    assert page.evaluate(order) == ["flat", "wei2009", "localstd"]  # by LPIPS, the lowest first


def test_what_others_printed_is_folded_away(visit: Callable, made: Path) -> None:
    page = opened(visit, made)
    assert page.locator("details.printed").count() > 0
    assert page.locator("details.printed[open]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_screen(visit: Callable, made: Path, scheme: str) -> None:
    page = opened(visit, made, width=390, height=844, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_an_error_would_be_heard(chromium: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<!DOCTYPE html><script>nothing.at.all;</script><p>after")
    said: list[str] = []
    page = chromium.new_page()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((tmp_path / "bad.html").as_uri())
    page.close()
    assert "nothing is not defined" in said[0]
