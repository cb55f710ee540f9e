"""The one progress bar: on a terminal and in a notebook, of commands and of Python. Imports rich when it is shown.

>>> with imgredux.progress() as show:                                         # doctest: +SKIP
...     imgredux.evaluate.evaluate("jpeg-y", ["arcnn"], sets, "rows.jsonl", progress=show)
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress


class Stepping(Protocol):
    """News of a run that counts its steps, as `imgredux.evaluate.Step`."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def what(self) -> str: ...


class Bar:
    """How far something is. Shown from the second file on, or as soon as it is told of parts of the first."""

    def __init__(self, progress: "Progress", total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, visible=total > 1)

    def advance(self, what: str) -> None:
        """One more is done: `what`, a file's name."""
        self._progress.update(self._task, advance=1, description=_line(what))

    def show(self, done: int, total: int, what: str = "") -> None:
        """So many of so many are done, the latest being `what`."""
        self._progress.update(self._task, completed=done, total=total, description=_line(what), visible=True)

    def __call__(self, done: "int | Stepping", total: int = 0, what: str = "") -> None:
        """What `progress=` of any function here calls: numbers and a name, or a step that has them."""
        if isinstance(done, int):
            self.show(done, total, what)
        else:
            self.show(done.done, done.total, done.what)


@contextmanager
def bar(total: int = 1, *, quiet: bool = False) -> Iterator[Bar]:
    """A bar on a terminal or in a notebook, nothing elsewhere; for one file it is gone when that is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns: tuple[Any, ...] = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(
        *columns,
        console=console,
        disable=quiet or not (console.is_terminal or console.is_jupyter),
        redirect_stdout=sys.stdout.isatty(),
        transient=total == 1,
    ) as progress:
        yield Bar(progress, total)


@contextmanager
def progress() -> Iterator[Bar]:
    """A bar to pass as `progress=` to what goes through many files or images; it stands when they are done.

    On a terminal or in a notebook; nothing is shown elsewhere. One bar may be passed to several functions in turn.
    """
    with bar(0) as shown:
        yield shown


def _line(text: str) -> str:
    """The text on one line, whatever a file's name holds."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
