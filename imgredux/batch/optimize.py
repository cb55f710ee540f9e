"""Photographs made as small as they may be without a visible change: what `imgredux optimize` does.

    for result in engine.run(Optimize(target="side-by-side"), ["holiday"], "small"):
        print(result.input, result.facts["before"], result.facts["after"])

Nothing is lost where that fails. Imports no torch of its own.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from imgredux import dispatch, registry
from imgredux.batch.encode import SUFFIXES, suffix_of
from imgredux.batch.outputs import Target
from imgredux.batch.smaller import FORMATS, LOSSLESS, Small, Wish, smaller
from imgredux.batch.work import Work
from imgredux.errors import ImgreduxError
from imgredux.io.files import atomic
from imgredux.io.inventory import inventory
from imgredux.io.opening import MAX_PIXELS

if TYPE_CHECKING:
    from imgredux.methods.codec import Codec

KEEP = "keep"  # the format that a file has
SETS = {KEEP: (), "web": ("jpeg", "png", "webp", "avif"), "all": tuple(FORMATS)}


class Optimize(Work):
    """The smallest file of an image that is found within the target, or a copy of the original.

    A file keeps its format and its name, unless `formats` lets it change. It is packed again without a loss
    (`imgredux.io.repacking`); a lossy file is taken where it is 5 % smaller than that.

    The original is kept, byte for byte, where nothing smaller is found, where the target cannot be reached, where it is
    a result of this command, and where a new file would not hold all that it holds: more than one frame, more than 8
    bits a channel, HDR, and every part that is not known and carried (`imgredux.io.inventory`). The new file is opened
    again, as a stranger would open it, and is not kept where it does not show the same picture. Facts of a result:
    `before` and `after` (bytes); `kept` where the original was copied: why; else `form`, `lossless`, and `score` and
    `worst`: SSIMULACRA 2 of the new file, at full size, and of its worst tile of about 512 pixels.

    target, saving, guard, side, most: of `imgredux.batch.smaller.Wish`. formats: "keep", "web", "all", or some of
    "jpeg", "png", "webp", "avif", "jxl". options: of the codec's constructor. name: of a codec that takes `target=`,
    `forms=` and `guard=`; None: the installed one. max_pixels: larger images are refused.
    Raises ImgreduxError for a target or format that there is not, and UnknownMethod where no such codec is installed.
    """

    task = "optimize"

    def __init__(
        self,
        target: str | float = "side-by-side",
        options: Mapping[str, Any] | None = None,
        *,
        formats: str | Sequence[str] = KEEP,
        saving: float = Wish.saving,
        guard: float = Wish.guard,
        side: int | None = None,
        most: int | None = None,
        name: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.name = name or dispatch.optimizer()
        known: Sequence[float | str] = (*(registry.info(self.name).spec.knob or ("", ()))[1], LOSSLESS)
        if isinstance(target, str) and target not in known:
            raise ImgreduxError(f"the target is {target}: give {', '.join(map(str, known))}, or a score")
        if most is not None and target == LOSSLESS:
            raise ImgreduxError("a lossless file has the size that it has: leave out the limit of bytes")
        if not 0 <= saving < 1:
            raise ImgreduxError(f"the least saving is {saving:g}: give a part of the bytes, from 0 to 1")
        self.wish = Wish(target, _forms(formats), saving, guard, side, most, max_pixels)
        self.options, self.methods = dict(options or {}), (self.name,)
        wish = {**asdict(self.wish), "forms": sorted(self.wish.forms)}
        del wish["max_pixels"]
        self.settings = {**wish, "options": self.options, "codec": self.name}
        self._codec: Codec | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_codec": None}

    def start(self) -> None:
        from imgredux.methods.codec import Codec

        if self._codec is None:
            codec = registry.create(self.name, **self.options).eval()
            assert isinstance(codec, Codec)  # its kind says so
            self._codec = codec

    def may_make(self, place: PurePosixPath, original: PurePosixPath) -> list[str]:
        return [*(f"{place}{suffix}" for suffix in SUFFIXES), str(original)]

    def do(self, path: Path, target: Target) -> dict[str, Any]:
        original, small = self.small(path)
        stays = small.kept or inventory(original).form == inventory(small.data).form
        with atomic(target.copy() if stays else target.main(suffix_of(small.data))) as temporary:
            temporary.write_bytes(small.data)
            shutil.copystat(path, temporary)
        return facts_of(original, small)

    def small(self, path: Path) -> tuple[bytes, Small]:
        """The bytes of a file, and what is made of them."""
        assert self._codec is not None  # `start` was called
        original = path.read_bytes()
        return original, smaller(path, original, self._codec, self.wish)


def facts_of(original: bytes, small: Small) -> dict[str, Any]:
    """What the row of a file says."""
    kept = {"kept": small.kept} if small.kept else {}
    return {"before": len(original), "after": len(small.data), **kept, **small.facts}


def _forms(formats: str | Sequence[str]) -> frozenset[str]:
    """The formats that files may have, as Pillow calls them; empty: their own."""
    names = SETS.get(formats, (formats,)) if isinstance(formats, str) else formats
    unknown = sorted({*names} - FORMATS.keys())
    if unknown or (not names and formats != KEEP):
        what = ", ".join(unknown) or "an empty list"
        raise ImgreduxError(f"formats: {what} is none of {', '.join([*SETS, *FORMATS])}")
    return frozenset(FORMATS[name] for name in names)
