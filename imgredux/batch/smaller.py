"""One image file made as small as it may be: packed again without a loss, or written anew within a target.

What cannot be proven to be as good is not given: `Small.kept` says why the original stays.
"""

import hashlib
import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgredux.batch.again import Proof, marked, proof
from imgredux.batch.encode import SUFFIX, suffix_of
from imgredux.batch.outputs import relative
from imgredux.batch.record import RECORD, ROWS, digest, records_of
from imgredux.critical import GUARD, WORTH, Unreached
from imgredux.errors import ImgreduxError
from imgredux.io import segments
from imgredux.io.inventory import CARRIED, IN_JPEG, Inventory, inventory
from imgredux.io.opening import MAX_PIXELS, depth_of, frames_of, header_of, opened
from imgredux.io.repacking import as_jxl, repacked

if TYPE_CHECKING:
    from PIL import Image

    from imgredux.methods.codec import Codec

DEPTH = 8  # folders above a file in which a record of its making may lie
LOSSLESS = "lossless"
FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "jxl": "JXL"}  # as Pillow calls them
_FORMS = {"JPEG": "JPEG", "PNG": "PNG", "WebP": "WEBP", "AVIF": "AVIF", "JPEG XL": "JXL"}  # from the inventory's
# For a limit of bytes: how far the target is lowered at first, how often, and where that ends.
LOWER, TRIES, LOWEST = 12.0, 6, 5.0


@dataclass(frozen=True)
class Wish:
    """What a smaller file shall be.

    target: a word that the codec knows, a score of SSIMULACRA 2, or "lossless". forms: formats that the file may have,
    as Pillow calls them; empty: its own. saving: of the bytes, that it must save. guard: points that its worst tile may
    be below the target. side: pixels that the longer side has at most. most: bytes that it has at most, for which the
    target is lowered. max_pixels: larger images are refused.
    """

    target: str | float = "side-by-side"
    forms: frozenset[str] = frozenset()
    saving: float = 0.01
    guard: float = GUARD
    side: int | None = None
    most: int | None = None
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True)
class Small:
    """A smaller file; or the original, where `kept` says why. form: as Pillow calls it. facts: what the row says."""

    data: bytes
    form: str
    kept: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def smaller(path: Path, original: bytes, codec: "Codec", wish: Wish) -> Small:
    """The smallest file that fulfils a wish, or the original. path: where it is, for what records say of it.

    codec: takes `target=`, `forms=` and `guard=` in `encode`. Raises ImageError for a file that cannot be read, or is
    larger than `max_pixels`; ImgreduxError where the limit of bytes cannot be kept.
    """
    from imgredux.io import decoding

    found = inventory(original)
    own = _FORMS.get(found.form, "")
    forms = wish.forms or frozenset({own})
    why = _never(path, original, found)
    if not why and not forms & {*FORMATS.values()}:
        why = "of its format no smaller file is made: --formats lets it change" if found.form else ""
    if why:
        return Small(original, own, why)
    with opened(io.BytesIO(original), wish.max_pixels) as image:
        shrinks = wish.side is not None and max(image.size) > wish.side
    best = None if shrinks else min(_without_loss(original, own, forms), key=lambda one: len(one.data), default=None)
    why = _obstacle(original, found)
    rest = forms - ({"PNG"} if own == "PNG" and not shrinks else set())  # that is packed again already
    if wish.target == LOSSLESS and own == "JPEG" and not shrinks:
        rest = frozenset()  # no format holds a decoded JPEG in as few bytes
    if not why and (rest or best is None):
        image = decoding.open_image(path, max_pixels=wish.max_pixels)  # what is damaged fails here
        why = f"it is damaged: {found.broken}" if found.broken else ""
    if not why and rest:
        lossy, why = _anew(image, original, found, codec, wish, rest)
        if lossy is not None and (best is None or len(lossy.data) <= WORTH * len(best.data)):
            best = lossy
    if best is None or (len(best.data) > (1 - wish.saving) * len(original) and not shrinks):
        return Small(original, own, why or "nothing smaller reaches the target")
    if wish.most is not None and len(best.data) > wish.most:
        raise ImgreduxError(f"no file of {wish.most} bytes is found: the smallest has {len(best.data)}")
    return best


def _without_loss(original: bytes, own: str, forms: frozenset[str]) -> Iterator[Small]:
    facts = {"form": own, "lossless": True, "score": 100.0, "worst": 100.0}
    again = repacked(original) if own in forms else None
    if again is not None:
        yield Small(again, own, facts=facts)
    again = as_jxl(original) if own == "JPEG" and "JXL" in forms else None
    if again is not None:
        yield Small(again, "JXL", facts={**facts, "form": "JXL"})


