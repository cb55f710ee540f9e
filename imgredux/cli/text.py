"""What the commands share: exit codes, one-line messages, a clean end on SIGTERM."""

import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

import typer

from imgredux.errors import ImgreduxError, UnknownName

USAGE, FAILED, INTERRUPTED = 2, 3, 130  # exit codes


def line(text: str) -> str:
    """The text on one line: control characters, as a file name may hold them, and undecodable bytes are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _Say:
    """Prints a line, and goes on where that cannot be: a closed pipe, a full disk. whole: nothing was lost so."""

    def __init__(self) -> None:
        self.whole = True

    def __call__(self, text: str, file: IO[str] | None = None) -> None:
        stream = sys.stdout if file is None else file
        try:
            print(text, file=stream, flush=True)
        except (OSError, ValueError):  # ValueError: the stream was closed
            self.whole = False
            # What is still in the buffer would raise again when the process ends.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


say = _Say()


def print_anything() -> None:
    """Have stdout and stderr escape what the terminal's encoding lacks: a name must not end a run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def fail(error: ImgreduxError | str, code: int | None = None) -> NoReturn:
    """Say what is wrong on stderr and leave: a name that is not installed is wrong usage, the rest a failure."""
    say(line(f"imgredux: {error}"), file=sys.stderr)
    raise typer.Exit(code or (USAGE if isinstance(error, UnknownName) else FAILED))


def complain(path: Path, error: str) -> None:
    """A line on stderr for a file that failed; its name is said once."""
    text = error if error.startswith(str(path)) else f"{path}: {error}"
    say(line(f"imgredux: {text}"), file=sys.stderr)


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
def ended_like_interrupted() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run as Ctrl-C does, with a line, so that no temporary file is left behind."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with _handled(("SIGTERM", "SIGHUP"), interrupt):
        try:
            yield
        except KeyboardInterrupt:
            fail("interrupted: what is done is kept; the same command goes on", INTERRUPTED)


@contextmanager
def ended_after_a_step() -> Iterator[Callable[[], bool]]:
    """A function that says whether Ctrl-C, SIGTERM or SIGHUP has come; the second Ctrl-C ends at once."""
    came = False

    def note(number: int, _: Any) -> None:
        nonlocal came
        if came and number == signal.SIGINT:
            raise KeyboardInterrupt
        came = True

    with _handled(("SIGINT", "SIGTERM", "SIGHUP"), note):
        yield lambda: came


@contextmanager
def _handled(names: tuple[str, ...], handler: Callable[[int, Any], None]) -> Iterator[None]:
    """The handler for those of the signals that this system has and that are not ignored, until the block ends."""
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {one: signal.signal(one, handler) for one in signals if signal.getsignal(one) != signal.SIG_IGN}
    try:
        yield
    finally:
        for one, earlier in before.items():
            signal.signal(one, earlier)
