"""The one door through which a picture is turned: once, and every statement of its orientation with the pixels."""

from typing import Any

from PIL import Image

from imgredux.io import deep, exif, xmp

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DECODED_UPRIGHT = ("JXL",)  # its decoder turns the pixels by what the stream says, which is above EXIF
_JPEG_INSIDE = "jpeg"  # of its images: the decoder gives the JPEG that the file was made of, not turned
_XMP = ("xmp", "XML:com.adobe.xmp")  # where Pillow keeps it


def orientation_of(image: Image.Image) -> int:
    """What a PIL image states, 1 to 8: its EXIF, or its XMP where EXIF says nothing."""
    if image.format in _DECODED_UPRIGHT and not getattr(image, _JPEG_INSIDE, False):
        return exif.UPRIGHT
    found = exif.stated(image)
    if found is None:
        texts = (image.info[key] for key in _XMP if key in image.info)
        found = next((value for value in map(xmp.orientation, map(_bytes, texts)) if value is not None), None)
    return found if isinstance(found, int) and 1 <= found <= 8 else exif.UPRIGHT


def upright(image: Image.Image) -> Image.Image:
    """A copy with upright pixels and no other statement: EXIF has no orientation, XMP has 1.

    The EXIF of the image must be sound (`exif.with_sound_exif`).
    """
    orientation, samples = orientation_of(image), deep.samples_of(image)
    turn = TURNS.get(orientation)
    result = image.copy() if turn is None else image.transpose(turn)
    result.info = statements(image)
    return result if samples is None else deep.with_samples(result, deep.turned(samples, orientation))


def statements(image: Image.Image) -> dict[Any, Any]:
    """The `info` of a PIL image for pixels that are upright."""
    info = dict(image.info)
    if "exif" in info:
        info["exif"] = exif.without_orientation(info["exif"])
    elif exif.RAW in info:
        info["exif"] = exif.without_orientation(image.getexif().tobytes())
    info.pop(exif.RAW, None)
    for key in _XMP:
        if key in info:
            changed = xmp.upright(_bytes(info[key]))
            info[key] = changed.decode("utf-8", "surrogateescape") if isinstance(info[key], str) else changed
    return info


def _bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
