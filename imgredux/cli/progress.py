"""The one progress bar of the commands that take long."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imgredux.cli.text import line

if TYPE_CHECKING:
    from rich.progress import Progress


class Bar:
    """How far a command is. Shown from the second file on, or as soon as `show` is told of parts of the first."""

    def __init__(self, progress: "Progress", total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, visible=total > 1)

    def advance(self, what: str) -> None:
        """One more is done: `what`, a file's name."""
        self._progress.update(self._task, advance=1, description=line(what))

    def show(self, done: int, total: int, what: str = "") -> None:
        """So many of so many are done, the latest being `what`."""
        self._progress.update(self._task, completed=done, total=total, description=line(what), visible=True)


@contextmanager
def bar(total: int = 1) -> Iterator[Bar]:
    """A bar on a terminal, nothing elsewhere; for one file it is gone when that is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),
        transient=total == 1,
    ) as progress:
        yield Bar(progress, total)