def _anew(
    image: "Image.Image", original: bytes, found: Inventory, codec: "Codec", wish: Wish, forms: frozenset[str]
) -> tuple[Small | None, str]:
    """A file that is written anew from the decoded image; or None, and why."""
    from imgredux.methods.filecodec import as_written

    picture = _within(as_written(image), wish.side)
    taken = segments.verbatim(original) if found.kinds().keys() & {*IN_JPEG} else []
    forms = forms & {"JPEG"} if taken else forms
    mark = f"{wish.target} of {hashlib.sha256(original).hexdigest()[:16]}"

    def written(target: str | float) -> tuple[bytes, Proof]:
        data = codec.encode(picture, target=target, forms=forms, guard=wish.guard)
        if suffix_of(data) == SUFFIX:
            raise Unreached("no public format holds all of it")
        data = segments.with_segments(data, taken) if taken else data
        seen = proof(with_mark := marked(data, mark), picture)
        return (data, proof(data, picture)) if seen.same else (with_mark, seen)  # who lost nothing may be made again

    try:
        data, seen = _limited(written, wish) if wish.most is not None else written(wish.target)
    except Unreached as error:
        held = " A JPEG alone holds its IPTC data or extended XMP" if taken else ""
        return None, f"{error}.{held}".rstrip(".")
    if seen.differs:
        return None, f"the new file {seen.differs}"
    form = _FORMS[inventory(data).form]
    facts = {"form": form, "lossless": seen.same, "score": round(seen.score, 2), "worst": round(seen.worst, 2)}
    facts |= {} if seen.same else {"worst_at": list(seen.worst_at)}
    return Small(data, form, facts=facts), ""


def _within(picture: "Image.Image", side: int | None) -> "Image.Image":
    """The image made smaller until its longer side fits."""
    from PIL import Image

    if side is None or max(picture.size) <= side:
        return picture
    scale = side / max(picture.size)
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    small = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    small.info = picture.info
    return small


def _limited(written: Callable[[str | float], tuple[bytes, Proof]], wish: Wish) -> tuple[bytes, Proof]:
    """The best file within the limit of bytes, by secant steps on the logarithm of the bytes; or the smallest found."""
    assert wish.most is not None  # the caller has looked
    data, seen = smallest = written(wish.target)
    above, below = (seen.score, len(data)), None  # the nearest that takes too many bytes, and that takes few enough
    best = (data, seen) if len(data) <= wish.most else None
    for _ in range(TRIES if best is None else 0):
        if below is None:
            target = above[0] - LOWER
        else:
            share = math.log(wish.most / below[1]) / math.log(above[1] / below[1])
            target = below[0] + max(min(share, 0.9), 0.1) * (above[0] - below[0])
        if target < LOWEST or (below is not None and above[0] - below[0] < 0.5):
            break
        data, seen = written(target)
        smallest = min(smallest, (data, seen), key=lambda one: len(one[0]))
        if len(data) > wish.most:
            above = target, len(data)
        else:
            below, best = (target, len(data)), (data, seen)
    return best or smallest


def _never(path: Path, original: bytes, found: Inventory) -> str:
    """Why a file is not made anew in any way; empty where it may be."""
    if found.mark or made_here(path):
        return "it is a result of imgredux optimize: each pass would lose more. Optimize what it was made from"
    if not found.form:
        with header_of(original) as image:
            opaque = f"it is a file of {image.format}: what else it holds cannot be told"
        return _obstacle(original, found) or opaque
    return ""


def _obstacle(original: bytes, found: Inventory) -> str:
    """Why a file cannot be written anew without losing what it holds; empty where it can."""
    with header_of(original) as image:
        frames, mode = max(frames_of(image, original), found.frames), image.mode
        depth = depth_of(image, original, found.depth)
    if frames > 1:
        return f"it holds {frames} frames"
    if found.transfer:
        return f"it is an HDR image ({found.transfer})"
    if depth > 8:
        return f"it has {depth} bits a channel"
    if found.space or mode in ("CMYK", "LAB", "HSV"):
        return f"its colors are {found.space or mode}"
    lost = found.lost((*CARRIED, *IN_JPEG))
    return f"a new file would not hold {', '.join(lost)}" if lost else ""


def made_here(path: Path) -> bool:
    """Whether the record of a folder above says that `optimize` made this file, as it is now, of another one."""
    for folder in path.absolute().parents[:DEPTH]:
        try:
            stamps = [(one, one.stat()) for one in records_of(folder)]
            made = _made_in(folder, tuple((str(one), about.st_mtime_ns, about.st_size) for one, about in stamps))
        except (OSError, ImgreduxError):  # there is none, or it is damaged
            continue
        name = relative(path, folder)
        if name in made and made[name] == digest(path):
            return True
    return False


@lru_cache(maxsize=2 * DEPTH)
def _made_in(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> Mapping[str, str]:
    """SHA-256 of the files that `optimize` made smaller, by name, of a folder's record. stamps: the record as it is."""
    if not stamps:
        return {}
    rows = [
        row
        for row in ROWS.read_all(folder / RECORD)
        if row["task"] == "optimize" and "kept" not in row.get("facts", {"kept": ""})
    ]
    return {name: about["sha256"] for row in rows for name, about in row["outputs"].items() if about}
