"""The door for files: what is let in, and what that costs."""

import io
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

import imgredux
from imgredux.errors import ImageError, StreamError
from imgredux.io import decoding
from imgredux.methods.stream import Stream, pack
from tests.io import made

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(x) show\n"


@pytest.fixture
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> None:
        pytest.fail("a program was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", start)
    monkeypatch.setattr("subprocess.Popen.__init__", start)


def stream(content: bytes, method: str = "jpeg444", size: tuple[int, int] = (8, 8)) -> bytes:
    whole = Stream(
        method=method,
        tag="",
        digest=bytes(8),
        width=size[0],
        height=size[1],
        channels=3,
        depth=8,
        payload={"file": content},
    )
    return pack(whole)


def in_form(form: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 90, 200)).save(file, form)
    return file.getvalue()


@pytest.mark.usefixtures("no_program")
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.eps", "a"])
def test_a_file_of_another_language_starts_no_program(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(EPS)
    for read in (imgredux.get("flat"), imgredux.restore, imgredux.get("jpeg444").encode):
        with pytest.raises(ImageError, match="no format that is read here"):
            read(tmp_path / name)
    with pytest.raises(StreamError, match="no format that is read here"):
        imgredux.decode(EPS)


@pytest.mark.usefixtures("no_program")
@pytest.mark.parametrize("method", ["jpeg444", "webp", "avif", "jndjpeg"])
@pytest.mark.parametrize("form", ["EPS", "DDS", "GIF", "TIFF", "PNG", "BMP", "JPEG", "WEBP"])
def test_a_part_of_a_stream_is_of_its_codecs_own_format(method: str, form: str) -> None:
    content = EPS if form == "EPS" else in_form(form)
    own = {"jpeg444": "JPEG", "jndjpeg": "JPEG", "webp": "WEBP", "avif": "AVIF"}[method]
    if form == own:
        assert isinstance(imgredux.decode(stream(content, method)), Image.Image)
        return
    with pytest.raises(StreamError, match="no format that is read here"):
        imgredux.decode(stream(content, method))


def test_pages_are_counted_without_being_read(tmp_path: Path) -> None:
    pages = 5000
    data = bytearray(b"II*\0" + struct.pack("<I", 8))
    entries = ((256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 4), (277, 1), (278, 1), (279, 1))
    for number in range(pages):
        following = len(data) + 2 + 12 * len(entries) + 4
        data += struct.pack("<H", len(entries))
        data += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
        data += struct.pack("<I", following if number < pages - 1 else 0)
    (tmp_path / "a.tif").write_bytes(data)
    began = time.perf_counter()
    with pytest.warns(UserWarning, match="holds 1000 frames"):
        decoding.open_image(tmp_path / "a.tif")
    assert time.perf_counter() - began < 2
    data[8 + 2 + 12 * len(entries) : 8 + 2 + 12 * len(entries) + 4] = struct.pack("<I", 8)  # a chain without an end
    (tmp_path / "b.tif").write_bytes(data)
    decoding.open_image(tmp_path / "b.tif")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_result_that_is_none_is_not_given(tmp_path: Path, bad: float) -> None:
    method = imgredux.get("localstd")
    method.register_forward_hook(lambda module, given, result: result.fill_(bad))
    (tmp_path / "a.png").write_bytes(made.saved(form="PNG"))
    with pytest.raises(imgredux.PluginError, match="not finite"):
        method(tmp_path / "a.png")


@pytest.mark.parametrize(("form", "options"), [("PNG", {"compress_level": 9}), ("WEBP", {}), ("JPEG", {})])
def test_a_large_flat_picture_is_read(form: str, options: dict[str, int]) -> None:
    """Above the number of pixels from which a file must have some bytes for them."""
    file = io.BytesIO()
    Image.new("L" if form == "PNG" else "RGB", (5000, 5000), "gray").save(file, form, **options)
    assert decoding.open_bytes(file.getvalue()).size == (5000, 5000)


def test_a_tiny_file_of_many_pixels_is_read_where_the_caller_asks_for_more() -> None:
    file = io.BytesIO()
    Image.new("1", (5000, 5000)).save(file, "TIFF", compression="group4")
    with pytest.raises(ImageError, match="25 megapixels in"):
        decoding.open_bytes(file.getvalue())
    assert decoding.open_bytes(file.getvalue(), max_pixels=2**28).size == (5000, 5000)
