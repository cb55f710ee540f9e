"""Color of 16 bits a channel: read to the bit, turned, converted, and written again."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from typer.testing import CliRunner

import imgredux
from imgredux.cli import app
from imgredux.errors import ImageError
from imgredux.io import decoding, deep, images, profiles
from imgredux.io.files import write_image
from imgredux.io.upright import TURNS
from tests.io.made import chunk

TYPES = {2: 4, 3: 2, 4: 6}
EXIF = b"II*\0" + struct.pack("<IHHHIIi", 8, 1, 0x0112, 3, 1, 6, 0)


def samples(channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 65536, (24, 17, channels), dtype=np.uint16)


def png(values: np.ndarray, *more: tuple[bytes, bytes]) -> bytes:
    """As the specification says, without a filter."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, TYPES[channels], 0, 0, 0)
    parts = ((b"IHDR", head), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)


def tiff(values: np.ndarray, order: str, *, compressed: bool = False, orientation: int = 1) -> bytes:
    """One strip, in the order of bytes that is asked for."""
    height, width, channels = values.shape
    body = values.astype(f"{order}u2").tobytes()
    body = zlib.compress(body) if compressed else body
    depths = struct.pack(f"{order}{channels}H", *(16,) * channels)
    fields = {
        256: (4, width), 257: (4, height), 258: (3, 8), 259: (3, 8 if compressed else 1), 262: (3, 2), 273: (4, 16),
        274: (3, orientation), 277: (3, channels), 278: (4, height), 279: (4, len(body)),
    }  # fmt: skip
    if channels == 4:
        fields[338] = (3, 2)
    entries = b""
    for tag, (kind, value) in fields.items():
        if tag == 258:
            entries += struct.pack(f"{order}HHII", tag, kind, channels, 16 + len(body))
        else:
            entries += struct.pack(f"{order}HHI", tag, kind, 1) + struct.pack(
                f"{order}{'H2x' if kind == 3 else 'I'}", value
            )
    at = 16 + len(body) + len(depths)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI8x", 42, at)
    return head + body + depths + struct.pack(f"{order}H", len(fields)) + entries + bytes(4)


