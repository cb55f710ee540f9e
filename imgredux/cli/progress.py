"""The progress bar of the commands that take long: none with `--quiet`."""

from collections.abc import Iterator
from contextlib import contextmanager

from imgredux.bars import Bar
from imgredux.bars import bar as any_bar
from imgredux.cli.manners import manners


@contextmanager
def bar(total: int = 1) -> Iterator[Bar]:
    """A bar on a terminal, nothing elsewhere; for one file it is gone when that is done."""
    with any_bar(total, quiet=manners.quiet) as shown:
        yield shown
