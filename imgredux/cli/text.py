"""What the commands share: exit codes, one-line messages, a clean end on SIGTERM."""

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer

from imgredux.errors import ImgreduxError, UnknownName

USAGE, FAILED = 2, 3  # exit codes


def line(text: str) -> str:
    """The text on one line: control characters, as a file name may hold them, and undecodable bytes are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def fail(error: ImgreduxError | str, code: int | None = None) -> NoReturn:
    """Say what is wrong on stderr and leave: a name that is not installed is wrong usage, the rest a failure."""
    typer.echo(line(f"imgredux: {error}"), err=True)
    raise typer.Exit(code or (USAGE if isinstance(error, UnknownName) else FAILED))


def complain(path: Path, error: str) -> None:
    """A line on stderr for a file that failed; its name is said once."""
    text = error if error.startswith(str(path)) else f"{path}: {error}"
    print(line(f"imgredux: {text}"), file=sys.stderr)


def setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE of an option `--set`: the value as TOML has it; a plain word is text."""
    import tomllib

    key, equals, value = text.partition("=")
    if not key or not equals:
        fail(f"--set {text}: give KEY=VALUE", USAGE)
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if not re.fullmatch(r"[A-Za-z][\w.-]*", value):
            fail(f"--set {text}: {value!r} is no TOML value; quote text, as {key}='\"two words\"'", USAGE)
        return key, value


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does, so that no temporary file is left behind."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
