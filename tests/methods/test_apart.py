"""Streams of strangers in a process of their own: the same image, and nothing worse than a StreamError."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import imgredux
from imgredux.cli import app
from imgredux.errors import StreamError
from imgredux.io import deep
from imgredux.methods import apart
from tests.io.test_deep import png, samples

CAT = np.arange(40 * 56 * 3, dtype=np.uint32).reshape(40, 56, 3).astype(np.uint8)
MOST = 10**6


def file_of(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The other process does something else."""
    monkeypatch.setattr(apart, "_CHILD", code)


def test_the_same_image_as_here() -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    files = [
        imgredux.get("jpeg444").encode(np.dstack([CAT, CAT[..., 0]])),
        file_of(Image.fromarray(CAT), "JPEG", exif=exif, comment=b"a word", dpi=(72, 72)),
        file_of(Image.fromarray(CAT).quantize(8), "PNG"),
    ]
    for data in files:
        here, there = imgredux.decode(data), imgredux.decode(data, untrusted=True)
        assert isinstance(here, Image.Image)
        assert isinstance(there, Image.Image)
        assert (here.mode, here.size) == (there.mode, there.size)
        assert np.array_equal(np.asarray(here.convert("RGBA")), np.asarray(there.convert("RGBA")))
        for key in ("exif", "icc_profile", "texts"):
            assert here.info.get(key) == there.info.get(key)


def test_sixteen_bits() -> None:
    values = samples()
    found = imgredux.decode(png(values), untrusted=True)
    assert isinstance(found, Image.Image)
    assert np.array_equal(deep.samples_of(found), values)
    array = imgredux.get("jpeg444").encode(values)
    assert np.array_equal(np.asarray(imgredux.decode(array)), np.asarray(imgredux.decode(array, untrusted=True)))


def test_damage_is_the_error_that_it_is_here() -> None:
    stream = bytearray(imgredux.get("jpeg444").encode(np.dstack([CAT, CAT[..., 0]])))
    stream[60] ^= 8
    with pytest.raises(StreamError) as here:
        imgredux.decode(bytes(stream))
    with pytest.raises(StreamError) as there:
        imgredux.decode(bytes(stream), untrusted=True)
    assert (str(here.value), here.value.reason) == (str(there.value), there.value.reason)
    with pytest.raises(StreamError, match="the limit is"):
        imgredux.decode(file_of(Image.new("L", (64, 64)), "PNG"), untrusted=True, max_pixels=100)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of memory there")
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import time; time.sleep(60)", "limit"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "corrupt"),
        ("import os; os._exit(7)", "corrupt"),
        ("print('no answer')", "corrupt"),
        ('print(\'{"mode": "RGB", "size": [9999, 9999], "channels": 0}\')', "corrupt"),
        ('print(\'{"shape": [4, 4], "dtype": "object"}\')', "corrupt"),
        ("from imgredux.methods import apart; apart.serve(lambda data, max_pixels: bytearray(2**32))", "limit"),
        ("from imgredux.methods import apart; apart.serve(lambda data, max_pixels: exit(3))", "corrupt"),
    ],
)
def test_whatever_the_other_process_does(code: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    child(monkeypatch, code)
    with pytest.raises(StreamError) as found:
        apart.decode(b"", MOST, seconds=3 if "sleep" in code else 60, memory=2**28)
    assert found.value.reason == reason


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of memory there")
def test_more_than_is_allowed_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    child(
        monkeypatch,
        "import numpy as np; from imgredux.methods import apart; "
        "apart.serve(lambda data, max_pixels: np.zeros((9000, 9000), np.uint16))",
    )
    monkeypatch.setattr(apart, "MOST", 1000)
    with pytest.raises(StreamError, match=r"more than is allowed|gives no image|File too large|signal|exit"):
        apart.decode(b"", 100)


def test_the_command(tmp_path: Path) -> None:
    coded = tmp_path / "a.irx"
    coded.write_bytes(imgredux.get("jpeg444").encode(np.dstack([CAT, CAT[..., 0]])))
    (tmp_path / "b.irx").write_bytes(coded.read_bytes()[:50])
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["decode", str(coded), str(tmp_path / "b.irx"), "-o", str(out), "--untrusted"])
    assert done.exit_code == 3
    assert [path.name for path in out.glob("*.png")] == ["a.png"]
    wrong = CliRunner().invoke(app, ["decode", str(coded), "-o", str(out), "--untrusted", "--device", "cuda"])
    assert wrong.exit_code == 2
