"""Photographs made as small as they may be without a visible change: what `imgredux optimize` does.

    for result in engine.run(Optimize(target="side-by-side"), ["holiday"], "small"):
        print(result.input, result.facts["before"], result.facts["after"])

Nothing is lost where that fails. Imports no torch of its own.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from imgredux import dispatch, registry
from imgredux.batch.encode import SUFFIX, SUFFIXES, suffix_of
from imgredux.batch.engine import Work
from imgredux.batch.outputs import Target
from imgredux.critical import Unreached
from imgredux.errors import ImgreduxError
from imgredux.io.files import atomic
from imgredux.io.opening import MAX_PIXELS, header_of, is_deep

if TYPE_CHECKING:
    from imgredux.methods.codec import Codec


class Optimize(Work):
    """The smallest file of an image that is found within the target, or a copy of the original.

    The original is kept, byte for byte, where nothing smaller is found, where the target cannot be reached, and where a
    single file would not hold what it holds: more than one frame, 16 bits a channel. Facts of a result: `before` and
    `after` (bytes), and `kept` where the original was copied: why.

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
        from imgredux.io import images

        assert self._codec is not None  # `start` was called
        with header_of(original) as opened:
            frames, deep = getattr(opened, "n_frames", 1), is_deep(opened)
        if frames > 1:
            return original, f"it holds {frames} frames"
        if deep:
            return original, "it has 16 bits a channel"
        try:
            data = self._codec.encode(images.open_image(path, max_pixels=self.max_pixels), target=self.target)
        except Unreached as error:
            return original, str(error)
        if len(data) >= len(original):
            return original, "nothing smaller reaches the target"
        return (original, "no public format holds all of it") if suffix_of(data) == SUFFIX else (data, "")
