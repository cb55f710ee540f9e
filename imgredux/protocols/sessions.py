"""How far a map is from what people saw, by sessions of the gallery's page."""

import math
from collections.abc import Collection
from os import PathLike

import torch
from torch import Tensor

from imgredux import registry
from imgredux.datasets import Dataset, Item
from imgredux.datasets.observer import Session, sessions
from imgredux.errors import ImageError
from imgredux.methods.base import Method
from imgredux.protocols.base import Measured, Protocol, Trial, timed

POOL = 4.0  # exponent of summation over pixels, as that of probability summation with a psychometric slope near 4
LEAST = 1e-4  # in [0, 1]: a threshold below it, a fortieth of a grey level, counts as this


class Observer(Protocol):
    """The noise that a person just saw, by the evaluated map: `octaves`, log2 of how many times its threshold it is.

    The noise is the session's threshold times the map of the session's method, which must be installed.
    """

    def begin(
        self, method: Method | None, item: Item, metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        if not isinstance(item, Session) or method is None:
            raise ImageError("no session for this image: jnd-observer needs a folder of sessions and photographs")
        image = item.read().to(device or "cpu")
        image = image.expand(-1, 3, -1, -1)  # as the page showed it
        shown = registry.get(item.method, device=device)

        def trial(level: float | None, seed: int) -> Measured:
            jnd, seconds = timed(lambda: method(image))
            noise = _cropped(shown(image), item) * item.threshold
            octaves = math.log2(pooled(noise, _cropped(jnd, item)))
            # The interval is of the factor; the pooled value is proportional to it.
            low, high = (octaves + math.log2(end / item.threshold) for end in (item.low, item.high))
            return Measured({"off": abs(octaves), "octaves": octaves, "inside": low <= 0 <= high}, seconds)

        return trial

    def datasets(self, path: str | PathLike, downscale: int = 1) -> list[Dataset]:
        """The sessions of a folder. Raises ImgreduxError as `datasets.observer.sessions`."""
        if downscale != 1:
            raise ImageError(f"downscale is {downscale}: people saw these photographs as they are")
        return [sessions(path)]


def pooled(noise: Tensor, jnd: Tensor) -> float:
    """How many times a map's threshold noise is: the fourth root of the mean fourth power of noise over map."""
    ratio = noise.double() / jnd.double().clamp(min=LEAST)
    return float(ratio.pow(POOL).mean().pow(1 / POOL).clamp(min=torch.finfo(torch.float64).tiny))


def _cropped(jnd: Tensor, item: Session) -> Tensor:
    """A map `(1, 1 or 3, H, W)` where the session looked, the greatest of its channels. Raises ImageError."""
    left, top, width, height = item.crop
    if top + height > jnd.shape[-2] or left + width > jnd.shape[-1]:
        raise ImageError(f"the crop {item.crop} is beyond the photograph")
    return jnd[..., top : top + height, left : left + width].amax(1)
