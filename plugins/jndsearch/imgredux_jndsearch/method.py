"""The smallest file among several formats that still looks the same, by search on SSIMULACRA 2."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from types import MappingProxyType
from typing import NamedTuple, cast

import numpy as np
from PIL import Image
from torch import Tensor

from imgredux import registry
from imgredux.critical import BELOW, Unreached
from imgredux.errors import ImageError, ImgreduxError, PluginError
from imgredux.io import decoding, images
from imgredux.io.opening import UNBOUNDED
from imgredux.io.profiles import is_srgb
from imgredux.methods.filecodec import PUBLIC, FileCodec
from imgredux.methods.tiling import pad
from imgredux.metrics.psnr_hvs import psnr_hvs
from imgredux.metrics.ssimulacra2 import SMALLEST, ssimulacra2
from imgredux_jndsearch.mosaic import LARGE, TILE, mosaic
from imgredux_jndsearch.solving import solve

# Scores of SSIMULACRA 2. 65: its mean where observers of KonJND-1k first tell an image from the original (63.1 over
# JPEG, 65.4 over BPG: CID22, table 4). The others: what its author says is not told from the original side by side, in
# place, and in a flicker test.
TARGETS = {"first": 65.0, "side-by-side": 80.0, "in-place": 85.0, "flicker": 90.0}
# PSNR-HVS, dB, that photographs have at scores of SSIMULACRA 2. On noise and on tiny images that metric forgives what
# nobody would: what lies `SLACK` below is refused whatever its score.
USUAL_SCORES, USUAL_DECIBELS = (0, 65, 80, 85, 90, 100), (20, 37.5, 43.5, 45.5, 49, 60)
SLACK = 10.0
# The likely winners first: what is larger than the best so far is not judged. JPEG XL where it is installed.
CANDIDATES = ("jxl", "avif", "webp", "jndjpeg", "jpeg444", "jpeg420")
FORMATS = {"jpeg": ("jndjpeg", "jpeg444", "jpeg420"), "webp": ("webp",), "avif": ("avif",), "jxl": ("jxl",)}
FARTHEST, CLOSEST, DISTANCES = 16.0, 0.2, 76  # of jndjpeg, 6 % apart
_log = logging.getLogger("imgredux")
MARGIN = 1.04  # candidates whose mosaic takes more bytes than the smallest by this factor are left out
GRAY = 128  # what is behind a transparent image when it is judged


class Found(NamedTuple):
    """A file, the codec that wrote it, the value of its knob, and the score."""

    data: bytes
    codec: str
    value: float
    score: float


class JndSearch(FileCodec):
    """The smallest file within a target of visibility: `(B, 1 or 3, H, W)` in [0, 1] to what it becomes, and bits.

    `target=` in a call: "first", "side-by-side" (the default), "in-place", "flicker", or a score of SSIMULACRA 2: of
    the image as it is seen, whatever the color space of its numbers. `forms=`: of what formats the file may be, as
    Pillow calls them.
    formats: what the file may be, some of "jpeg", "webp", "avif", "jxl"; None: all that are at hand. candidates: codecs
    to try, in place of those of the formats. An image with alpha takes those that keep it.

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
            except PluginError:
                if candidates:
                    raise
                continue  # JPEG XL needs a package of its own
            if not isinstance(found, FileCodec):
                raise PluginError(f"{name} writes no file of a public format: it cannot be a candidate")
            self._codecs[name] = found

    def write(self, image: Image.Image, *, target: str | float = "side-by-side", forms: Set[str] = PUBLIC) -> bytes:
        return self.search(image, target, forms).data

    def search(self, image: Image.Image, target: str | float = "side-by-side", forms: Set[str] = PUBLIC) -> Found:
        """The smallest file of an image of mode L, RGB, LA or RGBA whose score is at least the target's.

        Raises Unreached where no candidate reaches it, ImageError for a target that there is not.
        """
        wanted = _score_of(target)
        fitting = {name: codec for name, codec in self._codecs.items() if codec.forms <= forms}
        able = {name: codec for name, codec in fitting.items() if image.mode in ("L", "RGB") or codec.alpha}
        reference = _seen(image, image)
        for stored in _storable(image):
            likely: dict[str, Trial] = {}
            if image.width * image.height > LARGE and min(image.size) >= TILE:
                likely = self._likely(stored, able, wanted)
                best = self._smallest(stored, {name: able[name] for name in likely}, reference, wanted, likely)
                if best is not None:
                    return best
            others = {name: codec for name, codec in able.items() if name not in likely}
            best = self._smallest(stored, others, reference, wanted)
            if best is not None:
                return best
        tried = ", ".join(fitting) or "no codec"
        raise Unreached(f"none of {tried} reaches a SSIMULACRA 2 of {wanted:g} on this image")

    def _smallest(
        self,
        image: Image.Image,
        codecs: Mapping[str, FileCodec],
        reference: Tensor,
        wanted: float,
        likely: "Mapping[str, Trial]" = MappingProxyType({}),
    ) -> Found | None:
        """The smallest file of these candidates. likely: their trials on a small image that is like this one."""
        best: Found | None = None
        for name, codec in codecs.items():
            trial = Trial(name, codec, image, reference, wanted, math.inf if best is None else len(best.data))
            curve = likely[name].scores if name in likely else None
            # Each encoding of a large image takes seconds, and a dip in its scores saves 0.1 % of the bytes.
            trial.solve(curve, below=0 if curve else BELOW)
            best = min([*trial.found.values(), *filter(None, [best])], key=lambda one: len(one.data), default=None)
        return best

    def _likely(self, image: Image.Image, codecs: Mapping[str, FileCodec], wanted: float) -> "dict[str, Trial]":
        """The candidates whose file of the mosaic of a large image is the smallest or nearly so, the smallest first."""
        part = mosaic(image)
        reference, most = _seen(part, part), math.inf
        reached: list[Trial] = []
        for name, codec in codecs.items():
            trial = Trial(name, codec, part, reference, wanted, most)
            trial.solve()
            if trial.found:
                reached.append(trial)
                most = min(most, MARGIN * trial.size)
        return {trial.name: trial for trial in sorted(reached, key=lambda one: one.size) if trial.size <= most}


