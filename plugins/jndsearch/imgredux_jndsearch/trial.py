"""A candidate on one image: what is written at each place of its knob, and how it is seen."""

import logging
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from imgredux.errors import ImageError, PluginError
from imgredux.io import decoding
from imgredux.io.opening import UNBOUNDED
from imgredux.judging import Judge
from imgredux.methods.filecodec import FileCodec
from imgredux_jndsearch.solving import solve

# PSNR-HVS, dB, that photographs have at scores of SSIMULACRA 2. On noise and on tiny images that metric forgives what
# nobody would: what lies `SLACK` below is refused whatever its score.
USUAL_SCORES, USUAL_DECIBELS = (0, 65, 80, 85, 90, 100), (20, 37.5, 43.5, 45.5, 49, 60)
SLACK = 10.0
FARTHEST, CLOSEST, DISTANCES = 16.0, 0.2, 151  # of jndjpeg, 3 % apart
# A file at the place that the mosaic tells, larger than the best by this factor, ends a candidate.
TOO_LARGE = 1.05
ENOUGH = 0.1  # points above the target, of a large image: a file nearer to it would be smaller by 0.4 %
GROWTH = 0.05  # of ln(bytes) by a step of a usual knob
_log = logging.getLogger("imgredux")


class Found(NamedTuple):
    """A file, its codec, the value of the knob (None: lossless), the score, and that of the worst tile."""

    data: bytes
    codec: str
    value: float | None
    score: float
    worst: float


class Goal(NamedTuple):
    """The score that is wanted, and how far below it the worst tile may be."""

    score: float
    guard: float


class _LostError(Exception):
    """A candidate cannot win any more."""


class Trial:
    """A candidate on one image: its files that reach the goal, and scores, by the place on its knob.

    most: bytes from which on a file is not judged, for what would win lies below. like: the trial on a small image that
    is like this one.
    """

    def __init__(
        self,
        name: str,
        codec: FileCodec,
        image: Image.Image,
        judge: Judge,
        goal: Goal,
        most: float = math.inf,
        like: "Trial | None" = None,
    ) -> None:
        self.like = like
        self.name, self.codec, self.judge, self.goal, self.most = name, codec, judge, goal, most
        self.keyword, self.values = _values(codec)
        self.least = float(np.interp(goal.score, USUAL_SCORES, USUAL_DECIBELS)) - SLACK
        self.found: dict[int, Found] = {}
        self.scores: dict[int, float] = {}
        self.sizes: dict[int, int] = {}
        self._image, self._write = image, None

    @property
    def size(self) -> int:
        """Bytes of the smallest file found."""
        return min(len(one.data) for one in self.found.values())

    def solve(self, below: int = 0) -> None:
        """Look for the smallest file. below: places under the one that is found that are tried too."""
        curve = self.like.scores if self.like else None
        try:
            self._write = self.codec.writer(self._image)
            last = len(self.values) - 1
            enough = ENOUGH if curve else 0.0
            solve(self._judged, self.goal.score, last, curve=curve, below=below, smaller=self._smaller, enough=enough)
        except ImageError as error:  # WebP ends at 16,383 pixels a side
            _log.info("%s is left out: %s", self.name, error)
        except _LostError:
            pass
        finally:
            self._write = None  # it may hold what is as large as the image

    def _smaller(self, place: int) -> int:
        """Where the files become smaller than `most`, below a place whose file is not."""
        below = max((one for one in self.sizes if one < place and self.sizes[one] < self.most), default=None)
        growth = GROWTH
        if below is not None:
            growth = math.log(self.sizes[place] / self.sizes[below]) / (place - below)
        return place - max(math.ceil(math.log(self.sizes[place] / self.most) / max(growth, 1e-3)), 1)

    def _judged(self, place: int) -> float:
        assert self._write is not None  # `solve` has it
        data = self._write(**{self.keyword: self.values[place]})
        self.sizes[place] = len(data)
        if len(data) >= self.most:
            if self.like is not None and len(data) > TOO_LARGE * self.most and not self.scores:
                raise _LostError
            return math.inf
        seen = decoding.open_bytes(data, max_pixels=UNBOUNDED, formats=self.codec.forms)
        score = self.scores[place] = self.judge.score(seen)
        if score < self.goal.score:
            return score
        if self.like is None and self.judge.psnr_hvs(seen) < self.least:  # of a large image, its mosaic was looked at
            return -math.inf
        worst = self.judge.worst(seen) if math.isfinite(self.goal.guard) else score
        if worst + self.goal.guard < self.goal.score:
            return worst + self.goal.guard
        self.found[place] = Found(data, self.name, self.values[place], score, worst)
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
