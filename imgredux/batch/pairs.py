"""Pairs of pristine and critical images for folders of images: what `imgredux make-pairs` does."""

import hashlib
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

from imgredux.batch.outputs import FileResult, check_names
from imgredux.critical import TARGET, Codec, as_pil, check, critical_image
from imgredux.errors import ImgreduxError, in_words
from imgredux.io.files import write_image
from imgredux.io.finding import find_images
from imgredux.io.jsonl import Row, Rows

RECORD = "pairs.jsonl"


def make_pairs(
    images: Sequence[str | PathLike], out: str | PathLike, codec: Codec = "jpeg", target: float = TARGET
) -> Iterator[FileResult]:
    """Write `ref/{stem}.png` and `jnd/{stem}.png` for images and folders of them, as the results are asked for.

    `ref/` holds the image as it was measured (sRGB, upright, 8 bits, without alpha), `jnd/` its critical image decoded:
    lossless PNGs of equal names, which JND-LC's loader reads and which no decoder's version can change. `pairs.jsonl`
    holds a row for each, the `facts` of its result: stem, source and its sha256, codec, target, quality, score, mse,
    bytes, width, height.

    Files appear whole; a row is written after its files, so that a run that was killed goes on where it stopped: an
    image whose row, files and sha256 are there is not made again. An image that fails is reported, the next one begins.
    Raises ImgreduxError at once: no image, two of one stem, a folder with pairs of another codec or target; and with
    the first result when another process writes to the folder.
    """
    check(codec, target)
    paths = find_images(images)
    if not paths:
        raise ImgreduxError("no input: name image files or folders")
    folder = Path(out)
    check_names((path, [Path(f"{path.stem}.png".lower())]) for path in paths)
    for row in read_record(folder / RECORD).values():
        if (row["codec"], row["target"]) != (codec, target):
            made = f"{row['codec']} at {row['target']:g}"
            raise ImgreduxError(f"{folder} holds pairs of {made}, not {codec} at {target:g}: choose another folder")
    return _pairs(paths, folder, codec, target)


def read_record(path: str | PathLike) -> dict[str, Row]:
    """The rows of a `pairs.jsonl` by stem, the last of each. Raises ImgreduxError for a damaged line."""
    return {row["stem"]: row for row in PAIRS.read(path)}


def _check_row(row: Row) -> None:
    if not all(isinstance(row[name], str) for name in ("stem", "sha256", "codec")):
        raise TypeError
    row["target"] = float(row["target"])


PAIRS = Rows("row of pairs", "stem", _check_row)


def _pairs(paths: list[Path], folder: Path, codec: Codec, target: float) -> Iterator[FileResult]:
    with PAIRS.appending(folder / RECORD) as (held, append):
        rows = {row["stem"]: row for row in held}
        for path in paths:
            try:
                result = _pair(path, folder, rows.get(path.stem), codec, target)
                if result.made:
                    append(result.facts)
            except Exception as error:  # whatever a decoder or encoder raises: the next image is none the worse
                result = FileResult(path, error=in_words(error))
            yield result


def _pair(path: Path, folder: Path, row: Row | None, codec: Codec, target: float) -> FileResult:
    from imgredux.io.images import to_tensor

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    files = tuple(folder / part / f"{path.stem}.png" for part in ("ref", "jnd"))
    if row and row["sha256"] == digest and all(file.is_file() for file in files):
        return FileResult(path, files, row, made=False)
    if path.resolve() in {file.resolve() for file in files}:
        raise ImgreduxError(f"{path} would be overwritten: choose another output folder")
    x = to_tensor(path)
    found = critical_image(x, codec, target)
    for file, image in zip(files, (x, found.image), strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_image(file, as_pil(image))
    row = {"stem": path.stem, "source": path.name, "sha256": digest, "codec": codec, "target": target}
    row |= {"quality": found.quality, "score": found.score, "mse": found.mse, "bytes": found.bytes}
    row |= {"width": x.shape[-1], "height": x.shape[-2]}
    return FileResult(path, files, row)
