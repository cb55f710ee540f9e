"""What the header of a JPEG file says that Pillow opened: steps, chroma, kind of scan."""

from typing import Any

import torch
from PIL import Image

# Luma samples for each chroma sample, across and down.
_SUBSAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}


def header(image: Image.Image) -> dict[str, Any]:
    """`qtable`, `subsampling` and `progressive` of a PIL image that a JPEG file was opened as; empty for any other.

    A file that Pillow decoded at a reduced size has none, nor one whose planes are not luma and chroma (Adobe RGB,
    CMYK). A greyscale file has its one table for both planes, a file of three has that of Cb for chroma.
    """
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    drafted = getattr(image, "decoderconfig", ())
    if drafted or len(layers) not in (1, 3) or _planes_are_rgb(image, layers):
        return {}
    used = [tables.get(number) for *_, number in (layers[0], layers[min(1, len(layers) - 1)])]
    if None in used:
        return {}
    qtable = torch.tensor(used, dtype=torch.float32).reshape(1, 2, 8, 8)
    progressive = bool(image.info.get("progressive"))
    return {"qtable": qtable, "subsampling": _subsampling(layers), "progressive": progressive}


def _planes_are_rgb(image: Image.Image, layers: list[tuple[int, int, int, int]]) -> bool:
    """libjpeg's rule: JFIF is YCbCr; else Adobe's marker says; else components that are named R, G and B are that."""
    if "jfif" in image.info or len(layers) == 1:
        return False
    if "adobe_transform" in image.info:
        return image.info["adobe_transform"] == 0
    return bytes(layer[0] for layer in layers) == b"RGB"


def _subsampling(layers: list[tuple[int, int, int, int]]) -> str | None:
    if len(layers) != 3:
        return None
    (_, across, down, _), (_, *cb, _), (_, *cr, _) = layers
    if cb != cr or across % cb[0] or down % cb[1]:
        return None
    return _SUBSAMPLINGS.get((across // cb[0], down // cb[1]))
