"""The file of results: JSON lines, one for each measurement. Imports no torch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from imgredux.io.jsonl import Row, Rows

KEY = ("protocol", "method", "weights", "dataset", "image", "level", "seed")


def key(row: Row) -> tuple[Any, ...]:
    """What a row is about. A later row of the same key takes the place of the earlier one."""
    return tuple(row[name] for name in KEY)


def _check(row: Row) -> None:
    if not (isinstance(row["values"], dict) and isinstance(row["protocol"], str)):
        raise TypeError
    hash(key(row))


RESULTS = Rows("result of imgredux eval", "protocol", _check)


def read_rows(path: str | PathLike) -> list[Row]:
    """The rows of a file that `imgredux eval` wrote, the latest of each key; a torn last line is left out.

    Raises ImgreduxError for a line that is no such row, OSError when there is no file.
    """
    Path(path).stat()
    return _latest(RESULTS.read(path))


@contextmanager
def appending(path: str | PathLike) -> Iterator[tuple[list[Row], Callable[[Row], None]]]:
    """The rows that a file holds, as `read_rows`, and a function that adds one: `Rows.appending`."""
    with RESULTS.appending(path) as (rows, append):
        yield _latest(rows), append


def _latest(rows: list[Row]) -> list[Row]:
    return list({key(row): row for row in rows}.values())
