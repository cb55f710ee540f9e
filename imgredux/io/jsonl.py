"""Files of JSON lines that grow row by row and survive a kill at any moment: one reader, one writer, one lock.

A row is appended in one piece and is on the disk before the next one. A kill can tear the last line only: it is left
out by the reader, and the next writer drops it. Imports no torch.
"""

import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any

from imgredux.errors import ImgreduxError
from imgredux.io.shards import Shard, parts_of

Row = dict[str, Any]
PATIENCE = 10.0  # seconds that a part of a job waits for others to begin


@dataclass(frozen=True)
class Rows:
    """One kind of file.

    what: of a row, for errors, as "result of imgredux eval". first: the field that every row begins with; a torn line
    is told by it from a file of something else. check: raises KeyError, TypeError or ValueError for an object that is
    no such row. sync_every: seconds; rows reach the disk at least so often. 0: each before the next. A kill of the
    process loses none either way, only a loss of power does.
    """

    what: str
    first: str
    check: Callable[[Row], object]
    sync_every: float = 0.0

    def read_all(self, path: str | PathLike) -> list[Row]:
        """The rows of a file, and after them those of its parts (`imgredux.io.shards`); as `read`."""
        path = Path(path)
        return [row for one in (path, *parts_of(path)) for row in self.read(one)]

    def read(self, path: str | PathLike) -> list[Row]:
        """The rows of a file in their order; none where there is no file.

        Raises ImgreduxError for a line that is no such row, OSError.
        """
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            return []
        return self._parsed(data, path)[0]

    @contextmanager
    def appending(
        self, path: str | PathLike, shard: Shard | None = None
    ) -> Iterator[tuple[list[Row], Callable[[Row], None]]]:
        """The rows that a file and its parts hold, and a function that adds one to it and to the disk.

        The file and its folder are made if need be; the file stays open. A lock beside it, `.{name}.lock`, keeps every
        other process out until the block ends, or this process does. shard: rows are added to the file of this part,
        and others may write to theirs meanwhile. Without it, the parts' files are taken in and removed.

        Raises ImgreduxError when another has the lock, and as `read`; OSError, also from adding.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if shard is not None:
            with _part(path, shard) as own, self._open(own) as (_, append, _):
                yield self.read_all(path), append
            return
        with locked(path), self._open(path) as (rows, append, sync):
            for part in parts_of(path):
                with locked(part):
                    more = self.read(part)
                    for row in more:
                        append(row)
                    rows += more
                    sync()
                    part.unlink()
                    with suppress(PermissionError):  # Windows keeps what is open, as the lock is here
                        _lock_of(part).unlink(missing_ok=True)
            yield rows, append

    @contextmanager
    def _open(self, path: Path) -> Iterator[tuple[list[Row], Callable[[Row], None], Callable[[], None]]]:
        """The rows of a file that is locked, and functions that add one, and that bring all to the disk."""
        with path.open("a+b", buffering=0) as file:
            file.seek(0)
            data = file.read()
            rows, whole, ended = self._parsed(data, path)
            if whole < len(data):
                file.truncate(whole)
            if not ended:
                _write(file, b"\n")

            synced = time.monotonic()

            def sync() -> None:
                os.fsync(file.fileno())

            def append(row: Row) -> None:
                nonlocal synced
                if os.fstat(file.fileno()).st_nlink == 0:  # nobody would ever read the row
                    raise FileNotFoundError(errno.ENOENT, "it was deleted while it was written to", str(path))
                _write(file, _line(row))
                if time.monotonic() - synced >= self.sync_every:
                    sync()
                    synced = time.monotonic()

            yield rows, append, sync
            sync()

    def _parsed(self, data: bytes, path: str | PathLike) -> tuple[list[Row], int, bool]:
        """Rows, how many bytes they take, a torn last line not counted, and whether these end with a line's end."""
        *lines, last = data.split(b"\n")
        rows = [self._row(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
        if not last:
            return rows, len(data), True
        start = json.dumps({self.first: 0}).removesuffix("0}").encode()
        if last[: len(start)] == start[: len(last)] and not _is_json(last):
            return rows, len(data) - len(last), True
        return [*rows, self._row(last, f"{path}, line {len(lines) + 1}")], len(data), False

    def _row(self, line: bytes, where: str) -> Row:
        try:
            row = json.loads(line)
            self.check(row)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ImgreduxError(f"{where}: no {self.what}. Remove the line, or name another file") from error
        return row


@contextmanager
def locked(path: Path, patience: float = 0) -> Iterator[None]:
    """Keep every other process out that asks for the same, until the block ends or this process does.

    patience: seconds to wait for another process. Raises ImgreduxError when it is still in then, OSError where no lock
    can be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(_lock_of(path))
    try:
        lock.acquire(timeout=patience)
    except Timeout as error:
        raise ImgreduxError(f"{path}: another process writes to it. Wait for it, or name another") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _part(path: Path, shard: Shard) -> Iterator[Path]:
    """The file of a part's rows, kept from others; nobody has the whole, and nobody gets it meanwhile."""
    own = shard.beside(path)
    with ExitStack() as stack:
        with locked(path, patience=PATIENCE):  # other parts are on the doorstep for a moment; the whole stays inside
            stack.enter_context(locked(own))
        yield own


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _write(file: IO[bytes], data: bytes) -> None:
    while data:
        data = data[file.write(data) :]


def _line(row: Row) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # the name of a file that is no text
        return json.dumps(row).encode() + b"\n"


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True
