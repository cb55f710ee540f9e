"""What is in a file beside its picture: every part is named, and what is not known is never taken for nothing."""

import io
import struct
import warnings
import zlib

import pytest
from PIL import Image, features

from imgredux.io import chunks, jxl, segments
from imgredux.io.inventory import inventory
from tests.io import made

PHOTO = made.saved()
PNG = made.saved(form="PNG")
WEBP = made.saved(form="WEBP")
EXIF = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
IPTC = b"Raw profile type iptc"
HDRGM = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
CAMERA = 'xmlns:Camera="http://ns.google.com/photos/1.0/camera/"'
MPF = b"MPF\0II*\0" + bytes(40)
LOST = {
    "video behind a JPEG": (PHOTO + made.VIDEO, "a video behind the end"),
    "Samsung's trailer": (PHOTO + b"MotionPhoto_Data" + made.VIDEO + b"SEFT", "a video behind the end"),
    "a second JPEG behind it": (PHOTO + PHOTO, "another picture behind the end"),
    "words behind a JPEG": (PHOTO + b"not padding", "data behind the end"),
    "MPF": (made.segments(PHOTO, (0xE2, MPF)), "MPF: several pictures in one file"),
    "gain map by marker": (
        made.segments(PHOTO, (0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))),
        "ISO 21496-1 gain map",
    ),
    "gain map by XMP": (
        made.segments(PHOTO, made.xmp_segment(made.xmp('hdrgm:Version="1.0"', HDRGM))),
        "XMP that speaks of a gain map",
    ),
    "motion by XMP": (
        made.segments(PHOTO, made.xmp_segment(made.xmp('Camera:MotionPhoto="1"', CAMERA))),
        "XMP that speaks of a video",
    ),
    "C2PA": (made.segments(PHOTO, (0xEB, b"JP\0\1\0\0\0\1" + b"jumb" + b"c2pa")), "content credentials (C2PA)"),
    "an unknown APP5": (made.segments(PHOTO, (0xE5, b"RMETA\0abc")), "APP5 RMETA"),
    "a second EXIF": (made.segments(PHOTO, (0xE1, EXIF), (0xE1, EXIF[:10])), "APP1 Exif"),
    "words of Ducky": (made.segments(PHOTO, (0xEC, b"Ducky\0\2\0\4word\0\0")), "APP12 Ducky"),
    "two comments": (made.segments(PHOTO, (0xFE, b"one"), (0xFE, b"two")), "another comment"),
    "two texts of a keyword": (
        made.chunks(PNG, (b"tEXt", b"Author\0me"), (b"tEXt", b"Author\0you")),
        "another text Author",
    ),
    "an unknown chunk": (made.chunks(PNG, (b"teSt", b"x")), "chunk teSt"),
    "PNG's credentials": (made.chunks(PNG, (b"caBX", b"x")), "chunk caBX"),
    "PNG's light": (made.chunks(PNG, (b"mDCV", bytes(24))), "chunk mDCV"),
    "PNG's IPTC": (made.chunks(PNG, (b"zTXt", IPTC + b"\0\0" + zlib.compress(b"x"))), "Raw profile type iptc"),
    "behind a PNG": (PNG + b"PK\3\4zip", "data behind the end"),
    "a video behind a PNG": (PNG + made.VIDEO, "a video behind the end"),
    "an unknown RIFF chunk": (made.riff(WEBP, b"ABCD", b"12345"), "chunk ABCD"),
    "behind a WebP": (WEBP + b"more", "data behind the end"),
}  # fmt: skip


@pytest.mark.parametrize("what", LOST)
def test_what_a_new_file_would_not_hold_is_named(what: str) -> None:
    data, name = LOST[what]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data)) as image:
            image.load()  # Pillow reads it
    assert name in inventory(data).lost()


@pytest.mark.parametrize("data", [PHOTO, PNG, WEBP, PHOTO + bytes(100), PHOTO + b"\xff" * 9, PNG + b"\r\n"])
def test_plain_files_lose_nothing(data: bytes) -> None:
    found = inventory(data)
    assert found.lost() == []
    assert (found.depth, found.frames, found.broken) == (8, 1, "")


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_boxes_of_avif() -> None:
    data = made.saved(form="AVIF", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    found = inventory(data)
    assert (found.form, found.depth, found.lost(), found.broken) == ("AVIF", 8, [], "")
    assert "exif" in found.kinds()
    assert inventory(data + made.box(b"uuid", b"c2pa" + bytes(20))).lost() == ["content credentials (C2PA)"]
    assert inventory(data + made.box(b"abcd", b"")).lost() == ["box abcd"]
    assert inventory(data + made.box(b"free", bytes(8))).lost() == []
    assert inventory(data + b"rest").lost() == ["data behind the last box"]
    for name, said in (
        (b"nclx" + struct.pack(">HHHB", 9, 16, 9, 128), "PQ"),
        (b"nclx" + struct.pack(">HHHB", 9, 18, 9, 128), "HLG"),
    ):
        at = data.index(b"nclx")
        assert inventory(data[:at] + name + data[at + len(name) :]).transfer == said
    gain = data.replace(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:com:apple:photo:2020:aux:hdrgainmap")
    assert inventory(gain).lost() == []  # this one has no alpha


def test_boxes_of_jpeg_xl() -> None:
    pytest.importorskip("pillow_jxl")
    data = made.saved(form="JXL")
    assert (inventory(data).form, inventory(data).depth, inventory(data).lost()) == ("JPEG XL", 8, [])
    whole = jxl.marked_jxl(data, "80")
    assert inventory(whole).mark == "80"
    assert inventory(whole + made.box(b"jbrd", b"x")).lost() == ["what makes the JPEG again that it was (jbrd)"]
    assert inventory(whole + made.box(b"jhgm", b"x")).lost() == ["gain map"]


def test_frames_depth_and_space() -> None:
    frames = [made.photograph(seed=seed) for seed in (0, 1, 2)]
    for form in ("PNG", "WEBP"):
        found = inventory(made.saved(frames[0], form, save_all=True, append_images=frames[1:]))
        assert found.frames == 3
        assert found.lost()[0] == "3 frames"
    assert inventory(made.deep_png()).depth == 16
    assert inventory(made.saved(made.photograph().convert("CMYK"))).space == "CMYK"


@pytest.mark.parametrize("data", [PHOTO, PNG, WEBP])
def test_what_breaks_off_is_said_and_nothing_is_raised(data: bytes) -> None:
    for length in (3, 12, 13, 40, len(data) // 2, len(data) - 1):
        found = inventory(data[:length])
        assert found.broken or not found.form
    for place in range(0, len(data), 37):
        inventory(data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :])


@pytest.mark.parametrize(
    ("form", "mark"),
    [("JPEG", segments.marked), ("WEBP", lambda d, t: chunks.marked_webp(d, t, (64, 48), False))],
)
def test_a_mark_survives_and_readers_pass_over_it(form: str, mark) -> None:
    data = made.saved(form=form)
    marked = mark(data, "80 of 0123456789abcdef")
    assert inventory(marked).mark == "80 of 0123456789abcdef"
    assert inventory(marked).lost() == []
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(marked)) as after:
        assert before.tobytes() == after.tobytes()
