"""What many files share, whatever is done to them: what outputs are called, and what became of each input."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from imgredux.errors import ImgreduxError


@dataclass(frozen=True)
class FileResult:
    """What became of one input.

    outputs: the files that are there now, none where `error` says why. facts: what is known of them, by name: what the
    line of the command shows, and the row of the folder's record where there is one. made: now, not in an earlier run.
    """

    input: Path
    outputs: tuple[Path, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    made: bool = True


def is_single(paths: Sequence[Path], inputs: Sequence[str | PathLike], out: Path) -> bool:
    """Whether `out` is the name of one file: there is one input, no folder, and `out` is no folder."""
    return len(paths) == 1 and not Path(inputs[0]).is_dir() and not out.is_dir()


def check_folder(out: Path, suffixes: Iterable[str]) -> None:
    """Raise ImgreduxError where several inputs cannot be written to `out`: a file, or named like one."""
    if out.is_file() or (not out.exists() and out.suffix.lower() in {*suffixes}):
        like = "is a file" if out.exists() else "is named like a file"
        raise ImgreduxError(f"several inputs need a folder to write to, and {out} {like}")


def check_names(outputs: Iterable[tuple[Path, Iterable[Path]]]) -> None:
    """Raise ImgreduxError where two inputs would make one output, or an output is an input. outputs: by input."""
    outputs = [(path, list(made)) for path, made in outputs]
    taken: dict[str, Path] = {}
    for path, made in outputs:
        for output in made:
            if (other := taken.setdefault(os.path.normcase(output), path)) is not path:
                raise ImgreduxError(f"{other} and {path} would both be written to {output}: rename one")
    sources = {path.resolve() for path, _ in outputs}
    for output in (output for _, made in outputs for output in made):
        if output.resolve() in sources:
            raise ImgreduxError(f"{output} is an input: it would be overwritten. Choose another output")