def read(data: bytes, tmp_path: Path, suffix: str = ".png") -> np.ndarray:
    """All samples of a file, without a warning."""
    file = tmp_path / f"deep{suffix}"
    file.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = images.read(file)
    assert (source.dtype, source.peak) == (np.uint16, 65535)
    planes = source.x[0].numpy().transpose(1, 2, 0).astype(np.float64)
    found = np.rint(planes * 65535).astype(np.uint16)
    return found if source.alpha is None else np.concatenate([found, source.alpha[..., None]], -1)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_png(channels: int, tmp_path: Path) -> None:
    values = samples(channels)
    assert np.array_equal(read(png(values), tmp_path), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
def test_tiff(order: str, compressed: bool, channels: int, tmp_path: Path) -> None:
    values = samples(channels)
    assert np.array_equal(read(tiff(values, order, compressed=compressed), tmp_path, ".tif"), values)


def test_one_transparent_color(tmp_path: Path) -> None:
    values = samples()
    found = read(png(values, (b"tRNS", values[3, 5].astype(">u2").tobytes())), tmp_path)
    assert np.array_equal(found[..., :3], values)
    assert (found[..., 3] == 0).sum() == 1
    assert found[3, 5, 3] == 0


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_turned_as_pillow_turns(orientation: int, tmp_path: Path) -> None:
    values = samples()
    found = read(tiff(values, "<", orientation=orientation), tmp_path, ".tif")
    high = Image.fromarray((values >> 8).astype(np.uint8)).transpose(TURNS[orientation])
    assert np.array_equal(found >> 8, np.asarray(high))


def test_a_profile_of_curves_is_converted_at_full_depth(tmp_path: Path) -> None:
    linear = profiles.profile_of(1.0, profiles.SRGB)
    ramp = np.repeat(np.arange(24 * 17, dtype=np.uint16).reshape(24, 17, 1) * 8, 3, -1)
    found = read(png(ramp, (b"iCCP", b"it\0\0" + zlib.compress(linear))), tmp_path)
    expected = profiles.encoded(ramp / 65535.0) * 65535
    assert np.abs(found - expected).max() < 2
    assert len(np.unique(found)) > 400  # at 8 bits there would be 13


def test_a_profile_of_tables_is_read_as_eight_bits(tmp_path: Path) -> None:
    """LittleCMS converts it, which Pillow gives 8 bits."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    file = tmp_path / "a.png"
    file.write_bytes(png(samples(), (b"iCCP", b"it\0\0" + zlib.compress(lab))))
    with pytest.warns(UserWarning, match="profile"):
        assert images.read(file).dtype == np.uint8


def test_near_the_same_at_eight_bits(tmp_path: Path) -> None:
    values = samples()
    file = tmp_path / "a.png"
    file.write_bytes(png(values))
    map_ = imgredux.get("wei2009")(file)
    eight = imgredux.get("wei2009")((values >> 8).astype(np.uint8))
    assert np.array_equal(map_, imgredux.get("wei2009")(values))
    assert np.abs(map_ / 257 - eight).max() < 1


def test_a_restored_file_has_sixteen_bits(tmp_path: Path) -> None:
    values = samples()
    file, out = tmp_path / "a.png", tmp_path / "b.png"
    file.write_bytes(png(values, (b"pHYs", struct.pack(">IIB", 3937, 3937, 1)), (b"tEXt", b"Title\0sixteen")))
    assert CliRunner().invoke(app, ["run", "slidingdct", str(file), "-o", str(out)]).exit_code == 0
    assert np.array_equal(read(out.read_bytes(), tmp_path), values)  # no trace of JPEG
    image = decoding.open_image(out)
    assert image.info["texts"] == {"Title": "sixteen"}
    assert round(image.info["dpi"][0]) == 100
    result = CliRunner().invoke(app, ["run", "slidingdct", str(file), "-o", str(tmp_path / "b.tif")])  # 8 bits there
    assert result.exit_code == 3
    assert not (tmp_path / "b.tif").exists()


@pytest.mark.parametrize("quality", [[], ["--quality", "20"]])
def test_a_restorer_turns_and_keeps_the_profile(quality: list[str], tmp_path: Path) -> None:
    values = np.repeat(np.repeat(samples()[::4, ::4], 4, 0), 4, 1)
    profile = profiles.profile_of(1.8, profiles.PRIMARIES[12])
    (tmp_path / "a.png").write_bytes(png(values, (b"iCCP", b"it\0\0" + zlib.compress(profile)), (b"eXIf", EXIF)))
    out = tmp_path / "b.png"
    assert (
        CliRunner().invoke(app, ["run", "slidingdct", str(tmp_path / "a.png"), "-o", str(out), *quality]).exit_code == 0
    )
    image = decoding.open_image(out)
    found = deep.samples_of(image)
    assert found is not None
    assert image.info["icc_profile"] == profile
    expected = deep.turned(values, 6)
    assert found.shape == expected.shape
    assert np.array_equal(found, expected) == (not quality)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.5


@pytest.mark.parametrize("channels", [3, 4])
def test_through_a_stream_and_back(channels: int, tmp_path: Path) -> None:
    values = np.repeat(np.repeat(samples(channels)[::8, ::8], 8, 0), 8, 1)
    file = tmp_path / "a.png"
    file.write_bytes(png(values))
    runner = CliRunner()
    assert runner.invoke(app, ["encode", "jpeg444", str(file), "-o", str(tmp_path / "a.irx")]).exit_code == 0
    assert runner.invoke(app, ["decode", str(tmp_path / "a.irx"), "-o", str(tmp_path / "b.png")]).exit_code == 0
    image = decoding.open_image(tmp_path / "b.png")
    found = deep.samples_of(image)
    assert found is not None
    assert np.array_equal(found[..., 3:], values[..., 3:])  # alpha to the bit
    assert np.abs(found[..., :3].astype(float) - values[..., :3]).mean() < 257  # a level of 255


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_written_and_read(channels: int, tmp_path: Path) -> None:
    values = samples(channels)
    write_image(tmp_path / "a.png", deep.as_image(values))
    assert np.array_equal(read((tmp_path / "a.png").read_bytes(), tmp_path), values)
    with pytest.raises(ImageError, match="8 bits a channel"):
        write_image(tmp_path / "a.webp", deep.as_image(values))


def test_what_pillow_makes_of_it_has_eight_bits() -> None:
    image = decoding.open_bytes(png(samples()))
    assert deep.samples_of(image) is not None
    for made in (image.copy(), image.convert("L"), image.crop((0, 0, 8, 8)), image.resize((9, 9))):
        assert deep.samples_of(made) is None


def test_a_damaged_file_is_an_error() -> None:
    whole = png(samples())
    with pytest.raises(ImageError):
        decoding.open_bytes(whole[: len(whole) // 2])
    assert isinstance(Image.open(io.BytesIO(whole)), Image.Image)
