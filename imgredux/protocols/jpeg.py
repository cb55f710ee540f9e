"""Restorers of JPEG, in luma and in colour."""

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from imgredux.datasets.pairs import studio_luma
from imgredux.errors import ImageError
from imgredux.io import decoding, images
from imgredux.methods.base import Method
from imgredux.methods.restorer import Restorer
from imgredux.metrics.psnr import psnr_b
from imgredux.metrics.ssim import ssim
from imgredux.ops.jpeg import jpeg, jpeg_bytes
from imgredux.protocols.base import Measured, Protocol, Trial, eight_bit, timed

if TYPE_CHECKING:
    from imgredux.datasets import Item


def _box8(image: Tensor, reference: Tensor) -> Tensor:
    return ssim(image, reference, window="box8")


def _psnr_b(image: Tensor, reference: Tensor) -> Tensor:
    return psnr_b(image, reference, counts="frac")


def _psnr_b_bgr(image: Tensor, reference: Tensor) -> Tensor:
    """PSNR-B as colour tables print it for JPEG: red and blue exchanged in the luma of the blocking effect."""
    return psnr_b(image.flip(1), reference.flip(1), counts="frac")


class Jpeg(Protocol):
    """Restorers of JPEG: an image is compressed by libjpeg, restored, rounded to 8 bits, and compared with the image.

    In colour the file is RGB with 4:2:0 chroma. Without colour, the image is MATLAB's studio-range Y, compressed as a
    grey file; a grey image is used as such a Y.
    """

    own = {"ssim_box8": _box8, "psnr_b": _psnr_b, "psnr_b_bgr": _psnr_b_bgr}  # noqa: RUF012
    color: ClassVar[bool]

    def begin(
        self, method: Method | None, item: "Item", metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        target = eight_bit(item.read())
        if self.color and target.shape[1] == 1:
            raise ImageError(f"the image is greyscale: {self.spec.name} measures colour, jpeg-y takes it")
        if not self.color:
            target = studio_luma(target)
        target = target.to(device or "cpu")
        selected = self.functions(metrics)

        def trial(level: float | None, seed: int) -> Measured:
            (file,) = jpeg_bytes(target, int(level or 0))
            source = images.read(decoding.open_bytes(file), stored=True)
            restored, seconds = source.x.to(target), 0.0
            if method is not None:
                assert source.qtable is not None  # the file is a JPEG
                seen = method.planes(source) if isinstance(method, Restorer) else restored
                restored, seconds = timed(partial(method, seen, qtable=source.qtable.to(target)))
            restored = eight_bit(restored)
            return Measured({name: metric(restored, target).item() for name, metric in selected.items()}, seconds)

        return trial

    def accepts(self, level: float | None) -> bool:
        return level in range(1, 101)


class JpegDouble(Jpeg):
    """Restorers of greyscale files that were saved twice, cut by four pixels in between.

    A level is both qualities, 100 times the first plus the second: 3010 is a file of quality 30 that was opened, cut by
    four rows and columns, and saved with quality 10. The restorer gets the file, as a user would give it, so that it
    may look for the compression before the last.
    """

    color = False
    shift: ClassVar[int] = 4

    def begin(
        self, method: Method | None, item: "Item", metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        whole = studio_luma(eight_bit(item.read()))
        target = whole[..., self.shift :, self.shift :].to(device or "cpu")
        selected = self.functions(metrics)

        def trial(level: float | None, seed: int) -> Measured:
            first, second = divmod(int(level or 0), 100)
            once = jpeg(whole, first)[..., self.shift :, self.shift :]
            (file,) = jpeg_bytes(once, second)
            image = decoding.open_bytes(file)
            restored, seconds = images.to_tensor(image).to(target), 0.0
            if method is not None:
                given, seconds = timed(partial(method, image))
                restored = images.to_tensor(given).to(target)
            restored = eight_bit(restored)
            return Measured({name: metric(restored, target).item() for name, metric in selected.items()}, seconds)

        return trial

    def accepts(self, level: float | None) -> bool:
        return level is not None and level % 1 == 0 and all(1 <= one <= 99 for one in divmod(int(level), 100))


class JpegLuma(Jpeg):
    """Greyscale files."""

    color = False


class JpegColor(Jpeg):
    """Color files."""

    color = True
