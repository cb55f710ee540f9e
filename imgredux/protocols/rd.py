"""Codecs: how many bits a file takes, and how near to the image it stays."""

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from imgredux.dispatch import decode
from imgredux.io import images
from imgredux.methods.base import Method
from imgredux.methods.codec import Codec
from imgredux.methods.stream import is_stream
from imgredux.protocols.base import Measured, Protocol, Trial, eight_bit, timed

if TYPE_CHECKING:
    from imgredux.datasets import Item


class RateDistortion(Protocol):
    """An image of 8 bits, written at each value of the codec's knob, and what its file is decoded to.

    The level is the place of the value in the codec's `knob`, from 1: the smallest files first. Bits are those of the
    file, its header and all. A codec with fewer values has fewer rows, one without a knob has one.
    """

    def begin(
        self, method: Method | None, item: "Item", metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        target = eight_bit(item.read())
        planes = (255 * target[0]).round().to(torch.uint8).permute(1, 2, 0).numpy()
        picture = np.ascontiguousarray(planes.squeeze())
        selected = self.functions(metrics)
        assert isinstance(method, Codec)  # the kind of the protocol
        keyword, values = method.knob or ("", (None,))

        def trial(level: float | None, seed: int) -> Measured:
            place = int(level or 1) - 1
            if place >= len(values):
                return Measured({}, 0.0, f"{method.label} has {len(values)} points")
            value = values[place]
            options = {} if value is None else {keyword: value}
            data, seconds = timed(partial(method.encode, picture, **options))
            image = method.decode(data) if is_stream(data) else decode(data, device)  # with a user's weights, too
            decoded = _planes(image, target)
            bpp = 8 * len(data) / (picture.shape[0] * picture.shape[1])
            figures = {"bpp": bpp, "knob": value if isinstance(value, (int, float)) else float(place + 1)}
            figures |= {name: metric(decoded, target).item() for name, metric in selected.items()}
            return Measured(figures, seconds)

        return trial


def _planes(image: "images.ImageLike", like: Tensor) -> Tensor:
    """The decoded image with the channels of the image."""
    x = images.read(image, stored=True).x
    return x.mean(1, keepdim=True) if x.shape[1] > like.shape[1] else x.expand_as(like)
