"""The file of results: JSON lines, one for each measurement. Imports no torch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from imgredux.io.jsonl import Row, Rows
from imgredux.io.shards import Shard, parts_of

KEY = ("protocol", "method", "weights", "dataset", "image", "level", "seed")


def key(row: Row) -> tuple[Any, ...]:
    """What a row is about. A later row of the same key takes the place of the earlier one."""
    return tuple(row[name] for name in KEY)


def _check(row: Row) -> None:
    values = row["values"].values()
    if not all(isinstance(row[name], str) for name in ("protocol", "method", "weights", "dataset", "image")):
        raise TypeError
    if not (_is_number(row["level"]) and isinstance(row["seed"], int | None) and all(map(_is_number, values))):
        raise TypeError
    texts = (row.get(name, "") for name in ("digest", "distribution", "version", "commit", "date"))
    if not (all(isinstance(text, str) for text in texts) and _is_number(row.get("seconds"))):
        raise TypeError


def _is_number(value: Any) -> bool:
    """Whether a cell is a number or a flag, or None, which stands for none."""
    return value is None or isinstance(value, int | float)


RESULTS = Rows("result of imgredux eval", "protocol", _check)


def read_rows(path: str | PathLike) -> list[Row]:
    """The rows of a file that `imgredux eval` wrote, and of its parts, the latest of each key; no torn last line.

    Raises ImgreduxError for a line that is no such row, OSError when there is no file.
    """
    if not parts_of(Path(path)):
        Path(path).stat()
    return _latest(RESULTS.read_all(path))


@contextmanager
def appending(path: str | PathLike, shard: Shard | None = None) -> Iterator[tuple[list[Row], Callable[[Row], None]]]:
    """The rows that a file holds, as `read_rows`, and a function that adds one: `Rows.appending`."""
    with RESULTS.appending(path, shard) as (rows, append):
        yield _latest(rows), append


def _latest(rows: list[Row]) -> list[Row]:
    return list({key(row): row for row in rows}.values())
