"""MCL-JCI (Jin et al., Electronic Imaging 2016): 50 images 1920x1080, JPEG at the steps of their quality staircase."""

import re
from os import PathLike
from pathlib import Path

from imgredux.datasets.base import Dataset, collected, existing, matched_pair
from imgredux.errors import ImgreduxError

# Quality factors below 100 at which the stair quality function of each image, SRC01 to SRC50, steps: its JND points.
# Source: the stair functions of the data set, as tabled in github.com/ashione/JND_CNNlabel_generator at 5493111.
STAIRS = """
36 28 21 17 11/47 31 26 21/44 22 15 12 10/40 28 21 16 13 10/42 35 28 22 16 13 10/51 33 20 12 8/54 29 16 11
32 21 16 13 10/35 27 17 10/35 24 22 19 16 13 10/46 39 28 21 15 11/68 53 39 28 15/31 21 16 13 10/35 22 16 11
47 34 20 15 13 10 7/45 32 18 10/32 22 17 13 10/30 22 19 16 14 10/35 22 16 13 9/46 31 22 15/46 29 21 12/42 18 10
30 24 22 19 16 12 10/31 22 17 11/35 21 14 10/45 30 21/32 22 17 13 10/43 33 22 19 11/32 21 17 14 11/33 21 16 11
39 22 15 11/35 22 18 15 11 7/30 20 16 13 10 7/39 23 15 11/34 21 16 12 10 7/29 22 19 16 11/70 58 47 32 21 12
34 21 15 10/43 21 11/50 32 21 13/32 22 17 13 10/31 22 16 12 10/44 29 21 13/25 14 9/63 47 35 26 15/28 20 13 10 7
45 28 22 16 12/41 33 23 17 14 10/36 20 15 11 10/31 20 15 12 9
"""
IMAGES = 50


def jnd_points() -> list[list[int]]:
    """JPEG quality factors of the first, second, ... JND of the 50 images in the order of their numbers, falling.

    They are the steps of the stair quality function, which its authors fitted to all observers together: the first
    lies at 39.6 on average, above the mean of the observers' own first JNDs (28.1, `tables.mcl_jci_observers`).
    """
    return [[int(quality) for quality in image.split()] for image in re.split(r"[/\n]", STAIRS.strip())]


def mcl_jci(root: str | PathLike, level: int = 1) -> Dataset:
    """MCL-JCI as it is distributed, each critical image the JPEG at the `level`-th JND of its stair quality function.

    root: holds `source_images/[BMP]/ImageJND_SRC01.bmp` and `distorted_image/ImageJND_SRC01/ImageJND_SRC01_036.jpg`,
    036 being the quality factor. Where it holds the stair functions too, `Image_1_l_h.txt` (quality factors, then
    heights) in any folder, they are read; the published ones otherwise. An image with fewer JNDs is a problem.
    Raises ImgreduxError without `source_images/`, and for a level below 1.
    """
    base = existing(root)
    sources = next((p for p in (base / "source_images" / "[BMP]", base / "source_images") if p.is_dir()), None)
    if sources is None:
        raise ImgreduxError(f"{base} holds no source_images/: name the folder that holds MCL-JCI")
    if level < 1:
        raise ImgreduxError(f"level is {level}: the first JND is 1")
    files = {int(match[1]): path for path in base.rglob("Image_*_l_h.txt") if (match := _NUMBER.fullmatch(path.name))}
    results, problems = [], []
    for number, published in enumerate(jnd_points(), 1):
        points = published
        stem = f"ImageJND_SRC{number:02d}"
        if number in files:
            try:
                points = _read_stairs(files[number])
            except (OSError, ValueError) as error:
                problems.append(f"{files[number]} is no stair function ({error}): the published one is used")
        if len(points) < level:
            results.append(f"{stem}: it has {len(points)} JNDs, not {level}")
            continue
        coded = base / "distorted_image" / stem / f"{stem}_{points[level - 1]:03d}.jpg"
        results.append(matched_pair(stem, sources / f"{stem}.bmp", coded))
    return collected("mcl-jci" if level == 1 else f"mcl-jci-{level}", results, problems)


_NUMBER = re.compile(r"Image_(\d+)_l_h\.txt")


def _read_stairs(path: Path) -> list[int]:
    """The quality factors below 100 of a stair function, falling."""
    qualities = path.read_text("utf-8").splitlines()[:1]
    points = sorted({int(value) for line in qualities for value in line.split()} - {100}, reverse=True)
    if not points or not all(1 <= point < 100 for point in points):
        raise ValueError("its first row must hold quality factors from 1 to 100")
    return points
