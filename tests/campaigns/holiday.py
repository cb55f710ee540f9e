"""Many photographs through `imgredux optimize`: wall time, memory of all processes, and whether each holds its target.

    python -m tests.campaigns.holiday IMAGE... [--count 100] [--enlarge 12] [--jobs 2] [--formats keep]
        [--target side-by-side] [--ssimulacra2 PROGRAM]

The images, again and again until there are enough, each time another crop, become JPEG files of quality 92 to 96 in a
temporary folder; with `--enlarge` they are enlarged to so many megapixels (Lanczos), so they are no camera's files.
Every file that comes out is opened again and judged at full size, by imgredux and by the authors' program where it is
given, and its worst tile of about 512 pixels. Linux.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from imgredux_jndsearch.method import TARGETS
from PIL import Image

from imgredux.critical import GUARD
from imgredux.io import decoding, images
from imgredux.judging import Judge
from imgredux.methods.filecodec import as_written
from tests.benchmarks.second_opinion import theirs

SAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
QUALITIES = (92, 94, 96)


def make(sources: list[Path], count: int, megapixels: float | None, folder: Path) -> None:
    choose = random.Random(0)
    for index in range(count):
        image = decoding.open_image(sources[index % len(sources)]).convert("RGB")
        if index >= len(sources):  # another part of it
            width, height = (max(int(side * choose.uniform(0.6, 0.95)), 1) for side in image.size)
            left, top = choose.randint(0, image.width - width), choose.randint(0, image.height - height)
            image = image.crop((left, top, left + width, top + height))
        if megapixels:
            scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
            size = round(image.width * scale), round(image.height * scale)
            image = image.resize(size, Image.Resampling.LANCZOS)
        quality, sampling = QUALITIES[index % 3], SAMPLINGS[index // 3 % 3]
        image.save(folder / f"IMG_{index:04}.jpg", quality=quality, subsampling=sampling)


def memory(root: int) -> int:
    """Bytes that a process and those below it have for themselves, and their share of what they have together."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    total = 0
    for one in family:
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += 1024 * int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:")))
        except (OSError, StopIteration, ValueError):
            continue
    return total


def judge(original: Path, made: Path, program: str | None) -> tuple[float, float, float | None]:
    """SSIMULACRA 2, that of the worst tile, and the authors'."""
    before, after = as_written(original), as_written(made)
    found = Judge(before)
    second = theirs(program, *(images.to_tensor(one.convert("RGB")) for one in (after, before))) if program else None
    return found.score(after), found.worst(after), second


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.holiday")
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--enlarge", type=float, metavar="MEGAPIXELS")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--formats", default="keep")
    parser.add_argument("--target", default="side-by-side", choices=TARGETS)
    parser.add_argument("--ssimulacra2", metavar="PROGRAM", help="of its authors")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        photos, out = Path(place, "photos"), Path(place, "out")
        photos.mkdir()
        make(chosen.images, chosen.count, chosen.enlarge, photos)
        command = [sys.executable, "-m", "imgredux", "optimize", photos, "-o", out, "--json", "--target", chosen.target]
        command += ["--formats", chosen.formats, "--jobs", str(chosen.jobs)]
        began, before, most = time.perf_counter(), os.times(), 0
        with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
            while process.poll() is None and process.stdout is not None:
                most = max(most, memory(process.pid))
                time.sleep(0.5)
            assert process.stdout is not None
            rows = [json.loads(line) for line in process.stdout]
        wall, after = time.perf_counter() - began, os.times()
        *results, summary = rows
        made = [row for row in results if row["state"] == "done" and "kept" not in row]
        scores = [judge(Path(row["input"]), Path(row["outputs"][0]), chosen.ssimulacra2) for row in made]
    target, cpu = TARGETS[chosen.target], after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    totals = summary["summary"]
    print("| what | measured |\n|---|---|")
    print(f"| files: made, kept, failed | {len(made)}, {len(results) - len(made)}, {totals.get('failed', 0)} |")
    print(f"| bytes | {totals['before'] / 1e6:.1f} MB to {totals['after'] / 1e6:.1f} MB |")
    print(f"| wall, {chosen.jobs} jobs | {wall:.0f} s; {wall / len(results):.1f} s a file |")
    print(f"| CPU of all processes | {cpu / len(results):.1f} s a file |")
    print(f"| peak memory of all processes | {most / 2**20:.0f} MiB |")
    for what, values, limit in (
        (f"lowest score, target {target:g}", [one[0] for one in scores], target),
        (f"lowest of a tile of 512, guard {target - GUARD:g}", [one[1] for one in scores], target - GUARD),
        ("lowest score by the authors' program", [one[2] for one in scores if one[2] is not None], target),
    ):
        if values:
            missed = f"{sum(value < limit for value in values)} of {len(values)} below"
            print(f"| {what} | {min(values):.2f}; {missed}; median {statistics.median(values):.2f} |")
    print(f"| largest difference from the score in the row | {drift(made, scores):.4f} |")


def drift(made: list[dict], scores: list[tuple[float, float, float | None]]) -> float:
    return max((abs(row["score"] - one[0]) for row, one in zip(made, scores, strict=True)), default=0.0)


if __name__ == "__main__":
    main()
