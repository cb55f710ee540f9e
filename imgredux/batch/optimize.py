"""Photographs made as small as they may be without a visible change; nothing is lost where that fails.

    for done in optimize(["holiday"], "small", target="side-by-side"):
        print(done.row["input"], done.row["before"], done.row["after"])

Imports no torch of its own.
"""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from imgredux.batch.encode import SUFFIX, suffix_of
from imgredux.batch.outputs import FileResult, check_names
from imgredux.critical import Unreached
from imgredux.errors import ImgreduxError, in_words
from imgredux.io import files
from imgredux.io.finding import find_images
from imgredux.io.jsonl import Row, Rows
from imgredux.io.opening import header_of, is_deep

if TYPE_CHECKING:
    from imgredux.methods.codec import Codec

RECORD = "optimized.jsonl"


def optimize(
    inputs: Sequence[str | PathLike],
    out: str | PathLike,
    codec: "Codec",
    target: str | float = "side-by-side",
) -> Iterator[FileResult]:
    """Write the smallest file of each image that `codec` finds within the target, or a copy of the original.

    inputs: image files and folders of them; out: a folder, made if need be. codec: takes `target=`, as "jndsearch".
    The original is kept, byte for byte, where nothing smaller is found, where the target cannot be reached, and where
    a single file would not hold what it holds: more than one frame, 16 bits a channel.

    Files appear whole; a row of `optimized.jsonl`, the `facts` of a result, follows its file: input, sha256, output,
    target, before and after (bytes), and `kept` where the original was copied: why. What a run left is not done again.
    Raises ImgreduxError at once: no image, two of one stem, a folder that is an input, one optimized for another
    target; and with the first result when another process writes to the folder.
    """
    paths = find_images(inputs)
    folder = Path(out)
    if not paths:
        raise ImgreduxError("no input: name image files or folders")
    if folder.is_file() or folder.resolve() in {path.resolve().parent for path in paths}:
        raise ImgreduxError(f"{folder} is no folder of its own: choose another, originals are not overwritten")
    check_names((path, [Path(path.stem)]) for path in paths)
    for row in OPTIMIZED.read(folder / RECORD):
        if row["target"] != target:
            raise ImgreduxError(f"{folder} holds files for the target {row['target']}: choose another folder")
    return _each(paths, folder, codec, target)


def _check_row(row: Row) -> None:
    if not all(isinstance(row[name], str) for name in ("input", "sha256", "output")) or "target" not in row:
        raise TypeError


OPTIMIZED = Rows("row of imgredux optimize", "input", _check_row)


def _each(paths: list[Path], folder: Path, codec: "Codec", target: str | float) -> Iterator[FileResult]:
    with OPTIMIZED.appending(folder / RECORD) as (held, append):
        rows = {row["input"]: row for row in held}
        for path in paths:
            try:
                result = _one(path, folder, rows.get(path.name), codec, target)
                if result.made:
                    append(result.facts)
            except Exception as error:  # whatever a decoder or encoder raises: the next image is none the worse
                result = FileResult(path, error=in_words(error))
            yield result


def _one(path: Path, folder: Path, row: Row | None, codec: "Codec", target: str | float) -> FileResult:
    original = path.read_bytes()
    digest = hashlib.sha256(original).hexdigest()
    if row and row["sha256"] == digest and (folder / row["output"]).is_file():
        return FileResult(path, (folder / row["output"],), row, made=False)
    data, kept = _smaller(path, original, codec, target)
    output = folder / (path.name if kept else path.stem + suffix_of(data))
    with files.atomic(output) as temporary:
        temporary.write_bytes(data)
        shutil.copystat(path, temporary)
    row = {"input": path.name, "sha256": digest, "output": output.name, "target": target}
    row |= {"before": len(original), "after": len(data), **({"kept": kept} if kept else {})}
    return FileResult(path, (output,), row)


def _smaller(path: Path, original: bytes, codec: "Codec", target: str | float) -> tuple[bytes, str]:
    """A smaller file, or the original and why it is kept."""
    from imgredux.io import images

    with header_of(original) as opened:
        frames, deep = getattr(opened, "n_frames", 1), is_deep(opened)
    if frames > 1:
        return original, f"it holds {frames} frames"
    if deep:
        return original, "it has 16 bits a channel"
    try:
        data = codec.encode(images.open_image(path), target=target)
    except Unreached as error:
        return original, str(error)
    if len(data) >= len(original):
        return original, "nothing smaller reaches the target"
    return (original, "no public format holds all of it") if suffix_of(data) == SUFFIX else (data, "")
