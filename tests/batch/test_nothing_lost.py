"""`optimize` over a folder that holds one of everything: done within the target as seen, or kept byte for byte."""

import io
import json
import struct
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from skimage import data

import imgredux
from imgredux.batch import engine
from imgredux.batch.again import proof
from imgredux.batch.encode import Encode
from imgredux.batch.optimize import Optimize
from imgredux.batch.record import stamp_of
from imgredux.batch.run import Run
from imgredux.io import decoding, images, profiles
from imgredux.io.exif import ORIENTATION
from imgredux.io.inventory import inventory
from imgredux.metrics import ssimulacra2
from tests.io import made

TARGET = 70.0
PACKED = "packed again"
PHOTO = Image.fromarray(data.chelsea()[60:188, 100:260].copy())


def tags(**more: object) -> Image.Exif:
    found = Image.Exif()
    found[0x010F] = "camera maker"
    for key, value in more.items():
        found[{"orientation": ORIENTATION, "note": 0x927C}[key]] = value
    return found


def in_profile(profile: bytes) -> Image.Image:
    image = PHOTO.copy()
    image.info["icc_profile"] = profile
    return image


@lru_cache
def files() -> dict[str, tuple[bytes, str]]:
    """Each file with why it is kept; empty where it is made smaller, `PACKED` where that is done without a loss."""
    png = made.saved(PHOTO, "PNG")
    jpeg = made.saved(PHOTO)
    frames = [made.photograph(seed=seed) for seed in (0, 1)]
    turned = made.xmp('tiff:Orientation="6"', 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"')
    p3, linear = profiles.profile_of(None, profiles.PRIMARIES[12]), profiles.profile_of(1.0, profiles.SRGB)
    hdr = made.chunks(png, (b"cICP", bytes([9, 16, 0, 1])))
    iptc = (0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\x0b\x1c\2\x78\0\6a word\0")
    return {
        "plain.png": (png, ""),
        "p3.png": (made.saved(PHOTO, "PNG", icc_profile=p3), ""),
        "linear.png": (made.saved(PHOTO, "PNG", icc_profile=linear), ""),
        "gama.png": (made.chunks(png, (b"gAMA", struct.pack(">I", 100_000))), ""),
        "turned.jpg": (made.segments(made.saved(PHOTO, exif=tags(orientation=6)), made.xmp_segment(turned)), ""),
        "note.jpg": (made.saved(PHOTO, exif=tags(note=b"MAKER" * 9)), ""),
        "damaged_exif.jpg": (made.segments(jpeg, (0xE1, b"Exif\0\0no TIFF at all")), ""),
        "palette.png": (made.saved(PHOTO.quantize(256), "PNG"), ""),
        "text.png": (made.chunks(png, (b"tEXt", b"parameters\0a lighthouse")), ""),
        "ä 写真 .jpg": (jpeg, ""),
        "iptc.jpg": (made.segments(jpeg, iptc), ""),
        "motion.jpg": (jpeg + made.VIDEO, PACKED),
        "gain_map.jpg": (made.segments(jpeg, (0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))), "gain map"),
        "hdr.png": (hdr, "HDR image (PQ)"),
        "deep.png": (made.deep_png(), "16 bits a channel"),
        "cmyk.jpg": (made.saved(PHOTO.convert("CMYK")), PACKED),
        "lab.tif": (made.saved(PHOTO.convert("LAB"), "TIFF"), "LAB"),
        "moving.png": (made.saved(frames[0], "PNG", save_all=True, append_images=frames[1:]), "2 frames"),
        "other.bmp": (made.saved(PHOTO, "BMP"), "a file of BMP"),
        "credentials.png": (made.chunks(png, (b"caBX", b"jumb")), "chunk caBX"),
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, bytes, str]]:
    """Of each file: what it was, what it is, and why it was kept."""
    folder = tmp_path_factory.mktemp("everything")
    (folder / "in").mkdir()
    for name, (content, _) in files().items():
        (folder / "in" / name).write_bytes(content)
    found = {}
    for one in engine.run(Optimize(TARGET, formats=["jpeg"]), [folder / "in"], folder / "out", jobs=1):
        assert one.error is None, (one.input.name, one.error)
        found[one.input.name] = (one.input.read_bytes(), one.outputs[0].read_bytes(), one.facts.get("kept", ""))
    return found


