"""What a gallery shows of one photograph: its maps, what became of it as an old JPEG, and real files of it."""

import base64
import hashlib
import io
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgredux import registry
from imgredux.dispatch import decode
from imgredux.errors import ImgreduxError
from imgredux.io.images import ImageLike, read
from imgredux.maps.noise import inject, signs_of

if TYPE_CHECKING:
    from imgredux.methods.codec import Codec

SIDE = 768  # pixels, at most, of a photograph
CUT = (384, 512)  # rows and columns of the part that old JPEGs and files show
LEVELS = 255  # of a map, as the page holds it: the root of its share of the largest value
FILES = 6  # of each codec
SEED = 0  # of the signs
SHOWN_AS_THEY_ARE = {b"\xff\xd8": "image/jpeg", b"RIFF": "image/webp"}  # by how a file begins; AVIF is told by its box
Step = Callable[[str], None]
Window = tuple[int, int, int, int]  # left, top, width, height


@dataclass(frozen=True)
class Photo:
    """pixels: of what is shown, uint8 `(H, W, 3)`. shown: what the page's script gets."""

    name: str
    pixels: np.ndarray
    shown: dict[str, Any]


def photo(
    image: ImageLike,
    name: str,
    estimators: Sequence[str],
    restorers: Sequence[str],
    codecs: Sequence[str],
    qualities: Sequence[int],
    step: Step = lambda what: None,
    *,
    window: Window | None = None,
    mse: float | None = None,
    seed: int = SEED,
) -> Photo:
    """Everything about one photograph. step: called when a part is done.

    window: show this part alone, of maps and noise of the whole photograph, which is not made smaller then. mse: scale
    the noise of every map to this mean squared error, in squared grey levels. Raises ImageError for an unreadable one.
    """
    whole = _pixels(image, SIDE if window is None else None)
    left, top, width, height = window or (0, 0, *whole.shape[1::-1])
    here = slice(top, top + height), slice(left, left + width)
    pixels = np.ascontiguousarray(whole[here])
    problems: list[str] = []
    part = _part(pixels) if window is None else pixels
    original = uri(encoded(pixels, "WEBP", lossless=True), "image/webp")
    own = original if window else uri(encoded(part, "WEBP", lossless=True), "image/webp")
    shown = {
        "name": name,
        "width": width,
        "height": height,
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
        "original": original,
        "signs": uri(encoded(signs_of(seed, *whole.shape[:2])[here] > 0, "PNG"), "image/png"),
        "seed": seed,
        "part": {"original": own, "size": list(part.shape[1::-1])},
        **({} if mse is None else {"mse": mse}),
    }
    step(name)
    shown["maps"] = _tried(estimators, lambda method: _map(method, whole, here, mse, seed), problems, step)
    shown["jpegs"] = _jpegs(part, qualities if restorers else (), restorers, problems, step)
    shown["codecs"] = _tried(codecs, lambda method: _files(method, part), problems, step)
    shown["problems"] = problems
    return Photo(name, pixels, shown)


def _pixels(image: ImageLike, side: int | None) -> np.ndarray:
    """uint8 `(H, W, 3)`, small enough to be shown."""
    planes = read(image).x[0].mul(255).round_().byte().numpy()
    found = Image.fromarray(np.ascontiguousarray(np.broadcast_to(planes, (3, *planes.shape[1:])).transpose(1, 2, 0)))
    if side is not None:
        found.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(found)


