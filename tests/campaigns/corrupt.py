"""Corrupt images through the command: every input has one line, and nothing ends the run.

    python -m tests.campaigns.corrupt [--count 10000] [--seed 0] [--method flat] [--keep DIR]

Ten formats, an equal share of each: cut, flipped, shuffled, padded, spliced, with other lengths and foreign bytes.
They go through `imgredux run` together with sound files. The command must end with exit code 0 or 3, without a
traceback; give each input one result; leave no temporary file; and make of the sound files what it makes of them alone,
to the byte.
Then `imgredux identify` looks at all of them. Prints a Markdown table, and ends with exit code 1 where something does
not hold.
"""

import argparse
import hashlib
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

FORMATS = {
    "jpg": ("JPEG", {"quality": 90}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 80}),
    "avif": ("AVIF", {"quality": 70}),
    "tif": ("TIFF", {"compression": "tiff_deflate"}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "ppm": ("PPM", {}),
    "tga": ("TGA", {"compression": "tga_rle"}),
    "jp2": ("JPEG2000", {}),
}
SOUND = 20  # files among them that nothing was done to
MEMORY = 6 * 2**30  # bytes of address space, torch's own included
AT_A_TIME = 1000


def sources() -> dict[str, bytes]:
    """A small photograph, with EXIF and a profile where the format holds them, in each format."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:48, 0:64] / 64
    base = np.stack([120 + 90 * np.sin(5 * x + 2 * y), 110 + 80 * np.cos(4 * y - x), 100 + 100 * x * y], -1)
    image = Image.fromarray(np.clip(base + rng.normal(0, 12, base.shape), 0, 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(0.8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    found = {}
    for suffix, (form, options) in FORMATS.items():
        file = io.BytesIO()
        more = {"exif": exif} if form in ("JPEG", "PNG", "WEBP", "AVIF") else {}
        image.save(file, form, **options, **more)
        found[suffix] = file.getvalue()
    return found


def mutated(draw: random.Random, good: bytes, others: list[bytes]) -> bytes:
    """The file with one kind of damage."""
    data, kind = bytearray(good), draw.randrange(9)
    at = draw.randrange(len(data))
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        for _ in range(draw.randrange(1, 12)):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif kind == 2:  # mostly in the header
        data[min(at, draw.randrange(200))] = draw.choice((0, 1, 127, 128, 255))
    elif kind == 3:
        data[at : at + 4] = draw.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\x80\0\0\0", draw.randbytes(4)))
    elif kind == 4:
        data[at:at] = draw.randbytes(draw.randrange(1, 64))
    elif kind == 5:
        end = min(at + draw.randrange(1, 200), len(data))
        del data[at:end]
    elif kind == 6:
        other = draw.choice(others)
        return bytes(data[:at]) + other[draw.randrange(len(other)) :]
    elif kind == 7:
        return bytes(data) + draw.randbytes(draw.randrange(1, 300))
    else:
        return bytes(data[: draw.randrange(1, 40)]) + draw.randbytes(draw.randrange(400))
    return bytes(data)


def command(*arguments: str | Path) -> tuple[int, str, str, float, int]:
    """Exit code, both streams, seconds, and the peak memory of the process in bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    began = time.perf_counter()
    line = [sys.executable, "-m", "imgredux", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, preexec_fn=limit, errors="replace")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return done.returncode, done.stdout, done.stderr, time.perf_counter() - began, peak


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("sound*")}


def part(folder: Path, count: int, seed: int, method: str, seen: Counter[str]) -> list[str]:
    """One folder of files through the commands; what does not hold."""
    draw, good = random.Random(seed), sources()
    (folder / "in").mkdir(parents=True)
    (folder / "alone").mkdir()
    for number in range(count):
        suffix = [*good][number % len(good)]
        content = mutated(draw, good[suffix], [*good.values()])
        (folder / "in" / f"{number:05}.{suffix}").write_bytes(content)
    for number in range(SOUND):
        suffix = [*good][number % len(good)]
        for place in ("in", "alone"):
            (folder / place / f"sound{number:02}.{suffix}").write_bytes(good[suffix])
    problems = []
    command("run", method, folder / "alone", "-o", folder / "expected", "--jobs", "1")
    code, out, err, seconds, peak = command("run", method, folder / "in", "-o", folder / "out", "--jobs", "1", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    results = [row for row in rows if "input" in row]
    inputs = Counter(Path(row["input"]).name for row in results)
    expected = {path.name for path in (folder / "in").iterdir()}
    if code not in (0, 3):
        problems.append(f"exit code {code}: {err[-300:]}")
    if "Traceback" in err or "Traceback" in out:
        problems.append(f"a traceback: {err[-400:]}")
    if inputs.keys() != expected or set(inputs.values()) != {1}:
        missing = sorted(expected - inputs.keys())[:3]
        problems.append(f"{len(expected)} inputs, {len(inputs)} named; without a line: {missing}")
    if digests(folder / "out") != digests(folder / "expected"):
        problems.append("sound files came out otherwise than alone")
    if list((folder / "out").rglob(".imgredux-*.tmp")):
        problems.append("temporary files are left")
    failed = [row for row in results if row.get("error")]
    unforeseen = [row for row in failed if row.get("reason") == "error"]
    problems += [f"unforeseen: {row['input']}: {row['error']}" for row in unforeseen[:5]]
    seen.update(inputs=len(results), refused=len(failed), unforeseen=len(unforeseen))
    seen["seconds"] += round(seconds)
    seen["peak"] = max(seen["peak"], peak)
    code, out, err, seconds, _ = command("identify", *sorted((folder / "in").iterdir()), "--json")
    if code not in (0, 3) or "Traceback" in err:
        problems.append(f"identify: exit code {code}: {err[-300:]}")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.corrupt")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", default="flat")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where to leave the files")
    chosen = parser.parse_args()
    seen: Counter[str] = Counter()
    problems = []
    with tempfile.TemporaryDirectory(prefix="corrupt-") as temporary:
        root = chosen.keep or Path(temporary)
        for first in range(0, chosen.count, AT_A_TIME):
            count = min(AT_A_TIME, chosen.count - first)
            problems += part(root / f"{first:06}", count, chosen.seed + first, chosen.method, seen)
            print(dict(seen), *problems[-3:], sep="\n", file=sys.stderr, flush=True)
    print("| files, sound ones among them | refused by name | unforeseen errors | other faults | s | peak MiB |")
    print("|---|---|---|---|---|---|")
    other = len(problems) - seen["unforeseen"]
    print(
        f"| {seen['inputs']} | {seen['refused']} | {seen['unforeseen']} | {max(other, 0)} | {seen['seconds']} "
        f"| {seen['peak'] >> 20} |"
    )
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
