"""What is done to one file, and what came of it, whatever process does it."""

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from imgredux.batch.outputs import FileResult, Target
from imgredux.batch.record import stamp_of
from imgredux.errors import in_words, reason_of


class Work(ABC):
    """What a command does to one file; picklable, for it is sent to other processes before `start` is called there.

    task: what it makes, in a word or two, as "run wei2009": rows of the record are of one task. settings: all that
    decides what comes out; outputs made with others are made anew. suffixes: of what a folder is searched for, None for
    image files. formats: suffixes that the one output may have, where a single file is named. methods: names to know
    there.
    """

    task: str
    settings: Mapping[str, Any]
    suffixes: Collection[str] | None = None
    formats: Collection[str] = ()
    methods: Collection[str] = ()

    @abstractmethod
    def start(self) -> None:
        """Load what is needed, once in each process."""

    @abstractmethod
    def may_make(self, place: PurePosixPath, original: PurePosixPath) -> list[str]:
        """What the outputs of an input may be called, relative to the output folder."""

    @abstractmethod
    def do(self, path: Path, target: Target) -> dict[str, Any]:
        """Make the outputs of an input, each at a path that `target` gives. Returns what is known of them."""


@dataclass(frozen=True)
class Task:
    """One input for a worker."""

    path: Path
    target: Target


@dataclass(frozen=True)
class Outcome:
    """What a worker made of a task. stamp: of the input as it was read; made: of each output."""

    task: Task
    result: FileResult
    stamp: Mapping[str, Any] = field(default_factory=dict)
    made: Mapping[Path, Mapping[str, Any]] = field(default_factory=dict)


def attempt(work: Work, task: Task) -> Outcome:
    """The work on one input, with what is said of it on the way; whatever it raises hurts no other."""
    with _heard() as notes, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            stamp = stamp_of(task.path)
            facts = work.do(task.path, task.target)
            outputs = tuple(task.target.written)
            result = FileResult(task.path, outputs, facts, notes=tuple(notes))
            made = {output: stamp_of(output) for output in outputs}
        except (Exception, SystemExit) as error:  # whatever a decoder or a method raises: the next is none the worse
            result, stamp, made = FileResult(task.path, error=in_words(error), reason=reason_of(error)), {}, {}
    said = dict.fromkeys(str(one.message) for one in caught if issubclass(one.category, UserWarning))
    return Outcome(task, replace(result, warnings=tuple(said)), stamp, made)


@contextmanager
def _heard() -> Iterator[list[str]]:
    """A list that holds what methods say in the log, as they say it."""
    notes: list[str] = []
    logger = logging.getLogger("imgredux")
    handler, level = logging.Handler(logging.INFO), logger.level
    handler.emit = lambda record: notes.append(record.getMessage())
    handler.addFilter(lambda record: record.name == logger.name)
    logger.addHandler(handler)
    logger.setLevel(min(level or logging.INFO, logging.INFO))  # a command may have asked for more
    try:
        yield notes
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
