"""What is read from JPEG files, and what pixels tell of the JPEG that they come from."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
import torch
from PIL import Image
from skimage import data

from imgredux.errors import ImageError
from imgredux.forensics import traces as jpegfile
from imgredux.forensics.traces import Traces, quality
from imgredux.io import images, jpeg_header
from imgredux.ops.quantization import ijg_tables

# Neither shows a trace of JPEG; chelsea, coins and other photographs of scikit-image do.
ASTRONAUT, CAMERA = data.astronaut()[:384, :384], data.camera()[:384, :384]
STORED_AS_JPEG = Path(skimage.__file__).parent / "data"


def jpeg(pixels: np.ndarray = ASTRONAUT, **options: Any) -> Image.Image:
    return Image.open(io.BytesIO(jpeg_bytes(pixels, **options)))


def jpeg_bytes(pixels: np.ndarray = ASTRONAUT, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, **{"format": "JPEG", **options})
    return file.getvalue()


def from_file(image: Image.Image) -> Traces:
    traces = jpegfile.traces(images.read(image, stored=True))
    assert traces is not None
    assert traces.known_from == "file"
    return traces


def from_pixels(pixels: np.ndarray | Image.Image) -> Traces | None:
    return jpegfile.traces(images.read(np.asarray(pixels)))


def steps_of(image: Image.Image) -> list[list[int]]:
    qtable = images.read(image).qtable
    assert qtable is not None
    return qtable.reshape(2, 64).int().tolist()


# Files


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"optimize": True}], ids=["plain", "progressive", "opt"]
)
def test_a_file_says_what_was_done_to_it(tmp_path: Path, subsampling: str, options: dict[str, bool]) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_bytes(ASTRONAUT, quality=62, subsampling=subsampling, **options))
    traces = jpegfile.traces(images.read(path, stored=True))
    assert traces is not None
    assert (traces.quality, traces.standard, traces.offset) == (62, True, (0, 0))
    assert (traces.subsampling, traces.progressive) == (subsampling, "progressive" in options)
    assert (traces.known_from, traces.earlier) == ("file", None)
    assert torch.equal(traces.qtable, ijg_tables(62)[None])


@pytest.mark.parametrize(("factors", "name"), [(0x12, "4:4:0"), (0x41, "4:1:1"), (0x13, None), (0x11, "4:4:4")])
def test_sampling_factors_that_pillow_does_not_write(factors: int, name: str | None) -> None:
    content = bytearray(jpeg_bytes(subsampling="4:2:2"))
    place = content.index(b"\xff\xc0") + 11  # the first component's factors in the frame header
    assert content[place] == 0x21
    content[place] = factors
    assert jpeg_header.header(Image.open(io.BytesIO(content)))["subsampling"] == name


def test_a_grayscale_file_has_one_table_and_no_subsampling() -> None:
    traces = from_file(jpeg(CAMERA, quality=40))
    assert (traces.quality, traces.standard, traces.subsampling) == (40, True, None)
    assert torch.equal(traces.qtable[0, 0], traces.qtable[0, 1])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_chroma_has_the_table_of_cb(count: int) -> None:
    tables = [list(range(1, 65)), list(range(101, 165)), list(range(2, 66))]
    image = jpeg(qtables=tables[:count])
    assert steps_of(image) == [tables[0], tables[min(count, 2) - 1]]
    assert not from_file(image).standard


def test_tables_of_16_bits_are_read() -> None:
    tables = [[16 + 5 * n for n in range(64)]] * 2
    image = jpeg(CAMERA, qtables=tables)
    assert steps_of(image) == tables
    assert not from_file(image).standard


def test_planes_of_rgb_have_no_steps_of_luma() -> None:
    source = images.read(jpeg(keep_rgb=True))
    assert source.qtable is None
    assert source.subsampling is None


def test_cmyk_is_refused() -> None:
    file = io.BytesIO()
    Image.fromarray(ASTRONAUT).convert("CMYK").save(file, "JPEG")
    with pytest.raises(ImageError, match=r"convert it first: image.convert\('RGB'\)"):
        images.read(Image.open(file))


def test_the_first_picture_of_several_in_one_file() -> None:
    image = jpeg(format="MPO", quality=30, save_all=True, append_images=[Image.fromarray(CAMERA).convert("RGB")])
    assert type(image).__name__ == "MpoImageFile"
    assert from_file(image).quality == 30


def test_a_copy_is_known_by_its_pixels() -> None:
    image = jpeg(quality=30, progressive=True)
    source = images.read(image.copy())
    assert source.qtable is None
    assert not source.progressive
    traces = jpegfile.traces(source)
    assert traces is not None
    assert (traces.quality, traces.known_from, traces.subsampling) == (30, "pixels", None)


def test_a_file_decoded_at_a_smaller_size_has_lost_its_blocks() -> None:
    image = jpeg(quality=30)
    image.thumbnail((200, 200))
    assert images.read(image).qtable is None
    assert jpegfile.traces(images.read(image)) is None


# Quality


def test_every_quality_is_exact() -> None:
    for number in range(1, 101):
        tables = ijg_tables(number)
        assert quality(tables) == quality(tables[None]) == (number, True)
        assert quality(tables[:1].repeat(2, 1, 1)) == (number, True)  # greyscale


def test_quality_is_what_libjpeg_was_asked_for() -> None:
    for number in (1, 7, 24, 25, 50, 75, 99, 100):
        assert from_file(jpeg(CAMERA[:64, :64], quality=number)).quality == number


@pytest.mark.parametrize("number", [5, 20, 50, 80, 95])
def test_tables_beside_the_scale_get_the_nearest_quality(number: int) -> None:
    tables = ijg_tables(number)
    tables[0, 0, 0] += 1
    assert quality(tables) == (number, False)
    assert quality(tables.flip(0)) == (number, False)  # the mean over both


def test_flat_tables() -> None:
    assert quality(torch.full((2, 8, 8), 255.0)) == (1, True)  # so is quality 1
    found, standard = quality(torch.full((2, 8, 8), 16.0))
    assert not standard
    assert abs(np.log(ijg_tables(found)[0].numpy()).mean() - np.log(16)) < 0.02


def test_quality_refuses_what_is_no_table() -> None:
    with pytest.raises(ValueError, match=r"shape \(8, 8\)"):
        quality(torch.ones(8, 8))
    with pytest.raises(ValueError, match="a step of 0"):
        quality(torch.zeros(2, 8, 8))


# Pixels


@pytest.mark.parametrize("number", [10, 30, 50, 75, 90, 95])
@pytest.mark.parametrize("offset", [(0, 0), (0, 5), (3, 1)])
def test_pixels_tell_quality_and_grid(number: int, offset: tuple[int, int]) -> None:
    row, column = (-offset[0]) % 8, (-offset[1]) % 8
    for pixels, options in ((CAMERA, {}), (ASTRONAUT, {"subsampling": "4:2:0"}), (ASTRONAUT, {"subsampling": "4:4:4"})):
        decoded = np.asarray(jpeg(pixels, quality=number, **options))
        traces = from_pixels(decoded[row:, column:])
        assert traces is not None
        assert (traces.quality, traces.standard, traces.offset) == (number, True, offset)
        assert (traces.known_from, traces.subsampling, traces.earlier) == ("pixels", None, None)
        chroma = 1 if pixels.ndim == 3 else 0
        assert torch.equal(traces.qtable[0], ijg_tables(number)[[0, chroma]])


@pytest.mark.parametrize("name", ["rocket", "hubble_deep_field", "retina"])
def test_pixels_tell_what_files_of_other_makers_say(name: str) -> None:
    source = images.read(STORED_AS_JPEG / f"{name}.jpg", stored=True)
    told, seen = jpegfile.traces(source), jpegfile.estimate(source.x)
    assert told is not None
    assert seen is not None
    assert (seen.quality, seen.standard, seen.offset) == (told.quality, told.standard, (0, 0))
    assert (seen.qtable[0, 0] != told.qtable[0, 0]).sum() <= 2


@pytest.mark.parametrize("name", ["astronaut", "camera", "coffee", "moon", "text", "brick", "gravel", "clock"])
def test_pictures_that_were_never_compressed_show_nothing(name: str) -> None:
    pixels = getattr(data, name)()
    assert from_pixels(pixels) is None
    assert from_pixels(255 - pixels[5:, 3:]) is None


def test_what_is_no_picture_shows_nothing() -> None:
    random = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(256), np.arange(256)) // 2
    levels = random.integers(0, 8, (256, 256)) * 32 + 16
    for pixels in (ramp, levels, random.integers(0, 256, (256, 256)), np.kron(levels[:64, :64], np.ones((4, 4)))):
        assert from_pixels(pixels.astype(np.uint8)) is None


@pytest.mark.parametrize("shape", [(1, 1), (7, 200), (8, 8), (16, 16), (40, 40, 3)])
def test_tiny_and_flat_images_show_nothing(shape: tuple[int, ...]) -> None:
    for pixels in (np.full(shape, 128, np.uint8), np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
        assert from_pixels(jpeg(pixels, quality=10)) is None
    size = tuple(min(side, 16) for side in shape[:2])
    assert from_pixels(jpeg(CAMERA[100 : 100 + size[0], 100 : 100 + size[1]], quality=50)) is None


def test_pixels_that_were_changed_since_show_nothing() -> None:
    decoded = jpeg(quality=30)
    assert from_pixels(decoded.resize((400, 400))) is None
    assert from_pixels(np.asarray(decoded).astype(np.float32) / 255 * 0.9) is None


def test_estimate_refuses_batches() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3, 16, 16\)"):
        jpegfile.estimate(torch.rand(2, 3, 16, 16))


# Compressed twice


@pytest.mark.parametrize(
    ("first", "second", "offset"), [(30, 90, (0, 0)), (75, 95, (0, 0)), (10, 50, (4, 4)), (30, 90, (1, 6))]
)
def test_a_stronger_compression_shows_through_a_weaker_one(first: int, second: int, offset: tuple[int, int]) -> None:
    pixels = np.asarray(jpeg(quality=first))[(-offset[0]) % 8 :, (-offset[1]) % 8 :]
    traces = from_file(jpeg(pixels, quality=second))
    assert traces.quality == second
    assert traces.earlier is not None
    assert (traces.earlier.quality, traces.earlier.offset, traces.earlier.known_from) == (first, offset, "pixels")


@pytest.mark.parametrize(("first", "second"), [(90, 30), (75, 75), (95, 90)])
def test_a_weaker_compression_before_is_nothing_to_tell(first: int, second: int) -> None:
    assert from_file(jpeg(np.asarray(jpeg(quality=first)), quality=second)).earlier is None


@pytest.mark.parametrize("number", [5, 20, 50, 75, 90, 98, 100])
def test_one_compression_is_not_taken_for_two(number: int) -> None:
    assert from_file(jpeg(quality=number)).earlier is None
    assert from_file(jpeg(CAMERA, quality=number)).earlier is None