@pytest.mark.parametrize("name", files())
def test_every_file_is_made_smaller_within_the_target_or_kept(done, name: str) -> None:
    before, after, kept = done[name]
    assert before == files()[name][0], "the original is untouched"
    why = files()[name][1]
    if why == PACKED:
        assert kept == ""
        assert len(after) < len(before)
        assert inventory(after).lost() == inventory(before).lost()
        old, new = (np.asarray(Image.open(io.BytesIO(data))) for data in (before, after))
        assert np.array_equal(old, new)
        return
    if why:
        assert why in kept
        assert after == before
        return
    assert kept == ""
    assert len(after) < len(before)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged EXIF
        old, new = images.read(decoding.open_bytes(before)), images.read(decoding.open_bytes(after))
    assert ssimulacra2(new.x, old.x).item() > TARGET - 1
    assert inventory(after).lost(("exif", "xmp", "icc", "text", "resolution", "color", "iptc")) == []


def test_what_the_files_held_is_in_the_new_ones(done) -> None:
    note = Image.open(io.BytesIO(done["note.jpg"][1])).getexif()
    assert note[0x010F] == "camera maker"
    assert note[0x927C] == b"MAKER" * 9
    assert b"a lighthouse" in done["text.png"][1]
    assert b"a word" in done["iptc.jpg"][1]
    assert done["motion.jpg"][1].endswith(made.VIDEO)
    p3 = Image.open(io.BytesIO(done["p3.png"][1])).info["icc_profile"]
    assert p3 == profiles.profile_of(None, profiles.PRIMARIES[12])
    turned = Image.open(io.BytesIO(done["turned.jpg"][1]))
    assert turned.size == (128, 160)
    assert turned.getexif().get(ORIENTATION, 1) == 1
    assert b'tiff:Orientation="1"' in turned.info["xmp"]


@pytest.mark.parametrize("formats", [["jpeg"], ["webp"], ["avif"], ["jxl"]])
def test_its_own_files_are_known(tmp_path: Path, formats: list[str]) -> None:
    if formats == ["avif"] and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    if formats == ["jxl"]:
        pytest.importorskip("pillow_jxl")
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "a.png").write_bytes(made.saved(PHOTO, "PNG"))
    work = Optimize(TARGET, formats=formats)
    (first,) = engine.run(work, [tmp_path / "0"], tmp_path / "1", jobs=1)
    assert "kept" not in first.facts
    copied = tmp_path / f"elsewhere{first.outputs[0].suffix}"
    copied.write_bytes(first.outputs[0].read_bytes())
    for path in (first.outputs[0], copied):
        (second,) = engine.run(work, [path], tmp_path / f"2{path.stem}", jobs=1)
        assert "a result of imgredux optimize" in second.facts["kept"]
        assert second.outputs[0].read_bytes() == path.read_bytes()


def test_a_record_knows_files_without_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(made.saved(PHOTO))
    about = stamp_of(tmp_path / "a.jpg")
    row = {"input": "b.png", "task": "optimize", "place": "a", "settings": "", "facts": {"before": 9}}
    row |= {"outputs": {"a.jpg": about}}
    (tmp_path / "imgredux.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = engine.run(Optimize(TARGET, formats=["jpeg"]), [tmp_path / "a.jpg"], tmp_path / "out", jobs=1)
    assert "a result of imgredux optimize" in found.facts["kept"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda image: image.transpose(Image.Transpose.ROTATE_180), "another picture"),
        (lambda image: image.transpose(Image.Transpose.ROTATE_90), "another size"),
        (lambda image: image.point(lambda value: value // 2), "another picture"),
        (lambda image: Image.new("RGB", image.size), "another picture"),
        (lambda image: image.convert("RGBA"), "gained transparency"),
    ],
)
def test_a_new_file_that_shows_something_else_is_not_kept(changed, said: str) -> None:
    assert proof(made.saved(PHOTO, "PNG"), PHOTO).differs == ""
    assert said in proof(made.saved(changed(PHOTO), "PNG"), PHOTO).differs
    turned = made.saved(PHOTO, exif=tags(orientation=3))
    assert proof(turned, PHOTO).differs == "still states an orientation"
    assert "damaged" in proof(made.saved(PHOTO)[:-200], PHOTO).differs


def test_pictures_with_transparency_are_compared_too() -> None:
    clear = PHOTO.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
    assert proof(made.saved(clear, "PNG"), clear).differs == ""
    turned = clear.transpose(Image.Transpose.ROTATE_180)
    assert "another picture" in proof(made.saved(turned, "PNG"), clear).differs
    opaque = clear.copy()
    opaque.putalpha(255)
    assert "another picture" in proof(made.saved(opaque, "PNG"), clear).differs


def test_run_and_encode_say_what_a_new_file_does_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(made.saved(PHOTO, quality=40) + made.VIDEO)
    for work in (Run("slidingdct"), Encode("jpeg444")):
        out = tmp_path / work.task.split()[0]
        out.mkdir()
        (done,) = engine.run(work, [path], out, jobs=1)
        assert done.warnings == ("the new file does not hold a video behind the end",)
    assert imgredux.get("flat")(path).shape == np.asarray(PHOTO).shape[:2]
