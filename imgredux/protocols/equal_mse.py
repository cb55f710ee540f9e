"""Estimators at equal noise."""

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor

from imgredux.maps.edges import on_edges
from imgredux.maps.noise import inject
from imgredux.maps.statistics import concentration, peak
from imgredux.methods.base import Method
from imgredux.metrics.ssim import ssim
from imgredux.ops.color import luma
from imgredux.protocols.base import Measured, Protocol, Trial, eight_bit, timed

if TYPE_CHECKING:
    from imgredux.datasets import Item


def _luma_ssim(image: Tensor, reference: Tensor) -> Tensor:
    return ssim(luma(image), luma(reference))


class EqualMse(Protocol):
    """Estimators at equal noise: which map hides the same MSE best? DDJND's protocol (Wang et al., AAAI 2025).

    The noise `round(clip(I + phi r J))` has signs r that depend on the seed alone, so all methods share them, and phi
    is found per image. A map of one channel moves R, G and B alike. A map of zeros gives values None.
    """

    own = {"ssim": _luma_ssim}  # noqa: RUF012

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
        spread = {"concentration": concentration(jnd).item(), "peak": peak(jnd).item()}

        def trial(level: float | None, seed: int) -> Measured:
            noisy, phi, mse, reached = inject(image, jnd, level or 0, seed=seed)
            values = {name: metric(noisy, image).item() for name, metric in selected.items()}
            injected = {"phi": float(phi), "mse": float(mse), "reached": bool(reached)}
            there = {"on_edges": on_edges(noisy, image).item() if mse else None}
            return Measured({**values, **spread, **injected, **there}, seconds)

        return trial

    def accepts(self, level: float | None) -> bool:
        return level is not None and 0 < level < 255**2
