"""What JPEG did to an image: read from the file where there is one, else estimated from the pixels."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from imgredux.forensics import lattice
from imgredux.io.images import Source
from imgredux.ops.quantization import ijg_family, ijg_tables


@dataclass(frozen=True)
class Traces:
    """What JPEG left in an image.

    qtable: `(1, 2, 8, 8)` steps of luma and chroma, in orthonormal DCT units of 8-bit samples.
    quality: 1..100, the nearest of the IJG scale; standard: the tables are exactly IJG's of that quality.
    offset: row and column, 0..7, of the first 8x8 block's corner; (0, 0) for a file.
    subsampling: "4:4:4", "4:2:2", "4:2:0", "4:4:0" or "4:1:1"; None for greyscale, and where it is not known.
    earlier: a stronger compression before this one that the pixels show, else None.
    """

    qtable: Tensor
    quality: int
    standard: bool
    offset: tuple[int, int]
    subsampling: str | None
    progressive: bool
    known_from: Literal["file", "pixels"]
    earlier: "Traces | None" = None


def quality(qtable: Tensor) -> tuple[int, bool]:
    """The nearest quality of the IJG scale, 1..100, to tables `(1, 2, 8, 8)` or `(2, 8, 8)`; and whether it is exact.

    Steps above 255 count as 255, where IJG's tables end. Tables that are none of IJG's get the quality whose steps have
    the same geometric mean. Where luma and chroma have one table, as in a greyscale file, it is compared with luma's.

    Raises ValueError for another shape, and for steps below 1.
    """
    if qtable.numel() != 128 or tuple(qtable.shape[-3:]) != (2, 8, 8):
        raise ValueError(f"qtable has shape {tuple(qtable.shape)}; give (1, 2, 8, 8) or (2, 8, 8), luma and chroma")
    if not bool((qtable >= 1).all()):
        raise ValueError(f"qtable has a step of {qtable.min():g}; steps are 1 and more")
    steps = qtable.detach().reshape(2, 8, 8).double().cpu().clamp(max=255)
    family = ijg_family().double()
    if torch.equal(steps[0], steps[1]):
        steps, family = steps[:1], family[:, :1]
    exact = (family == steps).flatten(1).all(1)
    if exact.any():
        return int(exact.nonzero()[0]) + 1, True
    distance = (family.log() - steps.log()).flatten(1).mean(1).abs()
    return int(distance.argmin()) + 1, False


def traces(source: Source) -> Traces | None:
    """What JPEG left in an image that `imgredux.io.images.read` read: the file's tables, else what the pixels show.

    Read it with `stored=True`: blocks are looked for where the file has them. None where there is no trace of JPEG.
    """
    if source.qtable is None:
        return estimate(source.x)
    number, standard = quality(source.qtable)
    steps = source.qtable[0, 0].reshape(64).long().clamp(max=lattice.STEPS)
    before = _earlier(source.x, lattice.Fit((0, 0), steps), number)
    return Traces(source.qtable, number, standard, (0, 0), source.subsampling, source.progressive, "file", before)


def estimate(x: Tensor) -> Traces | None:
    """The traces of JPEG in the pixels of an image `(1, C, H, W)` in [0, 1]; None where the evidence is too weak.

    The pixels must be as a decoder wrote them, 8 bits deep. They may be cropped, but not scaled or edited. Steps are
    estimated for luma; those of chroma are IJG's of the same quality, and the subsampling is not known.

    Raises ValueError for another shape.
    """
    if x.ndim != 4 or x.shape[0] != 1 or x.shape[1] not in (1, 3):
        raise ValueError(f"the image has shape {tuple(x.shape)}; give (1, C, H, W) with C of 1 or 3")
    luma = _luma(x)
    found = luma and lattice.last(luma, _family())
    if not luma or not found:
        return None
    traces = _from_pixels(found, x.shape[1])
    return replace(traces, earlier=_earlier(x, found, traces.quality, luma))


def _earlier(x: Tensor, known: lattice.Fit, number: int, luma: lattice.Luma | None = None) -> Traces | None:
    luma = luma or _luma(x)
    found = luma and lattice.earlier(luma, known, _family()[: number - 1])
    return _from_pixels(found, x.shape[1]) if found else None


def _luma(x: Tensor) -> lattice.Luma | None:
    """Luma of an image that holds a block, and 8-bit values."""
    x = x.detach().cpu().float()
    eight_bits = min(x.shape[2:]) >= 8 and bool(((x * 255).frac() - 0.5).abs().min() > 0.49)
    return lattice.Luma(x) if eight_bits else None


def _from_pixels(found: lattice.Fit, channels: int) -> Traces:
    steps = found.steps.reshape(8, 8).float()
    number, standard = quality(torch.stack([steps, steps]))
    chroma = ijg_tables(number)[1] if channels == 3 else steps
    return Traces(torch.stack([steps, chroma])[None], number, standard, found.offset, None, False, "pixels")


def _family() -> Tensor:
    return ijg_family()[:, 0].reshape(-1, 64).long()
