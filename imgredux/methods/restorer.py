"""The contract of restorers: authors write `forward`; what JPEG did to an image, and weights for it, are found here."""

import inspect
import logging
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from imgredux import ops
from imgredux.errors import ImageError
from imgredux.forensics.examine import Examined, examine
from imgredux.io.given import ImageFile
from imgredux.io.images import ImageLike, Source
from imgredux.io.unclipped import unclipped
from imgredux.methods import gains
from imgredux.methods.base import Method
from imgredux.methods.safety import safe
from imgredux.ops.quantization import project

_log = logging.getLogger("imgredux")


def steps_of_each(qtable: Tensor, x: Tensor) -> Tensor:
    """A restorer's `qtable`, `(B, 2, 8, 8)` or 1 for all, as steps of every image of `x`. Raises ImageError."""
    if qtable.ndim != 4 or qtable.shape[1:] != (2, 8, 8) or len(qtable) not in (1, len(x)):
        raise ImageError(f"qtable has shape {tuple(qtable.shape)}; {len(x)} images need ({len(x)}, 2, 8, 8)")
    return qtable.to(x).expand(len(x), -1, -1, -1)


class Restorer(Method):
    """A JPEG artefact remover. Works on pixels as the file stores them: that is where the 8x8 grid lies.

    A call with a tensor, or with `qtable=`, is the network alone. Any other image is examined first. Without traces of
    JPEG, or with a quality above 95, it comes back as it is. Otherwise its steps and blocks go to the network. When
    `get` was given no tag, this is the network with the best weights for the quality, and an image for which they state
    a loss comes back as it is. `quality=` in the call treats the image as a JPEG of this quality; a method whose
    `forward` takes a quality, a dial of its own, is given this one too.
    """

    guarded: bool = True  # blocks that the quantization rules out are not given as a network made them
    unclipped: bool = False  # forward takes what a decoder has before it clips: values a little beyond [0, 1]
    projects: bool = False  # forward puts luma back into its quantization intervals, unless `project=False` is given
    _reads_stored = True

    if TYPE_CHECKING:  # what a call gives; the code is that of `Method`

        @overload
        def __call__(self, image: Tensor, /, **options: Any) -> Tensor: ...
        @overload
        def __call__(self, image: np.ndarray, /, **options: Any) -> np.ndarray: ...
        @overload
        def __call__(self, image: Image.Image | ImageFile, /, **options: Any) -> Image.Image: ...
        def __call__(self, image: ImageLike | Tensor, /, **options: Any) -> Any: ...

    def __init__(self) -> None:
        super().__init__()
        self._siblings: dict[str, Restorer] = {}  # other tags of the method; a dict hides them from nn.Module

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_siblings": {}}  # a copy loads its own

    @abstractmethod
    def forward(self, x: Tensor, *, qtable: Tensor | None = None) -> Tensor:
        """The restored batch.

        x: `(B, C, H, W)` in [0, 1]. qtable: `(B, 2, 8, 8)`, the quantisation steps of luma and chroma; found in the
        image where the caller gives none. Returns the shape of x, in [0, 1].
        """
        raise NotImplementedError

    def at(self, quality: int, color: bool, graphics: bool = False) -> "Restorer":
        """The method with the weights that gain most at a JPEG quality: itself, unless `get` was given no tag.

        graphics: on screenshots, text and drawings.

        They are loaded on first use, to the device of this method. Raises WeightsError.
        """
        tag = gains.best_tag(self.spec, quality, color, graphics) if self.chooses else ""
        if tag in ("", self.tag):
            return self
        if tag not in self._siblings:
            assert self.other_tag is not None  # `get` sets it with `chooses`
            sibling = self.other_tag(tag)
            assert isinstance(sibling, Restorer)  # a tag of the same method
            self._siblings[tag] = sibling
        return self._siblings[tag].to(self._place)

    def adapt(self, image: ImageLike, options: Mapping[str, Any], tile: int | None = None) -> Any:
        if "qtable" in options:
            return super().adapt(image, options, tile)
        dial = "quality" in inspect.signature(self.forward).parameters
        rest = {key: value for key, value in options.items() if key != "quality" or dial}
        return self.restore(examine(image, options.get("quality")), rest, tile)

    @torch.no_grad()
    def restore(self, seen: Examined, options: Mapping[str, Any] | None = None, tile: int | None = None) -> Any:
        """An image that was examined, restored or untouched, in the form it came in; a line of the log says what."""
        self._fit_channels(seen.source.x)  # colour is refused by a greyscale method whether it needs mending or not
        if seen.damage is None:
            return seen.untouched()
        about = seen.damage.quality, seen.color, seen.graphics
        best = self.at(*about)
        if self.chooses and (gains.stated(self.spec, best.tag, *about) or 0) < 0:
            return seen.untouched(f"{best.label} would take more than it gives: ")
        source = replace(seen.source, qtable=seen.damage.qtable, subsampling=seen.damage.subsampling)
        top, left = (-corner % 8 for corner in seen.damage.offset)
        own = seen.damage.qtable is seen.source.qtable  # not an earlier compression's, which other pixels went through
        x = best.planes(source) if own else source.x.to(best._place)
        x = F.pad(x, (left, 0, top, 0), mode="replicate") if top or left else x
        y, said = best._guarded(x, {**best._options(source), **(options or {})}, tile, seen.damage.quality)
        _log.info("%s; %s%s", seen.about, best.label, said)
        return best.give(source, y[..., top:, left:])

    def planes(self, source: Source) -> Tensor:
        """What `forward` gets of an image that was read: its planes; of a JPEG file as its decoder has them unclipped.

        The latter where the method is one that takes that (`unclipped`) and the file is known.
        """
        x = source.x
        if self.unclipped and source.file is not None and source.qtable is not None:
            x = unclipped(source.file, x, source.qtable[0, 0])
        return x.to(self._place)

    def _guarded(self, x: Tensor, options: dict[str, Any], tile: int | None, quality: int) -> tuple[Tensor, str]:
        """The result on planes with a safety net under it, and what to say of that."""
        steps = options.get("qtable")
        # What has learnt nothing has no domain to leave.
        if steps is None or not self.guarded or next(self.parameters(), None) is None:
            return self._computed(x, options, tile), ""
        y = self._computed(x, {**options, **({"project": False} if self.projects else {})}, tile)
        y, share = safe(y, x, steps, quality, options.get("subsampling", "4:2:0"))
        if self.projects:
            luma = project(ops.luma(y), ops.luma(x), steps[:, 0])
            y = ops.with_luma(y, luma).clamp(0, 1)
        return y, f"; {100 * share:.1f} % of its blocks left what the file allows" if share else ""

    def _options(self, source: Source) -> dict[str, Any]:
        """Keywords for `forward`: `qtable`, and `subsampling` where it takes that; an override may add its own.

        source.qtable and source.subsampling are those of the compression to undo, whether file or pixels show it.
        """
        options: dict[str, Any] = {} if source.qtable is None else {"qtable": source.qtable.to(self._place)}
        if "subsampling" in inspect.signature(self.forward).parameters:
            options["subsampling"] = source.subsampling
        return options
