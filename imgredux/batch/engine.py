"""Many files, one engine: found, named, done on several processes, recorded, skipped when done before.

A command says what is done to one file, as a `Work`. The engine does the rest, for all commands alike: subfolders,
outputs of their own names, processes, failures that hurt no other file, kills after which a second run goes on.
"""

import logging
import os
import shutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from imgredux.batch.outputs import FileResult, Target
from imgredux.batch.processes import ENDED, jobs_that_fit, one_thread, pool
from imgredux.batch.record import Record, recording, stamp_of
from imgredux.errors import ImgreduxError, in_words, reason_of
from imgredux.io.finding import Found, find, stems
from imgredux.registry import registered

FEW, LITTLE = 8, 2**24  # files, and bytes of them, that one process does sooner than several begin
AHEAD = 2  # inputs in hand for each process
SCARCE = 2**26  # bytes free, below which nothing is begun


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


class Results(Iterator[FileResult]):
    """What `run` gives: one result after the other. total: how many there are, without what is left out."""

    def __init__(self, total: int, rest: Iterator[FileResult]) -> None:
        self.total, self._rest = total, rest

    def __next__(self) -> FileResult:
        return next(self._rest)


def run(
    work: Work,
    inputs: Sequence[str | PathLike],
    out: str | PathLike,
    *,
    jobs: int | None = None,
    force: bool = False,
) -> Results:
    """Do the work on files and folders of them; a result for every input, as it is done, and for what is left out.

    One file makes the file `out`, unless `out` is a folder. Several, or a folder, make files in the folder `out`, in
    the tree of the inputs. jobs: processes of one thread; None: as many as cores and memory allow; one file has all
    threads. force: do again what is done, and replace files that are not from here.

    What is done is not done again while the input, the settings and the outputs are what they were. Raises
    ImgreduxError at once for inputs and outputs that cannot be; with the first result when another process works in the
    folder.
    """
    target = Path(out)
    single = _is_single(work, inputs, target)
    found = find(inputs, None if single else target, work.suffixes)
    if single:
        _check_suffix(target, work)
        work.start()  # what is wrong with the method shows here
        return Results(1, _alone(work, Path(inputs[0]), target, force))
    _check_folder(target, inputs, work)
    return Results(len(found.files) + len(found.failed), _many(work, found, target, jobs, force))


def _is_single(work: Work, inputs: Sequence[str | PathLike], out: Path) -> bool:
    """Whether `out` is the name of one file."""
    return bool(work.formats) and len(inputs) == 1 and not Path(inputs[0]).is_dir() and not out.is_dir()


def _alone(work: Work, path: Path, out: Path, force: bool) -> Iterator[FileResult]:
    target = Target(out.parent, PurePosixPath(out.stem), PurePosixPath(out.name), exact=out, force=force)
    own = frozenset({os.path.normcase(path.absolute())})
    yield attempt(work, Task(path, replace(target, sources=own))).result


def _many(work: Work, found: Found, out: Path, jobs: int | None, force: bool) -> Iterator[FileResult]:
    yield from (FileResult(path, left_out=why) for path, why in found.left_out)
    yield from (FileResult(path, error=why, reason="unreadable") for path, why in found.failed)
    with recording(out, work.task, work.settings) as record:
        _check_space(out)
        items = _items(work, found, record, force)
        jobs = jobs or _jobs(found)
        for item in _here(work, items) if jobs == 1 else _there(work, items, jobs):
            if isinstance(item, FileResult):  # it needed no work
                yield item
                continue
            if item.result.error is None:
                record.end(item.task.path, item.task.target.place, item.stamp, item.made, item.result.facts)
            yield item.result


