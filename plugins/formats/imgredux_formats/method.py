"""JPEG, PNG, WebP, AVIF and JPEG XL as Pillow's encoders write them, PNG then as oxipng does."""

import importlib
from typing import Any, ClassVar

from PIL import Image, features

from imgredux.errors import ImageError, PluginError
from imgredux.io.repacking import repacked
from imgredux.methods.filecodec import FileCodec, saved


class Format(FileCodec):
    """A format of Pillow: `quality=` in a call is the encoder's own, a whole number among `qualities`."""

    form: ClassVar[str]
    qualities: ClassVar[range] = range(101)
    default: ClassVar[int]
    options: ClassVar[dict[str, Any]] = {}
    of_alpha: ClassVar[dict[str, Any]] = {}  # more options, where the image has alpha

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "form" in vars(cls):
            cls.forms = frozenset({cls.form})

    def write(self, image: Image.Image, *, quality: int | None = None) -> bytes:
        quality = self.default if quality is None else quality
        if quality not in self.qualities:
            ends = f"{self.qualities[0]} to {self.qualities[-1]}"
            raise ImageError(f"quality is {quality}: {self.form} has whole numbers from {ends}")
        options = self.of_alpha if image.mode in ("LA", "RGBA") else {}
        return saved(image, self.form, quality=int(quality), **self.options, **options)


class Lossless(Format):
    """A format with a way that loses nothing: `lossless=True` in a call, and samples come back to the bit."""

    alpha, lossless = True, True
    exact: ClassVar[dict[str, Any]]

    def write(self, image: Image.Image, *, quality: int | None = None, lossless: bool = False) -> bytes:
        if not lossless:
            return super().write(image, quality=quality)
        if quality is not None:
            raise ImageError(f"quality is {quality} and lossless is asked for: give one of them")
        return saved(image, self.form, **self.exact)


class Jpeg444(Format):
    """Baseline tables of the standard scaled by quality, three planes of full size, optimised and progressive."""

    form, qualities, default = "JPEG", range(1, 101), 90
    options: ClassVar = {"subsampling": "4:4:4", "optimize": True, "progressive": True}


class Jpeg420(Jpeg444):
    """As `Jpeg444`, with the chroma planes at half their width and height: what most files on the web are."""

    options: ClassVar = {**Jpeg444.options, "subsampling": "4:2:0"}


class Png(FileCodec):
    """PNG, which loses nothing, with the filters, palette and deflate that oxipng finds."""

    forms, alpha, lossless = frozenset({"PNG"}), True, True

    def write(self, image: Image.Image, *, lossless: bool = True) -> bytes:
        if not lossless:
            raise ImageError("PNG loses nothing: leave out lossless=False")
        data = saved(image, "PNG")
        return repacked(data) or data


class WebP(Lossless):
    """WebP by libwebp's slowest method; lossy in 4:2:0 only. An alpha plane is kept to the bit. Sides up to 16,383."""

    form, default = "WEBP", 85
    options: ClassVar = {"method": 6, "alpha_quality": 100, "exact": True}
    exact: ClassVar = {"lossless": True, "method": 6, "quality": 100, "exact": True}

    def __init__(self) -> None:
        super().__init__()
        _need("webp")


class Avif(Format):
    """AVIF by libavif, planes of full size, on one thread, so that the file does not depend on the machine's.

    An alpha plane is kept to the bit, by libaom's own option.
    """

    form, default, alpha = "AVIF", 75, True
    options: ClassVar = {"subsampling": "4:4:4", "speed": 6, "max_threads": 1}
    of_alpha: ClassVar = {"advanced": {"alpha:lossless": "1"}}

    def __init__(self) -> None:
        super().__init__()
        _need("avif")


class Jxl(Lossless):
    """JPEG XL by libjxl, where the package pillow-jxl-plugin is installed, on one thread.

    An alpha plane is kept to the bit; colors of pixels that are wholly transparent are not, unless lossless.
    """

    form, qualities, default = "JXL", range(1, 100), 88
    options: ClassVar = {"num_threads": 1}
    exact: ClassVar = {"lossless": True, "num_threads": 1}

    def __init__(self) -> None:
        super().__init__()
        try:
            importlib.import_module("pillow_jxl")  # registers the format with Pillow
        except ImportError as error:
            raise PluginError("JPEG XL is not part of Pillow: pip install pillow-jxl-plugin") from error


def _need(feature: str) -> None:
    if not features.check(feature):
        raise PluginError(f"this Pillow was built without {feature}: install Pillow's own wheel, 11.3 or newer")
