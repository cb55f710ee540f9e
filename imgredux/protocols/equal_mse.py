"""Estimators at equal noise."""

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from imgredux.maps.noise import inject
from imgredux.methods.base import Method
from imgredux.metrics.lpips import lpips
from imgredux.metrics.ssim import ssim
from imgredux.metrics.ssimulacra2 import ssimulacra2
from imgredux.ops.color import luma
from imgredux.protocols.base import Measured, Protocol, Trial, chosen, eight_bit, timed

if TYPE_CHECKING:
    from imgredux.datasets import Item

SPREAD = 0.7  # of localstd's concentration: a map below it packs its noise too tightly to be compared
PEAK = 8.0  # largest threshold over the map's root mean square, likewise


def _luma_ssim(image: Tensor, reference: Tensor) -> Tensor:
    return ssim(luma(image), luma(reference))


def _ssimulacra2(image: Tensor, reference: Tensor) -> Tensor:
    return ssimulacra2(image=image, reference=reference)


class EqualMse(Protocol):
    """Estimators at equal noise: which map hides the same MSE best? DDJND's protocol (Wang et al., AAAI 2025).

    The noise `round(clip(I + phi r J))` has signs r that depend on the seed alone, so all methods share them, and phi
    is found per image. A map of one channel moves R, G and B alike. A map of zeros gives values None.
    """

    name = "jnd-equal-mse"
    kind = "estimator"
    level = "target MSE"
    levels = (26.836, 16.121, 14.091, 100)
    seeded = True
    metrics = {"ssim": _luma_ssim, "lpips": lpips, "ssimulacra2": _ssimulacra2}  # noqa: RUF012
    columns = {  # noqa: RUF012
        "ssim": "higher",
        "lpips": "lower",
        "ssimulacra2": "higher",
        "concentration": "",
        "phi": "",
        "mse": "",
        "reached": "",
        "peak": "",
    }
    counts = "ssimulacra2"

    def begin(
        self, method: Method | None, item: "Item", metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        assert method is not None  # this protocol has no rows without one
        image = eight_bit(item.read()).to(device or "cpu")
        jnd, seconds = timed(partial(method, image))
        selected = chosen(self, metrics)
        if not jnd.any():
            empty = dict.fromkeys([*selected, *(set(self.columns) - set(self.metrics))])
            return lambda level, seed: Measured(empty, seconds, "the map is zero everywhere")
        spread = {"concentration": concentration(jnd).item(), "peak": peak(jnd).item()}

        def trial(level: float | None, seed: int) -> Measured:
            noisy, phi, mse, reached = inject(image, jnd, level or 0, seed=seed)
            values = {name: metric(noisy, image).item() for name, metric in selected.items()}
            injected = {"phi": float(phi), "mse": float(mse), "reached": bool(reached)}
            return Measured({**values, **spread, **injected}, seconds)

        return trial

    def accepts(self, level: float | None) -> bool:
        return level is not None and 0 < level < 255**2


def concentration(jnd: Tensor) -> Tensor:
    """Share of pixels that carry half of the power of a map `(B, C, H, W)`, the strongest first: `(B,)`, in (0, 0.5].

    0.5 is a flat map; the smaller, the fewer pixels hold the noise. NaN for a map of zeros.
    """
    power = jnd.double().square().sum(1).flatten(1)
    carried = power.sort(descending=True).values.cumsum(1)
    needed = (carried < carried[:, -1:] / 2).sum(1) + 1
    return (needed.double() / power.shape[1]).where(carried[:, -1] > 0, torch.nan)


def peak(jnd: Tensor) -> Tensor:
    """Largest threshold of a map `(B, C, H, W)` over its root mean square: `(B,)`, 1 for a flat map, NaN for zeros."""
    flat = jnd.double().flatten(1)
    return flat.amax(1) / flat.square().mean(1).sqrt()
