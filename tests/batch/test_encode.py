"""Images to streams and back, in files: what is named how, what is kept, what is refused."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from skimage import data
from typer.testing import CliRunner

import imgredux
from imgredux.batch import encode as coding
from imgredux.cli import app
from imgredux.errors import ImageError, StreamError
from tests.io import made

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    Image.fromarray(data.astronaut()[:60, :80]).save("in/astronaut.png")
    Image.fromarray(data.camera()[:60, :80]).save("in/camera.png")
    rgba = np.dstack([data.astronaut()[:60, :80], data.camera()[:60, :80]])
    Image.fromarray(rgba).save("logo.png")
    return tmp_path


def run(*arguments: str, code: int = 0) -> tuple[str, str]:
    jobs = ["--jobs", "1"] if arguments[0] != "identify" else []
    result = CliRunner().invoke(app, [*arguments, *jobs])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result.stdout, result.stderr


def test_a_folder_becomes_files_and_files_become_pictures(folder):
    out, _ = run("encode", "jpeg444", "in", "-o", "coded", "--set", "quality=80")
    assert sorted(path.name for path in Path("coded").glob("*.jpg")) == ["astronaut.jpg", "camera.jpg"]
    assert f"in/astronaut.png: coded/astronaut.jpg, {Path('coded/astronaut.jpg').stat().st_size} bytes, " in out
    with Image.open("coded/astronaut.jpg") as image:
        assert image.format == "JPEG"
        assert image.size == (80, 60)
    run("decode", "coded/astronaut.jpg", "coded/camera.jpg", "-o", "decoded")
    with Image.open("decoded/camera.png") as image:
        assert image.mode == "L"
    before = Path("coded/astronaut.jpg").read_bytes()
    out, _ = run("encode", "jpeg444", "in", "-o", "coded", "--set", "quality=80")
    assert out.count("done before") == 2
    out, _ = run("encode", "jpeg444", "in", "-o", "coded", "--set", "quality=20")  # otherwise: made anew
    assert "done before" not in out
    assert Path("coded/astronaut.jpg").read_bytes() != before
    Path("coded/camera.jpg").write_text("edited since")
    _, err = run("encode", "jpeg444", "in", "-o", "coded", "--set", "quality=20", code=3)
    assert "camera.jpg exists already" in err
    assert Path("coded/camera.jpg").read_text() == "edited since"
    run("encode", "jpeg444", "in", "-o", "coded", "--force")


def test_what_a_format_cannot_hold_goes_into_a_stream(folder):
    run("encode", "jpeg444", "logo.png", "-o", "logo.irx")
    found = coding.describe("logo.irx")
    assert (found["method"], found["keeps"], list(found["parts"])) == ("jpeg444", ["alpha"], ["file"])
    run("decode", "logo.irx", "-o", "back.png")
    with Image.open("logo.png") as before, Image.open("back.png") as after:
        assert np.array_equal(before.getchannel("A"), after.getchannel("A"))
    _, err = run("encode", "jpeg444", "logo.png", "-o", "logo.jpg", code=3)
    assert "makes of this image a .irx file" in err
    assert not Path("logo.jpg").exists()
    run("encode", "webp", "logo.png", "-o", "logo.webp")
    with Image.open("logo.png") as before, Image.open("logo.webp") as after:
        assert np.array_equal(before.getchannel("A"), after.getchannel("A"))


def test_identify_tells_a_stream_from_its_header_alone(folder):
    run("encode", "jpeg444", "logo.png", "-o", "logo.irx")
    out, _ = run("identify", "logo.irx", "in/camera.png")
    assert "  method      jpeg444" in out
    assert "  keeps       alpha" in out
    assert "  format      PNG" in out
    out, _ = run("identify", "--json", "logo.irx")
    assert json.loads(out)["width"] == 80
    Path("logo.irx").write_bytes(Path("logo.irx").read_bytes()[:-9])
    Path("text.irx").write_text("not an image")
    _, err = run("identify", "logo.irx", "text.irx", "absent.irx", code=3)
    assert err.count("imgredux: ") == 3
    with pytest.raises(StreamError, match="neither"):
        coding.describe("text.irx")


def test_metadata_is_kept_and_the_image_is_upright(folder):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera maker"
    profile = Image.new("RGB", (1, 1)).info.get("icc_profile") or b"not a profile"
    Image.fromarray(data.astronaut()[:60, :80]).save(
        "turned.jpg", exif=exif, xmp=XMP, icc_profile=profile, dpi=(72, 72)
    )
    for name, suffix in (("jpeg420", "jpg"), ("webp", "webp"), ("avif", "avif")):
        coded = imgredux.get(name).encode("turned.jpg")
        Path(f"new.{suffix}").write_bytes(coded)
        with Image.open(f"new.{suffix}") as image:
            assert image.size == (60, 80)
            assert image.getexif()[0x010F] == "camera maker"
            assert image.getexif().get(0x0112, 1) == 1
            assert image.info["icc_profile"] == profile
            assert XMP in image.info["xmp"]


def test_options_and_sizes_that_cannot_be_are_errors(folder):
    _, err = run("encode", "jpeg444", "logo.png", "-o", "logo.irx", "--set", "quality=0", code=3)
    assert "whole numbers from 1 to 100" in err
    _, err = run("encode", "jpeg444", "logo.png", "-o", "logo.irx", "--set", "quality=-", code=2)
    assert "no TOML value" in err
    _, err = run("encode", "wei2009", "logo.png", "-o", "logo.irx", code=2)
    assert "encode takes codecs" in err
    _, err = run("encode", "jpeg444", "in", "-o", "logo.png", code=2)
    assert "need a folder" in err
    _, err = run("decode", "logo.png", "-o", "logo.gif", code=2)
    assert "must end in one of" in err
    with pytest.raises(ImageError, match="Pillow cannot write 16384x1"):
        imgredux.get("webp").encode(np.zeros((1, 16384, 3), np.uint8))


@pytest.mark.parametrize(
    ("start", "suffix"), [(b"\xff\xd8\xff\xe0", ".jpg"), (b"RIFF....WEBPVP8 ", ".webp"), (b"..", ".irx")]
)
def test_public_formats_are_known_by_how_they_begin(start, suffix):
    assert coding.suffix_of(start) == suffix


def test_xmp_and_texts_go_through_a_stream(tmp_path):
    """Alpha sends the JPEG of this codec into a stream."""
    texts = PngInfo()
    texts.add_text("prompt", "a cat & a dog")
    texts.add_itxt("XML:com.adobe.xmp", made.xmp('xmp:Rating="4"', 'xmlns:xmp="http://ns.adobe.com/xap/1.0/"').decode())
    Image.new("RGBA", (32, 24), (200, 90, 10, 77)).save(tmp_path / "a.png", pnginfo=texts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = imgredux.get("jpeg444").encode(tmp_path / "a.png")
    image = imgredux.decode(data)
    assert b"a cat &amp; a dog" in image.info["xmp"]
    assert b'Rating="4"' in image.info["xmp"]
    (tmp_path / "a.irx").write_bytes(data)
    assert coding.describe(tmp_path / "a.irx")["keeps"] == ["alpha", "xmp"]
    result = CliRunner().invoke(app, ["encode", "jpeg444", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.irx")])
    assert (result.exit_code, result.stderr) == (0, "")
