"""An image examined before it is restored: what JPEG did to it, in words, and which compression to undo."""

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image
from torch import Tensor

from imgredux.errors import ImageError
from imgredux.forensics.content import is_graphics
from imgredux.forensics.traces import Traces, traces
from imgredux.io import images
from imgredux.io.exif import with_sound_exif
from imgredux.io.given import taken
from imgredux.io.images import ImageLike, Source
from imgredux.io.upright import upright
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
    """An image that was read, what was found in it, in words, and the compression to undo, None where there is none."""

    image: np.ndarray | Image.Image
    source: Source
    found: str
    damage: Damage | None

    @property
    def color(self) -> bool:
        return self.source.x.shape[1] == 3

    @cached_property
    def graphics(self) -> bool:
        """Whether it shows a screenshot, text or a drawing, not a photograph; looked at when it is asked for."""
        if self.damage is None:
            return False
        top, left = self.damage.offset
        return is_graphics(self.source.x[..., top:, left:], self.damage.qtable[:, 0])

    @property
    def about(self) -> str:
        """What was found, and the kind of image where it is no photograph, in words."""
        return f"{self.found}, graphics" if self.graphics else self.found

    def untouched(self, why: str = "") -> np.ndarray | Image.Image:
        """The image pixel for pixel, upright, in the form that a restored one has."""
        _log.info("%s; %suntouched", self.about, why)
        if isinstance(self.image, np.ndarray):
            return self.image.copy()
        same = self.image.mode == self.source.mode
        return upright(self.image) if same else self.source.give_image(self.source.x)


def examine(image: ImageLike, quality: int | None = None) -> Examined:
    """Read an image and look for traces of JPEG. With `quality`, treat it as a JPEG of this quality instead.

    Raises ImageError for a tensor, which has no traces, for whatever `images.read` refuses, and for a quality not in
    1..100.
    """
    if isinstance(image, Tensor):
        raise ImageError("a tensor carries no traces of JPEG: name a restorer, as imgredux.get(name)(x, qtable=steps)")
    given = taken(image)
    if isinstance(given, Image.Image):
        given = with_sound_exif(given)
    source = images.read(given, stored=True)
    if quality is not None:
        return Examined(given, source, f"taken for JPEG quality {quality}", _standard(quality, source))
    found = traces(source)
    if found is None:
        return Examined(given, source, "no trace of JPEG", None)
    worst = min(found, found.earlier or found, key=lambda one: one.quality)
    damage = Damage(worst.quality, worst.qtable, worst.subsampling, worst.offset)
    return Examined(given, source, _in_words(found), None if worst.quality > HIGHEST else damage)


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
