"""The contract of restorers: authors write `forward`; what JPEG did to an image, and weights for it, are found here."""

import inspect
import logging
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from imgredux.errors import ImageError
from imgredux.forensics.traces import Traces, traces
from imgredux.io import images
from imgredux.io.images import ImageLike, Source
from imgredux.methods import gains
from imgredux.methods.base import Method
from imgredux.ops.quantization import ijg_tables

HIGHEST = 95  # JPEG quality above which there is nothing to mend that a restorer would not harm more
_log = logging.getLogger("imgredux")


@dataclass(frozen=True)
class Damage:
    """The compression to undo, as `imgredux.forensics.traces.Traces` has it."""

    quality: int
    qtable: Tensor
    subsampling: str | None
    offset: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Examined:
    """An image that was read, what was found in it, in words, and what to undo; damage is None where nothing is."""

    image: np.ndarray | Image.Image
    source: Source
    found: str
    damage: Damage | None

    @property
    def colour(self) -> bool:
        return self.source.x.shape[1] == 3

    def untouched(self, why: str = "") -> np.ndarray | Image.Image:
        """The image pixel for pixel, upright, in the form that a restored one has."""
        _log.info("%s; %suntouched", self.found, why)
        if isinstance(self.image, np.ndarray):
            return self.image.copy()
        same = self.image.mode == self.source.mode
        return ImageOps.exif_transpose(self.image) if same else self.source.give_image(self.source.x)


def examine(image: ImageLike, quality: int | None = None) -> Examined:
    """Read an image and look for traces of JPEG; with `quality`, take it for a JPEG of this one instead.

    Raises ImageError: a tensor, which has no traces, whatever `images.read` refuses, a quality not in 1..100.
    """
    if isinstance(image, Tensor):
        raise ImageError("a tensor carries no traces of JPEG: name a restorer, as imgredux.get(name)(x, qtable=steps)")
    if isinstance(image, (str, PathLike)):
        image = images.open_image(image)
    source = images.read(image, stored=True)
    if isinstance(image, Image.Image) and "xmp" in image.info:
        source.info["xmp"] = image.info["xmp"]
    if quality is not None:
        return Examined(image, source, f"taken for JPEG quality {quality}", _standard(quality, source))
    found = traces(source)
    if found is None:
        return Examined(image, source, "no trace of JPEG", None)
    worst = min(found, found.earlier or found, key=lambda one: one.quality)
    damage = Damage(worst.quality, worst.qtable, worst.subsampling, worst.offset)
    return Examined(image, source, _in_words(found), None if worst.quality > HIGHEST else damage)


def _standard(quality: int, source: Source) -> Damage:
    if quality not in range(1, 101):
        raise ImageError(f"quality is {quality}: give a whole number from 1 to 100")
    return Damage(int(quality), ijg_tables(quality)[None], source.subsampling)


def _in_words(found: Traces) -> str:
    facts = [found.known_from, found.subsampling, "progressive" if found.progressive else None]
    if any(found.offset):
        facts.append("blocks from row {}, column {}".format(*found.offset))
    about = "" if found.standard else "about "
    text = f"JPEG quality {about}{found.quality} ({', '.join(filter(None, facts))})"
    return text if found.earlier is None else f"{text} over {_in_words(found.earlier)}"


class Restorer(Method):
    """A JPEG artefact remover. Works on pixels as the file stores them: that is where the 8x8 grid lies.

    A call with a tensor, or with `qtable=`, is the network alone. Any other image is looked at first: without traces of
    JPEG, or of a quality above 95, it comes back as it is; else its steps and blocks go to the network, and where `get`
    was given no tag, to that of the best weights, if these state no loss at the quality. `quality=` in the call takes
    the image for a JPEG of this quality.
    """

    _reads_stored = True

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

    def at(self, quality: int, colour: bool) -> "Restorer":
        """The method with the weights that gain most at a JPEG quality: itself, unless `get` was given no tag.

        They are loaded on first need, and lie where this one does. Raises WeightsError.
        """
        tag = gains.best_tag(self.spec, quality, colour) if self.chooses else ""
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
        rest = {key: value for key, value in options.items() if key != "quality"}
        return self.restore(examine(image, options.get("quality")), rest, tile)

    @torch.no_grad()
    def restore(self, seen: Examined, options: Mapping[str, Any] | None = None, tile: int | None = None) -> Any:
        """An image that was examined, restored or untouched, in the form it came in; a line of the log says what."""
        self._fit_channels(seen.source.x)  # colour is refused by a greyscale method whether it needs mending or not
        if seen.damage is None:
            return seen.untouched()
        best = self.at(seen.damage.quality, seen.colour)
        if self.chooses and (gains.stated(self.spec, best.tag, seen.damage.quality, seen.colour) or 0) < 0:
            return seen.untouched(f"{best.label} would take more than it gives: ")
        _log.info("%s; %s", seen.found, best.label)
        source = replace(seen.source, qtable=seen.damage.qtable, subsampling=seen.damage.subsampling)
        top, left = (-corner % 8 for corner in seen.damage.offset)
        x = source.x.to(best._place)
        x = F.pad(x, (left, 0, top, 0), mode="replicate") if top or left else x
        y = best._computed(x, {**best._options(source), **(options or {})}, tile)
        return best.give(source, y[..., top:, left:])

    def _options(self, source: Source) -> dict[str, Any]:
        """Keywords for `forward`: `qtable`, and `subsampling` where it takes that; an override may add its own.

        source.qtable and source.subsampling are those of the compression to undo, whether file or pixels show it.
        """
        options: dict[str, Any] = {} if source.qtable is None else {"qtable": source.qtable.to(self._place)}
        if "subsampling" in inspect.signature(self.forward).parameters:
            options["subsampling"] = source.subsampling
        return options
