"""Critical images: for a pristine image, the strongest compression that a SSIMULACRA 2 target still allows.

    >>> from imgredux.critical import critical_image
    >>> found = critical_image(x, "jpeg", 65)   # x: (1, 3, H, W) in [0, 1]   # doctest: +SKIP

Targets: 65 is the mean score at the first JND of KonJND-1k (63.1 over its JPEG, 65.4 over its BPG images: Sneyers et
al., CID22), 90 the score that the metric's author calls visually lossless.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from imgredux.batch.run import find_images
from imgredux.errors import ImgreduxError, in_words
from imgredux.io.files import append_line, write_image

if TYPE_CHECKING:
    from torch import Tensor

Codec = Literal["jpeg", "webp", "avif"]
CODECS: tuple[Codec, ...] = get_args(Codec)
TARGET = 65.0
RECORD = "pairs.jsonl"
BELOW = 2  # qualities under the bisection's that are tried too

# Pillow's format, its options, and the lowest quality; 100 is the highest of all three. JPEG with the chroma of nearly
# every file on the web and of KonJND-1k; AVIF's 4:4:4 needs fewer bytes at these scores than its 4:2:0.
_FORMATS: dict[Codec, tuple[str, dict[str, Any], int]] = {
    "jpeg": ("JPEG", {"subsampling": "4:2:0"}, 1),
    "webp": ("WEBP", {"method": 4}, 0),
    "avif": ("AVIF", {"subsampling": "4:4:4", "speed": 6}, 0),
}


class Unreached(ImgreduxError):
    """Not even the highest quality of a codec reaches the target."""


class Critical(NamedTuple):
    """A critical image `(1, C, H, W)` in [0, 1] of 8 bits, and how it was made.

    score: SSIMULACRA 2 of it. quality: of the codec. mse: over all samples, squared grey levels. bytes: of the file.
    """

    image: "Tensor"
    score: float
    quality: int
    mse: float
    bytes: int


def lowest(passes: Callable[[int], bool], first: int, last: int, below: int = BELOW) -> int | None:
    """The lowest quality of `first`..`last` that passes, or None when `last` does not.

    Bisection, as if what passes went on passing above, then the `below` qualities under the one it found. Scores are
    not perfectly monotone in quality: of Kodak crops, SSIMULACRA 2 falls in 6 % of JPEG's steps upwards, 13 % of WebP's
    and 1 % of AVIF's, by up to 1.5. The result always passes; a lower quality that passes too, beyond a longer dip, is
    missed in 4 of 564 searches there (13 by bisection alone), by at most 4 steps.
    """
    if not passes(last):
        return None
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle + 1, high)
    under = range(max(first, high - below), high)
    return next((quality for quality in under if passes(quality)), high)


def critical_image(x: "Tensor", codec: Codec = "jpeg", target: float = TARGET) -> Critical:
    """The strongest compression of an image whose SSIMULACRA 2 is at least `target`, found by `lowest` over quality.

    x: `(1, C, H, W)` in [0, 1], at least 8x8 pixels, taken at 8 bits. codec: libjpeg with 4:2:0 chroma, libwebp, which
    has 4:2:0 alone, or libavif with 4:4:4. target: below 100.
    Raises Unreached where not even quality 100 does, ImgreduxError for other codecs, ImageError for unfit images.
    """
    from imgredux.metrics.ssimulacra2 import ssimulacra2

    _check(codec, target)
    reference = x.detach().mul(255).round().clamp(0, 255).div(255)
    tried: dict[int, Critical] = {}

    def passes(quality: int) -> bool:
        data = encoded(reference, codec, quality)
        decoded = _decoded(data, reference)
        score = ssimulacra2(image=decoded, reference=reference).item()
        mse = 255**2 * (decoded.double() - reference.double()).square().mean().item()
        tried[quality] = Critical(decoded, score, quality, mse, len(data))
        return score >= target

    found = lowest(passes, _FORMATS[codec][2], 100)
    if found is None:
        best = tried[100].score
        raise Unreached(f"{codec} reaches a SSIMULACRA 2 of {best:.1f} at quality 100, not {target:g}")
    return tried[found]


def encoded(x: "Tensor", codec: Codec, quality: int) -> bytes:
    """The file of an 8-bit image `(1, C, H, W)` in [0, 1], at a quality of 1 (WebP and AVIF: 0) to 100."""
    file = BytesIO()
    form, options, _ = _FORMATS[codec]
    _picture(x).save(file, form, quality=quality, **options)
    return file.getvalue()


def _picture(x: "Tensor") -> Any:
    import torch
    from PIL import Image

    planes = x[0].mul(255).round().to(torch.uint8).cpu().numpy()
    return Image.fromarray(planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0).copy())


def _decoded(data: bytes, like: "Tensor") -> "Tensor":
    from PIL import Image

    from imgredux.io.images import to_tensor

    with Image.open(BytesIO(data)) as image:
        return to_tensor(image.convert("L" if like.shape[1] == 1 else "RGB")).to(like)


def _check(codec: str, target: float) -> None:
    from PIL import features

    if codec not in CODECS:
        raise ImgreduxError(f"codec {codec!r}: choose one of {', '.join(CODECS)}")
    if codec != "jpeg" and not features.check(codec):
        raise ImgreduxError(f"this Pillow was built without {codec}: install Pillow's own wheel, 11.3 or newer")
    if not target < 100:
        raise ImgreduxError(f"the target is {target:g}: SSIMULACRA 2 reaches 100 for equal images only; give less")


@dataclass(frozen=True)
class Pair:
    """What became of one image: its row of `pairs.jsonl`, or why there is none. `made` is False for a row read back."""

    path: Path
    row: dict[str, Any] | None = None
    error: str | None = None
    made: bool = True


def make_pairs(
    images: Sequence[str | os.PathLike], out: str | os.PathLike, codec: Codec = "jpeg", target: float = TARGET
) -> Iterator[Pair]:
    """Write `ref/{stem}.png` and `jnd/{stem}.png` for images and folders of them, as the results are asked for.

    `ref/` holds the image as it was measured (sRGB, upright, 8 bits, without alpha), `jnd/` its critical image decoded:
    lossless PNGs of equal names, which JND-LC's loader reads and which no decoder's version can change. `pairs.jsonl`
    holds a row for each: stem, source and its sha256, codec, target, quality, score, mse, bytes, width, height.

    Files appear whole; a row is written after its files, so that a run that was killed goes on where it stopped: an
    image whose row, files and sha256 are there is not made again. An image that fails is reported, the next one begins.
    Raises ImgreduxError at once: no image, two of one stem, a folder with pairs of another codec or target.
    """
    _check(codec, target)
    paths = find_images(images)
    if not paths:
        raise ImgreduxError("no input: name image files or folders")
    stems: dict[str, Path] = {}
    for path in paths:
        if (other := stems.setdefault(path.stem.lower(), path)) is not path:
            raise ImgreduxError(f"{other} and {path} would both be written to {path.stem}.png: rename one")
    folder = Path(out)
    rows = read_record(folder / RECORD)
    for row in rows.values():
        if (row["codec"], row["target"]) != (codec, target):
            made = f"{row['codec']} at {row['target']:g}"
            raise ImgreduxError(f"{folder} holds pairs of {made}, not {codec} at {target:g}: choose another folder")
    return (_pair(path, folder, rows, codec, target) for path in paths)


def read_record(path: str | os.PathLike) -> dict[str, dict[str, Any]]:
    """The rows of a `pairs.jsonl` by stem, the last of each; a last line that a killed run left unfinished is dropped.

    Raises ImgreduxError for a damaged line elsewhere.
    """
    record = Path(path)
    lines = record.read_bytes().split(b"\n") if record.exists() else [b""]
    rows = {}
    for number, line in enumerate(lines[:-1], 1):
        try:
            row = json.loads(line)
            rows[row["stem"]] = {**row, "codec": row["codec"], "target": float(row["target"])}
        except (ValueError, KeyError, TypeError) as error:
            raise ImgreduxError(f"{record}, line {number}: no row of pairs ({error}); delete the line") from error
    return rows


def _pair(path: Path, folder: Path, rows: dict[str, dict[str, Any]], codec: Codec, target: float) -> Pair:
    from imgredux.io.images import to_tensor

    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files = [folder / part / f"{path.stem}.png" for part in ("ref", "jnd")]
        row = rows.get(path.stem)
        if row and row["sha256"] == digest and all(file.is_file() for file in files):
            return Pair(path, row, made=False)
        if path.resolve() in {file.resolve() for file in files}:
            raise ImgreduxError(f"{path} would be overwritten: choose another output folder")
        x = to_tensor(path)
        found = critical_image(x, codec, target)
        for file, image in zip(files, (x, found.image), strict=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_image(file, _picture(image))
        row = {"stem": path.stem, "source": path.name, "sha256": digest, "codec": codec, "target": target}
        row |= {"quality": found.quality, "score": found.score, "mse": found.mse, "bytes": found.bytes}
        row |= {"width": x.shape[-1], "height": x.shape[-2]}
        append_line(folder / RECORD, json.dumps(row))
    except Exception as error:  # whatever a decoder or encoder raises: the next image is none the worse
        return Pair(path, error=in_words(error))
    return Pair(path, row)
