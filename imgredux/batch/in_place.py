"""Photographs replaced by smaller ones, and put back: what `imgredux optimize --in-place` and `--undo` do.

An original is copied to another folder first, and the copy is read again, before the photograph is replaced in one
step. The record of that folder says which file is whose original, and what was put in its place.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from imgredux.batch.optimize import Optimize, facts_of
from imgredux.batch.outputs import Target
from imgredux.batch.record import NOW, RECORD, ROWS, digest, records_of
from imgredux.errors import ImgreduxError
from imgredux.io.files import atomic

FOLDER = "imgredux-originals"
_MOST = 1000  # originals of one name


class InPlace(Optimize):
    """As `Optimize`, and the photograph is replaced; the output folder gets the original.

    A link, and a file of several names, is kept as it is. Raises ImgreduxError for formats that let a name change.
    """

    task = "optimize in place"

    def __init__(self, target: str | float = "side-by-side", *args: Any, **options: Any) -> None:
        super().__init__(target, *args, **options)
        if self.wish.forms:
            raise ImgreduxError("in place, a file keeps its format and its name: leave out the formats")

    def may_make(self, place: PurePosixPath, original: PurePosixPath) -> list[str]:
        return [str(original)]

    def do(self, path: Path, target: Target) -> dict[str, Any]:
        if path.is_symlink():
            return _kept(path, f"it is a link to {path.readlink()}: give that file")
        if path.stat().st_nlink > 1:
            return _kept(path, f"the file has {path.stat().st_nlink} names, which would come to differ")
        original, small = self.small(path)
        if small.kept:
            return facts_of(original, small)
        backup = _place_for(original, target)
        with atomic(backup) as temporary:
            temporary.write_bytes(original)
            shutil.copystat(path, temporary)
        if backup.read_bytes() != original:
            raise ImgreduxError(f"{backup} does not hold what was written there: the photograph is left as it was")
        if path.read_bytes() != original:
            raise ImgreduxError("the file was changed while it was looked at: it is left as it is")
        with atomic(path) as temporary:
            temporary.write_bytes(small.data)
            shutil.copystat(backup, temporary)
        target.written.append(backup)
        return {**facts_of(original, small), NOW: digest(path)}


def originals_of(inputs: Sequence[str | PathLike]) -> Path:
    """The folder for the originals of these inputs: beside them."""
    roots = [Path(one).absolute() for one in inputs]
    folders = [root if root.is_dir() else root.parent for root in roots]
    try:
        return Path(os.path.commonpath(folders)) / FOLDER
    except ValueError as error:
        raise ImgreduxError(f"the inputs lie on several drives: name a folder for the originals ({error})") from error


def put_back(originals: Path, only: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Put the originals back in their places; for each file its path, and why it could not be done, or nothing.

    only: files and folders that are put back. A file that was changed since is left as it is. Raises ImgreduxError for
    a folder without a record.
    """
    if not records_of(originals):
        raise ImgreduxError(f"{originals} holds no record of originals: name their folder with -o")
    rows = {row["input"]: row for row in ROWS.read_all(originals / RECORD) if row["task"] == InPlace.task}
    wanted = [path.absolute() for path in only]
    for row in rows.values():
        path = Path(os.path.normpath(originals.absolute() / row["input"]))
        if not any(path == one or one in path.parents for one in wanted) or "kept" in row.get("facts", {}):
            continue
        held = [originals / name for name in row["outputs"] if (originals / name).is_file()]
        if held:
            yield path, _put_back(path, held[0], row.get("facts", {}).get(NOW))


def _put_back(path: Path, original: Path, now: str | None) -> str:
    try:
        found = digest(path) if path.is_file() else None
        if found is not None and found != digest(original):
            if now is None:
                return f"the run that replaced it did not end: compare it with {original}"
            if found != now:
                return f"it was changed since: its original is {original}"
        with atomic(path) as temporary:
            shutil.copyfile(original, temporary)
            shutil.copystat(original, temporary)
        original.unlink()
    except OSError as error:
        return str(error)
    return ""


def _kept(path: Path, why: str) -> dict[str, Any]:
    size = path.stat().st_size
    return {"before": size, "after": size, "kept": why}


def _place_for(original: bytes, target: Target) -> Path:
    """Where a copy of the input can lie: never in the place of another original."""
    wanted = target.out / target.original
    for number in range(1, _MOST):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.stem}~{number}{wanted.suffix}")
        if not os.path.lexists(path) or (path.is_file() and path.read_bytes() == original):
            path.parent.mkdir(parents=True, exist_ok=True)
            return path
    raise ImgreduxError(f"{wanted} and {_MOST} more originals of that name are there already")
