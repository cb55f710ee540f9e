"""Many files, one engine: found, named, done on several processes, recorded, skipped when done before.

A command says what is done to one file, as a `Work`. The engine does the rest, for all commands alike: subfolders,
outputs of their own names, processes, failures that hurt no other file, kills after which a second run goes on.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path, PurePosixPath

from imgredux.batch.outputs import FileResult, Target
from imgredux.batch.processes import Engine, jobs_that_fit
from imgredux.batch.record import Record, recording
from imgredux.batch.spreading import by_ray, here, there
from imgredux.batch.work import Task, Work, attempt
from imgredux.errors import ImgreduxError, in_words, reason_of
from imgredux.io.finding import Found, find, stems
from imgredux.io.shards import Shard

_log = logging.getLogger(__name__)
FEW, LITTLE = 8, 2**24  # files, and bytes of them, that one process does sooner than several begin
Progress = Callable[[int, int, str], None]  # done, total, the latest
SCARCE = 2**26  # bytes free, below which nothing is begun


class Results(Iterator[FileResult]):
    """What `run` gives: one result after the other. total: how many there are, without what is left out.

    progress: called with how many came, the total, and the latest file's name.
    """

    def __init__(self, total: int, rest: Iterator[FileResult], progress: Progress | None = None) -> None:
        self.total, self._rest, self._progress, self._done = total, rest, progress, 0

    def __next__(self) -> FileResult:
        result = next(self._rest)
        if result.left_out is None:
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self.total, result.input.name)
        return result


def run(
    work: Work,
    inputs: Sequence[str | PathLike],
    out: str | PathLike,
    *,
    jobs: int | None = None,
    force: bool = False,
    shard: Shard | None = None,
    engine: Engine = "processes",
    progress: Progress | None = None,
) -> Results:
    """Do the work on files and folders of them; a result for every input, as it is done, and for what is left out.

    One file makes the file `out`, unless `out` is a folder. Several, or a folder, make files in the folder `out`, in
    the tree of the inputs. jobs: processes of one thread; None: as many as cores and memory allow; one file has all
    threads. force: do again what is done, and replace files that are not from here. shard: only the files of this part
    of the job; other processes may do the other parts in the same folders. engine: "ray" takes `jobs` workers of a
    Ray cluster, which sees the same folders, or of one that it starts here. progress: called for each file that is
    done, as `imgredux.progress()` takes it.

    What is done is not done again while the input, the settings and the outputs are what they were. Raises
    ImgreduxError at once for inputs and outputs that cannot be; with the first result when another process works in the
    folder.
    """
    target = Path(out)
    single = _is_single(work, inputs, target)
    found = find(inputs, None if single else target, work.suffixes)
    if single and shard is not None:
        raise ImgreduxError("a shard is a part of a folder's files: name a folder, or leave the shard out")
    if single:
        _check_suffix(target, work)
        work.start()  # what is wrong with the method shows here
        return Results(1, _alone(work, Path(inputs[0]), target, force), progress)
    _check_folder(target, inputs, work)
    places = stems(found.files)
    if shard is not None:  # names are those of the whole
        places = {path: place for path, place in places.items() if shard.has(str(place))}
        if shard.number > 1:  # what is said of all is said once
            found = Found(found.files)
    total = len(places) + len(found.failed)
    return Results(total, _many(work, found, places, target, jobs, force, shard, engine), progress)


def _is_single(work: Work, inputs: Sequence[str | PathLike], out: Path) -> bool:
    """Whether `out` is the name of one file."""
    return bool(work.formats) and len(inputs) == 1 and not Path(inputs[0]).is_dir() and not out.is_dir()


def _alone(work: Work, path: Path, out: Path, force: bool) -> Iterator[FileResult]:
    target = Target(out.parent, PurePosixPath(out.stem), PurePosixPath(out.name), exact=out, force=force)
    own = frozenset({os.path.normcase(path.absolute())})
    yield attempt(work, Task(path, replace(target, sources=own))).result


def _many(
    work: Work,
    found: Found,
    places: Mapping[Path, PurePosixPath],
    out: Path,
    jobs: int | None,
    force: bool,
    shard: Shard | None,
    engine: Engine,
) -> Iterator[FileResult]:
    yield from (FileResult(path, left_out=why) for path, why in found.left_out)
    yield from (FileResult(path, error=why, reason="unreadable") for path, why in found.failed)
    with recording(out, work.task, work.settings, shard) as record:
        _check_space(out)
        items = _items(work, found, places, record, force)

        def renewed(task: Task) -> Task:
            """A task whose worker died, which may write over what that left."""
            target = task.target
            made = work.may_make(target.place, target.original)
            return replace(task, target=replace(target, owned=record.begin(task.path, target.place, made)))

        if engine == "ray":
            results = by_ray(work, items, jobs, renewed)
        else:
            jobs = jobs or _jobs([*places])
            _log.info("%s: %d files, %d at a time", work.task, len(places), jobs)
            results = here(work, items) if jobs == 1 else there(work, items, jobs, renewed)
        for item in results:
            if isinstance(item, FileResult):  # it needed no work
                yield item
                continue
            if item.result.error is None:
                record.end(item.task.path, item.task.target.place, item.stamp, item.made, item.result.facts)
            yield item.result


def _jobs(files: Sequence[Path]) -> int:
    """As many as fit, unless it takes longer to start processes than to do the work."""
    if len(files) < FEW and sum(map(_size, files)) < LITTLE:
        return 1
    return jobs_that_fit(len(files))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _items(
    work: Work, found: Found, places: Mapping[Path, PurePosixPath], record: Record, force: bool
) -> Iterator[Task | FileResult]:
    """For each input what is to be done, written down as begun, or what became of it without."""
    originals = dict(found.files)
    under = os.path.normcase(record.out.absolute()) + os.sep
    absolute = (os.path.normcase(path.absolute()) for path in originals)
    sources = frozenset(one for one in absolute if one.startswith(under))
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
