"""Every container of the contract: what is read, and that what comes back is what went in."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps
from skimage import data

import imgredux
from imgredux.io import decoding, images
from imgredux.io.exif import ORIENTATION
from imgredux.methods.tiling import pad

COLOR = data.astronaut()[100:164, 200:296]
GRAY = data.camera()[100:164, 200:296]
DEEP = GRAY.astype(np.uint16) * 257
ALPHA = np.arange(64 * 96, dtype=np.uint32).reshape(64, 96).astype(np.uint8)


def same(image: object) -> object:
    """Through the contract and back, nothing done in between."""
    source = images.read(image)  # pyright: ignore[reportArgumentType]
    return source.give_image(source.x)


@pytest.mark.parametrize(
    "array",
    [
        COLOR,
        GRAY,
        GRAY[..., None],
        np.dstack([COLOR, ALPHA]),
        np.dstack([GRAY, ALPHA]),
        DEEP,
        np.dstack([DEEP] * 3),
        COLOR.astype(np.float32) / 255,
        COLOR.astype(np.float64) / 255,
        (GRAY / 255).astype(np.float16),
        np.asfortranarray(COLOR),
        COLOR[::-1, ::-2],
    ],
    ids=lambda a: f"{a.dtype}-{a.shape}",
)
def test_an_array_comes_back_as_it_was(array: np.ndarray) -> None:
    before = array.copy()
    back = same(array)
    assert isinstance(back, np.ndarray)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_allclose(back, array, rtol=0, atol=0 if array.dtype.kind == "u" else 1e-7)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("array", [COLOR, GRAY, DEEP, COLOR.astype(np.float32) / 255])
def test_the_input_is_never_shared_with_the_result(array: np.ndarray) -> None:
    before = array.copy()
    source = images.read(array)
    source.x.zero_()
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(COLOR),
        Image.fromarray(GRAY),
        Image.fromarray(np.dstack([COLOR, ALPHA])),
        Image.fromarray(np.dstack([GRAY, ALPHA])),
        Image.fromarray(GRAY > 100),
        Image.fromarray(DEEP),
        Image.fromarray(COLOR).quantize(200),
    ],
    ids=lambda image: image.mode,
)
def test_a_pil_image_comes_back_in_its_mode(image: Image.Image) -> None:
    back = same(image)
    assert isinstance(back, Image.Image)
    assert back.mode == image.mode
    assert back.size == image.size
    wide = "RGB" if image.mode == "P" else image.mode
    np.testing.assert_array_equal(np.asarray(back.convert(wide)), np.asarray(image.convert(wide)))


def test_transparency_of_a_palette_is_kept_as_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(COLOR).quantize(16)
    image.save(tmp_path / "p.png", transparency=3)
    back = same(tmp_path / "p.png")
    expected = Image.open(tmp_path / "p.png").convert("RGBA")
    assert isinstance(back, Image.Image)
    np.testing.assert_array_equal(np.asarray(back), np.asarray(expected))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_gray_files_of_16_bits_keep_them(tmp_path: Path, suffix: str) -> None:
    deep = DEEP + np.arange(96, dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / f"a{suffix}")
    source = images.read(tmp_path / f"a{suffix}")
    assert source.peak == 65535
    np.testing.assert_array_equal(np.rint(source.x[0, 0].numpy() * 65535), deep)
    np.testing.assert_array_equal(np.asarray(source.give_image(source.x)), deep)


def test_color_files_of_more_than_8_bits_that_pillow_cuts_are_read_with_a_warning(tmp_path: Path) -> None:
    Image.fromarray(COLOR).save(tmp_path / "a.jp2")
    data = bytearray((tmp_path / "a.jp2").read_bytes())
    at = data.find(b"\xff\x4f\xff\x51")  # the codestream: depth of the first channel
    data[at + 42] = 11
    with pytest.warns(UserWarning, match="12 bits a channel read as 8"):
        decoding.open_bytes(bytes(data))


def test_maps_are_in_the_units_of_the_container() -> None:
    method = imgredux.get("flat")
    assert method(COLOR).max() == pytest.approx(1)
    assert method(Image.fromarray(COLOR)).max() == pytest.approx(1)
    assert method(DEEP).max() == pytest.approx(257)
    assert method(Image.fromarray(DEEP)).max() == pytest.approx(257)
    assert method(COLOR / 255).max() == pytest.approx(1 / 255)
    assert method(torch.rand(3, 8, 8)).max() == pytest.approx(1 / 255)
    assert method(COLOR).shape == COLOR.shape[:2]
    assert method(COLOR).dtype == np.float32


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    tags[0x010F] = "maker"
    return tags


@pytest.mark.parametrize("orientation", range(1, 9))
def test_maps_lie_over_the_picture_as_it_is_seen(tmp_path: Path, orientation: int) -> None:
    stored = Image.fromarray(COLOR)
    undo = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    stored.info["exif"] = exif(undo).tobytes()
    stored = ImageOps.exif_transpose(Image.open(saved(stored, tmp_path / "s.png", exif(undo))))
    path = saved(stored, tmp_path / "a.png", exif(orientation))
    np.testing.assert_array_equal(imgredux.get("localstd")(path), imgredux.get("localstd")(COLOR))
    back = same(path)
    assert isinstance(back, Image.Image)
    np.testing.assert_array_equal(np.asarray(back), COLOR)
    assert dict(back.getexif()) == {0x010F: "maker"}


def saved(image: Image.Image, path: Path, tags: Image.Exif) -> Path:
    image.save(path, exif=tags)
    return path


def profile_of_wide_primaries() -> bytes:
    """An RGB profile whose primaries are not sRGB's: red and green of sRGB swapped, by renaming two tags."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = content.find(b"rXYZ"), content.find(b"gXYZ")
    content[red : red + 4], content[green : green + 4] = b"gXYZ", b"rXYZ"
    for name in ("sRGB", "sRGB".encode("utf-16-be").decode("latin-1")):
        content = content.replace(name.encode("latin-1"), name.replace("s", "t").encode("latin-1"))
    return bytes(content)


