"""Images and what was done to them: pairs that a metric and its authors' program both judge."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux import ops

Pair = tuple[Tensor, Tensor]  # the image, and its reference


def photograph(name: str, height: int, width: int) -> Tensor:
    """The corner of a photograph in scikit-image's wheel."""
    from skimage import data

    return torch.tensor(getattr(data, name)()[:height, :width]).movedim(2, 0)[None] / 255


def noisy(x: Tensor, strength: float) -> Tensor:
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    return (x + strength * noise).clamp(0, 1)


def _tinted() -> Pair:
    x = photograph("coffee", 200, 300)
    return (x * torch.tensor([1.0, 0.93, 1.0])[:, None, None]).clamp(0, 1), x


def _of(make: Callable[[Tensor], Tensor], name: str, height: int, width: int) -> Callable[[], Pair]:
    def pair() -> Pair:
        x = photograph(name, height, width)
        return make(x), x

    return pair


PAIRS: dict[str, Callable[[], Pair]] = {
    "the same": _of(lambda x: x, "astronaut", 128, 128),
    "noise, hardly seen": _of(lambda x: noisy(x, 0.01), "astronaut", 256, 256),
    "noise, seen": _of(lambda x: noisy(x, 0.06), "chelsea", 300, 451),
    "JPEG of quality 20": _of(lambda x: ops.jpeg(x, 20), "coffee", 400, 600),
    "JPEG of quality 90": _of(lambda x: ops.jpeg(x, 90), "coffee", 255, 255),
    "blurred": _of(lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), "astronaut", 201, 128),
    "darker": _of(lambda x: 0.8 * x, "chelsea", 128, 301),
    "tinted": _tinted,
    "black against white": lambda: (torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)),
    "small": _of(lambda x: noisy(x, 0.1), "coffee", 17, 23),
}
