"""The progress bar of the commands that go through files."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imgredux.cli.text import line


@contextmanager
def bar(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, nothing elsewhere; call what it gives after each file, with the file's name."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(
        *columns, console=console, disable=not console.is_terminal, redirect_stdout=sys.stdout.isatty()
    ) as progress:
        task = progress.add_task("", total=total, visible=total > 1)
        yield lambda name: progress.update(task, advance=1, description=line(name))
