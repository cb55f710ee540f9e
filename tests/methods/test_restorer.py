"""What a restorer does to an image that is no tensor: untouched, or the best weights on its blocks, and said so."""

import copy
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from skimage import data
from torch import Tensor

import imgredux
from imgredux import ImageError, Restorer, Spec, registry
from imgredux.forensics import examine
from imgredux.forensics.traces import Traces
from imgredux.io.exif import ORIENTATION
from imgredux.io.files import write_image
from imgredux.methods import base as method
from imgredux.methods.tiling import announce, listening
from imgredux.metrics import psnr
from imgredux.ops.quantization import ijg_tables
from imgredux.testing.inputs import as_jpeg, as_tensor

COLOR = data.astronaut()[100:164, 200:296]
GRAY = data.camera()[100:164, 200:296]


class Negative(Restorer):
    """Remembers what forward was given."""

    def forward(self, x: Tensor, *, qtable: Tensor | None = None, more: int = 0) -> Tensor:
        self.x, self.qtable, self.more = x, qtable, more
        return 1 - x


class Hooked(Negative):
    def _options(self, source: Any) -> dict[str, Any]:
        return {**super()._options(source), "more": 7 if source.subsampling == "4:2:2" else 0}


def negative(cls: type[Negative] = Negative, **declared: Any) -> Any:
    made = cls()
    about = {"target": "none:None", "title": "a toy", "paper": "none", "license": "MIT", "context": 0}
    made.spec = Spec(name="negative", kind="restorer", **{**about, **declared})
    return made.eval()


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Traces]:
    """`found(quality, offset=(3, 5))` is what every image then shows."""

    def show(quality: int, offset: tuple[int, int] = (0, 0), earlier: Traces | None = None, **facts: Any) -> Traces:
        about = {"standard": True, "subsampling": None, "progressive": False, "known_from": "pixels", **facts}
        traces = Traces(ijg_tables(quality)[None], quality, offset=offset, earlier=earlier, **about)
        monkeypatch.setattr(examine, "traces", lambda _: traces)
        return traces

    return show


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "traces", lambda _: None)


@pytest.mark.parametrize(
    "array",
    [COLOR, GRAY, GRAY[..., None], np.dstack([COLOR, GRAY]), GRAY.astype(np.uint16) * 257 + 3, COLOR / 255],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_an_array_without_traces_comes_back_untouched(array: np.ndarray, unseen: None) -> None:
    given = negative()(array)
    assert (given.dtype, given.shape) == (array.dtype, array.shape)
    assert np.array_equal(given, array)
    assert not np.shares_memory(given, array)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_picture_without_traces_comes_back_untouched(mode: str, unseen: None) -> None:
    deep = Image.fromarray(GRAY.astype(np.uint16) * 257)
    image = deep if mode == "I;16" else Image.fromarray(COLOR).convert(mode)
    given = negative()(image)
    assert given.mode == mode
    assert np.array_equal(np.asarray(given), np.asarray(image))
    assert given.getpalette() == image.getpalette()


def test_high_quality_comes_back_untouched(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "imgredux")
    for quality, touched in ((95, True), (96, False), (100, False)):
        image = as_jpeg(COLOR, quality)
        assert np.array_equal(np.asarray(negative()(image)), np.asarray(image)) is not touched
    assert caplog.messages == [
        "JPEG quality 95 (file, 4:2:0); negative",
        "JPEG quality 96 (file, 4:2:0); untouched",
        "JPEG quality 100 (file, 4:2:0); untouched",
    ]


def test_a_jpeg_brings_its_steps_and_tensors_bring_none() -> None:
    toy, image = negative(), as_jpeg(COLOR, 20)
    restored = toy(image)
    assert isinstance(restored, Image.Image)
    assert np.array_equal(np.asarray(restored), 255 - np.asarray(image))
    assert torch.equal(toy.qtable, ijg_tables(20)[None])
    x = torch.rand(1, 3, 16, 16)
    assert torch.equal(toy(x), 1 - x)
    assert toy.qtable is None


def test_explicit_steps_are_taken_without_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "traces", lambda _: pytest.fail("looked"))
    toy = negative()
    assert np.array_equal(toy(COLOR, qtable=None), 255 - COLOR)
    assert np.array_equal(toy(COLOR, qtable=ijg_tables(3)[None]), 255 - COLOR)
    assert torch.equal(toy.qtable, ijg_tables(3)[None])


