"""Files in fewer bytes, of which nothing is another: every kind of JPEG and PNG, and what is bound to its bytes."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageSequence
from skimage import data

from imgredux.io import deep, repacking
from imgredux.io.inventory import inventory
from imgredux.io.repacking import as_jxl, repacked
from tests.io import made

PHOTO = Image.fromarray(data.chelsea()[60:188, 100:260].copy())
EXIF = Image.Exif()
EXIF[0x010F], EXIF[0x0112] = "camera maker", 6
for name in ("mozjpeg_lossless_optimization", "oxipng", "pillow_jxl"):
    pytest.importorskip(name, reason=f"{name} is not installed: pip install imgredux[repack]")


def frames(data_: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(data_)) as image:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]


JPEGS: dict[str, Callable[[], bytes]] = {
    "4:2:0": lambda: made.saved(PHOTO, quality=75),
    "4:4:4": lambda: made.saved(PHOTO, quality=90, subsampling="4:4:4"),
    "grey": lambda: made.saved(PHOTO.convert("L")),
    "turned, with EXIF and a comment": lambda: made.saved(PHOTO, exif=EXIF, comment=b"two words"),
    "without JFIF": lambda: made.segments(made.saved(PHOTO, exif=EXIF), (0xEC, b"of a maker")),
    "a video behind it": lambda: made.saved(PHOTO) + made.VIDEO,
    "padding behind it": lambda: made.saved(PHOTO) + bytes(99),
    "two comments": lambda: made.segments(made.saved(PHOTO), (0xFE, b"one"), (0xFE, b"two")),
}


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_keeps_its_samples_and_its_segments(kind: str) -> None:
    before = JPEGS[kind]()
    after = repacked(before)
    assert after is not None
    assert len(after) < len(before)
    assert np.array_equal(frames(before)[0], frames(after)[0])
    assert inventory(after).lost(()) == inventory(before).lost(())
    assert [*repacking._about(before)] == [*repacking._about(after)]
    assert repacked(after) is None or len(repacked(after) or b"") < len(after)


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_comes_back_from_jpeg_xl(kind: str) -> None:
    import pillow_jxl

    before = JPEGS[kind]()
    after = as_jxl(before)
    assert after is not None
    assert len(after) < len(before)
    assert bytes(pillow_jxl.Decoder(num_threads=1)(after)[2]) == before
    assert np.array_equal(frames(before)[0], frames(after)[0])


def test_a_turned_jpeg_in_jpeg_xl_is_read_upright() -> None:
    from imgredux.io import decoding, images

    before = made.saved(PHOTO, exif=EXIF)
    after = as_jxl(before)
    assert after is not None
    old, new = (images.read(decoding.open_bytes(one)).x for one in (before, after))
    assert old.shape == new.shape == (1, 3, 160, 128)
    assert (old - new).abs().max() < 3 / 255


PALETTE = PHOTO.quantize(64)
PNGS: dict[str, Callable[[], bytes]] = {
    "color": lambda: made.saved(PHOTO, "PNG"),
    "grey in color": lambda: made.saved(PHOTO.convert("L").convert("RGB"), "PNG"),
    "palette": lambda: made.saved(PALETTE, "PNG"),
    "palette with transparency": lambda: made.saved(PALETTE, "PNG", transparency=3),
    "alpha": lambda: made.saved(
        Image.merge("RGBA", [*PHOTO.split(), Image.linear_gradient("L").resize(PHOTO.size)]), "PNG"
    ),
    "one bit": lambda: made.saved(PHOTO.convert("1"), "PNG"),
    "16 bits, grey": lambda: made.saved(Image.fromarray(np.asarray(PHOTO.convert("L")).astype(np.uint16) * 251), "PNG"),
    "texts and resolution": lambda: made.chunks(
        made.saved(PHOTO, "PNG", dpi=(72, 72)), (b"tEXt", b"a\0b"), (b"tIME", bytes(7))
    ),
    "an unknown chunk": lambda: made.chunks(made.saved(PHOTO, "PNG"), (b"prIv", b"mine")),
    "two frames": lambda: made.saved(PHOTO, "PNG", save_all=True, append_images=[PHOTO.rotate(9)]),
}


@pytest.mark.parametrize("kind", PNGS)
def test_a_png_keeps_its_samples_and_its_chunks(kind: str) -> None:
    before = PNGS[kind]()
    after = repacked(before)
    if after is None:
        pytest.skip("nothing smaller")
    assert len(after) < len(before)
    assert len(frames(before)) == len(frames(after))
    assert all(np.array_equal(a, b) for a, b in zip(frames(before), frames(after), strict=True))
    assert inventory(after).lost(()) == inventory(before).lost(())


def test_16_bits_of_color_are_all_compared() -> None:
    samples = np.random.default_rng(0).integers(0, 2**16, (40, 300, 3)).astype(np.uint16)
    samples[:, 25:] = samples[:1, :1]
    about = made.saved(Image.new("RGB", (1, 1)), "PNG")
    before = deep.png_of(samples, about)
    assert repacked(before) is not None
    changed = samples.copy()
    changed[9, 9, 1] ^= 1  # the low byte, that Pillow does not read
    assert not repacking._same(before, deep.png_of(changed, about), inventory(before))
    assert repacking._same(before, deep.png_of(samples, about), inventory(before))


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"no image",
        made.saved(PHOTO)[:-300],
        made.saved(PHOTO, "PNG")[:-300],
        made.saved(PHOTO) + b"something unknown",
        made.segments(made.saved(PHOTO), (0xE2, b"MPF\0" + bytes(9))),
        made.segments(made.saved(PHOTO), (0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))),
        made.chunks(made.saved(PHOTO, "PNG"), (b"caBX", b"jumb")),
        made.saved(PHOTO, "WEBP"),
    ],
)
def test_what_is_bound_to_its_bytes_or_damaged_has_no_other_file(kept: bytes) -> None:
    assert repacked(kept) is None


def test_a_picture_that_was_changed_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    other = made.saved(PHOTO.point(lambda value: value ^ 1), quality=20)
    monkeypatch.setattr(repacking, "_jpeg", lambda data, found: other)
    assert repacked(made.saved(PHOTO, quality=95)) is None


def test_without_the_packages_nothing_is_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repacking, "_module", lambda name: None)
    assert repacked(made.saved(PHOTO)) is None
    assert repacked(made.saved(PHOTO, "PNG")) is None
    assert as_jxl(made.saved(PHOTO)) is None
