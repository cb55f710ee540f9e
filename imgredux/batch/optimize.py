"""Photographs made as small as they may be without a visible change: what `imgredux optimize` does.

    for result in engine.run(Optimize(target="side-by-side"), ["holiday"], "small"):
        print(result.input, result.facts["before"], result.facts["after"])

Nothing is lost where that fails. Imports no torch of its own.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from imgredux import dispatch, registry
from imgredux.batch.again import differs, marked
from imgredux.batch.encode import SUFFIX, SUFFIXES, suffix_of
from imgredux.batch.engine import Work
from imgredux.batch.outputs import Target, relative
from imgredux.batch.record import RECORD, ROWS, digest
from imgredux.critical import Unreached
from imgredux.errors import ImgreduxError
from imgredux.io import segments
from imgredux.io.files import atomic
from imgredux.io.inventory import CARRIED, IN_JPEG, Inventory, inventory
from imgredux.io.opening import MAX_PIXELS, depth_of, frames_of, header_of

if TYPE_CHECKING:
    from imgredux.methods.codec import Codec

DEPTH = 8  # folders above a file in which a record of its making may lie


class Optimize(Work):
    """The smallest file of an image that is found within the target, or a copy of the original.

    The original is kept, byte for byte, where nothing smaller is found, where the target cannot be reached, where it is
    a result of this command, and where a new file would not hold all that it holds: more than one frame, more than 8
    bits a channel, HDR, and every part that is not known and carried (`imgredux.io.inventory`). The new file is opened
    again, as a stranger would open it, and is not kept where it does not show the same picture. Facts of a result:
    `before` and `after` (bytes), and `kept` where the original was copied: why.

    target: a word that the codec knows, or a score. options: of the codec's constructor, as `formats`. name: of a codec
    that takes `target=`; None: the installed one. max_pixels: larger images are refused.
    Raises ImgreduxError for a target that there is not, and UnknownMethod where no such codec is installed.
    """

    def __init__(
        self,
        target: str | float = "side-by-side",
        options: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.name = name or dispatch.optimizer()
        known: Sequence[float | str] = (registry.info(self.name).spec.knob or ("", ()))[1]
        if isinstance(target, str) and target not in known:
            raise ImgreduxError(f"the target is {target}: give {', '.join(map(str, known))}, or a score")
        self.target, self.options, self.max_pixels = target, dict(options or {}), max_pixels
        self.methods = (self.name,)
        self.task = "optimize"
        self.settings = {"target": target, "options": self.options, "codec": self.name}
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
        original = path.read_bytes()
        data, kept = self._smaller(path, original)
        with atomic(target.copy() if kept else target.main(suffix_of(data))) as temporary:
            temporary.write_bytes(data)
            shutil.copystat(path, temporary)
        return {"before": len(original), "after": len(data), **({"kept": kept} if kept else {})}

    def _smaller(self, path: Path, original: bytes) -> tuple[bytes, str]:
        """A smaller file, or the original and why it is kept."""
        from imgredux.io import decoding

        assert self._codec is not None  # `start` was called
        found = inventory(original)
        why = _obstacle(path, original, found)
        if why:
            return original, why
        image = decoding.open_image(path, max_pixels=self.max_pixels)  # what is damaged fails here
        if found.broken:
            return original, f"it is damaged: {found.broken}"
        taken = segments.verbatim(original) if found.kinds().keys() & {*IN_JPEG} else []
        options: dict[str, Any] = {"target": self.target, **({"forms": frozenset({"JPEG"})} if taken else {})}
        try:
            data = self._codec.encode(image, **options)
        except Unreached as error:
            held = " A JPEG alone holds its IPTC data or extended XMP" if taken else ""
            return original, f"{error}.{held}".rstrip(".")
        if suffix_of(data) == SUFFIX:
            return original, "no public format holds all of it"
        data = segments.with_segments(data, taken) if taken else data
        data = marked(data, f"{self.target} of {hashlib.sha256(original).hexdigest()[:16]}")
        if len(data) >= len(original):
            return original, "nothing smaller reaches the target"
        why = differs(data, image)
        return (original, f"the new file {why}") if why else (data, "")


def _obstacle(path: Path, original: bytes, found: Inventory) -> str:
    """Why a file cannot be replaced by a smaller one without a loss; empty where it can."""
    with header_of(original) as opened:
        form, frames = str(opened.format), max(frames_of(opened, original), found.frames)
        depth, mode = depth_of(opened, original, found.depth), opened.mode
    if frames > 1:
        return f"it holds {frames} frames"
    if found.transfer:
        return f"it is an HDR image ({found.transfer})"
    if depth > 8:
        return f"it has {depth} bits a channel"
    if found.space or mode in ("CMYK", "LAB", "HSV"):
        return f"its colors are {found.space or mode}"
    if not found.form:
        return f"it is a file of {form}: what else it holds cannot be told"
    if found.mark or made_here(path):
        return "it is a result of imgredux optimize: each pass would lose more. Optimize what it was made from"
    lost = found.lost((*CARRIED, *IN_JPEG))
    return f"a new file would not hold {', '.join(lost)}" if lost else ""


def made_here(path: Path) -> bool:
    """Whether the record of a folder above says that `optimize` made this file, as it is now, of another one."""
    for folder in path.absolute().parents[:DEPTH]:
        try:
            about = (folder / RECORD).stat()
            made = _made_in(folder / RECORD, about.st_mtime_ns, about.st_size)
        except (OSError, ImgreduxError):  # there is none, or it is damaged
            continue
        name = relative(path, folder)
        if name in made and made[name] == digest(path):
            return True
    return False


@lru_cache(maxsize=2 * DEPTH)
def _made_in(record: Path, mtime: int, size: int) -> Mapping[str, str]:
    """SHA-256 of the files that `optimize` made smaller, by name, of a record as it was then."""
    rows = [
        row for row in ROWS.read(record) if row["task"] == "optimize" and "kept" not in row.get("facts", {"kept": ""})
    ]
    return {name: about["sha256"] for row in rows for name, about in row["outputs"].items() if about}