def test_an_icc_profile_is_converted_to_srgb_and_back(tmp_path: Path) -> None:
    profile = profile_of_wide_primaries()
    Image.fromarray(COLOR).save(tmp_path / "a.png", icc_profile=profile)
    source = images.read(tmp_path / "a.png")
    swapped = source.x[0, [1, 0, 2]].permute(1, 2, 0).numpy() * 255
    assert np.abs(swapped - COLOR).mean() < 1.5  # red and green changed places
    back = source.give_image(source.x)
    assert isinstance(back, Image.Image)
    assert back.info["icc_profile"] == profile
    assert np.abs(np.asarray(back, float) - COLOR).mean() < 1.5


def test_a_restorer_reads_encoded_values_and_keeps_the_profile(tmp_path: Path) -> None:
    Image.fromarray(COLOR).save(tmp_path / "a.png", icc_profile=profile_of_wide_primaries())
    source = images.read(tmp_path / "a.png", stored=True)
    back = source.give_image(source.x)
    assert isinstance(back, Image.Image)
    np.testing.assert_array_equal(np.asarray(back), COLOR)
    assert back.info["icc_profile"] == profile_of_wide_primaries()


def test_a_broken_profile_is_dropped_with_a_warning(tmp_path: Path) -> None:
    Image.fromarray(COLOR).save(tmp_path / "a.png", icc_profile=b"not a profile" * 20)
    with pytest.warns(UserWarning, match="ICC profile cannot be used"):
        back = same(tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(back), COLOR)


def test_a_jpeg_carries_its_quantization_steps() -> None:
    file = io.BytesIO()
    steps = [list(range(1, 65)), list(range(101, 165))]
    Image.fromarray(COLOR).save(file, "JPEG", qtables=steps)
    source = images.read(Image.open(file), stored=True)
    assert source.qtable is not None
    np.testing.assert_array_equal(source.qtable.reshape(2, 64).numpy(), steps)
    file = io.BytesIO()
    Image.fromarray(GRAY).save(file, "JPEG", qtables=steps[:1])
    gray = images.read(Image.open(file), stored=True).qtable
    assert gray is not None
    np.testing.assert_array_equal(gray.reshape(2, 64).numpy(), [steps[0], steps[0]])


def test_the_first_of_several_frames_is_read_with_a_warning(tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / "a.gif", save_all=True, append_images=[Image.fromarray(255 - GRAY)])
    with pytest.warns(UserWarning, match="holds 2 frames, the first is read"):
        source = images.read(tmp_path / "a.gif")
    np.testing.assert_array_equal(np.rint(source.x[0].mean(0).numpy() * 255), GRAY)


def test_files_of_exotic_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "an image.of\nmine.jpeg.png"
    Image.fromarray(COLOR).save(path)
    np.testing.assert_array_equal(np.asarray(same(path)), COLOR)
    (tmp_path / "link.png").symlink_to(path)
    np.testing.assert_array_equal(np.asarray(same(str(tmp_path / "link.png"))), COLOR)


@pytest.mark.parametrize(("size", "legal"), [((1, 1), (16, 16)), ((17, 40), (24, 40)), ((16, 7), (16, 16))])
def test_padding_repeats_the_border_up_to_legal_sizes(size: tuple[int, int], legal: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size)
    padded = pad(x, multiple_of=8, minimum=16)
    assert padded.shape[-2:] == legal
    bottom, right = size
    torch.testing.assert_close(padded[..., :bottom, :right], x, rtol=0, atol=0)
    torch.testing.assert_close(padded[..., -1, -1], x[..., -1, -1], rtol=0, atol=0)


def test_reading_changes_nothing_of_the_image_that_is_passed() -> None:
    image = Image.fromarray(COLOR)
    image.info = {"gamma": 1.0, "comment": b"words", "exif": exif(6).tobytes()}
    before = dict(image.info)
    images.read(image)
    imgredux.get("jpeg444").encode(image)
    assert image.info == before
