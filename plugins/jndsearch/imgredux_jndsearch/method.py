"""The smallest file among several formats that still looks the same, by search on SSIMULACRA 2."""

import io
import logging
import math
from collections.abc import Iterator, Mapping, Sequence, Set

import numpy as np
from PIL import Image

from imgredux import registry
from imgredux.critical import BELOW, GUARD, WORTH, Unreached
from imgredux.errors import ImageError, ImgreduxError, PluginError
from imgredux.io import decoding, images
from imgredux.io.opening import UNBOUNDED
from imgredux.io.profiles import is_srgb
from imgredux.judging import Judge
from imgredux.methods.filecodec import PUBLIC, FileCodec
from imgredux_jndsearch.mosaic import LARGE, TILE, mosaic
from imgredux_jndsearch.trial import Found, Goal, Trial

# Scores of SSIMULACRA 2. 65: its mean where observers of KonJND-1k first tell an image from the original (63.1 over
# JPEG, 65.4 over BPG: CID22, table 4). The others: what its author says is not told from the original side by side, in
# place, and in a flicker test.
TARGETS = {"first": 65.0, "side-by-side": 80.0, "in-place": 85.0, "flicker": 90.0}
LOSSLESS = "lossless"  # the target that only equal images meet
# The likely winners first: what is larger than the best so far is not judged. JPEG XL where it is installed.
CANDIDATES = ("jxl", "avif", "webp", "jndjpeg", "jpeg444", "png")
FORMATS = {
    "jpeg": ("jndjpeg", "jpeg444"),
    "png": ("png",),
    "webp": ("webp",),
    "avif": ("avif",),
    "jxl": ("jxl",),
}
MARGIN = 1.06  # candidates whose mosaic takes more bytes than the smallest by this factor are left out
# Of the bytes of a PNG written fast, what lossless files take at best; they are not tried where this is too much.
SLOWER = 0.2
_log = logging.getLogger("imgredux")


class JndSearch(FileCodec):
    """The smallest file within a target of visibility: `(B, 1 or 3, H, W)` in [0, 1] to what it becomes, and bits.

    `target=` in a call: "first", "side-by-side" (the default), "in-place", "flicker", a score of SSIMULACRA 2, or
    "lossless": of the image as it is seen, whatever the color space of its numbers. `forms=`: of what formats the file
    may be, as Pillow calls them. `guard=`: how many points below the target the worst tile of about 512 pixels may be.
    A lossless file is taken where a lossy one would not be 5 % smaller.

    formats: what the file may be, some of "jpeg", "png", "webp", "avif", "jxl"; None: all that are at hand. candidates:
    codecs to try, in place of those of the formats. An image with alpha takes those that keep it to the bit.

    Raises ImgreduxError for another format, PluginError for a candidate or format that is not at hand.
    """

    alpha = True

    def __init__(self, *, formats: Sequence[str] | None = None, candidates: Sequence[str] | None = None) -> None:
        super().__init__()
        if formats is not None:
            unknown = sorted({*formats} - FORMATS.keys())
            if unknown or not formats:
                raise ImgreduxError(f"formats: {', '.join(unknown) or 'an empty list'} is none of {', '.join(FORMATS)}")
            candidates = candidates or [name for one in formats for name in FORMATS[one]]
        self._codecs: dict[str, FileCodec] = {}
        for name in candidates or CANDIDATES:
            try:
                found = registry.get(name)
            except PluginError as error:
                if candidates:
                    raise
                _log.debug("%s is left out: %s", name, error)  # JPEG XL needs a package of its own
                continue
            if not isinstance(found, FileCodec):
                raise PluginError(f"{name} writes no file of a public format: it cannot be a candidate")
            self._codecs[name] = found

    def write(
        self,
        image: Image.Image,
        *,
        target: str | float = "side-by-side",
        forms: Set[str] = PUBLIC,
        guard: float = GUARD,
    ) -> bytes:
        return self.search(image, target, forms, guard).data

    def search(
        self,
        image: Image.Image,
        target: str | float = "side-by-side",
        forms: Set[str] = PUBLIC,
        guard: float = GUARD,
    ) -> Found:
        """The smallest file of an image of mode L, RGB, LA or RGBA whose score is at least the target's.

        Raises Unreached where no candidate reaches it, ImageError for a target that there is not.
        """
        fitting = {name: codec for name, codec in self._codecs.items() if codec.forms <= forms}
        plain = image.mode in ("L", "RGB")
        exact = {name: codec for name, codec in fitting.items() if codec.lossless and (plain or codec.alpha)}
        tried = ", ".join(fitting) or "no codec"
        if target == LOSSLESS:
            found = _lossless(image, exact)
            if found is None:
                raise Unreached(f"none of {tried} is lossless on this image")
            return found
        goal = Goal(_score_of(target), guard)
        able = {name: one for name, one in fitting.items() if one.spec.knob and (plain or one.alpha)}
        best = self._lossy(image, able, goal)
        if exact and (best is None or SLOWER * _quick(image) < len(best.data)):
            found = _lossless(image, exact)
            if found is not None and (best is None or WORTH * len(found.data) < len(best.data)):
                return found
        if best is None:
            raise Unreached(f"none of {tried} reaches a SSIMULACRA 2 of {goal.score:g} on this image")
        return best

    def _lossy(self, image: Image.Image, able: Mapping[str, FileCodec], goal: Goal) -> Found | None:
        judge = Judge(image)
        for stored in _storable(image):
            likely: dict[str, Trial] = {}
            if able and image.width * image.height > LARGE and min(image.size) >= TILE:
                likely = _likely(stored, able, goal)
                best = _smallest(stored, {name: able[name] for name in likely}, judge, goal, likely)
                if best is not None:
                    return best
            others = {name: codec for name, codec in able.items() if name not in likely}
            best = _smallest(stored, others, judge, goal, {})
            if best is not None:
                return best
        return None


