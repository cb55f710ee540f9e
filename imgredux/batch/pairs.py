"""Pairs of pristine and critical images: what `imgredux make-pairs` does."""

from pathlib import Path, PurePosixPath
from typing import Any

from imgredux.batch.outputs import Target
from imgredux.batch.work import Work
from imgredux.critical import TARGET, Codec, as_pil, check, critical_image
from imgredux.io.files import write_image
from imgredux.io.opening import MAX_PIXELS


class MakePairs(Work):
    """`ref/{stem}.png` and `jnd/{stem}.png` of an image.

    `ref/` holds the image as it was measured (sRGB, upright, 8 bits, without alpha), `jnd/` its critical image decoded:
    lossless PNGs of equal names, which JND-LC's loader reads and which no decoder's version can change. Facts of a
    result: codec, target, quality, score, mse, bytes, width, height.

    codec, target: as `imgredux.critical.critical_image` has them. max_pixels: larger images are refused.
    Raises ImgreduxError for a codec or a target that does not do.
    """

    def __init__(self, codec: Codec = "jpeg", target: float = TARGET, *, max_pixels: int = MAX_PIXELS) -> None:
        check(codec, target)
        self.codec: Codec = codec
        self.target, self.max_pixels = target, max_pixels
        self.task = "make-pairs"
        self.settings = {"codec": codec, "target": target}

    def start(self) -> None:
        """There is nothing to load."""

    def may_make(self, place: PurePosixPath, original: PurePosixPath) -> list[str]:
        return [f"{part}/{place}.png" for part in ("ref", "jnd")]

    def do(self, path: Path, target: Target) -> dict[str, Any]:
        from imgredux.io import decoding, images

        ref, jnd = (target.main(".png", part) for part in ("ref", "jnd"))
        image = decoding.open_image(path, max_pixels=self.max_pixels)
        x = images.to_tensor(image)
        found = critical_image(x, self.codec, self.target)
        for file, made in ((ref, x), (jnd, found.image)):
            write_image(file, as_pil(made))
        facts = {"codec": self.codec, "target": self.target, "quality": found.quality, "score": found.score}
        return {**facts, "mse": found.mse, "bytes": found.bytes, "width": x.shape[-1], "height": x.shape[-2]}
