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
from imgredux_jndjpeg.tables import LARGEST, tables
from imgredux_jndjpeg.trellis import PLACES, RUNS, SIZES, ZIGZAG, code_of, counted, optimized
from imgredux_jndjpeg.writer import head_of, write

N = 8
CLOSEST, FARTHEST = 0.1, 25.0
DEAD_ZONE = 0.6  # of the levels whose statistics the trellis starts from
POOLING = 4.0  # exponent over blocks (DCTune)
EXPONENT = 1.07  # of the distance, for the visibility that an estimator's thresholds are held to
CHROMA_TRADE = 0.83  # of the trade of luma
# What `search` tries, in this order, and how much nearer it looks to see what quality costs.
TRIED = (
    *(("chroma", -0.3), ("chroma", 0.3), ("chroma", -0.3), ("slope", -0.25), ("slope", 0.25)),
    *(("masking", 0.12), ("masking", -0.12), ("trade", 0.02), ("trade", -0.015)),
)
NEARER = 0.85
SAMPLED = 4096  # blocks that the table of an estimator's thresholds is found on
_STRIP, _HALO = 64, 2  # rows that are analyzed at once, and what local deviation sees above and below
_AT_ONCE = 65536  # blocks that are counted at once


@dataclass(frozen=True)
class Choice:
    """What is free beside the distance; the defaults were found on training images, others for one by `search`.

    trade: squared steps for a bit, of luma; masking: power of the local deviation by which a block hides errors;
    chroma, slope: ln of a factor on the steps of Cb and Cr, and how it rises from low frequencies to high ones.
    """

    trade: float = 0.08
    masking: float = 0.23
    chroma: float = 0.0
    slope: float = 0.0


