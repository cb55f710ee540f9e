"""A protocol: an eye sees the same in a mirror, so a map should too."""

from collections.abc import Collection

from imgredux import Method
from imgredux.datasets import Item
from imgredux.protocols import Measured, Protocol, Trial, timed


class Mirror(Protocol):
    """The map of the mirrored image against the mirrored map; there is one level, and no noise."""

    def begin(
        self, method: Method | None, item: Item, metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        assert method is not None  # this protocol has no rows without one
        image = item.read().to(device or "cpu")
        jnd, seconds = timed(lambda: method(image))

        def trial(level: float | None, seed: int) -> Measured:
            mirrored = method(image.flip(-1)).flip(-1)
            levels = {"difference": (jnd - mirrored).abs().mean(), "mean": jnd.mean()}
            return Measured({name: 255 * value.item() for name, value in levels.items()}, seconds)

        return trial
