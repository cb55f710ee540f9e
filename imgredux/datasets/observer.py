"""Sessions of people who looked at the gallery's page: what they saw of a map's noise (docs/how-to/gallery.md)."""

import hashlib
import json
import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from imgredux.datasets.base import Dataset, Item, existing, images_in
from imgredux.errors import ImageError, ImgreduxError

FORMAT, VERSION = "imgredux-observer", 1
MISSED = 1  # easy trials that a session may have wrong
LARGEST = 2**20  # bytes of a file


@dataclass(frozen=True)
class Session(Item):
    """A session as an item: `path` is the photograph.

    method: whose map shaped the noise. threshold, low, high: the factor on that map that was seen in 82 % of the trials
    beyond guessing, and the interval that holds it with a chance of 95 %. crop: left, top, width, height of what was
    shown. ppd: pixels per degree.
    """

    method: str = ""
    threshold: float = 1.0
    low: float = 1.0
    high: float = 1.0
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    ppd: float = 0.0


def sessions(path: str | PathLike) -> Dataset:
    """The sessions in a folder: files of the gallery's page (`.json`), beside the photographs that they name.

    A photograph is found by its pixels, in the folder and its subfolder `images`. Files that are no session, sessions
    without their photograph, and those with easy trials answered wrongly are problems, not items. Raises ImgreduxError:
    no such folder, no session in it.
    """
    root = existing(path)
    photos = {digest(file): file for file in [*images_in(root), *images_in(root / "images")]}
    found: list[Item] = []
    problems: list[str] = []
    files = sorted(root.glob("*.json"))
    for file in files:
        try:
            found.append(_session(file, photos))
        except ImgreduxError as error:
            problems.append(f"{file.name}: {error}")
    if not files:
        raise ImgreduxError(f"{root}: holds no session. The page of imgredux gallery writes them, as .json")
    return Dataset(root.resolve().name, tuple(found), tuple(problems))


def digest(path: Path) -> str:
    """SHA-256 of the pixels of an image file, as 8-bit RGB; empty for one that cannot be read."""
    from imgredux.io.images import to_tensor

    try:
        planes = to_tensor(path)[0].mul(255).round_().byte().numpy()
    except ImageError:
        return ""
    pixels = np.broadcast_to(planes, (3, *planes.shape[1:])).transpose(1, 2, 0)
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _session(file: Path, photos: dict[str, Path]) -> Session:
    try:
        if file.stat().st_size > LARGEST:
            raise ImgreduxError("is too large for a session")
        told = json.loads(file.read_text("utf-8"))
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ImgreduxError("is no session of the gallery's page")
        if told["version"] != VERSION:
            raise ImgreduxError(f"is of version {told['version']!r}; this reads {VERSION}")
        result, crop = told["result"], tuple(int(one) for one in told["crop"])
        numbers = [_above_zero(result[key]) for key in ("threshold", "low", "high")]
        method, ppd = str(told["method"]), _above_zero(told["viewing"]["ppd"])
        missed, sha256 = int(result["catch_missed"]), str(told["sha256"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, OSError) as error:
        raise ImgreduxError(f"is no whole session: {type(error).__name__} {error}") from error
    if missed > MISSED:
        raise ImgreduxError(f"{missed} easy trials were answered wrongly: left out")
    if sha256 not in photos:
        raise ImgreduxError(f"the photograph {told.get('photo')!r} that it was made with is not here")
    if len(crop) != 4 or min(crop) < 0 or 0 in crop[2:]:
        raise ImgreduxError(f"has the crop {crop}")
    left, top, width, height = crop
    threshold, low, high = numbers
    return Session(file.stem, photos[sha256], 1, None, method, threshold, low, high, (left, top, width, height), ppd)


def _above_zero(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{value!r} is no number above 0")
    return number
