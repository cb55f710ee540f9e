"""Trials of minutes: what a change of a recipe gains on held-out images in equal time of one thread.

    python -m tests.campaigns.levers --images DIR... [--pairs DIR...] [--minutes 2 | --steps N] [--device cpu]
        [--seeds 0] [--jobs 1] [--only TEXT] [-o OUT.csv]

Each trial is a run of `imgredux train` in a process of one thread, `--jobs` of them at a time; the gain is the last
validation's, in dB over the JPEG, or, on `--pairs`, over no change; of `ddjnd.hiding` in points of its objective.
Trials that are in OUT.csv are not run again: the command goes on where it was stopped. It prints all of OUT.csv as
Markdown tables.

The trials "parts: ..." are the rows of Table 1 of DDJND.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple


class Trial(NamedTuple):
    """A recipe with other fields, as `--set` takes them, and other options of the command."""

    what: str
    name: str
    changes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    on_pairs: bool = False


RISE = "warmup=0.02"  # a short one
LARGE = ("crop=96", "batch=4", "grow=[]", RISE)  # as the recipe of d2lnet.blind has them
SMALL = ("crop=48", "batch=16", "grow=[]", RISE)
PAPER = "options={channels=1, width=16, tile=96, overlap=16, variant='paper'}"
FLOAT32 = ("--precision", "32-true")
FAR = "begin_at=1.0"  # initial values as the constructor has them
# ddjnd.paper as it was: the factor of eq. 23 shut, lambda_1 as printed.
SHUT = (
    "options={head='paper', tile=128, overlap=24, width=16, kan_width=8, stride=8}",
    "crop=128",
    "batch=4",
    "grow=[]",
    "lr=1e-3",
    "warmup=0.004",
    "kd_weight=1.0",
    "started=false",
)

SHIPPED_SIZE = (
    "options={width=32, recursions=9}",
    "batch=16",
    "lr=1e-3",
)  # 15 times smaller
# ddjnd.hiding with the modules of DDJND before its head, and with as many parameters in the head alone.
WITH_TRUNK = (
    "options={head='gain', tile=256, overlap=32, bound=1.4, width=8, kan_width=4, stride=16}",
    "warmup=0.1",
)
WITHOUT_TRUNK = ("options={head='gain', trunk=false, tile=512, bound=1.4, hidden=37}", "warmup=0.1")
PARTS = ("spi", "fde", "ma", "mi")


def parts(*kept: str) -> Trial:
    """ddjnd.paper with these of its four modules, a convolution in the place of each other, as in its Table 1."""
    sizes = "head='paper', width=8, kan_width=4, stride=8, tile=128, overlap=24"
    left = "".join(f", {part}=false" for part in PARTS if part not in kept)
    what = f"parts: {', '.join(kept).upper() or 'none'}"
    return Trial(what, "ddjnd.paper", (f"options={{{sizes}{left}}}",), on_pairs=True)


TRIALS = (
    Trial("before", "d2lnet.q10", (*LARGE, FAR), FLOAT32),
    Trial("after", "d2lnet.q10"),
    Trial("before", "arcnn.q10", ("centered=false",), FLOAT32),
    Trial("after", "arcnn.q10"),
    Trial("before", "ddjnd.paper", SHUT, FLOAT32, on_pairs=True),
    Trial("after", "ddjnd.paper", on_pairs=True),
    Trial("crops of 96", "d2lnet.q10", (*LARGE, FAR)),
    Trial("crops of 96, last convolutions near zero", "d2lnet.q10", LARGE),
    Trial("crops of 48", "d2lnet.q10", (*SMALL, FAR)),
    Trial("crops of 48, last convolutions near zero", "d2lnet.q10", SMALL),
    Trial("the same, then crops of 96", "d2lnet.q10", (RISE,)),
    Trial("the same, Muon 2e-3", "d2lnet.q10", (RISE, "kernels_lr=2e-3")),
    Trial("the same, the paper's ReLU and attention", "d2lnet.q10", (RISE, PAPER)),
    Trial("the recipe in float32", "d2lnet.q10", (), FLOAT32),
    Trial("first kernels with their means, bfloat16", "arcnn.q10", ("centered=false",)),
    Trial("crops of 32", "arcnn.q10", ("crop=32", "batch=64")),
    Trial("Muon 2e-3", "arcnn.q10", ("kernels_lr=2e-3",)),
    Trial("one cycle", "arcnn.q10", ("warmup=0.3",)),
    Trial("from scratch", "jiang2024.pairs", on_pairs=True),
    Trial("from scratch, of the size that ships", "jiang2024.pairs", SHIPPED_SIZE, on_pairs=True),
    Trial("from scratch", "shen2020.pairs", on_pairs=True),
    Trial("behind DDJND's modules", "ddjnd.hiding", WITH_TRUNK),
    Trial("alone, with as many parameters", "ddjnd.hiding", WITHOUT_TRUNK),
    parts(),
    *(parts(part) for part in PARTS),
    parts("spi", "fde"),
    parts("spi", "ma"),
    parts("fde", "mi"),
    parts("ma", "mi"),
    parts("fde", "ma", "mi"),
    parts("spi", "fde", "mi"),
    parts(*PARTS),
)
FIELDS = ("recipe", "change", "budget", "seed", "steps", "seconds", "gain")


class Budget(NamedTuple):
    """How long each trial is: so many minutes, or so many steps."""

    minutes: float
    steps: int | None

    def __str__(self) -> str:
        return f"{self.steps} steps" if self.steps else f"{self.minutes:g} minutes"


def measured(
    trial: Trial, seed: int, folders: list[str], budget: Budget, device: str, keep: Path | None = None
) -> dict[str, float]:
    """The last line of a trial's log; raises RuntimeError with what the run said where it failed.

    keep: the folder for the run, in place of a temporary one.
    """
    with tempfile.TemporaryDirectory(prefix="lever-") if keep is None else nullcontext(str(keep)) as out:
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
            "--device",
            device,
            *trial.options,
        ]
        command += [part for folder in folders for part in ("--images", folder)]
        command += [part for change in (*trial.changes, "validations=1") for part in ("--set", change)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        # The time sets the number of steps; where the last of them did not fit, the run goes on to its end.
        limits = [["--steps", str(budget.steps)]] if budget.steps else [["--max-minutes", str(budget.minutes)], []]
        for limit in limits:
            done = subprocess.run([*command, *limit], env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{trial.name}, {trial.what}: {done.stderr}")
        return last_line(Path(out))


def last_line(out: Path) -> dict[str, float]:
    """Steps, seconds and gain of a run that is done."""
    (*_, last) = csv.DictReader((out / "log.csv").read_text("utf-8").splitlines())
    return {"steps": int(last["step"]), "seconds": float(last["seconds"]), "gain": float(last["gain"])}


def done(path: Path | None) -> list[dict[str, str]]:
    """The rows of the results so far."""
    if path is None or not path.exists():
        return []
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def add(path: Path | None, row: dict[str, Any]) -> dict[str, str]:
    """A row as text, written at the end of the results where there is a file for them."""
    text = {key: str(value) for key, value in row.items()}
    if path:
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if not file.tell():
                writer.writeheader()
            writer.writerow(text)
    return text


def tables(rows: list[dict[str, str]]) -> str:
    """Results as Markdown, a table for each length of the trials."""
    by_budget: dict[str, dict[tuple[str, str], list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_budget[row["budget"]][row["recipe"], row["change"]].append(row)
    tables = []
    for budget, found in by_budget.items():
        lines = [f"| recipe | change | steps | dB after {budget}, a seed each |", "|---|---|---|---|"]
        for (recipe, change), results in found.items():
            steps = sum(int(row["steps"]) for row in results) / len(results)
            gains = ", ".join(f"{float(row['gain']):.2f}" for row in results)
            lines.append(f"| {recipe} | {change} | {steps:.0f} | {gains} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def parser_of(name: str, minutes: float, seeds: list[int]) -> argparse.ArgumentParser:
    """What the campaigns of training have in common."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.campaigns.{name}")
    parser.add_argument("--images", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--steps", type=int, help="in place of minutes")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, nargs="+", default=seeds)
    parser.add_argument("-o", "--output", type=Path, help="each trial as a row of CSV")
    return parser


def main() -> None:
    parser = parser_of("levers", 2, [0])
    parser.add_argument("--pairs", nargs="+", default=[], metavar="DIR", help="of imgredux make-pairs")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the runs, with their weights, in a folder")
    parser.add_argument("--only", default="", help="a regular expression that the recipe's name and the change match")
    chosen = parser.parse_args()
    rows, writing, budget = done(chosen.output), Lock(), Budget(chosen.minutes, chosen.steps)
    there = {(row["recipe"], row["change"], row["budget"], int(row["seed"])) for row in rows}
    trials = [
        (trial, seed)
        for seed in chosen.seeds
        for trial in TRIALS
        if re.search(chosen.only, f"{trial.name} {trial.what}") and (chosen.pairs if trial.on_pairs else chosen.images)
        if (trial.name, trial.what, str(budget), seed) not in there
    ]

    def one(trial: Trial, seed: int) -> None:
        name = re.sub(r"\W+", "-", f"{trial.name} {trial.what} {budget} {seed}")
        kept = chosen.keep / name if chosen.keep else None
        row = measured(trial, seed, chosen.pairs if trial.on_pairs else chosen.images, budget, chosen.device, kept)
        about = {"recipe": trial.name, "change": trial.what, "budget": str(budget), "seed": seed}
        with writing:
            rows.append(add(chosen.output, {**about, **row}))
            print(rows[-1], file=sys.stderr, flush=True)

    with ThreadPoolExecutor(chosen.jobs) as pool:
        for future in [pool.submit(partial(one, trial, seed)) for trial, seed in trials]:
            future.result()
    print(tables(rows))


if __name__ == "__main__":
    main()
