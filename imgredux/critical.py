"""Critical images: for a pristine image, the strongest compression that a SSIMULACRA 2 target still allows.

    >>> from imgredux.critical import critical_image
    >>> found = critical_image(x, "jpeg", 65)   # x: (1, 3, H, W) in [0, 1]   # doctest: +SKIP

Targets: 65 is the mean score at the first JND of KonJND-1k (63.1 over its JPEG, 65.4 over its BPG images: Sneyers et
al., CID22), 90 the score that the metric's author calls visually lossless.
"""

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from torch import Tensor

Codec = Literal["jpeg", "webp", "avif"]
CODECS: tuple[Codec, ...] = get_args(Codec)
TARGET = 65.0
BELOW = 2  # qualities under the bisection's that are tried too
GUARD = 15.0  # points that the worst tile of about 512 pixels may be below a target
WORTH = 0.95  # a lossy file is taken where it has no more than this of the bytes of the smallest lossless one

# Pillow's format, its options, and the lowest quality; 100 is the highest of all three. JPEG with the chroma of nearly
# every file on the web and of KonJND-1k; AVIF's 4:4:4 needs fewer bytes at these scores than its 4:2:0.
_FORMATS: dict[Codec, tuple[str, dict[str, Any], int]] = {
    "jpeg": ("JPEG", {"subsampling": "4:2:0"}, 1),
    "webp": ("WEBP", {"method": 4}, 0),
    "avif": ("AVIF", {"subsampling": "4:4:4", "speed": 6}, 0),
}


class Unreached(ImgreduxError):
    """Not even the highest quality of a codec reaches the target."""


class Critical(NamedTuple):
    """A critical image `(1, C, H, W)` in [0, 1] of 8 bits, and how it was made.

    score: SSIMULACRA 2 of it. quality: of the codec. mse: over all samples, squared grey levels. bytes: of the file.
    """

    image: "Tensor"
    score: float
    quality: int
    mse: float
    bytes: int


def lowest(passes: Callable[[int], bool], first: int, last: int, below: int = BELOW) -> int | None:
    """The lowest quality of `first`..`last` that passes, or None when `last` does not.

    A bisection, as if every quality above a passing one passed too; then the `below` qualities under the one it found
    are tried. Scores are not perfectly monotone in quality: on Kodak crops, SSIMULACRA 2 falls in 6 % of JPEG's upward
    steps, 13 % of WebP's and 1 % of AVIF's, by up to 1.5. The result always passes. A lower quality that also passes,
    beyond a longer dip, is missed in 4 of 564 searches there (13 with bisection alone), by at most 4 steps.
    """
    if not passes(last):
        return None
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle + 1, high)
    under = range(max(first, high - below), high)
    return next((quality for quality in under if passes(quality)), high)


def critical_image(x: "Tensor", codec: Codec = "jpeg", target: float = TARGET) -> Critical:
    """The strongest compression of an image whose SSIMULACRA 2 is at least `target`, found by `lowest` over quality.

    x: `(1, C, H, W)` in [0, 1], at least 8x8 pixels, taken at 8 bits. codec: libjpeg with 4:2:0 chroma, libwebp, which
    has 4:2:0 alone, or libavif with 4:4:4. target: below 100.
    Raises Unreached where not even quality 100 does, ImgreduxError for other codecs, ImageError for unfit images.
    """
    from imgredux.metrics.ssimulacra2 import ssimulacra2

    check(codec, target)
    reference = x.detach().mul(255).round().clamp(0, 255).div(255)
    tried: dict[int, Critical] = {}

    def passes(quality: int) -> bool:
        data = encoded(reference, codec, quality)
        decoded = _decoded(data, reference)
        score = ssimulacra2(image=decoded, reference=reference).item()
        mse = 255**2 * (decoded.double() - reference.double()).square().mean().item()
        tried[quality] = Critical(decoded, score, quality, mse, len(data))
        return score >= target

    found = lowest(passes, _FORMATS[codec][2], 100)
    if found is None:
        best = tried[100].score
        raise Unreached(f"{codec} reaches a SSIMULACRA 2 of {best:.1f} at quality 100, not {target:g}")
    return tried[found]


def encoded(x: "Tensor", codec: Codec, quality: int) -> bytes:
    """The file of an 8-bit image `(1, C, H, W)` in [0, 1], at a quality of 1 (WebP and AVIF: 0) to 100."""
    file = BytesIO()
    form, options, _ = _FORMATS[codec]
    as_pil(x).save(file, form, quality=quality, **options)
    return file.getvalue()


def as_pil(x: "Tensor") -> Any:
    """An 8-bit image `(1, C, H, W)` in [0, 1] as a PIL image."""
    import torch
    from PIL import Image

    planes = x[0].mul(255).round().to(torch.uint8).cpu().numpy()
    return Image.fromarray(planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0).copy())


def _decoded(data: bytes, like: "Tensor") -> "Tensor":
    from PIL import Image

    from imgredux.io.images import to_tensor

    with Image.open(BytesIO(data)) as image:
        return to_tensor(image.convert("L" if like.shape[1] == 1 else "RGB")).to(like)


def check(codec: str, target: float) -> None:
    """Raise ImgreduxError for an unknown codec, one that this Pillow lacks, or a target that cannot be reached."""
    from PIL import features

    if codec not in CODECS:
        raise ImgreduxError(f"codec {codec!r}: choose one of {', '.join(CODECS)}")
    if codec != "jpeg" and not features.check(codec):
        raise ImgreduxError(f"this Pillow was built without {codec}: install Pillow's own wheel, 11.3 or newer")
    if not target < 100:
        raise ImgreduxError(f"the target is {target:g}: SSIMULACRA 2 reaches 100 for equal images only; give less")
