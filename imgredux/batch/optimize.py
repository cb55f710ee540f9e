"""Photographs made as small as they may be without a visible change; nothing is lost where that fails.

    for done in optimize(["holiday"], "small", target="side-by-side"):
        print(done.row["input"], done.row["before"], done.row["after"])

Imports no torch of its own.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgredux.batch.encode import SUFFIX, suffix_of
from imgredux.batch.run import find_images
from imgredux.critical import Unreached
from imgredux.errors import ImgreduxError, in_words
from imgredux.io import files

if TYPE_CHECKING:
    from PIL import Image

    from imgredux.methods.codec import Codec

RECORD = "optimized.jsonl"


@dataclass(frozen=True)
class Optimized:
    """What became of a file: its row of `optimized.jsonl`, or why there is none. made: now, not in an earlier run.

    A row has input, sha256, output, target, before and after (bytes), and `kept` where the original was copied: why.
    """

    input: Path
    row: dict[str, Any] | None = None
    error: str | None = None
    made: bool = True


def optimize(
    inputs: Sequence[str | PathLike],
    out: str | PathLike,
    codec: "Codec",
    target: str | float = "side-by-side",
) -> Iterator[Optimized]:
    """Write the smallest file of each image that `codec` finds within the target, or a copy of the original.

    inputs: image files and folders of them; out: a folder, made if need be. codec: takes `target=`, as "jndsearch".
    The original is kept, byte for byte, where nothing smaller is found, where the target cannot be reached, and where
    a single file would not hold what it holds: more than one frame, 16 bits a channel.

    Files appear whole, rows after their files; what a run left is not done again. Raises ImgreduxError at once: no
    image, two of one stem, a folder that is an input, one optimised for another target.
    """
    paths = find_images(inputs)
    folder = Path(out)
    if not paths:
        raise ImgreduxError("no input: name image files or folders")
    if folder.is_file() or folder.resolve() in {path.resolve().parent for path in paths}:
        raise ImgreduxError(f"{folder} is no folder of its own: choose another, originals are not overwritten")
    stems: dict[str, Path] = {}
    for path in paths:
        if (other := stems.setdefault(os.path.normcase(path.stem), path)) is not path:
            raise ImgreduxError(f"{other} and {path} would both be written to {path.stem}: rename one")
    rows = _rows(folder / RECORD)
    for row in rows.values():
        if row["target"] != target:
            raise ImgreduxError(f"{folder} holds files for the target {row['target']}: choose another folder")
    return (_one(path, folder, rows.get(path.name), codec, target) for path in paths)


def _one(path: Path, folder: Path, row: dict[str, Any] | None, codec: "Codec", target: str | float) -> Optimized:
    try:
        original = path.read_bytes()
        digest = hashlib.sha256(original).hexdigest()
        if row and row["sha256"] == digest and (folder / row["output"]).is_file():
            return Optimized(path, row, made=False)
        data, kept = _smaller(path, original, codec, target)
        output = folder / (path.name if kept else path.stem + suffix_of(data))
        folder.mkdir(parents=True, exist_ok=True)
        with files.atomic(output) as temporary:
            temporary.write_bytes(data)
            shutil.copystat(path, temporary)
        row = {"input": path.name, "sha256": digest, "output": output.name, "target": target}
        row |= {"before": len(original), "after": len(data), **({"kept": kept} if kept else {})}
        files.append_line(folder / RECORD, json.dumps(row))
    except Exception as error:  # whatever a decoder or encoder raises: the next image is none the worse
        return Optimized(path, error=in_words(error))
    return Optimized(path, row)


def _smaller(path: Path, original: bytes, codec: "Codec", target: str | float) -> tuple[bytes, str]:
    """A smaller file, or the original and why it is kept."""
    from PIL import Image

    from imgredux.io import images

    with Image.open(path) as opened:
        frames, deep = getattr(opened, "n_frames", 1), _deep(opened)
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


def _deep(image: "Image.Image") -> bool:
    return image.mode.startswith(("I", "F")) or any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def _rows(record: Path) -> dict[str, dict[str, Any]]:
    """The last row of each input; a line that a killed run left unfinished is dropped."""
    rows = {}
    for text in record.read_bytes().split(b"\n")[:-1] if record.exists() else ():
        try:
            row = json.loads(text)
            rows[row["input"]] = {**row, "sha256": row["sha256"], "output": row["output"], "target": row["target"]}
        except (ValueError, KeyError, TypeError) as error:
            raise ImgreduxError(f"{record}: a line is no row ({error}); delete it") from error
    return rows
