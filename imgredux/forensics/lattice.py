"""Which quantisation left its steps in the block DCT of an image's luma: grid and table, by likelihood.

The coefficients of a decoded JPEG lie at whole multiples of the step, apart from the rounding of pixels. The evidence
for a step is how much likelier it makes the coefficients than a density without steps does. A zero may count against a
step, never for it: a smooth image has zeros too. Evidence is in nats, summed over blocks, and far below 0 where there
is no lattice.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from imgredux.ops.color import luma
from imgredux.ops.dct import dct

STEPS = 255  # the largest; column n - 1 of a matrix of evidence belongs to step n
ROUNDING = 0.3  # standard deviation that the rounding of pixels gives a coefficient: 1 / sqrt(12), and a little
_OUTLIERS = 0.04
_REENCODING = 0.45  # that of decoding and encoding again: pixels are rounded, and so is the luma of their RGB
_BLURS = (1.5, 3, 6, 10)  # standard deviations tried for what a later quantisation on another grid does to a lattice
_APART = 1.5  # steps closer than this tell nothing about each other
_FIRST_LOOK, _LOOK = 200, 4000  # blocks at each of 64 offsets, and at the best of these
_FEWEST, _FEWEST_FREE = 8, 100  # blocks; each step by itself finds something in few
_FINALISTS = 3  # offsets by each criterion
CERTAIN = 60  # nats in favour of a table: images without a lattice are found below 0
_SURE = 12  # nats in favour of one step of one frequency


class Luma:
    """The 8-bit luma of an image `(1, C, H, W)` in [0, 1] and where its 8x8 blocks carry evidence.

    Luma of decoded RGB is rounded back to the whole numbers that the decoder had. A block with a clipped pixel, or with
    no change across or down, is left out: its rounding errors are no noise. So are repetitions of a block.
    """

    def __init__(self, x: Tensor) -> None:
        stored = x.float().mul(255).round_()
        self.y = luma(stored)[0, 0].round_()
        clipped = ((stored <= 0) | (stored >= 255)).any(1)[0]
        down, across = self.y[1:] != self.y[:-1], self.y[:, 1:] != self.y[:, :-1]
        self.usable = _any(down, 7, 8) & _any(across, 8, 7) & ~_any(clipped, 8, 8)
        self._windows = self.y.unfold(0, 8, 1).unfold(1, 8, 1)

    def coefficients(self, offset: tuple[int, int], limit: int) -> Tensor:
        """`(N, 64)`, level shift applied, of at most `limit` distinct usable blocks, spread over the image."""
        picked = self._blocks(offset, limit)
        return dct(picked.reshape(1, 1, -1, 8)).reshape(-1, 64) if len(picked) else picked

    def _blocks(self, offset: tuple[int, int], limit: int) -> Tensor:
        """Pixels `(N, 64)` of the blocks, level shift applied."""
        row, column = offset
        places = self.usable[row::8, column::8].nonzero()
        if not len(places):
            return self.y.new_empty(0, 64)
        if len(places) > limit:
            places = places[torch.linspace(0, len(places) - 1, limit).long()]
        picked = self._windows[row::8, column::8][places[:, 0], places[:, 1]].reshape(-1, 64)
        return picked[_first_of_equals(picked)] - 128

    @cached_property
    def first_looks(self) -> dict[tuple[int, int], Tensor]:
        """A few blocks at each of the 64 offsets, where there are enough."""
        offsets = [(row, column) for row in range(8) for column in range(8)]
        blocks = {offset: self._blocks(offset, _FIRST_LOOK) for offset in offsets}
        blocks = {offset: pixels for offset, pixels in blocks.items() if len(pixels) >= _FEWEST}
        if not blocks:
            return {}
        together = dct(torch.cat([*blocks.values()]).reshape(1, 1, -1, 8)).reshape(-1, 64)
        return dict(zip(blocks, together.split([len(pixels) for pixels in blocks.values()]), strict=True))


def _any(map_: Tensor, height: int, width: int) -> Tensor:
    """Whether any pixel holds in the window `height` x `width` that begins at each place; 7 and 8 are three steps."""
    for side in (height, width):
        for shift in (1, 2, side - 4):
            map_ = map_[:-shift] | map_[shift:]
        map_ = map_.T
    return map_


def _first_of_equals(rows: Tensor) -> Tensor:
    weights = torch.randint(2**40, (rows.shape[1],), generator=torch.Generator().manual_seed(0))
    keys, order = (rows.long() @ weights).sort(stable=True)
    return order[torch.cat([keys.new_ones(1) > 0, keys[1:] != keys[:-1]])].sort().values


def _scores(width: float, peak: int, noise: float) -> Tensor:
    """Log likelihood ratio `(peak / width, STEPS)` of a coefficient's magnitude, by step, against no lattice."""
    return torch.from_numpy(_scores_kept(width, peak, noise))


