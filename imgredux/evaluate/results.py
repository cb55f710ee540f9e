"""The file of results: JSON lines, one for each measurement, that survive a kill at any moment. Imports no torch.

A row is appended in one piece and reaches the disk before the next is measured. A kill can tear the last line only; the
next run drops it and measures it again.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from imgredux.errors import ImgreduxError

Row = dict[str, Any]
KEY = ("protocol", "method", "weights", "dataset", "image", "level", "seed")
_START = b'{"protocol": "'  # of every row: what tells a torn row from a file that is none of ours


def key(row: Row) -> tuple[Any, ...]:
    """What a row is about. A later row of the same key takes the place of the earlier one."""
    return tuple(row[name] for name in KEY)


def read_rows(path: str | PathLike) -> list[Row]:
    """The rows of a file that `imgredux eval` wrote, the latest of each key; a torn last line is left out.

    Raises ImgreduxError for a line that is no such row, OSError when there is no file.
    """
    rows, _, _ = _parse(Path(path).read_bytes(), path)
    return list({key(row): row for row in rows}.values())


@contextmanager
def appending(path: str | PathLike) -> Iterator[tuple[list[Row], Callable[[Row], None]]]:
    """The rows that a file holds, as `read_rows`, and a function that adds one to it and to the disk.

    The file and its folder are made if need be. Only one process at a time can have it open so.

    Raises ImgreduxError when another process has, or for a file that holds anything else; OSError, also from adding.
    """
    import fcntl

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("a+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImgreduxError(f"{path}: another process writes to it. Wait for it, or name another file") from error
        file.seek(0)
        data = file.readall()
        rows, whole, ended = _parse(data, path)
        if whole < len(data):
            file.truncate(whole)
        if not ended:
            _write(file.fileno(), b"\n")

        def append(row: Row) -> None:
            _write(file.fileno(), json.dumps(row, ensure_ascii=False).encode() + b"\n")
            os.fsync(file.fileno())

        yield list({key(row): row for row in rows}.values()), append


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _parse(data: bytes, path: str | PathLike) -> tuple[list[Row], int, bool]:
    """Rows, how many bytes they take, a torn last line not counted, and whether these end with a line's end."""
    *lines, last = data.split(b"\n")
    rows = [_row(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
    if not last:
        return rows, len(data), True
    try:
        return [*rows, _row(last, f"{path}, line {len(lines) + 1}")], len(data), False
    except ImgreduxError:
        if last[: len(_START)] != _START[: len(last)]:
            raise
        return rows, len(data) - len(last), True


def _row(line: bytes, where: str) -> Row:
    try:
        row = json.loads(line)
        key(row)
        if isinstance(row["values"], dict):
            return row
    except (ValueError, KeyError, TypeError):
        pass
    raise ImgreduxError(f"{where}: no result of imgredux eval. Remove the line, or name another file")
