"""Pairs of pristine and distorted images: folders `ref/` and `jnd/`, and JPEG made on the fly."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imgredux.datasets.base import Dataset, Item, by_stem, collected, existing, folder, images_in, matched_pair
from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from torch import Tensor

REFERENCES = ("ref",)  # folder names, whatever their case
CRITICALS = ("jnd", "jnd1")
SPLITS = ("train", "test")
Mode = Literal["y", "rgb"]


def pairs(root: str | PathLike, *, name: str | None = None) -> Dataset:
    """Pairs of equal stems in the folders `ref/` and `jnd/` (or `Ref/` and `JND1/`) of `root`, or of its splits.

    The layout that JND-LC's users have is `root/{train,test}/{Ref,JND1}`; name `root/test` for one split. Images are
    paired by stem, whatever their formats, never by position; those of subfolders, which `imgredux make-pairs` writes,
    have stems like "holiday/a". An image without a partner and a pair of two sizes are problems. So is a stem in two
    splits: its later pair is left out. Raises ImgreduxError where there is neither layout.
    """
    base = existing(root)
    splits = [child for child in sorted(base.iterdir()) if child.is_dir() and child.name.lower() in SPLITS]
    found = [both for part in [base, *splits] if (both := _folders(part))]
    if not found:
        raise ImgreduxError(f"{base} holds no ref/ and jnd/, nor do train/ and test/ in it: name the folder above them")
    problems: list[str] = []
    results: list[Item | str] = []
    taken: Counter[str] = Counter()
    for references, criticals in found:
        for result in _paired(references, criticals, problems):
            if isinstance(result, Item):
                taken[result.stem] += 1
                result = result if taken[result.stem] == 1 else f"{result.path}: another split holds this stem"
            results.append(result)
    return collected(name or base.resolve().name, results, problems)


def _folders(part: Path) -> tuple[Path, Path] | None:
    """The folders of references and of critical images in `part`, when both are there."""
    named = {child.name.lower(): child for child in sorted(part.iterdir()) if child.is_dir()}
    first, second = (next((named[n] for n in names if n in named), None) for names in (REFERENCES, CRITICALS))
    return (first, second) if first and second else None


def _paired(references: Path, criticals: Path, problems: list[str]) -> Iterable[Item | str]:
    left, right = (_by_place(folder, problems) for folder in (references, criticals))
    for stem in sorted({*left, *right}):
        if stem in left and stem in right:
            yield matched_pair(stem, left[stem], right[stem])
        else:
            alone, lacking = (left[stem], criticals) if stem in left else (right[stem], references)
            yield f"{alone} has no partner in {lacking}"


def _by_place(root: Path, problems: list[str]) -> dict[str, Path]:
    """The images in a folder and its subfolders, by where they are in it, without suffix: "a", or "holiday/a"."""
    found: dict[str, Path] = {}
    for inside in [root, *sorted(path for path in root.rglob("*") if path.is_dir())]:
        stems, unfit = by_stem(images_in(inside))
        problems += unfit
        found |= {(inside.relative_to(root) / stem).as_posix(): path for stem, path in stems.items()}
    return found


@dataclass(frozen=True)
class JpegItem(Item):
    """An image and what JPEG leaves of it, made when read; `critical` stays None."""

    quality: int = 75
    mode: Mode = "rgb"

    def read(self) -> "Tensor":
        """The reference `(1, C, H, W)`: as the file holds it, or in mode "y" its studio-range Y, C = 1."""
        x = super().read()
        return studio_luma(x) if self.mode == "y" else x

    def read_critical(self) -> "Tensor":
        """`read` after libjpeg at the item's quality, colour with 4:2:0 chroma."""
        from imgredux.ops.jpeg import jpeg

        return jpeg(self.read(), self.quality)


def jpeg_pairs(path: str | PathLike, quality: int, mode: Mode = "rgb", *, name: str | None = None) -> Dataset:
    """The images of a folder, each paired with its JPEG of `quality` 1..100, made when it is read.

    mode: the two protocols of JPEG restoration papers. "y": the image's studio-range Y, rounded, is the reference, and
    is coded as a greyscale JPEG; grey images are taken as they are. "rgb": the image in YCbCr with 4:2:0 chroma.
    Raises ImgreduxError as `folder`, and for another quality or mode.
    """
    if quality not in range(1, 101):
        raise ImgreduxError(f"quality is {quality}: give a whole number from 1 to 100")
    if mode not in ("y", "rgb"):
        raise ImgreduxError(f"mode is {mode!r}: choose 'y' or 'rgb'")
    plain = folder(path, name=name)
    items = tuple(JpegItem(item.stem, item.path, quality=int(quality), mode=mode) for item in plain)
    return Dataset(plain.name, items, plain.problems)


def studio_luma(x: "Tensor") -> "Tensor":
    """Y of MATLAB's `rgb2ycbcr` on 8 bits: `(B, 3, H, W)` in [0, 1] to `(B, 1, H, W)` in [16, 235] / 255, rounded.

    Source: ITU-R BT.601. A luma image `(B, 1, H, W)` is returned as it is.
    """
    if x.shape[1] == 1:
        return x
    r, g, b = x.mul(255).round().double().split(1, 1)
    y = (65.481 * r + 128.553 * g + 24.966 * b).div_(255).add_(16).round_()
    return y.div_(255).to(x.dtype)