def _smallest(
    image: Image.Image, codecs: Mapping[str, FileCodec], judge: Judge, goal: Goal, likely: Mapping[str, Trial]
) -> Found | None:
    """The smallest file of these candidates. likely: their trials on a small image that is like this one."""
    best: Found | None = None
    for name, codec in codecs.items():
        trial = Trial(name, codec, image, judge, goal, math.inf if best is None else len(best.data), likely.get(name))
        # Each encoding of a large image takes seconds, and a dip in its scores saves 0.1 % of the bytes.
        trial.solve(below=0 if trial.like else BELOW)
        best = min([*trial.found.values(), *filter(None, [best])], key=lambda one: len(one.data), default=None)
    return best


def _likely(image: Image.Image, codecs: Mapping[str, FileCodec], goal: Goal) -> dict[str, Trial]:
    """The candidates whose file of the mosaic of a large image is the smallest or nearly so, the smallest first."""
    part = mosaic(image)
    judge, most = Judge(part), math.inf
    reached: list[Trial] = []
    for name, codec in codecs.items():
        trial = Trial(name, codec, part, judge, Goal(goal.score, math.inf), most)
        trial.solve()
        if trial.found:
            reached.append(trial)
            most = min(most, MARGIN * trial.size)
    return {trial.name: trial for trial in sorted(reached, key=lambda one: one.size) if trial.size <= most}


def _lossless(image: Image.Image, codecs: Mapping[str, FileCodec]) -> Found | None:
    """The smallest file that gives the samples back to the bit."""
    best: Found | None = None
    for name, codec in codecs.items():
        try:
            data = codec.writer(image)(lossless=True)
        except ImageError as error:
            _log.info("%s is left out: %s", name, error)
            continue
        again = decoding.open_bytes(data, max_pixels=UNBOUNDED, formats=codec.forms)
        same = again.size == image.size and again.convert(image.mode).tobytes() == image.tobytes()
        if same and (best is None or len(data) < len(best.data)):
            best = Found(data, name, None, 100.0, 100.0)
    return best


def _quick(image: Image.Image) -> float:
    """Bytes of a lossless file that is written fast; of a large image, as its mosaic has them."""
    large = image.width * image.height > LARGE and min(image.size) >= TILE
    part = mosaic(image) if large else image
    with io.BytesIO() as file:
        part.save(file, "PNG", compress_level=1)
        return file.tell() * (image.width * image.height) / (part.width * part.height)


def _storable(image: Image.Image) -> Iterator[Image.Image]:
    """The image with the numbers that it has; then, where these are not sRGB, with those of sRGB.

    Eight bits of linear light are too coarse in the dark for a high target, and those of sRGB are not.
    """
    yield image
    profile = image.info.get("icc_profile")
    if profile and not is_srgb(profile):
        colors = image.convert("L" if image.mode in ("L", "LA") else "RGB")
        planes = images.as_seen(colors, profile)[0].clamp(0, 1).mul(255).round().byte().numpy()
        plain = Image.fromarray(planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0)))
        if image.mode in ("LA", "RGBA"):
            plain.putalpha(image.getchannel("A"))
        plain.info = {key: value for key, value in image.info.items() if key != "icc_profile"}
        yield plain


def _score_of(target: str | float) -> float:
    if isinstance(target, str) and target not in TARGETS:
        raise ImageError(f"target is {target!r}: give one of {', '.join(TARGETS)}, {LOSSLESS}, or a SSIMULACRA 2 score")
    score = TARGETS[target] if isinstance(target, str) else float(target)
    if not score < 100:
        raise ImageError(f"target is {target}: SSIMULACRA 2 reaches 100 for equal images only; give less")
    return score
