"""Images in a report: a part of each under what the rows' methods do to it, as the gallery's panels show it."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imgredux.evaluate.columns import column_of, heading, number, protocol_of
from imgredux.evaluate.summary import label_of
from imgredux.gallery import Window, photo
from imgredux.io.images import ImageLike, read
from imgredux.io.jsonl import Row
from imgredux.report.tables import baselines_of

BUDGET = 900_000  # characters of an image: four, and the tables, are a page below 4 MB
LARGEST, SMALLEST = (384, 288), 96  # width and height of the part; the shorter side at least
STEP = 32  # pixels between the parts that are tried
QUALITIES = 2  # of JPEGs: the lowest of the rows, and the highest


def pictures(
    images: Sequence[ImageLike], rows: Sequence[Row], mse: float, seed: int, methods: dict[str, list[str]] | None = None
) -> list[dict[str, Any]]:
    """What the page's script gets of each image: noise of this MSE under each estimator, JPEGs restored, real files.

    methods: names by kind; None: those of the rows. A part is made smaller until what is shown of it fits a page.
    Raises ImageError for an unreadable image.
    """
    chosen = methods or methods_of(rows)
    levels = sorted({int(row["level"] or 0) for row in rows if _kind(row) == "restorer"} & {*range(1, 101)})
    qualities = list(dict.fromkeys([*levels[:1], *levels[-1:]]))[:QUALITIES] or [10]
    made = []
    for place, image in enumerate(images):
        name = Path(image).name if isinstance(image, (str, Path)) else f"image {place + 1}"
        shown = _fitted(image, name, chosen, qualities, mse, seed)
        _add_facts(shown, rows)
        made.append(shown)
    return made


def methods_of(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The methods of the rows by kind, each once, the baselines of their protocols last; weights of files are none."""
    specs = {row["protocol"]: protocol_of(row["protocol"]) for row in rows}
    without = {spec.without for spec in specs.values() if spec}
    found: dict[str, dict[str, None]] = {"estimator": {}, "restorer": {}, "codec": {}}
    for row in rows:
        kind, label = _kind(row), label_of(row)
        if kind in found and label not in without and "=" not in label:
            found[kind][label] = None
    baselines = baselines_of(rows)
    return {kind: sorted(names, key=lambda name: name in baselines) for kind, names in found.items()}


def _kind(row: Row) -> str:
    spec = protocol_of(row["protocol"])
    return spec.kind if spec else ""


def _fitted(
    image: ImageLike, name: str, chosen: dict[str, list[str]], qualities: Sequence[int], mse: float, seed: int
) -> dict[str, Any]:
    """The image's busiest part, of the size that fits."""
    gray = read(image).x[0].mean(0).numpy()
    width, height = (min(most, n) for most, n in zip(LARGEST, gray.shape[::-1], strict=True))
    while True:
        window = busiest(gray, width, height)
        made = photo(
            image,
            name,
            chosen["estimator"],
            chosen["restorer"],
            chosen["codec"],
            qualities,
            window=window,
            mse=mse,
            seed=seed,
        )
        made.shown["window"] = list(window)
        share = math.sqrt(BUDGET / len(json.dumps(made.shown)))
        if share >= 1 or min(width, height) <= SMALLEST:
            return made.shown
        width, height = (max(SMALLEST // 16 * 16, int(n * 0.97 * share) // 16 * 16) for n in (width, height))


def busiest(gray: np.ndarray, width: int, height: int) -> Window:
    """The window of this size, of a plane `(H, W)`, with the greatest mean slope; blocks of 8x8 begin where it does."""
    slope = np.abs(np.diff(gray, axis=0, append=gray[-1:])) + np.abs(np.diff(gray, axis=1, append=gray[:, -1:]))
    total = np.pad(slope.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))
    rooms = [(n - side) // 8 * 8 for n, side in zip(gray.shape, (height, width), strict=True)]
    tops, lefts = ([*range(0, room, STEP), room] for room in rooms)

    def activity(place: tuple[int, int]) -> float:
        top, left = place
        return (
            total[top + height, left + width] - total[top, left + width] - total[top + height, left] + total[top, left]
        )

    top, left = max(((top, left) for top in tops for left in lefts), key=activity)
    return left, top, width, height


def _add_facts(shown: dict[str, Any], rows: Sequence[Row]) -> None:
    """What the rows say of this very image, under each map.

    A row is of it, not of a namesake or a smaller version, if its phi is that of the map.
    """
    stem = shown["name"].rpartition(".")[0] or shown["name"]
    ours = [row for row in rows if (row["image"], row["level"], row["seed"]) == (stem, shown["mse"], shown["seed"])]
    for one in shown["maps"]:
        one["facts"] = f"φ {one['unit']:.4g}"
        for row in ours:
            if label_of(row) == one["method"] and math.isclose(
                row["values"].get("phi") or 0, one["unit"], rel_tol=1e-3
            ):
                one["facts"] += ". Whole image: " + _figures(row)


def _figures(row: Row) -> str:
    columns = [column_of(protocol_of(row["protocol"]), name) for name in row["values"]]
    told = [one for one in columns if one.higher_is_better is not None or one.main]
    values = [(one, row["values"][one.name]) for one in told if row["values"][one.name] is not None]
    return " · ".join(f"{heading(one)} {number(one, value)}" for one, value in values)
