"""The gallery's page in a browser: what it shows to the pixel, keys, small and dark screens, a whole session."""

import base64
import io
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

import imgredux
from imgredux.datasets.observer import sessions
from imgredux.gallery import gallery
from imgredux.protocols import load

pytestmark = pytest.mark.browser

METHODS = {
    "estimators": ["localstd", "wei2009"],
    "restorers": ["slidingdct"],
    "codecs": ["jpeg420", "webp", "jxl"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of two photographs."""
    out = tmp_path_factory.mktemp("gallery")
    photos = [data.chelsea()[:288, 40:424], data.astronaut()[:256, :320]]
    gallery(photos, out, names=["chelsea", "astronaut"], **METHODS, overwrite=True)
    return out


def ready(page: Any, name: str = "chelsea") -> Any:
    page.wait_for_selector(f"body[data-ready={name}]")
    return page


def pixels(page: Any, canvas: str) -> np.ndarray:
    """What a canvas holds: uint8 `(H, W, 3)`."""
    text = page.evaluate(f"document.getElementById('{canvas}').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))).convert("RGB"))


def choose(page: Any, group: str, value: str) -> None:
    page.locator(f"#{group} input[value='{value}']").check(force=True)


def slide(page: Any, name: str, value: float) -> None:
    page.evaluate(
        "([id, value]) => { const one = document.getElementById(id); one.value = value;"
        " one.dispatchEvent(new Event('input', { bubbles: true })); }",
        [name, value],
    )


def photograph(folder: Path, name: str = "chelsea") -> np.ndarray:
    return np.asarray(Image.open(folder / "images" / f"{name}.png"))


@pytest.mark.parametrize("method", METHODS["estimators"])
@pytest.mark.parametrize("mse", [4.0, 100.0])
def test_the_shader_is_inject_to_a_grey_level(visit: Callable, folder: Path, method: str, mse: float) -> None:
    photo = photograph(folder)
    meant = imgredux.inject(photo, imgredux.get(method)(photo), mse, seed=0)
    page = ready(visit(folder / "index.html"))
    choose(page, "noise-right", method)
    slide(page, "noise-cut", 0)
    page.evaluate(f"GALLERY.noise.draw({{a: {{}}, b: {{method: '{method}', factor: {meant.phi}}}, cut: 0}})")
    difference = np.abs(pixels(page, "noise-canvas").astype(int) - meant.image)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.15
    assert np.abs(np.asarray(meant.image, int) - photo).max() > 2  # there was something to see


def test_the_divider_is_where_it_says_to_the_pixel(visit: Callable, folder: Path) -> None:
    photo = photograph(folder)
    page = ready(visit(folder / "index.html"))
    choose(page, "noise-right", "wei2009")
    slide(page, "knob", 2)
    slide(page, "noise-cut", 250)
    changed = (pixels(page, "noise-canvas") != photo).any((0, 2))
    edge = round(photo.shape[1] * 0.25)
    assert not changed[:edge].any()
    assert changed[edge : edge + 20].all()
    line = page.locator("#noise-edge").bounding_box()["x"] - page.locator("#noise-canvas").bounding_box()["x"]
    assert line == edge


def test_the_divider_of_old_jpegs_is_too(visit: Callable, folder: Path) -> None:
    page = ready(visit(folder / "index.html"))
    page.click("#tab-jpegs")
    choose(page, "jpegs-left", "original")
    choose(page, "jpegs-right", "JPEG")
    slide(page, "jpegs-cut", 500)
    page.wait_for_function("document.getElementById('jpegs-canvas').width > 300")
    page.wait_for_timeout(200)
    photo = photograph(folder)
    shown = pixels(page, "jpegs-canvas")
    rows, columns = shown.shape[:2]
    assert (rows, columns) == photo.shape[:2]
    assert np.array_equal(shown[:, : columns // 2], photo[:, : columns // 2])
    assert (shown[:, columns // 2 :] != photo[:, columns // 2 :]).any((0, 2)).mean() > 0.9
    assert "28." in page.text_content("#jpegs-facts") or "dB" in page.text_content("#jpegs-facts")


def test_every_kind_of_file_is_shown(visit: Callable, folder: Path) -> None:
    page = ready(visit(folder / "index.html"))
    page.click("#tab-bytes")
    for codec in METHODS["codecs"]:
        choose(page, "bytes-right", codec)
        slide(page, "size", 30)
        page.wait_for_function(f"document.getElementById('bytes-facts').textContent.includes('Right: {codec}')")
        page.wait_for_timeout(150)
        assert np.ptp(pixels(page, "bytes-canvas")[:, 200:]) > 50
    assert "decoded here" in page.text_content("#bytes-facts")  # no browser shows JPEG XL


def test_holding_b_shows_the_original(visit: Callable, folder: Path) -> None:
    page = ready(visit(folder / "index.html"))
    slide(page, "noise-cut", 0)
    slide(page, "knob", 2)
    before = pixels(page, "noise-canvas")
    page.keyboard.down("b")
    assert np.array_equal(pixels(page, "noise-canvas"), photograph(folder))
    page.keyboard.up("b")
    assert np.array_equal(pixels(page, "noise-canvas"), before)
    assert not np.array_equal(before, photograph(folder))


def test_all_is_reached_by_keys(visit: Callable, folder: Path) -> None:
    page = ready(visit(folder / "index.html"))
    page.focus("#tab-noise")
    for tab in ("jpegs", "bytes", "eyes"):
        page.keyboard.press("ArrowRight")
        assert page.locator(f"#{tab}").is_visible()
        assert page.evaluate("document.activeElement.id") == f"tab-{tab}"
    page.keyboard.press("ArrowRight")
    page.focus("#knob")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#factor") == f"{2**0.05:.2f}"
    unlabelled = page.evaluate(
        "[...document.querySelectorAll('input, select, button, canvas')].filter(one => !one.labels?.length &&"
        " !one.textContent.trim() && !one.ariaLabel && !one.closest('[aria-label]')).map(one => one.id)"
    )
    assert unlabelled == []


def test_the_map_is_read_under_the_pointer(visit: Callable, folder: Path) -> None:
    page = ready(visit(folder / "index.html"))
    slide(page, "noise-cut", 0)
    choose(page, "noise-right", "wei2009")
    box = page.locator("#noise-canvas").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.wait_for_function("document.getElementById('pointer').textContent.includes('grey levels')")
    said = page.text_content("#pointer")
    meant = imgredux.get("wei2009")(photograph(folder))[60, 100]
    assert said.startswith("wei2009 at 100, 60")
    assert float(said.split(": ")[1].split()[0]) == pytest.approx(meant, rel=0.03, abs=0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_screen(visit: Callable, folder: Path, scheme: str) -> None:
    page = ready(visit(folder / "index.html", 390, 844, scheme, scale=2))
    for tab in ("noise", "jpegs", "bytes", "eyes"):
        page.click(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
    red = int(page.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (red < 128) == (scheme == "dark")
    assert page.evaluate("document.getElementById('noise-canvas').style.width") == "192px"  # a pixel is a pixel


def test_another_photograph(visit: Callable, folder: Path) -> None:
    page = ready(visit(folder / "index.html"))
    page.select_option("#photo", "astronaut")
    ready(page, "astronaut")
    slide(page, "noise-cut", 1000)
    assert np.array_equal(pixels(page, "noise-canvas"), photograph(folder, "astronaut"))


def test_a_whole_session(visit: Callable, folder: Path, tmp_path: Path) -> None:
    """A person who sees what is 1.6 times the map of wei2009, and is right every other time below: no chance in it."""
    page = ready(visit(folder / "index.html"))
    page.click("#tab-eyes")
    assert page.locator("#begin").is_disabled()  # before consent
    page.select_option("#eyes-method", "wei2009")
    page.fill("#distance", "70")
    page.check("#consent")
    page.evaluate("EYES.state.quick = true")
    page.click("#begin")
    guesses = itertools.cycle([True, False])
    for trial in range(44):
        page.wait_for_function(f"EYES.state.current?.ready && EYES.state.session.trials.length === {trial}")
        current = page.evaluate("EYES.state.current")
        if trial == 0:
            shown = pixels(page, "eyes-canvas")
        seen = current["catch"] or current["factor"] >= 1.6 or next(guesses)
        side = current["side"] if seen else {"left": "right", "right": "left"}[current["side"]]
        page.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight"}[side])
    page.wait_for_selector("#eyes-end:not([hidden])")
    with page.expect_download() as download:
        page.click("#save")
    (tmp_path / "sessions").mkdir()
    file = tmp_path / "sessions" / download.value.suggested_filename
    download.value.save_as(file)
    told = json.loads(file.read_text())
    assert told["result"]["low"] < 1.5 < told["result"]["high"]
    assert told["result"]["threshold"] == pytest.approx(1.5, rel=0.15)
    assert told["result"]["catch_missed"] == 0
    assert sum(one["catch"] for one in told["trials"]) == 4
    assert told["viewing"]["ppd"] == pytest.approx(2 * 700 * math.tan(math.pi / 360) * 320 / 85.6)
    check_the_first_trial(shown, told, photograph(folder))
    (tmp_path / "sessions" / "images").symlink_to(folder / "images", target_is_directory=True)
    (item,) = sessions(tmp_path / "sessions")
    measured = load("jnd-observer").begin(imgredux.get("wei2009"), item)(None, 0)
    assert measured.values["octaves"] == pytest.approx(math.log2(told["result"]["threshold"]), abs=1e-6)
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def check_the_first_trial(shown: np.ndarray, told: dict, photo: np.ndarray) -> None:
    """One side is the photograph, the other has its noise, at the strength that the file says."""
    first, (left, top, width, height) = told["trials"][0], told["crop"]
    sides = {"left": shown[:, :width], "right": shown[:, -width:]}
    noisy = sides.pop(first["side"])
    (clean,) = sides.values()
    part = photo[top : top + height, left : left + width]
    assert np.array_equal(clean, part)
    jnd = imgredux.get(told["method"])(photo)[top : top + height, left : left + width]
    change = np.abs(noisy.astype(float) - part).mean(-1)
    inside = ((part > 12) & (part < 243)).all(-1)
    assert change[inside].mean() == pytest.approx(first["factor"] * jnd[inside].mean(), rel=0.1)