def test_a_forced_quality_is_taken_without_looking(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imgredux")
    monkeypatch.setattr(examine, "traces", lambda _: pytest.fail("looked"))
    toy = negative()
    assert np.array_equal(toy(COLOR, quality=98), 255 - COLOR)
    assert torch.equal(toy.qtable, ijg_tables(98)[None])
    assert caplog.messages == ["taken for JPEG quality 98; negative"]
    for quality in (0, 101, 7.5):
        with pytest.raises(ImageError, match=r"quality is .*: give a whole number from 1 to 100"):
            toy(COLOR, quality=quality)


@pytest.mark.parametrize("offset", [(0, 0), (3, 5), (0, 7), (1, 0)])
def test_blocks_are_brought_to_the_corner(offset: tuple[int, int], found: Callable[..., Traces]) -> None:
    found(10, offset)
    toy, (row, column) = negative(), offset
    assert np.array_equal(toy(COLOR), 255 - COLOR)
    top, left = -row % 8, -column % 8
    assert toy.x.shape[-2:] == (64 + top, 96 + left)
    assert torch.equal(toy.x[..., top:, left:], as_tensor(COLOR))
    assert (top + row) % 8 == (left + column) % 8 == 0
    assert np.array_equal(imgredux.tiled(toy, COLOR, tile=16), 255 - COLOR)


def test_of_two_compressions_the_stronger_is_undone(
    found: Callable[..., Traces], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imgredux")
    found(97, known_from="file", earlier=found(10, (3, 5)))
    toy = negative()
    assert np.array_equal(toy(COLOR), 255 - COLOR)
    assert torch.equal(toy.qtable, ijg_tables(10)[None])
    assert toy.x.shape[-2:] == (64 + 5, 96 + 3)
    said = "JPEG quality 97 (file) over JPEG quality 10 (pixels, blocks from row 3, column 5); negative"
    assert caplog.messages == [said]


def test_what_is_not_exact_is_said(found: Callable[..., Traces], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "imgredux")
    found(40, standard=False, subsampling="4:4:4", progressive=True, known_from="file")
    negative()(COLOR)
    assert caplog.messages == ["JPEG quality about 40 (file, 4:4:4, progressive); negative"]


def test_a_method_may_add_keywords_from_the_file(found: Callable[..., Traces]) -> None:
    traces, toy = found(10, subsampling="4:2:2"), negative(Hooked)
    toy(COLOR)
    assert (toy.more, torch.equal(toy.qtable, traces.qtable)) == (7, True)
    toy(COLOR, more=3)
    assert toy.more == 3


class OfChroma(Negative):
    def forward(self, x: Tensor, *, qtable: Tensor | None = None, subsampling: str | None = None) -> Tensor:
        self.subsampling = subsampling
        return super().forward(x, qtable=qtable)


def test_a_forward_that_takes_subsampling_gets_the_files(found: Callable[..., Traces], tmp_path: Path) -> None:
    toy = negative(OfChroma)
    for subsampling in ("4:2:2", None):
        found(10, subsampling=subsampling)
        toy(COLOR)
        assert toy.subsampling == subsampling
    Image.fromarray(COLOR).save(tmp_path / "given.jpg", quality=10, subsampling="4:4:4")
    toy(tmp_path / "given.jpg", qtable=ijg_tables(20)[None])
    assert toy.subsampling == "4:4:4"
    toy(COLOR, subsampling="4:4:0")
    assert toy.subsampling == "4:4:0"


def test_color_is_refused_by_a_grayscale_method_whether_it_needs_mending_or_not(unseen: None) -> None:
    with pytest.raises(ImageError, match="takes greyscale images only"):
        negative(channels=(1,))(COLOR)


LEVELS = {
    "low": "y = { 10 = 2, 40 = 1 }\nrgb = { 10 = 1 }",
    "high": "y = { 10 = 1, 40 = 2 }\nrgb = { 20 = 0.5, 40 = 1.5 }",
}


def test_each_image_is_given_the_best_weights(
    paint: Callable[..., Spec], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, "imgredux")
    paint("painter", LEVELS)
    painter = imgredux.get("painter")
    for pixels, quality, level, tag in ((GRAY, 10, 10, "low"), (GRAY, 40, 20, "high"), (COLOR, 15, 10, "low")):
        file = tmp_path / "old.jpg"
        as_jpeg(pixels, quality).save(file, quality="keep")
        for image in (file, as_jpeg(pixels, quality)):
            assert (np.asarray(painter(image)) == level).all()
            assert caplog.messages[-1].endswith(f"; painter.{tag}")
        assert (np.asarray(painter(pixels, quality=quality)) == level).all()
    assert (np.asarray(imgredux.get("painter.low")(as_jpeg(GRAY, 40))) == 10).all()
    assert (np.asarray(painter(as_jpeg(GRAY, 40), qtable=None)) == 10).all()
    assert painter(torch.rand(1, 8, 8)).mul(255).round().unique().tolist() == [10]


def test_weights_that_were_asked_for_are_never_exchanged(paint: Callable[..., Spec], tmp_path: Path) -> None:
    paint("painter", LEVELS)
    file = tmp_path / "painter" / "low.safetensors"
    for made in (imgredux.get("painter", weights=file), imgredux.get("painter.low"), imgredux.create("painter")):
        assert isinstance(made, Restorer)
        assert made.at(90, color=False) is made


def test_other_weights_are_loaded_once_and_are_no_part_of_the_method(paint: Callable[..., Spec]) -> None:
    paint("painter", LEVELS)
    painter = imgredux.get("painter")
    assert isinstance(painter, Restorer)
    keys = set(painter.state_dict())
    high = painter.at(90, color=False)
    assert (high.tag, painter.tag) == ("high", "low")
    assert painter.at(80, color=True) is high
    assert set(painter.state_dict()) == keys
    assert list(painter.children()) == []
    assert not high.training
    for twin in (copy.deepcopy(painter), pickle.loads(pickle.dumps(painter)), copy.copy(painter)):
        assert twin.at(90, color=False) is not high
        assert twin.at(90, color=False).tag == "high"
    assert painter.double().at(90, color=False).level.dtype == torch.float64


def test_auto_takes_the_best_restorer_for_each_image(
    paint: Callable[..., Spec], only_registered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint("painter", LEVELS)
    paint("other", {"one": None, "two": None, "three": "y = { 50 = 1.6 }"})
    levels = [np.unique(imgredux.restore(as_jpeg(GRAY, quality))).tolist() for quality in (10, 25, 40)]
    assert levels == [[10], [30], [20]]
    assert np.unique(imgredux.restore(GRAY, quality=10)).tolist() == [10]
    monkeypatch.setattr(registry, "get", lambda *_: pytest.fail("loaded"))
    image = as_jpeg(GRAY, 98)
    assert np.array_equal(np.asarray(imgredux.restore(image)), np.asarray(image))


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp", ".jpg"])
@pytest.mark.parametrize("quality", [20, 98])
def test_what_goes_with_a_photograph_is_kept(tmp_path: Path, suffix: str, quality: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F] = 6, "maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta tiff:Orientation="6">caf\xc3\xa9</x:xmpmeta>'
    kept = {"exif": exif, "icc_profile": profile, "dpi": (300, 300), "xmp": xmp}
    Image.fromarray(COLOR).save(tmp_path / "old.jpg", quality=quality, **kept)
    restored = negative()(tmp_path / "old.jpg")
    write_image(tmp_path / f"new{suffix}", restored)
    with Image.open(tmp_path / f"new{suffix}") as image:
        image.load()
    assert image.size == (64, 96)
    assert image.getexif().get(ORIENTATION, 1) == 1
    assert image.getexif()[0x010F] == "maker"
    assert image.info["icc_profile"] == profile
    assert image.info["xmp"] == xmp.replace(b'tiff:Orientation="6"', b'tiff:Orientation="1"')
    if suffix != ".webp":  # which holds none
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    with Image.open(tmp_path / "old.jpg") as old:
        upright = np.rot90(np.asarray(old), -1).astype(int)
    expected = 255 - upright if quality == 20 else upright
    assert np.abs(np.asarray(image) - expected).mean() < (3 if suffix == ".jpg" else 1e-9)


class Blurred(Negative):
    def forward(self, x: Tensor, *, qtable: Tensor | None = None, more: int = 0) -> Tensor:
        self.largest = max(getattr(self, "largest", 0), x.shape[-1] * x.shape[-2])
        return torch.nn.functional.avg_pool2d(torch.nn.functional.pad(x, (3, 3, 3, 3), mode="replicate"), 7, 1)


def test_large_images_are_computed_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "LARGE", 64 * 95)
    image, steps = as_jpeg(COLOR, 10), []
    small, whole = negative(Blurred, context=3, tile=16), negative(Blurred, context=None)
    with listening(lambda done, total: steps.append((done, total))):
        given = small(image)
    assert np.array_equal(np.asarray(given), np.asarray(whole(image)))
    assert small.largest <= 48 * 48 < whole.largest
    assert steps == [(done, 24) for done in range(1, 25)]
    assert small(as_tensor(COLOR)).shape == (1, 3, 64, 96)
    assert small.largest == 64 * 96  # a tensor is the caller's to cut


def test_tiles_are_announced_to_who_listens() -> None:
    class Strips(Negative):
        def forward(self, x: Tensor, *, qtable: Tensor | None = None, more: int = 0) -> Tensor:
            announce(1, 2)
            return x

    heard: list[tuple[int, int]] = []
    toy = negative(Strips)
    toy(torch.rand(1, 8, 8))  # nobody listens
    with listening(lambda done, total: heard.append((done, total))):
        toy(torch.rand(1, 8, 8))
        imgredux.tiled(toy, torch.rand(1, 32, 16), tile=16)
    toy(torch.rand(1, 8, 8))
    assert heard == [(1, 2), (1, 2), (2, 2)]


def test_a_crop_is_restored_by_what_its_pixels_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way: estimated quality, grid and steps, on an image that a real JPEG was cut from."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "conformance" / "toys")
    from imgredux_toys import SHRINK, Shrink  # pyright: ignore[reportMissingImports]

    toy = Shrink()
    toy.spec = SHRINK
    pixels = data.camera()[:256, :256]
    damaged = np.ascontiguousarray(np.asarray(as_jpeg(pixels, 10))[3:, 5:])
    before, after = (psnr(as_tensor(image), as_tensor(pixels[3:, 5:])) for image in (damaged, toy(damaged)))
    assert after > before + 0.3


def test_weights_that_state_a_loss_are_left_out(paint: Callable[..., Spec], caplog: pytest.LogCaptureFixture) -> None:
    paint("careful", {"a": "rgb = { 10 = 1.0, 90 = -1.0 }"})
    low, high = as_jpeg(COLOR, 20), as_jpeg(COLOR, 90)
    with caplog.at_level(logging.INFO, "imgredux"):
        assert (np.asarray(imgredux.get("careful")(low)) == 10).all()
        assert np.array_equal(imgredux.get("careful")(high), high)
        assert (np.asarray(imgredux.get("careful.a")(high)) == 10).all()
    assert caplog.messages[1].endswith("careful.a would take more than it gives: untouched")


def test_auto_leaves_an_image_untouched_where_even_the_best_loses(
    paint: Callable[..., Spec], only_registered: None
) -> None:
    paint("careful", {"a": "rgb = { 10 = 1.0, 90 = -1.0 }"})
    high = as_jpeg(COLOR, 90)
    assert np.array_equal(imgredux.restore(high), high)
    assert (np.asarray(imgredux.restore(as_jpeg(COLOR, 20))) == 10).all()
