"""Trials of minutes: what a change of a recipe gains on held-out images in equal time of one thread.

    python -m tests.campaigns.levers --images DIR... [--minutes 2] [--seeds 0] [--jobs 2] [--only d2lnet] [-o OUT.csv]

Each trial is a run of `imgredux train` in a process of one thread, `--jobs` of them at a time; the gain is the last
validation's, in dB over the JPEG. It prints a Markdown table.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple


class Trial(NamedTuple):
    """A recipe with other fields, as `--set` takes them, and other options of the command."""

    what: str
    name: str
    changes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


RISE = "warmup=0.02"  # a short one
LARGE = ("crop=96", "batch=4", "grow=[]", RISE)  # as the recipe of d2lnet.blind has them
SMALL = ("crop=48", "batch=16", "grow=[]", RISE)
PAPER = "options={channels=1, width=16, tile=96, overlap=16, variant='paper'}"
FLOAT32 = ("--precision", "32-true")
FAR = "begin_at=1.0"  # initial values as the constructor has them

TRIALS = (
    Trial("crops of 96", "d2lnet.q10", (*LARGE, FAR)),
    Trial("crops of 96, last convolutions near zero", "d2lnet.q10", LARGE),
    Trial("crops of 48", "d2lnet.q10", (*SMALL, FAR)),
    Trial("crops of 48, last convolutions near zero", "d2lnet.q10", SMALL),
    Trial("the same, then crops of 96", "d2lnet.q10", (RISE,)),
    Trial("the same, Muon 2e-3", "d2lnet.q10", (RISE, "kernels_lr=2e-3")),
    Trial("the same, the paper's ReLU and attention", "d2lnet.q10", (RISE, PAPER)),
    Trial("the same, one cycle: the recipe", "d2lnet.q10"),
    Trial("the recipe in float32", "d2lnet.q10", (), FLOAT32),
    Trial("the recipe", "arcnn.q10"),
    Trial("the recipe in float32", "arcnn.q10", (), FLOAT32),
    Trial("crops of 32", "arcnn.q10", ("crop=32", "batch=64")),
    Trial("Muon 2e-3", "arcnn.q10", ("kernels_lr=2e-3",)),
    Trial("one cycle", "arcnn.q10", ("warmup=0.3",)),
)


def measured(trial: Trial, seed: int, images: list[str], minutes: float) -> dict[str, float]:
    """The last line of a trial's log; raises RuntimeError with what the run said where it failed."""
    with tempfile.TemporaryDirectory(prefix="lever-") as out:
        command = [
            sys.executable,
            "-m",
            "imgredux",
            "train",
            trial.name,
            "-o",
            out,
            "--seed",
            str(seed),
            "--resume",
            *trial.options,
        ]
        command += [part for folder in images for part in ("--images", folder)]
        command += [part for change in (*trial.changes, "validations=1") for part in ("--set", change)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        # The time sets the number of steps; where the last of them did not fit, the run goes on to its end.
        for limit in (["--max-minutes", str(minutes)], []):
            done = subprocess.run([*command, *limit], env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{trial.name}, {trial.what}: {done.stderr}")
        (*_, last) = csv.DictReader((Path(out) / "log.csv").read_text("utf-8").splitlines())
    return {key: float(last[key]) for key in ("step", "seconds", "gain")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.levers")
    parser.add_argument("--images", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="a part of the recipe's name and the change")
    parser.add_argument("-o", "--output", type=Path, help="each trial as a row of CSV")
    chosen = parser.parse_args()
    trials = [(trial, seed) for trial in TRIALS if chosen.only in f"{trial.name} {trial.what}" for seed in chosen.seeds]
    found: dict[Trial, list[dict[str, float]]] = defaultdict(list)
    with ThreadPoolExecutor(chosen.jobs) as pool:
        rows = pool.map(lambda one: measured(*one, chosen.images, chosen.minutes), trials)
        for (trial, seed), row in zip(trials, rows, strict=True):
            found[trial].append(row)
            print(trial.name, trial.what, seed, row, file=sys.stderr, flush=True)
    if chosen.output:
        with chosen.output.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            for trial, results in found.items():
                writer.writerows([trial.name, trial.what, chosen.minutes, *row.values()] for row in results)
    print(f"| recipe | change | steps | gain in dB after {chosen.minutes:g} minutes |\n|---|---|---|---|")
    for trial, results in found.items():
        steps = sum(row["step"] for row in results) / len(results)
        gains = ", ".join(f"{row['gain']:.2f}" for row in results)
        print(f"| {trial.name} | {trial.what} | {steps:.0f} | {gains} |")


if __name__ == "__main__":
    main()