@lru_cache(maxsize=16)
def _scores_kept(width: float, peak: int, noise: float) -> np.ndarray:
    magnitude = torch.arange(round(peak / width))[:, None] * width
    step = torch.arange(1, STEPS + 1).float()
    multiple = (magnitude / step).round()
    distance = (magnitude - multiple * step).abs()
    density = torch.zeros_like(distance)
    for share, deviation in ((0.9, noise), (0.1, 3 * noise)):
        for d in (distance, step - distance):
            density += share / math.sqrt(2 * math.pi) / deviation * torch.exp(-0.5 * (d / deviation) ** 2)
    score = ((1 - _OUTLIERS) * step * density + _OUTLIERS).log()
    return torch.where(multiple == 0, score.clamp(max=0), score).numpy()


def evidence(c: Tensor, noise: float = ROUNDING, width: float = 0.125) -> Tensor:
    """Evidence `(64, STEPS)` of each step at each frequency, from coefficients `(N, 64)`."""
    return _counts(c, width, 512) @ _scores(width, 512, noise)


def _counts(c: Tensor, width: float, peak: int) -> Tensor:
    """How many coefficients have which magnitude: `(64, peak / width)`."""
    bins = round(peak / width)
    index = (c.abs() / width).round_().clamp_(max=bins).long() + torch.arange(64) * (bins + 1)
    return torch.bincount(index.reshape(-1), minlength=64 * (bins + 1)).reshape(64, -1)[:, :bins].float()


@dataclass(frozen=True)
class Fit:
    """Steps `(64,)` of the grid at `offset`, and nats in their favour."""

    offset: tuple[int, int]
    steps: Tensor
    total: float = 0.0


def last(luma: Luma, family: Tensor) -> Fit | None:
    """The quantisation that the pixels were decoded from; None where they show none.

    family: `(Q, 64)` tables that are tried first. A table outside the family is made of the steps with sure evidence,
    and the nearest member fills the rest.
    """
    if not luma.first_looks:
        return None
    offsets, c = zip(*luma.first_looks.items(), strict=True)
    glimpses = torch.stack([_counts(look, 0.25, 64) for look in c]) @ _scores(0.25, 64, ROUNDING)
    ranks = (_of_family(glimpses, family).sum(2).amax(1), glimpses.amax(2).sum(1))
    places = [offsets[i] for rank in ranks for i in rank.argsort(descending=True)[:_FINALISTS]]
    looks = {offset: luma.coefficients(offset, _LOOK) for offset in dict.fromkeys(places)}
    matrices = {offset: evidence(c) for offset, c in looks.items()}
    fits = [_fit(matrix, family, offset, whole=True) for offset, matrix in matrices.items()]
    standard = max(fits, key=lambda fit: fit.total, default=None)
    if standard is not None and standard.total >= CERTAIN:
        return standard
    many = [offset for offset, c in looks.items() if len(c) >= _FEWEST_FREE]
    free = [_fit_freely(matrices[offset], family, offset) for offset in many]
    return max(filter(None, free), key=lambda fit: fit.total, default=None)