def _part(pixels: np.ndarray) -> np.ndarray:
    """The middle of the photograph, of sides that are whole blocks where it has so many pixels."""
    rows, columns = (min(most, n // 16 * 16 or n) for most, n in zip(CUT, pixels.shape[:2], strict=True))
    top, left = (pixels.shape[0] - rows) // 2, (pixels.shape[1] - columns) // 2
    return np.ascontiguousarray(pixels[top : top + rows, left : left + columns])


def _tried(names: Iterable[str], make: Callable[[str], Any], problems: list[str], step: Step) -> list[dict[str, Any]]:
    """What each method gives; a sentence for each that fails."""
    found = []
    for name in names:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append({"method": name, **make(name)})
        except ImgreduxError as error:
            problems.append(f"{name}: {error}")
        step(name)
    return found


def _map(name: str, whole: np.ndarray, here: tuple[slice, slice], mse: float | None, seed: int) -> dict[str, Any]:
    """The map of luma, in grey levels, with 8 bits for the root of each value's share of the largest.

    unit: the factor with which its noise has the mean squared error `mse` on the whole photograph.
    """
    jnd = registry.get(name)(whole)
    jnd = jnd.max(-1) if jnd.ndim == 3 else jnd
    more = {} if mse is None else {"unit": float(inject(whole, jnd, mse, seed=seed).phi)}
    jnd = jnd[here]
    top = float(jnd.max())
    levels = np.rint(LEVELS * np.sqrt(jnd / max(top, 1e-9))).astype(np.uint8)
    spec = registry.info(name.partition(".")[0]).spec
    image = uri(encoded(levels, "WEBP", lossless=True), "image/webp")
    return {"title": spec.title, "top": top, "mean": float(jnd.mean()), "image": image, **more}


def _jpegs(
    part: np.ndarray, qualities: Sequence[int], names: Sequence[str], problems: list[str], step: Step
) -> list[dict[str, Any]]:
    """The part as an old JPEG, at each quality, and what each restorer makes of it."""
    made = [
        {"quality": quality, "data": encoded(part, "JPEG", quality=quality), "restored": []} for quality in qualities
    ]
    for name in names:
        for one in made:
            try:
                restored = registry.get(name)(Image.open(io.BytesIO(one["data"])))
            except ImgreduxError as error:
                problems.append(f"{name}, quality {one['quality']}: {error}")
                continue
            image = uri(encoded(np.asarray(restored.convert("RGB")), "WEBP", lossless=True), "image/webp")
            one["restored"].append({"method": name, "image": image, "psnr": _psnr(np.asarray(restored), part)})
        step(name)
    return [
        {
            "quality": one["quality"],
            "bytes": len(one["data"]),
            "psnr": _psnr(np.asarray(Image.open(io.BytesIO(one["data"]))), part),
            "image": uri(one["data"], "image/jpeg"),
            "restored": one["restored"],
        }
        for one in made
    ]


def _files(name: str, part: np.ndarray) -> dict[str, Any]:
    """Real files of the part by one codec, the smallest first."""
    codec: Codec = registry.get(name)  # pyright: ignore[reportAssignmentType] - its kind was looked at
    assert codec.knob is not None  # so were its knobs
    keyword, values = codec.knob
    kept = [values[round(n * (len(values) - 1) / (FILES - 1))] for n in range(min(FILES, len(values)))]
    found = []
    for value in dict.fromkeys(kept if len(values) >= FILES else values):
        data = codec.encode(part, **{keyword: value})
        kind = _media_type(data)
        if kind:
            image, shown = uri(data, kind), "as it is"
        else:
            pixels = np.asarray(decode(data))
            image, shown = uri(encoded(pixels, "WEBP", lossless=True), "image/webp"), "decoded here"
        found.append({"setting": f"{keyword} {value}", "bytes": len(data), "image": image, "shown": shown})
    spec = registry.info(name.partition(".")[0]).spec
    return {"title": spec.title, "files": sorted(found, key=lambda one: one["bytes"])}


def _media_type(data: bytes) -> str | None:
    """Of a file that browsers show; None: of what they do not."""
    if data[4:12] == b"ftypavif":
        return "image/avif"
    return next((kind for start, kind in SHOWN_AS_THEY_ARE.items() if data.startswith(start)), None)


def _psnr(image: np.ndarray, reference: np.ndarray) -> float:
    error = np.square(image.astype(np.float64) - reference).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def encoded(pixels: np.ndarray, form: str, **options: Any) -> bytes:
    """Pixels as a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def uri(data: bytes, kind: str) -> str:
    """A file as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
