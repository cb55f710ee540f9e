"""The best installed restorer for each image: `imgredux.restore`, and `imgredux run auto`."""

from typing import TYPE_CHECKING, Any

from imgredux import choosing, registry
from imgredux.images import ImageLike
from imgredux.restorer import Restorer, examine

if TYPE_CHECKING:
    import torch


class Auto:
    """Restores image after image, each with the restorer that gains most at its JPEG quality; keeps what it loads."""

    def __init__(self, device: "torch.device | str | None" = None) -> None:
        self._device = device
        self._names: dict[tuple[int, bool], str] = {}
        self._loaded: dict[str, Restorer] = {}

    def __call__(self, image: ImageLike, /, *, quality: int | None = None) -> Any:
        """As `restore`."""
        seen = examine(image, quality)
        return seen.untouched() if seen.damage is None else self._best(seen.damage.quality, seen.colour).restore(seen)

    def _best(self, quality: int, colour: bool) -> Restorer:
        if (quality, colour) not in self._names:
            self._names[quality, colour] = choosing.best(quality, colour).partition(".")[0]
        name = self._names[quality, colour]  # without the tag: the restorer takes it, or leaves the image untouched
        if name not in self._loaded:
            method = registry.get(name, self._device)
            assert isinstance(method, Restorer)  # what `best` chooses among
            self._loaded[name] = method
        return self._loaded[name]


def restore(image: ImageLike, device: "torch.device | str | None" = None, *, quality: int | None = None) -> Any:
    """A JPEG with less of what JPEG did to it, by the best restorer installed; in the form the image came in.

    Without traces of JPEG, or of a quality above 95, the image comes back as it is (`docs/contract.md`). quality: take
    it for a JPEG of this quality, 1..100, instead of looking. For many images `Auto` keeps the weights it has loaded.

    Raises ImageError, UnknownMethod when no restorer is installed, PluginError, WeightsError.
    """
    return Auto(device)(image, quality=quality)
