"""A picture is turned once, whatever states its orientation, and no statement is left behind."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgredux
from imgredux.io import decoding, exif, images, xmp
from imgredux.io.files import write_image
from imgredux.io.upright import TURNS, orientation_of, upright
from tests.io import made

TIFF = 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
FORMS = {
    "attribute": lambda n: made.xmp(f'tiff:Orientation="{n}"', TIFF),
    "element": lambda n: made.xmp("", TIFF, f"<tiff:Orientation>{n}</tiff:Orientation>"),
    "single quotes": lambda n: made.xmp(f"tiff:Orientation='{n}'", TIFF),
    "spaces": lambda n: made.xmp(f'tiff:Orientation = " {n} "', TIFF),
    "another prefix": lambda n: made.xmp(f'T:Orientation="{n}"', 'xmlns:T="http://ns.adobe.com/tiff/1.0/"'),
    "an element with lines": lambda n: made.xmp("", TIFF, f"<tiff:Orientation>\n  {n}\n</tiff:Orientation>"),
    "UTF-16": lambda n: made.xmp(f'tiff:Orientation="{n}"', TIFF).decode().encode("utf-16"),
}


@pytest.mark.parametrize("form", FORMS)
def test_xmp_is_read_and_set_upright(form: str) -> None:
    content = FORMS[form](6)
    assert xmp.orientation(content) == 6
    assert xmp.orientation(xmp.upright(content)) == 1
    assert xmp.upright(xmp.upright(content)) == xmp.upright(content)
    assert len(xmp.upright(content)) == len(content)


def test_other_xmp_stays_as_it_is() -> None:
    for content in (
        b"",
        b"\xff\xfe",
        made.xmp('dc:title="tiff:Orientation"'),
        b"\x80 no text",
        made.xmp('tiff:Orientation="1"', TIFF),
    ):
        assert xmp.upright(content) == content


@pytest.mark.parametrize("orientation", sorted(TURNS))
@pytest.mark.parametrize("form", ["attribute", "element", "single quotes", "another prefix"])
def test_two_statements_turn_a_picture_once(tmp_path: Path, orientation: int, form: str) -> None:
    tags = Image.Exif()
    tags[exif.ORIENTATION] = orientation
    path = tmp_path / "a.jpg"
    path.write_bytes(made.segments(made.saved(exif=tags), made.xmp_segment(FORMS[form](orientation))))
    with Image.open(path) as stored:
        expected = np.asarray(stored.transpose(TURNS[orientation]))
    image = decoding.open_image(path)
    turned = upright(image)
    assert np.array_equal(np.asarray(turned), expected)
    assert orientation_of(turned) == 1
    assert np.array_equal(np.asarray(upright(turned)), expected)
    again = images.read(path)
    assert np.array_equal(np.asarray(again.give_image(again.x)), expected)


def test_makers_notes_keep_their_place() -> None:
    note = b"MAKER\0" + bytes(range(40))
    order, entries = "<", 3
    start = 8 + 2 + 12 * entries + 4
    body = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", entries)
    body += struct.pack("<HHI4s", 0x010F, 2, 4, b"abc\0")
    body += struct.pack("<HHIHH", exif.ORIENTATION, 3, 1, 6, 0)
    body += struct.pack("<HHII", 0x927C, 7, len(note), start)
    thumbnail = start + len(note)
    body += struct.pack("<I", thumbnail) + note + struct.pack("<H", 0) + bytes(4)
    new = exif.without_orientation(exif.PREFIX + body)
    assert len(new) == len(exif.PREFIX + body)
    assert new[6 + start : 6 + start + len(note)] == note
    (count,) = struct.unpack_from(order + "H", new, 6 + 8)
    assert count == 2
    parsed = Image.Exif()
    parsed.load(new)
    assert dict(parsed) == {0x010F: "abc", 0x927C: note}
    assert struct.unpack_from("<I", new, 6 + 10 + 12 * 2) == (0,), "the thumbnail lies as the pixels lay"
    assert exif.without_orientation(new) == new


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(tmp_path: Path, value: int) -> None:
    tags = Image.Exif()
    tags[exif.ORIENTATION] = value
    path = tmp_path / "a.jpg"
    path.write_bytes(made.saved(exif=tags))
    with Image.open(path) as stored:
        assert np.array_equal(np.asarray(upright(decoding.open_image(path))), np.asarray(stored))


def test_texts_are_carried_into_xmp() -> None:
    texts = {"prompt": 'a <lighthouse> & "20" steps', "Author": "née\0"}
    alone = xmp.with_texts(None, texts)
    assert alone is not None
    assert b"a &lt;lighthouse&gt; &amp;" in alone
    both = xmp.with_texts(made.xmp('tiff:Orientation="6"', TIFF), texts)
    assert both is not None
    assert xmp.orientation(both) == 6
    assert b"lighthouse" in both
    with pytest.raises(ValueError, match="no place"):
        xmp.with_texts(b"<broken", texts)


def test_texts_of_a_png_are_in_what_is_made_of_it(tmp_path: Path) -> None:
    data = made.chunks(made.saved(form="PNG"), (b"tEXt", b"parameters\0a lighthouse"), (b"tEXt", b"Author\0me"))
    (tmp_path / "a.png").write_bytes(data)
    for name in ("jpeg444", "webp", "avif"):
        coded = imgredux.get(name).encode(tmp_path / "a.png")
        assert b"a lighthouse" in coded, name
    restored = imgredux.restore(tmp_path / "a.png")
    write_image(tmp_path / "b.png", restored)
    with Image.open(tmp_path / "b.png") as image:
        image.load()
        assert image.text == {"parameters": "a lighthouse", "Author": "me"}  # type: ignore[attr-defined]