def earlier(luma: Luma, known: Fit, family: Tensor) -> Fit | None:
    """A quantisation of `family` before the `known` one, which blurred its lattice; None where the pixels show none.

    On the known grid its multiples were rounded to multiples of the known steps; elsewhere they lie in noise.
    """
    elsewhere = {offset: c for offset, c in luma.first_looks.items() if offset != known.offset}
    if not len(family) or not elsewhere:
        return None
    fits = []
    c = luma.coefficients(known.offset, _LOOK)
    if len(c) >= _FEWEST:
        fits.append(_fit(_evidence_below(c, known.steps), family, known.offset))
    counts = torch.stack([_counts(c, 1, 256) for c in elsewhere.values()])
    ranks = [_totals(counts, _scores(1, 256, noise), family).amax(1) for noise in _BLURS]
    for place in torch.cat(ranks).argsort(descending=True)[:_FINALISTS].tolist():
        offset, noise = list(elsewhere)[place % len(elsewhere)], _BLURS[place // len(elsewhere)]
        fits.append(_fit(evidence(luma.coefficients(offset, _LOOK), noise, width=0.5), family, offset))
    best = max(fits, key=lambda fit: fit.total, default=None)
    return best if best is not None and best.total >= CERTAIN else None


def _of_family(matrix: Tensor, family: Tensor) -> Tensor:
    """Evidence `(..., Q, 64)` for each step of each table of a family, from `(..., 64, STEPS)`."""
    return matrix[..., torch.arange(64), family - 1]


def _totals(counts: Tensor, scores: Tensor, family: Tensor) -> Tensor:
    """Evidence `(N, Q)` for each table as a whole, from counts `(N, 64, M)` and scores `(M, STEPS)`.

    Equal to `_of_family(counts @ scores, family).sum(2)`, without the evidence for steps that no table has.
    """
    weights = scores[:, family - 1].permute(2, 0, 1).reshape(-1, len(family))
    return counts.flatten(1) @ weights


def _fit(matrix: Tensor, family: Tensor, offset: tuple[int, int], *, whole: bool = False) -> Fit:
    """The member of most evidence; `whole`: of those that nearly all frequencies agree with that are sure of a step.

    They do where the member's step divides theirs: that is how an earlier compression shows. One divides all.
    """
    support = _of_family(matrix, family)
    totals = support.sum(1)
    if whole:
        most = matrix.amax(1)
        sure = most > _SURE
        against = sure & torch.where(family > 1, support < -most / 4, support < most - _SURE)
        strikes = torch.where(family > 1, 10, 4) * against
        totals = torch.where(strikes.sum(1) > sure.sum(), -torch.inf, totals)
    best = int(totals.argmax())
    return Fit(offset, family[best], float(totals[best]))


def _fit_freely(matrix: Tensor, family: Tensor, offset: tuple[int, int]) -> Fit | None:
    """Each frequency's own best step, where enough are sure and few show no lattice at all."""
    best, step = matrix.max(1)
    sure = best > _SURE
    total = float(best.sum())
    if total < CERTAIN or sure.sum() < 10 or (best < -_SURE).sum() * 4 > sure.sum():
        return None
    distance = (family[:, sure].log() - (step[sure] + 1).log()).mean(1).abs()
    steps = torch.where(sure, step + 1, family[int(distance.argmin())])
    return Fit(offset, steps, total)


def _evidence_below(c: Tensor, known: Tensor) -> Tensor:
    """Evidence `(64, STEPS)` of the steps before the `known` ones of the same grid, from coefficients `(N, 64)`."""
    multiples = (c.abs() / known).round_().long()
    rows = []
    for multiple, step in zip(multiples.T, known.tolist(), strict=True):
        scores = torch.from_numpy(_scores_below(step))
        counts = torch.bincount(multiple.clamp(max=len(scores)), minlength=len(scores) + 1)[:-1]
        rows.append(counts.float() @ scores)
    return torch.stack(rows)


@lru_cache(maxsize=256)
def _scores_below(known: int) -> np.ndarray:
    """Log likelihood ratio `(512 / known, STEPS)` of a multiple of `known`, by the step before it."""
    place = torch.arange(512 // known)[:, None] * float(known)
    step = torch.arange(1, STEPS + 1).float()
    nearest = (place / step).round()
    share = torch.zeros(len(place), STEPS)
    for neighbor in (-1, 0, 1):
        distance = place - (nearest + neighbor) * step
        upper, lower = ((distance + side * known / 2) / _REENCODING for side in (1, -1))
        share += torch.special.ndtr(upper) - torch.special.ndtr(lower)
    score = ((1 - _OUTLIERS) * share * step / known + _OUTLIERS).log()
    score = torch.where(nearest == 0, score.clamp(max=0), score)
    return torch.where(step >= _APART * known, score, torch.zeros(())).numpy()
