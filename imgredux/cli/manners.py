"""How much a command says: `-q`, `-v` and `-vv` before its name."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Manners:
    """quiet: no notes and no bar. notes: a command prints what methods say, so that the log need not."""

    quiet: bool = False
    notes: bool = False


manners = Manners()


@contextmanager
def speaking(quiet: bool, verbose: int) -> Iterator[None]:
    """These manners until the command ends: the log of imgredux on stderr, INFO at 1, DEBUG at 2 and above."""
    logger = logging.getLogger("imgredux")
    level, handler = logger.level, _Stderr()
    handler.setFormatter(logging.Formatter("imgredux: %(levelname)s: %(message)s"))
    handler.addFilter(lambda record: not (manners.notes and record.name == "imgredux" and record.levelno < 30))
    manners.quiet, manners.notes = quiet, False
    if verbose:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        manners.quiet, manners.notes = False, False


class _Stderr(logging.Handler):
    """Lines on what is stderr now, control characters escaped."""

    def emit(self, record: logging.LogRecord) -> None:
        from imgredux.cli.text import line, say

        say(line(self.format(record)), file=sys.stderr)
