"""Odd images that are valid, and some that are not quite, through every estimator and restorer.

    python -m tests.campaigns.odd [--only REGEX]

Each file gives a result of the picture's upright size, finite, in the form that the contract says; or one of imgredux's
own errors. The same picture in other clothes gives the same result: turned by EXIF, as a palette, in 16 bits, in the
numbers of Display P3, with transparency, progressive, of restart markers, under another name. Prints a Markdown table,
and ends with exit code 1 where something does not hold.
"""

import argparse
import io
import re
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageFilter

import imgredux
from imgredux.io import profiles
from imgredux.io.upright import TURNS
from tests.io.test_deep import png

WIDTH, HEIGHT = 56, 40
LEVELS = 1.0  # of 255, by which the same picture may differ where it is stored in coarser numbers


@dataclass(frozen=True)
class Odd:
    """A file. size: of the result, `(height, width)`; None: it may be refused, and must not be otherwise than by name.

    same: the picture is that of `plain.png`; within so many grey levels of 255, None: another picture.
    """

    suffix: str
    data: bytes
    size: tuple[int, int] | None = (HEIGHT, WIDTH)
    same: float | None = None


def scene() -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / 64
    base = np.stack([120 + 60 * np.sin(5 * x + 2 * y), 110 + 50 * np.cos(4 * y - x), 100 + 60 * x * y], -1)
    grain = np.random.default_rng(0).normal(0, 10, base.shape)
    image = Image.fromarray(np.clip(base + grain, 20, 230).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(0.6))


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.copy().save(file, form, **options)
    return file.getvalue()


def turned(number: int, form: str) -> bytes:
    """The scene as it lies in a file whose EXIF says how to turn it."""
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(number, TURNS.get(number))
    image = scene() if back is None else scene().transpose(back)
    exif = Image.Exif()
    exif[0x0112] = number
    return saved(image, form, exif=exif)


def in_profile(primaries: int, exponent: float | None) -> bytes:
    """The scene in the numbers of another color space, 16 bits a channel, with its profile."""
    pixels = np.asarray(scene()) / 255
    light = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    matrix = np.linalg.inv(profiles.to_xyz(profiles.PRIMARIES[primaries])) @ profiles.to_xyz(profiles.SRGB)
    light = light @ matrix.T
    values = profiles.encoded(light) if exponent is None else np.clip(light, 0, 1) ** (1 / exponent)
    profile = profiles.profile_of(exponent, profiles.PRIMARIES[primaries])
    deep = np.rint(np.clip(values, 0, 1) * 65535).astype(np.uint16)
    return png(deep, (b"iCCP", b"it\0\0" + zlib.compress(profile)))


def files() -> dict[str, Odd]:
    """The files, by name; `plain.png` first."""
    image, pixels = scene(), np.asarray(scene())
    gray = image.convert("L")
    deep = pixels.astype(np.uint16) * 257
    found = {"plain": Odd(".png", saved(image), same=0)}
    for size in ((1, 1), (1, 2), (7, 7), (8, 8), (9, 17), (3000, 1), (1, 3000)):
        found[f"{size[0]}x{size[1]}"] = Odd(".png", saved(image.resize(size)), (size[1], size[0]))
    for number in range(1, 9):
        found[f"exif_{number}"] = Odd(".png", turned(number, "PNG"), same=0)
        found[f"exif_{number}_webp"] = Odd(".webp", turned(number, "WEBP"))
    alpha = image.copy()
    alpha.putalpha(gray)
    found |= {
        "gray": Odd(".png", saved(gray)),
        "gray_alpha": Odd(".png", saved(Image.merge("LA", (gray, gray)))),
        "alpha": Odd(".png", saved(alpha), same=0),
        "clear": Odd(".png", saved(Image.merge("RGBA", (*image.split(), Image.new("L", image.size, 0)))), same=0),
        "palette": Odd(".png", saved(image.quantize(256))),
        "palette_clear": Odd(".png", saved(image.quantize(256), transparency=3)),
        "one_bit": Odd(".png", saved(image.convert("1"))),
        "gray16": Odd(".png", saved(Image.fromarray(np.asarray(gray).astype(np.uint16) * 257))),
        "color16": Odd(".png", png(deep), same=0.001),
        "color16_alpha": Odd(".png", png(np.dstack([deep, deep[..., :1]])), same=0.001),
        "float": Odd(".tif", saved(Image.fromarray(np.asarray(gray).astype(np.float32) / 255), "TIFF"), None),
        "integers": Odd(".tif", saved(Image.fromarray(np.asarray(gray).astype(np.int32)), "TIFF"), None),
        "cmyk": Odd(".jpg", saved(image.convert("CMYK"), "JPEG"), None),
        "lab": Odd(".tif", saved(ImageCms.applyTransform(image, _to_lab()), "TIFF"), None),
        "srgb_profile": Odd(".png", saved(image, icc_profile=_srgb()), same=0),
        "p3": Odd(".png", in_profile(12, None), same=0.51),
        "p3_linear": Odd(".png", in_profile(12, 1.0), same=0.51),
        "rec2020": Odd(".png", in_profile(9, 2.2), same=0.51),
        "broken_profile": Odd(".png", saved(image, icc_profile=b"no profile at all"), same=0),
        "animation": Odd(".gif", saved(image, "GIF", save_all=True, append_images=[image.rotate(180)])),
        "animation_webp": Odd(".webp", saved(image, "WEBP", save_all=True, append_images=[image.rotate(180)])),
        "animation_png": Odd(".png", saved(image, save_all=True, append_images=[image.rotate(180)]), same=0),
        "pages": Odd(".tif", saved(image, "TIFF", save_all=True, append_images=[gray]), same=0),
        "progressive": Odd(".jpg", saved(image, "JPEG", progressive=True)),
        "subsampled": Odd(".jpg", saved(image, "JPEG", subsampling="4:1:1")),
        "restarts": Odd(".jpg", saved(image, "JPEG", restart_marker_blocks=2)),
        "mpo": Odd(".jpg", saved(image, "MPO", save_all=True, append_images=[gray.convert("RGB")])),
        "cut": Odd(".jpg", saved(image, "JPEG")[:-200], None),
        "rest": Odd(".png", saved(image) + b"x" * 999, same=0),
        "another_suffix": Odd(".jpg", saved(image), same=0),
        "no_size": Odd(".png", saved(image)[:16] + struct.pack(">II", 0, 0) + saved(image)[24:], None),
        "empty": Odd(".png", b"", None),
        "text": Odd(".png", b"hello", None),
        "bmp": Odd(".bmp", saved(image, "BMP"), same=0),
        "tiff": Odd(".tif", saved(image, "TIFF", compression="tiff_lzw"), same=0),
        "lossless": Odd(".webp", saved(image, "WEBP", lossless=True), same=0),
        "jpeg2000": Odd(".jp2", saved(image, "JPEG2000"), same=0),
        "ppm": Odd(".ppm", saved(image, "PPM"), same=0),
    }  # fmt: skip
    return found


