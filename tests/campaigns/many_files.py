"""Ten thousand small JPEGs through `imgredux run`: how much two processes gain, and what kills cost.

    python -m tests.campaigns.many_files [--files 10000] [--method wei2009]

makes the files in 100 subfolders of a temporary folder, and measures the wall time of one and of two jobs, start-up
taken off (a run of one file of its own); compares the outputs byte by byte; then kills runs with heat maps and injected
images at five random moments, lets the last one end, and compares again; a last run must compute nothing. It prints a
Markdown table and ends with exit code 1 where something does not hold. Nothing else should use the machine.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

RECORD = "imgredux.jsonl"
FOLDERS = 100


def make(root: Path, count: int) -> None:
    """JPEGs of 256x256: smooth color and grain."""
    noise = np.random.default_rng(0)
    y, x = np.mgrid[0:256, 0:256] / 256
    for index in range(count):
        folder = root / f"{index % FOLDERS:03}"
        folder.mkdir(parents=True, exist_ok=True)
        a, b = noise.uniform(2, 9, 2)
        base = np.stack([120 + 90 * np.sin(a * x + b * y), 110 + 80 * np.cos(b * y - x), 100 + 100 * x * y], -1)
        pixels = np.clip(base + noise.normal(0, 14, base.shape), 0, 255).astype(np.uint8)
        image = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.7))
        image.save(folder / f"{index:05}.jpg", quality=85)


def command(*arguments: str | Path) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "imgredux", "run", *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def timed(*arguments: str | Path) -> tuple[float, str]:
    start = time.perf_counter()
    process = command(*arguments)
    said = process.communicate()[1].decode()
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {said}")
    return time.perf_counter() - start, said.strip().splitlines()[-1]


def digests(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and RECORD not in path.name)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest() for path in files}


def done(out: Path) -> int:
    record = out / RECORD
    return sum(b'"facts"' in line for line in record.read_bytes().splitlines()) if record.exists() else 0


def kills(source: Path, out: Path, options: tuple[str, ...], count: int) -> None:
    """End the run by SIGKILL after a random number of files, five times."""
    for moment in sorted(random.Random(0).sample(range(count // 10, count), 5)):
        process = command(*options[:1], source, "-o", out, *options[1:])
        while process.poll() is None and done(out) < moment:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.many_files")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--method", default="wei2009")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="many-files-") as name:
        root = Path(name)
        make(root / "in", chosen.files)
        make(root / "few", 8)
        starts = {}
        for jobs in (1, 2):
            starts[jobs], _ = timed(chosen.method, root / "few", "-o", root / f"few{jobs}", "-j", str(jobs))
        walls = {}
        for jobs in (1, 2):
            whole, said = timed(chosen.method, root / "in", "-o", root / f"out{jobs}", "-j", str(jobs))
            walls[jobs] = whole - starts[jobs]
            print(f"{jobs} jobs: {whole:.1f} s, start-up {starts[jobs]:.1f} s; {said}", flush=True)
        equal = digests(root / "out1") == digests(root / "out2")
        options = (chosen.method, "-j", "2", "--heatmap", "--inject-mse", "30")
        part = root / "part"  # a fifth of them: companions take five times as long
        part.mkdir()
        for folder in sorted((root / "in").iterdir())[: FOLDERS // 5]:
            folder.rename(part / folder.name)
        count = sum(1 for _ in part.rglob("*.jpg"))
        timed(chosen.method, part, "-o", root / "unbroken", *options[1:])
        kills(part, root / "killed", options, count)
        timed(chosen.method, part, "-o", root / "killed", *options[1:])
        same = digests(root / "unbroken") == digests(root / "killed")
        rows = [json.loads(line) for line in (root / "killed" / RECORD).read_bytes().splitlines()]
        begun = sum("facts" not in row for row in rows)
        again, said = timed(chosen.method, part, "-o", root / "killed", *options[1:])
        nothing = f"{count} done before" in said
        ratio = walls[2] / walls[1]
        print(
            f"\n| what | measured |\n|---|---|\n"
            f"| {chosen.files} files, one job, after start-up | {walls[1]:.1f} s |\n"
            f"| two jobs | {walls[2]:.1f} s, {ratio:.2f} of one |\n"
            f"| outputs of one and two jobs equal | {equal} |\n"
            f"| {count} files with companions, killed five times: outputs equal to an unbroken run | {same} |\n"
            f"| begun more than once | {begun - count} of {count} |\n"
            f"| a further run | {again:.1f} s, computes nothing: {nothing} |"
        )
        if not (equal and same and nothing):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
