"""KonJND-1k (Lin et al., IEEE TCSVT 2022): 1008 images at the mean of their observers' first JND, JPEG or BPG."""

import csv
from os import PathLike
from pathlib import Path
from typing import Literal

from imgredux.datasets.base import Dataset, Item, collected, existing, images_in, matched_pair
from imgredux.errors import ImgreduxError

RATINGS = "subjective_ratings.csv"
LEVELS = {"jpeg": 100, "bpg": 51}
SUFFIXES = {"jpeg": ".jpg", "bpg": ".png"}
Codec = Literal["jpeg", "bpg"]


def konjnd(root: str | PathLike, codec: Codec | None = None) -> Dataset:
    """KonJND-1k as it is distributed, each critical image being the one at the rounded mean of the observers' levels.

    root: holds `source_image/`, `jpeg/`, `bpg/` (images `{stem}_JPEG_{level:03d}.jpg`, `{stem}_BPG_{level:03d}.png`)
    and `subjective_ratings.csv`. A level grows with the distortion: JPEG level d is quality factor 101 - d.
    codec: one of the two, each with 504 sources of its own; None for both. Source images without ratings, and rated
    images without files, are problems. Raises ImgreduxError without the table of ratings.
    """
    base = existing(root)
    results: list[Item | str] = []
    rated: set[str] = set()
    for row in _ratings(base / RATINGS):
        stem, kind = Path(row["image_id"]).stem, row["Compression type"].strip().lower()
        if codec in (None, kind):
            twice = f"{stem}: a second row of {RATINGS} rates it"
            results.append(twice if stem in rated else _item(base, stem, kind, row["mean"]))
        rated.add(stem)
    unrated = sorted(path for path in images_in(base / "source_image") if path.stem not in rated)
    return collected("konjnd-1k", results, [f"{path}: no row of {RATINGS} rates it" for path in unrated])


def _ratings(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise ImgreduxError(f"{path}: {error.strerror}. Name the folder that holds KonJND-1k") from error
    lacking = [c for c in ("image_id", "Compression type", "mean") if not rows or c not in rows[0]]
    if lacking:
        raise ImgreduxError(f"{path} has no column {', '.join(lacking)}, or no row: it is not KonJND-1k's table")
    return rows


def _item(base: Path, stem: str, kind: str, mean: str) -> Item | str:
    if kind not in LEVELS:
        return f"{stem}: {RATINGS} names the codec {kind!r}, neither JPEG nor BPG"
    try:
        level = min(max(round(float(mean)), 1), LEVELS[kind])
    except ValueError:
        return f"{stem}: the mean level in {RATINGS} is {mean!r}, not a number"
    critical = base / kind / f"{stem}_{kind.upper()}_{level:03d}{SUFFIXES[kind]}"
    return matched_pair(stem, base / "source_image" / f"{stem}.png", critical)