class JndJpeg(FileCodec):
    """A JPEG by distance in just noticeable differences: `(B, 1 or 3, H, W)` in [0, 1] to what comes of them, and bits.

    `distance=` in a call: 1 is about one just noticeable difference, as butteraugli's and jpegli's; 0.1 to 25.
    `search=True`: eleven files are tried and judged by SSIMULACRA 2, to find the best `Choice` for this image.

    estimator: a method with `.thresholds()`, as "wei2009", whose thresholds take the place of the built-in ones: the
    luma table is the coarsest that keeps them, pooled over blocks (DCTune), and blocks are weighted by them.
    Steps of chroma and, without an estimator, of luma are those of `tables`. Chroma is of full size; the file is
    progressive, with optimised Huffman tables.

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

    def write(self, image: Image.Image, *, distance: float = 1.0, search: bool = False) -> bytes:
        _check(distance)
        return self.writer(image)(distance=distance, search=search)

    def writer(self, image: Image.Image) -> Callable[..., bytes]:
        with torch.no_grad():
            analyzed = Analyzed.of(image, self._estimator[0] if self._estimator else None)

        @torch.no_grad()
        def written(*, distance: float = 1.0, search: bool = False) -> bytes:
            _check(distance)
            choice = searched(image, analyzed, float(distance)) if search else Choice()
            return analyzed.written(float(distance), choice)

        return written


@dataclass(frozen=True)
class Analyzed:
    """An image as its coefficients by plane `(n, 64)` in zigzag order, and how busy its blocks are, or their JND.

    size: width and height. activity: mean of ln(1 + deviation) in each block of luma `(n,)`. thresholds: of luma
    `(n, 64)`, by an estimator. about: what is known of the image, as segments of a JPEG.
    """

    coefficients: list[Tensor]
    size: tuple[int, int]
    activity: Tensor
    thresholds: Tensor | None
    about: bytes

    @classmethod
    def of(cls, image: Image.Image, estimator: Estimator | None) -> "Analyzed":
        coefficients, activity = _analyzed(np.asarray(image))
        T = None
        if estimator is not None:
            thresholds: Callable[[Tensor], Tensor] = getattr(estimator, "thresholds")  # noqa: B009 - not of all
            x = images.to_tensor(image)
            luma = pad(x if x.shape[1] == 1 else ops.luma(x), N, N)
            T = _zigzag_order(thresholds(luma)[0].flatten(0, 1)).clamp(min=1e-3)
        small = Image.new(image.mode, (1, 1))
        small.info = image.info
        return cls(coefficients, image.size, activity, T, head_of(saved(small, "JPEG")))

    def written(self, distance: float, choice: Choice, steps: Tensor | None = None) -> bytes:
        """The file at a distance; steps: other tables `(3, 8, 8)` than those of the distance and the choice."""
        steps = (_steps(distance, choice) if steps is None else steps)[: len(self.coefficients)]
        if self.thresholds is None:
            logarithm = choice.masking * self.activity
        else:
            steps[0] = _table_of(self.coefficients[0], self.thresholds, distance)
            logarithm = self.thresholds.log()
            logarithm = (logarithm - logarithm.mean(0)).mean(1)
        weights = (-2 * (logarithm - logarithm.mean())).exp()[:, None]
        trades = (choice.trade, *2 * (CHROMA_TRADE * choice.trade,))
        levels = [
            _levels(c, q.flatten()[ZIGZAG], weights, trade)
            for c, q, trade in zip(self.coefficients, steps, trades, strict=False)
        ]
        return write(levels, [table.flatten().int().tolist() for table in steps], self.size, self.about)


def searched(image: Image.Image, analyzed: Analyzed, distance: float) -> Choice:
    """The choice with the smallest file at this distance, for what SSIMULACRA 2 says a byte is worth there.

    Each of `TRIED` once, kept where it is of use; what a point of the metric costs is seen from two distances.
    """
    x = np.asarray(image)
    if min(image.size) < SMALLEST:
        return Choice()

    def tried(choice: Choice, distance: float) -> tuple[float, float]:
        data = analyzed.written(distance, choice)
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


def _steps(distance: float, choice: Choice) -> Tensor:
    """Tables of Y, Cb and Cr `(3, 8, 8)`."""
    steps = tables(distance)
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


def _check(distance: float) -> None:
    if not CLOSEST <= distance <= FARTHEST:
        raise ImageError(f"distance is {distance}: give a number from {CLOSEST:g} to {FARTHEST:g}")


def _levels(c: Tensor, q: Tensor, weights: Tensor, trade: float) -> np.ndarray:
    """The levels of a plane, `(n, 64)` int16, by the compiled trellis where there is numba."""
    kernel = kernels.compiled("imgredux_jndjpeg.kernel")
    if kernel is None:
        counts = torch.zeros(RUNS + 1, SIZES, dtype=torch.int64)
        for part in c.split(_AT_ONCE):
            scaled = part / q
            counts += counted(scaled.round().where(scaled.abs() >= DEAD_ZONE, 0).int())
        return optimized(c, q, weights, code_of(counts), trade).numpy()
    counts, out, steps = np.zeros((RUNS + 1, SIZES), np.int64), np.empty(c.shape, np.int16), q.numpy()
    kernel.count(c.numpy(), steps, np.float32(DEAD_ZONE), counts)
    code = code_of(torch.from_numpy(counts))
    kernel.optimize(c.numpy(), steps, weights.numpy(), (trade * code.bits).numpy(), np.float32(trade * code.end), out)
    return out


def _analyzed(samples: np.ndarray) -> tuple[list[Tensor], Tensor]:
    """Coefficients of luma, or of Y, Cb and Cr, as JPEG has them, `(n, 64)` in zigzag order; activity `(n,)` of luma.

    samples: 8 bits, `(H, W)` or `(H, W, 3)`; the last blocks are completed with their edges. In strips of rows.
    """
    height, width = samples.shape[:2]
    rows, columns = -(-height // N), -(-width // N)
    planes = [torch.empty(rows * columns, PLACES) for _ in range(1 if samples.ndim == 2 else 3)]
    activity = torch.empty(rows * columns)
    for top in range(0, rows * N, _STRIP):
        bottom = min(top + _STRIP, rows * N)
        start, stop = max(top - _HALO, 0), min(bottom + _HALO, rows * N)
        x = torch.from_numpy(samples[start:stop].astype(np.float32))
        x = x[None, None] if x.ndim == 2 else x.permute(2, 0, 1)[None]
        x = F.pad(x, (0, columns * N - width, 0, stop - start - x.shape[-2]), mode="replicate")
        x = x if x.shape[1] == 1 else 255 * ops.rgb_to_ycbcr(x / 255)
        deviation = ops.local_std(x[:, :1], 5, border="reflect")
        inside, blocks = slice(top - start, bottom - start), slice(top // N * columns, bottom // N * columns)
        activity[blocks] = ops.blocks(deviation[..., inside, :])[0, 0].mean((-2, -1)).flatten().log1p()
        for plane, out in zip(x[0, :, inside], planes, strict=True):
            c = ops.dct(plane.contiguous()[None, None] - 128)
            out[blocks] = _zigzag_order(ops.blocks(c)[0, 0].flatten(0, 1))
    return planes, activity


def _zigzag_order(blocks: Tensor) -> Tensor:
    return blocks.flatten(1)[:, ZIGZAG]
