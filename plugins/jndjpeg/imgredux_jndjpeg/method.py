"""A JPEG that anyone can open, whose bits go where they are seen.

Steps grow with a distance in units of the just noticeable difference (`tables.py`). In each block, errors are weighted
by how well its structure lets them be seen. The levels written are the cheapest that are near enough in this sense
(`trellis.py`), and they are in the file as they are (`writer.py`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from imgredux import kernels, ops, registry
from imgredux.errors import ImageError
from imgredux.io import decoding, images
from imgredux.io.opening import UNBOUNDED
from imgredux.methods.base import Estimator
from imgredux.methods.filecodec import FileCodec, saved
from imgredux.methods.tiling import pad
from imgredux.metrics.ssimulacra2 import SMALLEST, of_bytes
from imgredux_jndjpeg import trellis
from imgredux_jndjpeg.analysis import N, coefficients_of, zigzag_order
from imgredux_jndjpeg.tables import HALF_FACTORS, LARGEST, tables, trade_at
from imgredux_jndjpeg.trellis import PLACES, RUNS, SIZES, ZIGZAG, code_of, counted, difference_bits, optimized
from imgredux_jndjpeg.writer import head_of, write

CLOSEST, FARTHEST = 0.1, 25.0
DEAD_ZONE = 0.6  # of the levels whose statistics the trellis starts from
POOLING = 4.0  # exponent over blocks (DCTune)
EXPONENT = 1.07  # of the distance, for the visibility that an estimator's thresholds are held to
CHROMA_TRADE = 0.83  # of the trade of luma
# What `search` tries, in this order, and how much nearer it looks to see what quality costs.
TRIED = (
    *(("chroma", -0.3), ("chroma", 0.3), ("chroma", -0.3), ("slope", -0.25), ("slope", 0.25)),
    *(("masking", 0.12), ("masking", -0.12), ("trade", 0.25), ("trade", -0.2)),
)
NEARER = 0.85
HALVED = {"auto": None, "4:4:4": False, "4:2:0": True}
LOST = 0.12  # found on training images: `python -m imgredux_jndjpeg.fit --sizes`
SAMPLED = 4096  # blocks, of all, that the table of an estimator's thresholds is found on, and what halves lose
UPPER = [place for place, n in enumerate(ZIGZAG) if n // N >= N // 2 or n % N >= N // 2]  # frequencies
_AT_ONCE = 65536  # blocks that are counted at once


@dataclass(frozen=True)
class Choice:
    """What is free beside the distance; the defaults were found on training images, others for one by `search`.

    trade: factor on what a bit is worth at the distance (`tables.trade_at`); masking: power of the local deviation by
    which a block hides errors; chroma, slope: ln of a factor on the steps of Cb and Cr, and how it rises from low
    frequencies to high ones.
    """

    trade: float = 1.0
    masking: float = 0.23
    chroma: float = 0.0
    slope: float = 0.0


class JndJpeg(FileCodec):
    """A JPEG by distance in just noticeable differences: `(B, 1 or 3, H, W)` in [0, 1] to what comes of them, and bits.

    `distance=` in a call: 1 is about one just noticeable difference, as butteraugli's and jpegli's; 0.1 to 25.
    `search=True`: eleven files are tried and judged by SSIMULACRA 2, to find the best `Choice` for this image.
    `subsampling=`: "4:4:4", "4:2:0", or "auto" for the one that suits the image at this distance.

    estimator: a method with `.thresholds()`, as "wei2009", whose thresholds take the place of the built-in ones: the
    luma table is the coarsest that keeps them, pooled over blocks (DCTune), and blocks are weighted by them.
    Steps of chroma and, without an estimator, of luma are those of `tables`. The file is progressive, with optimised
    Huffman tables.

    Raises ImageError for an estimator that gives no thresholds.
    """

    forms = frozenset({"JPEG"})

    def __init__(self, *, estimator: str | None = None) -> None:
        super().__init__()
        self._estimator = None
        if estimator is not None:
            found = registry.get(estimator)
            if not isinstance(found, Estimator) or not hasattr(found, "thresholds"):
                raise ImageError(f"{estimator} gives no thresholds of DCT coefficients: take one as wei2009")
            self._estimator = [found]  # in a list: its parameters are not ours

    def write(
        self, image: Image.Image, *, distance: float = 1.0, search: bool = False, subsampling: str = "auto"
    ) -> bytes:
        _check(distance, subsampling)
        return self.writer(image)(distance=distance, search=search, subsampling=subsampling)

    def writer(self, image: Image.Image) -> Callable[..., bytes]:
        with torch.no_grad():
            analyzed = Analyzed.of(image, self._estimator[0] if self._estimator else None)

        @torch.no_grad()
        def written(*, distance: float = 1.0, search: bool = False, subsampling: str = "auto") -> bytes:
            _check(distance, subsampling)
            half = HALVED[subsampling]
            choice = searched(image, analyzed, float(distance), half) if search else Choice()
            return analyzed.written(float(distance), choice, half)

        return written


@dataclass(frozen=True)
class Analyzed:
    """An image as its coefficients by plane `(n, 64)` in zigzag order, and how busy its blocks are, or their JND.

    size: width and height. activity: mean of ln(1 + deviation) in each block of luma `(n,)`. thresholds: of luma
    `(n, 64)`, by an estimator. about: what is known of the image, as segments of a JPEG. halves: coefficients of Cb and
    Cr at half the size in both directions.
    """

    coefficients: list[Tensor]
    size: tuple[int, int]
    activity: Tensor
    thresholds: Tensor | None
    about: bytes
    halves: list[Tensor]

    @classmethod
    def of(cls, image: Image.Image, estimator: Estimator | None) -> "Analyzed":
        coefficients, halves, activity = coefficients_of(np.asarray(image))
        T = None
        if estimator is not None:
            thresholds: Callable[[Tensor], Tensor] = getattr(estimator, "thresholds")  # noqa: B009 - not of all
            x = images.to_tensor(image)
            luma = pad(x if x.shape[1] == 1 else ops.luma(x), N, N)
            T = zigzag_order(thresholds(luma)[0].flatten(0, 1)).clamp(min=1e-3)
        small = Image.new(image.mode, (1, 1))
        small.info = image.info
        return cls(coefficients, image.size, activity, T, head_of(saved(small, "JPEG")), halves)

    def written(self, distance: float, choice: Choice, half: bool | None = None, steps: Tensor | None = None) -> bytes:
        """The file at a distance. half: Cb and Cr of half the size; None: where it pays. steps: other tables
        `(3, 8, 8)` than those of the distance and the choice.
        """
        half = bool(self.halves) and (self.smooth(distance, choice) if half is None else half)
        planes = [self.coefficients[0], *self.halves] if half else self.coefficients
        steps = (_steps(distance, choice, half) if steps is None else steps)[: len(planes)]
        if self.thresholds is None:
            logarithm = choice.masking * self.activity
        else:
            steps[0] = _table_of(self.coefficients[0], self.thresholds, distance)
            logarithm = self.thresholds.log()
            logarithm = (logarithm - logarithm.mean(0)).mean(1)
        weights = (-2 * (logarithm - logarithm.mean())).exp()
        chroma = self._halved(weights) if half else weights
        trade = choice.trade * trade_at(distance)
        trades = (trade, *2 * (CHROMA_TRADE * trade,))
        levels = (
            _levels(c, q.flatten()[ZIGZAG], w[:, None], trade)
            for c, q, w, trade in zip(planes, steps, (weights, chroma, chroma), trades, strict=False)
        )
        return write(levels, [table.flatten().int().tolist() for table in steps], self.size, self.about, half)

    def smooth(self, distance: float, choice: Choice) -> bool:
        """Whether Cb and Cr of half the size lose little at this distance.

        What they lose is the upper half of the frequencies. Its energy in a block, in squared steps, weighted as errors
        are, must be below `LOST` in the root of the mean square.
        """
        part = slice(None, None, max(len(self.activity) // SAMPLED, 1))
        activity = choice.masking * self.activity
        weights = (-2 * (activity[part] - activity.mean())).exp()
        lost = torch.zeros_like(weights)
        for c, q in zip(self.coefficients[1:], _steps(distance, choice, half=False)[1:], strict=True):
            lost += (c[part][:, UPPER] / q.flatten()[ZIGZAG][UPPER]).square().sum(1)
        return float((weights * lost).square().mean().sqrt()) < LOST

    def _halved(self, weights: Tensor) -> Tensor:
        """Means of the weights of the blocks of luma that a block of chroma lies over."""
        grid = weights.view(1, 1, -(-self.size[1] // N), -1)
        even = F.pad(grid, (0, grid.shape[-1] % 2, 0, grid.shape[-2] % 2), mode="replicate")
        return F.avg_pool2d(even, 2).flatten()


def searched(image: Image.Image, analyzed: Analyzed, distance: float, half: bool | None = None) -> Choice:
    """The choice with the smallest file at this distance, for what SSIMULACRA 2 says a byte is worth there.

    Each of `TRIED` once, kept where it is of use; what a point of the metric costs is seen from two distances.
    """
    x = np.asarray(image)
    if min(image.size) < SMALLEST:
        return Choice()

    def tried(choice: Choice, distance: float) -> tuple[float, float]:
        data = analyzed.written(distance, choice, half)
        decoded = np.asarray(decoding.open_bytes(data, max_pixels=UNBOUNDED).convert(image.mode))
        return math.log(len(data)), of_bytes(decoded, x)

    best, (size, score) = Choice(), tried(Choice(), distance)
    other_size, other_score = tried(best, NEARER * distance)
    price = max((other_size - size) / max(other_score - score, 0.1), 0.0)
    for field, change in TRIED:
        choice = replace(best, **{field: getattr(best, field) + change})
        new_size, new_score = tried(choice, distance)
        if new_size - size < price * (new_score - score):
            best, size, score = choice, new_size, new_score
    return best


def _steps(distance: float, choice: Choice, half: bool) -> Tensor:
    """Tables of Y, Cb and Cr `(3, 8, 8)`."""
    steps = tables(distance, half=HALF_FACTORS if half else None)
    i, j = torch.meshgrid(torch.arange(N), torch.arange(N), indexing="ij")
    steps[1:] *= (choice.chroma + choice.slope * (i + j - 3) / 4).exp()
    return steps.round_().clamp_(1, LARGEST)


def _table_of(c: Tensor, T: Tensor, distance: float) -> Tensor:
    """The coarsest luma steps `(8, 8)` whose errors, in units of the thresholds, pool to `distance` at most.

    c, T: coefficients and thresholds `(n, 64)`, in zigzag order. Found by bisection, for all frequencies at once, on a
    part of the blocks; a coefficient that is lost counts against the threshold without what it masks itself.
    """
    part = slice(None, None, max(len(c) // SAMPLED, 1))
    c, T = c[part], T[part]
    allowed = distance**EXPONENT
    low, high = torch.ones(PLACES), torch.full((PLACES,), float(LARGEST))
    while (low < high).any():
        q = ((low + high + 1) / 2).floor()
        error = ((c - q * (c / q).round()) / T).abs()
        fits = error.pow(POOLING).mean(0).pow(1 / POOLING) <= allowed
        low, high = q.where(fits, low), (q - 1).where(~fits, high)
    table = torch.empty(PLACES)
    table[ZIGZAG] = low
    return table.view(N, N)


def _check(distance: float, subsampling: str) -> None:
    if subsampling not in HALVED:
        raise ImageError(f"subsampling is {subsampling!r}: choose one of {', '.join(HALVED)}")
    if not CLOSEST <= distance <= FARTHEST:
        raise ImageError(f"distance is {distance}: give a number from {CLOSEST:g} to {FARTHEST:g}")


def _levels(c: Tensor, q: Tensor, weights: Tensor, trade: float) -> np.ndarray:
    """The levels of a plane, `(n, 64)` int16, by the compiled trellis where there is numba."""
    kernel = kernels.compiled("imgredux_jndjpeg.kernel")
    out = np.empty(c.shape, np.int16)
    if kernel is None:
        counts = torch.zeros(RUNS + 1, SIZES, dtype=torch.int64)
        for part in c.split(_AT_ONCE):
            scaled = part / q
            counts += counted(scaled.round().where(scaled.abs() >= DEAD_ZONE, 0).int())
        out[:] = optimized(c, q, weights, code_of(counts), trade).numpy()
    else:
        sums, steps = np.zeros((RUNS + 1, SIZES), np.int64), q.numpy()
        kernel.count(c.numpy(), steps, np.float32(DEAD_ZONE), sums)
        code = code_of(torch.from_numpy(sums))
        rate, end = (trade * code.bits).numpy(), np.float32(trade * code.end)
        kernel.optimize(c.numpy(), steps, weights.numpy(), rate, end, out)
    x, w, dc = (c[:, 0] / q[0]).double().numpy(), weights[:, 0].double().numpy(), np.empty(len(c), np.int16)
    (kernel or trellis).chained(x, w, trade * difference_bits(out[:, 0]), dc)
    out[:, 0] = dc
    return out
