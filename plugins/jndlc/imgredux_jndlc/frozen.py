"""What streams are read and written by: integers alone, made of trained weights."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from imgredux_jndlc.core import Core, seen
from imgredux_jndlc.exact import LIMIT, UNIT, Exact, whole
from imgredux_jndlc.separable import Affine
from imgredux_jndlc.tables import Reader, Tables, Writer, scale_indexes

NAMES = ("steps", *(f"{kind}_{name}" for kind in "yz" for name in ("flat", "lengths", "offsets")))  # of the buffers
STEP = 16  # steps of the quantizer are multiples of 2**-16 ...
LARGEST_STEP = 2**12  # ... below this
FRACTION_BITS = 8  # of a level


class Known(NamedTuple):
    """A tile as it is decoded: symbols of hyper-latents, latents, and the scales and means of each pass."""

    z: Tensor
    y: Tensor
    parameters: list[Tensor]


class Frozen:
    """Tables of latents and hyper-latents, and the networks that a decoder needs, in integers.

    y, z: the tables. steps: int32 `(levels, M)`, multiples of 2**-16. synthesis: None for transforms that have no
    counterpart in integers. Raises ValueError for steps that do not fit.
    """

    def __init__(self, core: Core, y: Tables, z: Tables, steps: Tensor) -> None:
        if steps.ndim != 2 or steps.shape[1] != core.M or (steps < 1).any() or (steps >= LARGEST_STEP << STEP).any():
            raise ValueError("steps of the quantizer do not fit")
        if len(y.lengths) != 64 or len(z.lengths) != core.N:
            raise ValueError("tables of the entropy coder do not fit the network")
        self.core, self.y, self.z, self._steps = core, y, z, steps.long()
        self.medians = whole(core.entropy_bottleneck.medians)
        self.features = Exact(core.h_s)  # pyright: ignore[reportArgumentType]
        self.contexts = [Exact(context) for context in core.contexts]  # pyright: ignore[reportArgumentType]
        in_integers = any(isinstance(layer, Affine) for layer in core.g_s)
        self.synthesis = Exact(core.g_s) if in_integers else None  # pyright: ignore[reportArgumentType]

    def steps_at(self, level: int) -> Tensor:
        """The steps at a level in 256ths, `(1, M, 1, 1)` float64: between whole levels, on a line."""
        return self._whole_steps(level).double().mul_(2.0**-STEP)[None, :, None, None]

    def scaled(self, y_hat: Tensor, level: int) -> Tensor:
        """Latents times the steps, both in units of 2**-12: float64 on the device of the network."""
        steps = self._whole_steps(level).double()[:, None, None] * 2.0**-STEP
        y = y_hat.to(self.medians) * steps.to(self.medians)
        return y.add_(0.5).floor_().clamp_(-LIMIT, LIMIT)

    def coded(self, y: Tensor, z: Tensor, writer: Writer | None = None) -> Known:
        """Latents `(1, M, h, w)`, in steps, and hyper-latents, less their medians, as they are decoded; written too."""
        symbols = self.z.clamp(z.cpu().round().int(), channels_of(z))
        if writer:
            writer.put(self.z, channels_of(z).flatten(), symbols.flatten())
        y = whole(y)

        def give(means: Tensor, indexes: Tensor, mask: Tensor) -> Tensor:
            residuals = (y[:, mask][0] - means).mul_(2.0**-UNIT).round_()
            found = self.y.clamp(residuals.cpu().int(), indexes)
            if writer:
                writer.put(self.y, indexes, found)
            return found

        y_hat, parameters = self._passes(symbols, give)
        return Known(symbols, y_hat * 2.0**-UNIT, parameters)

    def decoded(self, reader: Reader, height: int, width: int) -> Tensor:
        """Latents `(1, M, height, width)` in units of 2**-12."""
        z = torch.empty(1, self.core.N, height // 4, width // 4)
        symbols = reader.get(self.z, channels_of(z).flatten()).view(z.shape)
        y_hat, _ = self._passes(symbols, lambda means, indexes, mask: reader.get(self.y, indexes))
        return y_hat.cpu()

    @torch.no_grad()
    def _passes(self, symbols: Tensor, give: Callable[[Tensor, Tensor, Tensor], Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Latents, and the parameters of each pass; `give` finds the symbols from means, indexes and mask."""
        z_hat = (symbols.to(self.medians) * 2.0**UNIT + self.medians).clamp_(-LIMIT, LIMIT)
        features = self.features(z_hat)
        y_hat = features.new_zeros(1, self.core.M, *(4 * n for n in symbols.shape[-2:]))
        kept = []
        for number, mask in enumerate(self.core.masks(y_hat)):
            parameters = self.contexts[number](seen(number, features, y_hat)) if self.contexts else features
            scales, means = parameters.chunk(2, 1)
            means = means[0][mask]
            found = give(means, scale_indexes(scales[0][mask].cpu()), mask)
            y_hat[0][mask] = (found.to(means) * 2.0**UNIT + means).clamp_(-LIMIT, LIMIT)
            kept.append(parameters * 2.0**-UNIT)
        return y_hat, kept

    def _whole_steps(self, level: int) -> Tensor:
        below = min(level >> FRACTION_BITS, max(len(self._steps) - 2, 0))
        above, share = min(below + 1, len(self._steps) - 1), level - (below << FRACTION_BITS)
        half = 1 << FRACTION_BITS - 1
        return (
            self._steps[below] * ((1 << FRACTION_BITS) - share) + self._steps[above] * share + half
        ) >> FRACTION_BITS


def step_sizes(gain: Tensor) -> Tensor:
    """The steps of logarithms of gains, in whole multiples of 2**-16."""
    steps = (-gain.detach().cpu().double()).exp() * 2**STEP
    return steps.round().clamp(1, (LARGEST_STEP << STEP) - 1).int()


def channels_of(z: Tensor) -> Tensor:
    """The channel of each hyper-latent `(B, N, h, w)`: the index of its table."""
    return torch.arange(z.shape[1])[:, None, None].expand(z.shape)
