"""What many files share, whatever is done to them: what became of each input, and where its outputs may go."""

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from imgredux.errors import ImgreduxError


@dataclass(frozen=True)
class FileResult:
    """What became of one input.

    outputs: the files that are there now, none where `error` says why. facts: what is known of them, by name: what the
    line of the command shows. made: now, not in an earlier run. reason: of an error, one word for programs. left_out:
    why a file in a folder is no input. notes, warnings: what was said about it on the way.
    """

    input: Path
    outputs: tuple[Path, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    reason: str | None = None
    made: bool = True
    left_out: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """Where the outputs of one input go, and which files there may be replaced.

    out: the folder. place: below it, without a suffix. original: below it, where a copy of the input itself would lie.
    exact: the one file that the user named, in place of all these. owned: outputs of an earlier run, relative to `out`,
    that may be replaced. force: anything may. sources: absolute paths that never may. written: what was.
    """

    out: Path
    place: PurePosixPath
    original: PurePosixPath
    exact: Path | None = None
    owned: frozenset[str] = frozenset()
    force: bool = False
    sources: frozenset[str] = frozenset()
    written: list[Path] = field(default_factory=list)

    def main(self, suffix: str, part: str = "") -> Path:
        """The path of the main output, free to be written. part: a subfolder that all such outputs lie in."""
        if self.exact is not None:
            return self._free(self.exact)
        return self._free(self.out / part / self.place.with_name(self.place.name + suffix))

    def beside(self, prefix: str, suffix: str) -> Path:
        """The path of a companion: `{place}{prefix}{suffix}`, or the stem of the one file with the suffix."""
        if self.exact is not None:
            return self._free(self.exact.with_name(self.exact.stem + suffix))
        return self._free(self.out / self.place.with_name(self.place.name + prefix + suffix))

    def copy(self) -> Path:
        """The path of a copy of the input."""
        return self._free(self.exact if self.exact is not None else self.out / self.original)

    def _free(self, path: Path) -> Path:
        """The path, once it is sure that nothing is lost there. Raises ImgreduxError."""
        if os.path.normcase(path.absolute()) in self.sources:
            raise ImgreduxError(f"{path} is an input: it would be overwritten. Choose another output")
        taken = os.path.lexists(path)
        if taken and not self.force and (self.exact is not None or relative(path, self.out) not in self.owned):
            raise Taken(f"{path} exists already, and was not made here: only --force (force=True) overwrites it")
        if self.exact is None and not self.out.is_dir():
            raise ImgreduxError(f"the folder {self.out} is gone: it was deleted during the run")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.written.append(path)
        return path


class Taken(ImgreduxError):
    """A file of an output's name is there that this command did not make."""


def relative(path: Path, out: Path) -> str:
    """A path as records have it: relative to their folder, with slashes; whole where it is on another drive."""
    try:
        return Path(os.path.relpath(path.absolute(), out.absolute())).as_posix()
    except ValueError:  # drives of Windows
        return path.absolute().as_posix()