def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _to_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


NAMES = ("two\nlines", "späße", "a b", "percent%20", "-dash", "'quote\"")


def judged(method: Callable[[Path], object], kind: str, folder: Path, cases: dict[str, Odd]) -> list[str]:
    """What does not hold of a method over all the files."""
    problems: list[str] = []
    plain: np.ndarray | None = None
    for name, odd in cases.items():
        path = folder / f"{name}{odd.suffix}"
        path.write_bytes(odd.data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = method(path)
        except imgredux.ImgreduxError as error:
            if odd.size is not None:
                problems.append(f"{name}: {type(error).__name__}: {error}")
            continue
        except BaseException as error:
            problems.append(f"{name}: RAW {error!r}")
            continue
        deep = isinstance(found, np.ndarray) and (found.dtype == np.uint16 or "16" in name or _is_deep(odd))
        values = np.asarray(found.convert("RGB") if isinstance(found, Image.Image) else found, dtype=np.float64)
        values = values / 257 if deep else values
        if odd.size is not None and values.shape[:2] != odd.size:
            problems.append(f"{name}: a result of {values.shape}, the picture is {odd.size}")
        if not np.isfinite(values).all() or (kind == "estimator" and values.min() < 0):
            problems.append(f"{name}: values that are no thresholds or pixels")
        if name == "plain":
            plain = values
        elif odd.same is not None and plain is not None and kind == "estimator" and plain.shape == values.shape:
            far = float(np.abs(values - plain).mean())
            if far > max(odd.same, 1e-4 if odd.same else 0):
                problems.append(f"{name}: its map differs from that of the plain file by {far:.3f} grey levels")
    return problems


def _is_deep(odd: Odd) -> bool:
    return odd.suffix == ".png" and len(odd.data) > 24 and odd.data[24] == 16


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.odd")
    parser.add_argument("--only", default="", help="a regular expression that a method's name matches")
    chosen = parser.parse_args()
    cases = files()
    for number, name in enumerate(NAMES):
        cases[f"{number}{name}"] = Odd(".png", cases["plain"].data, same=0)
    tried, problems = 0, 0
    print("| method | files | what does not hold |\n|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="odd-") as folder:
        for kind in ("estimator", "restorer"):
            for name in imgredux.list_methods(kind):
                if not re.search(chosen.only, name):
                    continue
                try:
                    method = imgredux.get(name)
                except imgredux.WeightsError:  # it ships none
                    method = imgredux.create(name).eval().requires_grad_(False)
                found = judged(method, kind, Path(folder), cases)
                tried, problems = tried + len(cases), problems + len(found)
                print(f"| {name} | {len(cases)} | {'; '.join(found[:4]) or 'nothing'} |", flush=True)
    print(f"\n{tried} calls, {problems} do not hold")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