def _jobs(found: Found) -> int:
    """As many as fit, unless it takes longer to start processes than to do the work."""
    if len(found.files) < FEW and sum(_size(path) for path, _ in found.files) < LITTLE:
        return 1
    return jobs_that_fit(len(found.files))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _items(work: Work, found: Found, record: Record, force: bool) -> Iterator[Task | FileResult]:
    """For each input what is to be done, written down as begun, or what became of it without."""
    places, originals = stems(found.files), dict(found.files)
    under = os.path.normcase(record.out.absolute()) + os.sep
    sources = frozenset(one for one in (os.path.normcase(path.absolute()) for path in places) if one.startswith(under))
    for path in places:
        try:
            place = record.place_of(path) or places[path]
            done = None if force else record.done(path, place)
            if done is not None:
                yield done
                continue
            original = originals[path]
            owned = record.begin(path, place, work.may_make(place, original))
            yield Task(path, Target(record.out, place, original, owned=owned, force=force, sources=sources))
        except (ImgreduxError, OSError) as error:
            yield FileResult(path, error=in_words(error), reason=reason_of(error))


def _here(work: Work, items: Iterator[Task | FileResult]) -> Iterator[Outcome | FileResult]:
    """In this process, on one thread, as a process among several has it: so outputs do not depend on their number."""
    started = False
    for item in items:
        if isinstance(item, FileResult):
            yield item
            continue
        if not started:
            work.start()
            started = True
        with one_thread():
            outcome = attempt(work, item)
        yield outcome


def _there(work: Work, items: Iterator[Task | FileResult], jobs: int) -> Iterator[Outcome | FileResult]:
    """On other processes. What was under way when one died is tried again, each input by itself."""
    for item in items:  # processes are begun when there is something to do
        if isinstance(item, Task):
            items = chain([item], items)
            break
        yield item
    else:
        return
    work.start()  # what is wrong with the method shows here, once
    specs = registered(work.methods)
    broken = True
    while broken:
        broken, futures = False, {}
        try:
            with pool(jobs, specs, _started, work) as executor:
                for item in items:
                    if isinstance(item, FileResult):
                        yield item
                        continue
                    try:
                        futures[executor.submit(_attempted, item)] = item
                    except BrokenProcessPool:
                        futures[Future()] = item  # it has not been begun
                        raise
                    if len(futures) >= AHEAD * jobs:
                        yield from _collected(futures, FIRST_COMPLETED)
                while futures:
                    yield from _collected(futures, FIRST_COMPLETED)
        except BrokenProcessPool:
            broken = True
        for task in futures.values():
            yield _by_itself(work, task, specs)


def _collected(futures: dict[Future[Outcome], Task], when: str) -> Iterator[Outcome]:
    """What is done, once something is. Raises BrokenProcessPool, the futures without a result left where they are."""
    done, _ = wait(futures, return_when=when)
    for future in sorted(done, key=lambda one: one.exception() is not None):
        outcome = future.result()
        del futures[future]
        yield outcome


def _by_itself(work: Work, task: Task, specs: Sequence[Any]) -> Outcome:
    try:
        with pool(1, specs, _started, work) as executor:
            return executor.submit(_attempted, task).result()
    except BrokenProcessPool:
        return Outcome(task, FileResult(task.path, error=ENDED, reason="memory"))


_work: Work  # of a worker process


def _started(work: Work) -> None:
    global _work
    _work = work
    work.start()


def _attempted(task: Task) -> Outcome:
    return attempt(_work, task)


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
    logger.setLevel(logging.INFO)
    try:
        yield notes
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def _check_folder(out: Path, inputs: Sequence[str | PathLike], work: Work) -> None:
    if out.exists() and not out.is_dir():
        raise ImgreduxError(f"several inputs need a folder to write to, and {out} is a file")
    if not out.exists() and out.suffix.lower() in work.formats:
        raise ImgreduxError(f"several inputs need a folder to write to, and {out} is named like a file")
    if out.resolve() in {Path(one).resolve() for one in inputs}:
        raise ImgreduxError(f"{out} is the folder that is read: originals are not overwritten. Choose another output")


def _check_suffix(out: Path, work: Work) -> None:
    if work.formats and out.suffix.lower() not in work.formats:
        known = ", ".join(work.formats)
        raise ImgreduxError(f"the output {out} must end in one of {known}, or be an existing folder")


def _check_space(out: Path) -> None:
    free = shutil.disk_usage(out).free
    if free < SCARCE:
        raise ImgreduxError(f"{out}: {free / 2**20:.0f} MiB are free there: make room first")
