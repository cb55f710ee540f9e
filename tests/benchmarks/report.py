"""Run the benchmarks and print the tables of docs/results/performance.md, each figure beside its target.

python -m tests.benchmarks.report              # everything: about half an hour
python -m tests.benchmarks.report -k dct       # some: the arguments go to pytest
"""

import datetime
import json
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from imgredux.registry import info, list_methods
from tests.benchmarks import memory

HERE = Path(__file__).parent


class Gate(NamedTuple):
    """A target: speed of `row` over speed of `peer` in `task`, or Mpixel/s where there is no peer."""

    task: str
    row: str
    peer: str | None
    at_least: float


SAME = "mean-scale hyperprior"
PORTED = ("chou1995", "yang2005", "zhang2005", "wu2017")
GATES = [
    Gate("8x8 DCT, 12 MP", "dct(out=)", "scipy.fft.dctn", 5),
    Gate("8x8 DCT, 12 MP", "dct(out=)", "copy_", 0.6),
    Gate("8x8 DCT, 12 MP", "dct", "scipy.fft.dctn", 2.2),
    Gate("8x8 DCT, 12 MP", "dct", "clone", 0.5),
    Gate("wei2009, 1080p", "wei2009", None, 5),
    Gate("wu2013, 512x512", "wu2013", "avg_pool2d over 440 shifts", 5),
    Gate("wu2013, 512x512", "wu2013", "cv2.fastNlMeansDenoising", 1),
    Gate("liu2010, 1080p", "liu2010", None, 4),
    Gate("wu2017, 512x512", "wu2017", None, 2.75),
    Gate("jiang2022, 1080p", "jiang2022, edges not protected", None, 9),
    *(Gate(f"{name} beside OpenJND, 512x512", "imgredux", "OpenJND", 5) for name in PORTED),
    Gate("SSIM, 1080p RGB", "imgredux", "pytorch-msssim", 4),
    Gate("SSIM, 1080p RGB", "imgredux", "OpenCV", 3),
    Gate("MS-SSIM, 1080p RGB", "imgredux", "pytorch-msssim", 3),
    Gate("slidingdct, 1 MP", "slidingdct", "scipy, 64 shifts", 2),
    Gate("slidingdct, 1 MP", "slidingdct", None, 3),
    Gate("D2LNet, width 32, 256x256", "imgredux, as released", "authors", 1),
    Gate("D2LNet, width 16, training step", "imgredux, as released", "authors", 1),
    Gate("DDJND, attention, 96x96", "imgredux, fused", "plain", 2),
    Gate("DDJND, attention, training step, 96x96", "imgredux, fused", "plain", 1.5),
    Gate("JPEG, 1080p RGB", "jndjpeg", None, 2),
    *(
        Gate(f"learned codec, {direction}, {size}", f"jndlc, {SAME}", f"CompressAI, {SAME}", 1)
        for direction in ("encode", "decode")
        for size in ("0.4 MP", "4 MP")
    ),
    Gate("learned codec, encode, 4 MP", "jndlc", None, 2),
    Gate("learned codec, decode, 4 MP", "jndlc", None, 3),
    Gate("SSIMULACRA2, 1080p RGB", "ssimulacra2", "ssimulacra2 0.3.0 (package)", 5),
]
SIZE_GATE = 1.15  # time per pixel at 12 megapixels over that at 1
BATCH_GATE = 1.05  # time per image in a batch of 8 over that alone


def run(arguments: list[str]) -> list[dict]:
    """Run pytest on the benchmarks; each row's extra_info with its median in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.json"
        command = [sys.executable, "-m", "pytest", str(HERE), "--benchmark-only", "--benchmark-disable-gc", "-q"]
        subprocess.run([*command, f"--benchmark-json={file}", *arguments], check=True, stdout=sys.stderr)
        rows = json.loads(file.read_text("utf-8"))["benchmarks"]
    return [{**row["extra_info"], "median": row["stats"]["median"]} for row in rows]


def speeds(rows: list[dict]) -> dict[tuple[str, str], dict[tuple[int, str], float]]:
    """Mpixel/s by (task, row) and (threads, clock)."""
    table: dict[tuple[str, str], dict[tuple[int, str], float]] = defaultdict(dict)
    for row in rows:
        table[row["task"], row["row"]][row["threads"], row["clock"]] = row["pixels"] / row["median"] / 1e6
    return table


def print_speeds(table: dict[tuple[str, str], dict[tuple[int, str], float]]) -> None:
    columns = [(1, "cpu"), (1, "wall"), (2, "cpu"), (2, "wall")]
    print("\n| task | row | " + " | ".join(f"{t} thread{'s' * (t > 1)}, {c}" for t, c in columns) + " |")
    print("|---|---|" + "---|" * len(columns))
    for (task, row), values in table.items():
        print(f"| {task} | {row} | " + " | ".join(f"{values[c]:.3g}" if c in values else "" for c in columns) + " |")


def print_gates(table: dict[tuple[str, str], dict[tuple[int, str], float]]) -> None:
    """Targets are ratios of CPU time on one thread."""
    key = (1, "cpu")
    print("\n| target, one thread, CPU time | must be | measured |\n|---|---|---|")
    for task, row, peer, at_least in GATES:
        if (task, row) not in table or (peer and (task, peer) not in table):
            continue
        value = table[task, row][key] / (table[task, peer][key] if peer else 1)
        against = f"{row} over {peer}" if peer else f"{row}, Mpixel/s"
        print(f"| {task}: {against} | >= {at_least:g} | {value:.2f} |")
    for (task, row), values in table.items():
        name, _, size = task.partition(", ")
        small, single = table.get((f"{name}, 1 MP", row)), table.get((f"{name}, 512x512", row))
        if row == name and size == "12 MP" and small:
            print(f"| {name}: time per pixel, 12 MP over 1 MP | <= {SIZE_GATE} | {small[key] / values[key]:.2f} |")
        if row == name and size == "batch of 8, 512x512" and single:
            print(f"| {name}: time per image, 8 over 1 | <= {BATCH_GATE} | {single[key] / values[key]:.2f} |")


def print_memory(names: list[str]) -> None:
    print(
        "\n| peak extra memory, 12-megapixel luma plane, map included | must be, MiB | measured, MiB |\n|---|---|---|"
    )
    for name in names:
        print(f"| {name} | <= {memory.LIMIT:.0f} | {memory.in_own_process(name):.0f} |", flush=True)


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def main(arguments: list[str]) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    versions = subprocess.run(
        [sys.executable, "-c", "import torch, scipy; print(f'torch {torch.__version__}, scipy {scipy.__version__}')"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    rows = speeds(run(arguments))
    print(f"{datetime.date.today()}, commit {commit}, {processor()}, {versions}. Medians, Mpixel/s.")
    print_speeds(rows)
    print_gates(rows)
    if not arguments:
        print_memory([name for name in list_methods("estimator") if not info(name).untrained])


if __name__ == "__main__":
    main(sys.argv[1:])