class Trial:
    """A candidate on one image: its files that reach the target, and scores, by the place on its knob.

    most: bytes from which on a file is not judged, for what would win lies below.
    """

    def __init__(
        self,
        name: str,
        codec: FileCodec,
        image: Image.Image,
        reference: Tensor,
        wanted: float,
        most: float = math.inf,
    ) -> None:
        self.name, self.codec, self.image, self.reference, self.wanted = name, codec, image, reference, wanted
        self.keyword, self.values = _values(codec)
        self.most = most
        self.least = float(np.interp(wanted, USUAL_SCORES, USUAL_DECIBELS)) - SLACK
        self.found: dict[int, Found] = {}
        self.scores: dict[int, float] = {}

    @property
    def size(self) -> int:
        """Bytes of the smallest file found."""
        return min(len(one.data) for one in self.found.values())

    def solve(self, curve: Mapping[int, float] | None = None, below: int = 0) -> None:
        """Look for the smallest file. curve: scores of an image that is like this one."""
        try:
            solve(self._judged, self.wanted, len(self.values) - 1, curve=curve, below=below)
        except ImageError as error:  # WebP ends at 16,383 pixels a side
            _log.info("%s is left out: %s", self.name, error)

    def _judged(self, place: int) -> float:
        write = cast(Callable[..., bytes], self.codec.write)
        data = write(self.image, **{self.keyword: self.values[place]})
        if len(data) >= self.most:
            return math.inf
        seen = _seen(decoding.open_bytes(data, max_pixels=UNBOUNDED, formats=self.codec.forms), self.image)
        score = self.scores[place] = ssimulacra2(seen, self.reference).item()
        if score < self.wanted:
            return score
        if psnr_hvs(seen, self.reference).item() < self.least:
            return -math.inf
        self.found[place] = Found(data, self.name, self.values[place], score)
        return score


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
        raise ImageError(f"target is {target!r}: give one of {', '.join(TARGETS)}, or a score of SSIMULACRA 2")
    score = TARGETS[target] if isinstance(target, str) else float(target)
    if not score < 100:
        raise ImageError(f"target is {target}: SSIMULACRA 2 reaches 100 for equal images only; give less")
    return score


def _values(codec: FileCodec) -> tuple[str, list[float]]:
    """The knob of a candidate and what is tried of it, from the smallest files on."""
    keyword, declared = codec.spec.knob or ("", ())
    if keyword == "distance":
        step = (CLOSEST / FARTHEST) ** (1 / (DISTANCES - 1))
        return keyword, [FARTHEST * step**place for place in range(DISTANCES)]
    if keyword != "quality":
        raise PluginError(f"{codec.label} has no knob that can be searched: {keyword or 'none'} {declared}")
    return keyword, [*getattr(codec, "qualities", range(1, 101))]


def _seen(image: Image.Image, original: Image.Image) -> Tensor:
    """What is judged: the colors as they are seen, before grey where the original is transparent; 8 pixels a side."""
    color = "L" if original.mode in ("L", "LA") else "RGB"
    if original.mode in ("LA", "RGBA"):
        behind = Image.new("RGBA", image.size, (GRAY, GRAY, GRAY, 255))
        image = Image.alpha_composite(behind, image.convert("RGBA"))
    return pad(images.as_seen(image.convert(color), original.info.get("icc_profile")), 1, SMALLEST)
