"""How much a map hides where ColorVideoVDP sees the same: the protocol `jnd-visibility`."""

import math
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from imgredux.maps.edges import on_edges, worst_local
from imgredux.maps.statistics import concentration
from imgredux.methods.base import Method
from imgredux.protocols.base import Measured, Protocol, Trial, eight_bit, timed
from imgredux_cvvdp.metric import cvvdp_fhd

if TYPE_CHECKING:
    from imgredux.datasets import Item

NEAR = 0.003  # JOD that a level may be missed by
STEPS = 16
START = 16.0  # MSE of the first try
LARGEST = 1e6  # phi beyond which a map that packs its noise is given up


class Found(NamedTuple):
    """Noise at a quality: the image with it, the factor on the map, the quality that it has."""

    noisy: Tensor
    phi: float
    quality: float


class Visibility(Protocol):
    """Estimators at equal visibility: how much does a map hide before ColorVideoVDP says that it is seen?

    The noise is that of `jnd-equal-mse`, `round(clip(I + phi r J))`, and phi is found so that the quality is the level.
    What counts is the mean of log2(1 + phi J), J in grey levels: what is packed into few pixels hides little.
    """

    def begin(
        self, method: Method | None, item: "Item", metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        assert method is not None  # this protocol has no rows without one
        image = eight_bit(item.read()).to(device or "cpu")
        jnd, seconds = timed(partial(method, image))
        selected = self.functions(metrics)
        if not jnd.any():
            empty = dict.fromkeys([*selected, *(column.name for column in self.spec.columns)])
            return lambda level, seed: Measured(empty, seconds, "the map is zero everywhere")

        def trial(level: float | None, seed: int) -> Measured:
            noisy, phi, quality = at_quality(image, jnd, level or 0, seed)
            values = {name: metric(noisy, image).item() for name, metric in selected.items()}
            mse = (255 * (noisy - image)).square().mean().item()
            return Measured(
                {
                    **values,
                    "hidden": hidden(jnd, phi).item(),
                    "noise": 10 * math.log10(mse) if mse else None,
                    "quality": quality,
                    "reached": abs(quality - (level or 0)) <= NEAR,
                    "phi": phi,
                    "on_edges": on_edges(noisy, image).item() if mse else None,
                    "local": worst_local(noisy, image).item(),
                    "concentration": concentration(jnd).item(),
                },
                seconds,
            )

        return trial

    def accepts(self, level: float | None) -> bool:
        return level is not None and 0 < level < 10


def hidden(jnd: Tensor, phi: float) -> Tensor:
    """The mean of log2(1 + phi J) over pixels and channels, J in grey levels: bits of noise a sample, `(B,)`."""
    return torch.log2(1 + 255 * phi * jnd).flatten(1).mean(1)


def at_quality(
    image: Tensor, jnd: Tensor, quality: float, seed: int = 0, judge: Callable[[Tensor, Tensor], Tensor] = cvvdp_fhd
) -> Found:
    """Noise shaped by a map, of which a judge says this quality to 0.003, as near as 16 tries come.

    image: `(1, C, H, W)` in [0, 1], on 256 levels. jnd: its map. What is lost of the ten JOD grows about as a power of
    phi, so each try is where the line through the logarithms of two others goes through the level.
    """
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, image.shape[-2:], generator=generator).mul(2).sub(1).to(image)
    shape = jnd * signs
    tried: list[Found] = []
    low, high = 0.0, math.inf
    phi = math.sqrt(START) / (255 * jnd.square().mean().sqrt().item())
    for _ in range(STEPS):
        noisy = eight_bit(image + phi * shape)
        tried.append(Found(noisy, phi, judge(noisy, image).item()))
        if abs(tried[-1].quality - quality) <= NEAR or phi > LARGEST or high - low < 1e-4 * low:
            break
        low, high = (phi, high) if tried[-1].quality > quality else (low, phi)
        phi = _next(tried, quality, low, high)
    return min(tried, key=lambda one: abs(one.quality - quality))


def _next(tried: list[Found], quality: float, low: float, high: float) -> float:
    """The next factor: on the line through two tries in logarithms, where that is inside of the bracket."""
    near = sorted(tried, key=lambda one: abs(one.quality - quality))[:2]
    lost = [math.log(max(10 - one.quality, 1e-4)) for one in near]
    places = [math.log(one.phi) for one in near]
    slope = (lost[0] - lost[-1]) / (places[0] - places[-1]) if len(near) > 1 else 1.5
    guess = math.exp(places[0] + (math.log(10 - quality) - lost[0]) / slope) if slope > 0.1 else 0.0
    if low < guess < high and (high < math.inf or guess < 8 * tried[-1].phi):
        return guess
    return math.sqrt(low * high) if low > 0 and high < math.inf else (2 * low if low else high / 2)
