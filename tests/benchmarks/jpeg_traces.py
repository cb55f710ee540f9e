"""How often the pixels tell what JPEG did to them: hits and errors on images compressed here, alarms on the rest.

python -m tests.benchmarks.jpeg_traces --data DIR [--data DIR ...]      # prints tables in Markdown
"""

import argparse
import io
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from imgredux.forensics import traces as jpegfile
from imgredux.io import decoding, images

QUALITIES = (10, 20, 30, 50, 75, 90, 95)
PLANES = ("grey", "4:2:0", "4:4:4")
TWICE = ((30, 90, "aligned"), (50, 90, "aligned"), (75, 95, "aligned"))
TWICE += ((10, 30, "shifted"), (10, 50, "shifted"), (30, 50, "shifted"), (30, 90, "shifted"), (75, 95, "shifted"))
LARGEST = 1024  # pixels a side, cut from the top left


def pictures(folder: Path) -> list[np.ndarray]:
    """The folder's images that are no JPEG files, as 8-bit RGB."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".png", ".webp", ".bmp", ".tif"):
            array = np.asarray(decoding.open_image(path).convert("RGB"))
            found.append(array[:LARGEST, :LARGEST])
    return found


def as_jpeg(pixels: np.ndarray, quality: int, planes: str) -> Image.Image:
    image, file = Image.fromarray(pixels), io.BytesIO()
    options = {} if planes == "grey" else {"subsampling": planes}
    (image.convert("L") if planes == "grey" else image).save(file, "JPEG", quality=quality, **options)
    return Image.open(file)


def shifted(image: Image.Image, row: int, column: int) -> np.ndarray:
    """Pixels whose first block begins at (row, column)."""
    return np.asarray(image)[(8 - row) % 8 :, (8 - column) % 8 :]


def look(image: np.ndarray | Image.Image) -> tuple[jpegfile.Traces | None, float]:
    """Traces, and the seconds of CPU that they took."""
    source = images.read(image, stored=True)
    start = time.process_time()
    traces = jpegfile.traces(source)
    return traces, time.process_time() - start


def once(picture: np.ndarray, random: np.random.Generator, results: dict) -> None:
    """Compressed once, kept as pixels: the grid in its place, and cropped to a random offset."""
    for planes in PLANES:
        for quality in QUALITIES:
            image = as_jpeg(picture, quality, planes)
            for place, offset in (("aligned", (0, 0)), ("cropped", tuple(random.integers(0, 8, 2).tolist()))):
                traces, _ = look(shifted(image, *offset))
                results[quality][planes, place].append(Result(traces, quality, offset))


def twice(picture: np.ndarray, random: np.random.Generator, results: dict) -> None:
    """Compressed strongly, then weakly, and read as a JPEG file."""
    for first, second, place in TWICE:
        offset = (0, 0) if place == "aligned" else tuple(random.integers(1, 8, 2).tolist())
        pixels = shifted(as_jpeg(picture, first, "4:2:0"), *offset)
        traces, _ = look(as_jpeg(pixels, second, "4:2:0"))
        assert traces is not None  # it is a file
        results[first, second, place].append(Result(traces.earlier, first, offset))


class Result:
    """What was found, whether its grid is right, and by how much the quality misses."""

    def __init__(self, traces: jpegfile.Traces | None, quality: int, offset: tuple[int, int]) -> None:
        self.traces = traces
        self.hit = traces is not None and traces.offset == offset
        self.error = abs(traces.quality - quality) if traces is not None else 0


def measure(folder: Path) -> None:
    random = np.random.default_rng(0)
    singles = {quality: defaultdict(list) for quality in QUALITIES}
    doubles, alarms, seconds = defaultdict(list), [], []
    found = pictures(folder)
    for picture in found:
        traces, taken = look(picture)
        alarms += [traces] if traces is not None else []
        seconds.append(taken / picture[..., 0].size * 1e6)
        once(picture, random, singles)
        twice(picture, random, doubles)
    print(f"\n{folder.name}: traces in {len(alarms)} of {len(found)} untouched images", end="; ")
    print(f"median {np.median(seconds):.2f} s of CPU a megapixel\n")
    columns = [f"{planes} {place}" for planes in PLANES for place in ("aligned", "cropped")]
    table("quality", *columns, "wrong grid", "quality error: mean, largest", "`earlier` given")
    for quality, cells in singles.items():
        every = [result for results in cells.values() for result in results]
        wrong = sum(result.traces is not None and not result.hit for result in every)
        false = sum(result.traces is not None and result.traces.earlier is not None for result in every)
        print(f"| {quality} | {' | '.join(map(rate, cells.values()))} | {wrong} | {errors(every)} | {false} |")
    print()
    table("twice", "grid", "`earlier` found", "wrong grid", "quality error: mean, largest")
    for (first, second, place), results in doubles.items():
        wrong = sum(result.traces is not None and not result.hit for result in results)
        print(f"| {first}, then {second} | {place} | {rate(results)} | {wrong} | {errors(results)} |")


def table(*columns: str) -> None:
    print(f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", sep="\n")


def rate(results: list[Result]) -> str:
    return f"{sum(result.hit for result in results)}/{len(results)}"


def errors(results: list[Result]) -> str:
    known = [result.error for result in results if result.hit]
    return f"{np.mean(known):.2f}, {max(known)}" if known else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    torch.set_num_threads(1)
    for folder in parser.parse_args().data:
        measure(folder)


if __name__ == "__main__":
    main()
