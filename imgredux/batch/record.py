"""The record of an output folder, `imgredux.jsonl`: which of its files are ours, of which input, made how.

A row is written before an input is begun (what it may make) and another after it is done (what it made). So after a
kill the next run knows its own half-done work from a stranger's file. Only one process at a time works in a folder.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from imgredux.batch.outputs import FileResult, relative
from imgredux.errors import ImgreduxError
from imgredux.io.files import sweep
from imgredux.io.jsonl import Row, Rows
from imgredux.io.shards import Shard, parts_of

RECORD = "imgredux.jsonl"
NOW = "now"  # of the facts: SHA-256 of what was put in the place of an input


def _check(row: Row) -> None:
    texts = (row["input"], row["task"], row["place"], row["settings"])
    if not (all(isinstance(text, str) for text in texts) and isinstance(row["outputs"], dict)):
        raise TypeError
    for about in row["outputs"].values():
        if about is not None and not (isinstance(about["sha256"], str) and isinstance(about["size"], int)):
            raise TypeError


ROWS = Rows("row of an output folder's record", "input", _check, sync_every=1.0)


def records_of(folder: Path) -> list[Path]:
    """The files that hold a folder's record, those of parts of a job last."""
    return [one for one in (folder / RECORD, *parts_of(folder / RECORD)) if one.is_file()]


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settings_digest(settings: Mapping[str, Any]) -> str:
    """What tells that outputs were made with other settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass
class Record:
    """The rows of one folder, for one task. task: what the command makes, as "run wei2009"; settings: their digest."""

    out: Path
    task: str
    settings: str
    append: Callable[[Row], None]
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)  # by task and input
    places: dict[tuple[str, str], Row] = field(default_factory=dict)  # by task and place

    def place_of(self, path: Path) -> PurePosixPath | None:
        """Where the outputs of an input went in an earlier run of the task."""
        row = self.rows.get((self.task, relative(path, self.out)))
        return PurePosixPath(row["place"]) if row else None

    def done(self, path: Path, place: PurePosixPath) -> FileResult | None:
        """What an earlier run left of this input, if it is all there and made of the same file in the same way."""
        row = self.rows.get((self.task, relative(path, self.out))) or self._moved(path, place)
        if row is None or row["settings"] != self.settings or not row.get("sha256"):
            return None
        if not (self._same_input(path, row) and all(map(self._intact, row["outputs"].items()))):
            return None
        return FileResult(path, tuple(self.out / name for name in row["outputs"]), row.get("facts", {}), made=False)

    def begin(self, path: Path, place: PurePosixPath, may_make: Iterable[str]) -> frozenset[str]:
        """Write down what may be made of an input, before it is. Returns which files may be written over.

        These are its own outputs of earlier runs, unless somebody changed them since, and those that are not there yet.
        Raises ImgreduxError where the place is taken by the outputs of another input.
        """
        mine = relative(path, self.out)
        row = self.rows.get((self.task, mine))
        other = self.places.get((self.task, str(place)))
        if row is None and other is not None:
            taken = f"its output would take the place of that of {other['input']}"
            raise ImgreduxError(f"{path}: {taken}: choose another output folder")
        held = row["outputs"] if row else {}
        new = {name: None for name in may_make if name not in held and not os.path.lexists(self.out / name)}
        self._add({**self._row(mine, place), "outputs": {**held, **new}})
        return frozenset(name for name, about in held.items() if about is None or self._intact((name, about)))

    def end(
        self,
        path: Path,
        place: PurePosixPath,
        stamp: Mapping[str, Any],
        made: Mapping[Path, Mapping[str, Any]],
        facts: Mapping[str, Any],
    ) -> None:
        """Write down what was made, with what tells later that it is the same. stamp: of the input as it was read."""
        outputs = {relative(output, self.out): dict(about) for output, about in made.items()}
        row = self._row(relative(path, self.out), place)
        self._add({**row, **stamp, "outputs": outputs, "facts": dict(facts)})

    def _row(self, mine: str, place: PurePosixPath) -> Row:
        return {"input": mine, "task": self.task, "settings": self.settings, "place": str(place)}

    def _add(self, row: Row) -> None:
        self.append(row)
        self.know(row)

    def know(self, row: Row) -> None:
        """Take a row into account; a later one of the same task and input takes the place of the earlier one."""
        self.rows[row["task"], row["input"]] = row
        self.places[row["task"], row["place"]] = row

    def folders(self) -> set[Path]:
        """Where temporary files of ours may lie."""
        names = (name for row in self.rows.values() for name in row["outputs"])
        return {self.out, *((self.out / name).parent for name in names)}

    def _moved(self, path: Path, place: PurePosixPath) -> Row | None:
        """The row of the same content at this place, under another path: the input, or the folder, was moved."""
        row = self.places.get((self.task, str(place)))
        if row is None or not row.get("sha256") or row["size"] != path.stat().st_size:
            return None
        return row if row["sha256"] == digest(path) else None

    def _same_input(self, path: Path, row: Row) -> bool:
        """Whether an input is as it was, or, where it was replaced, as it has been since."""
        about, now = path.stat(), row.get("facts", {}).get(NOW)
        if now is not None:
            return digest(path) == now
        if about.st_size != row["size"]:
            return False
        return about.st_mtime_ns == row["mtime"] or digest(path) == row["sha256"]

    def _intact(self, output: tuple[str, Mapping[str, Any] | None]) -> bool:
        name, about = output
        if about is None:
            return False
        try:
            found = (self.out / name).stat()
        except OSError:
            return False
        if found.st_size != about["size"]:
            return False
        return found.st_mtime_ns == about.get("mtime") or digest(self.out / name) == about["sha256"]


def stamp_of(path: Path) -> dict[str, Any]:
    """What tells later whether a file is still the same."""
    about = path.stat()
    return {"size": about.st_size, "mtime": about.st_mtime_ns, "sha256": digest(path)}


@contextmanager
def recording(out: Path, task: str, settings: Mapping[str, Any], shard: Shard | None = None) -> Iterator[Record]:
    """The record of a folder, made if need be, for as long as the block has the folder to itself.

    shard: while other parts of the same job may be at work there; temporary files of killed processes then stay. Raises
    ImgreduxError when another process works there, or for a damaged record, and for a folder that cannot be written to;
    OSError when a row cannot be added.
    """
    with ExitStack() as stack:
        try:
            out.mkdir(parents=True, exist_ok=True)
            rows, append = stack.enter_context(ROWS.appending(out / RECORD, shard))
        except OSError as error:
            raise ImgreduxError(f"{out}: cannot be written to: {error}") from error
        record = Record(out, task, settings_digest(settings), append)
        for row in rows:
            record.know(row)
        if shard is not None:
            yield record
            return
        sweep(record.folders())
        try:
            yield record
        finally:
            sweep(record.folders())
