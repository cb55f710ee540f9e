"""A queue of runs: one after the other, each taken up where it stopped, in one thread and at low priority."""

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from imgredux.errors import ImgreduxError
from imgredux.io.jsonl import locked
from imgredux.training.checkpoint import Row, how_far
from imgredux.training.loop import train

LOWEST = 19  # priority, as `nice` counts it


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A run of a queue: a table `[[runs]]` of its file.

    name: `method.tag`. images: folders, relative to the file; `$NAME` is a variable of the environment. minutes: the
    schedule gets as many steps as fit into them; they count from the first start on, and a run of a slower machine or
    beside other work takes longer. folder: of the run, below that of all runs; by default the name. The rest is as
    `imgredux.training.train` has it.
    """

    name: str
    images: tuple[Path, ...]
    minutes: float
    folder: str = ""
    seed: int = 0
    init: str | None = None
    device: str = "cpu"
    precision: str = "auto"
    compiled: bool = False
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """What became of a run in this session: its weights when it is done, or why it failed; neither when stopped."""

    run: Queued
    weights: Path | None = None
    error: str = ""
    before: bool = False  # it was done already


def read_queue(path: str | PathLike) -> list[Queued]:
    """The runs of a file. Raises ImgreduxError for what is no queue, naming the run and the field."""
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ImgreduxError(f"{path}: no queue can be read: {error}") from error
    tables = content.pop("runs", None)
    if content or not isinstance(tables, list) or not tables:
        raise ImgreduxError(f"{path}: a queue is tables [[runs]] and nothing else, as docs/how-to/training.md shows")
    runs = [_queued(table, path.parent, f"{path}, run {number}") for number, table in enumerate(tables, 1)]
    folders = [run.folder for run in runs]
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice is not None:
        raise ImgreduxError(f"{path}: two runs have the folder {twice!r}: give one of them another `folder`")
    return runs


def run_queue(
    path: str | PathLike,
    runs: str | PathLike,
    *,
    progress: Callable[[str, Row], None] | None = None,
    ended: Callable[[], bool] | None = None,
) -> Iterator[Ended]:
    """Work through a queue in the folder `runs`; what became of each run, as it ends. A failed one stops no other.

    This process gets the lowest priority and one thread. progress: called with a run's name and each line of its log.
    ended: asked after each step; True ends the queue with a checkpoint. A process that is killed loses three minutes.

    Raises ImgreduxError as `read_queue`, and when another process works through a queue in `runs`.
    """
    queue, folder = read_queue(path), Path(runs)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "queue"):
        if hasattr(os, "nice"):
            os.nice(LOWEST)
        torch.set_num_threads(1)
        for run in queue:
            if ended is not None and ended():
                return
            yield _one(run, folder / run.folder, progress or (lambda name, row: None), ended)


def _one(run: Queued, out: Path, progress: Callable[[str, Row], None], ended: Callable[[], bool] | None) -> Ended:
    try:
        far = how_far(out)
        if far.done:
            return Ended(run, far.weights, before=True)
        weights = None
        while weights is None and not (ended is not None and ended()):
            weights = train(
                run.name,
                run.images,
                out,
                # The time sets the length of the schedule, once; from then on a run goes to its end.
                max_minutes=None if how_far(out).total else run.minutes,
                device=run.device,
                precision=run.precision,
                seed=run.seed,
                resume=True,
                init=run.init,
                compiled=run.compiled,
                changes=run.changes,
                progress=lambda row: progress(run.folder, row),
                ended=ended,
            )
    except ImgreduxError as error:
        return Ended(run, error=str(error))
    return Ended(run, weights)


def _queued(table: Any, base: Path, where: str) -> Queued:
    known = {one.name for one in fields(Queued)}
    if not isinstance(table, dict):
        raise ImgreduxError(f"{where}: not a table")
    missing = sorted({"name", "images", "minutes"} - set(table))
    unknown = sorted(set(table) - known)
    if missing or unknown:
        raise ImgreduxError(f"{where}: {', '.join(missing or unknown)} {'is missing' if missing else 'is not known'}")
    table = {key: (tuple(value) if isinstance(value, list) else value) for key, value in table.items()}
    images = table["images"]
    if not isinstance(images, tuple) or not images or not all(isinstance(one, str) for one in images):
        raise ImgreduxError(f"{where}: images must be a list of folders")
    minutes = table["minutes"]
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or minutes <= 0:
        raise ImgreduxError(f"{where}: minutes must be a number above 0")
    for key, kind in (("name", str), ("folder", str), ("seed", int), ("changes", dict), ("init", str)):
        if key in table and not isinstance(table[key], kind):
            raise ImgreduxError(f"{where}: {key} must be of the kind {kind.__name__}")
    table["images"] = tuple(base / _expanded(one, where) for one in images)
    table["folder"] = table.get("folder") or table["name"]
    if not re.fullmatch(r"\w[\w.+-]*", table["folder"]):
        raise ImgreduxError(f"{where}: the folder {table['folder']!r} must be one plain name")
    return Queued(**table)


def _expanded(text: str, where: str) -> str:
    """The text with the environment's variables in place."""
    full = os.path.expandvars(text)
    left = re.search(r"\$\{?(\w+)", full)
    if left:
        raise ImgreduxError(f"{where}: the variable {left[1]} is not set, and images are in {text}")
    return full
