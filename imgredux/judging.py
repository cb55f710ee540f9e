"""How much of a difference is seen between an image and a file of it: SSIMULACRA 2 as a whole, and where it is worst.

>>> from imgredux.judging import Judge
>>> judge = Judge(original)             # a PIL image of mode L, LA, RGB or RGBA   # doctest: +SKIP
>>> judge.score(decoded), judge.worst(decoded)                                      # doctest: +SKIP
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from imgredux.io import images
from imgredux.io.profiles import is_srgb
from imgredux.metrics.psnr_hvs import BLOCK, psnr_hvs
from imgredux.metrics.ssimulacra2 import SMALLEST, of_bytes, ssimulacra2

TILE = 512  # pixels a side, nearly: the parts of `worst`
BEHIND = 128  # grey level behind an image with transparency, when it is judged
_STRIP = 32  # rows of blocks of PSNR-HVS at once


class Judge:
    """An original, and scores of what was made of it.

    Both are judged as they are seen: in sRGB that is not clipped, each by the ICC profile in its `info`; an image with
    transparency before grey. Images below 8 pixels a side are continued by their edges. original: of mode L, LA, RGB or
    RGBA, upright.
    """

    def __init__(self, original: Image.Image) -> None:
        self._color = "L" if original.mode in ("L", "LA") else "RGB"
        self._transparent = original.mode in ("LA", "RGBA")
        self._original = self._seen(original)

    def score(self, image: Image.Image) -> float:
        """SSIMULACRA 2 of an image of the original's size: 100 is equal."""
        return _score(self._seen(image), self._original)

    def worst(self, image: Image.Image) -> float:
        """The lowest score of tiles of about 512 pixels a side; that of the image where it is no larger."""
        return self.worst_place(image)[0]

    def worst_place(self, image: Image.Image) -> tuple[float, tuple[int, int, int, int]]:
        """The lowest score of a tile, and where that lies: left, top, right, bottom."""
        seen = self._seen(image)
        tiles = [*_tiles(*_size(seen))]
        scores = [_score(_part(seen, place), _part(self._original, place)) for place in tiles]
        worst = min(scores)
        rows, columns = tiles[scores.index(worst)]
        return worst, (columns.start, rows.start, min(columns.stop, image.width), min(rows.stop, image.height))

    def psnr_hvs(self, image: Image.Image) -> float:
        """PSNR-HVS in dB."""
        return _decibels(self._seen(image), self._original)

    def _seen(self, image: Image.Image) -> np.ndarray | Tensor:
        """8 bits `(H, W)` or `(H, W, 3)` of what is sRGB, else float32 `(1, 1 or 3, H, W)`."""
        profile = image.info.get("icc_profile")
        if self._transparent:
            behind = Image.new("RGBA", image.size, (BEHIND, BEHIND, BEHIND, 255))
            image = Image.alpha_composite(behind, image.convert("RGBA"))
        image = image.convert(self._color)
        missing = [(0, max(SMALLEST - side, 0)) for side in (image.height, image.width)]
        if profile and not is_srgb(profile):
            seen = images.as_seen(image, profile)
            return F.pad(seen, (*missing[1], *missing[0]), mode="replicate")
        array = np.asarray(image)
        return np.pad(array, [*missing, (0, 0)][: array.ndim], mode="edge") if any(sum(missing, ())) else array


def _score(seen: np.ndarray | Tensor, original: np.ndarray | Tensor) -> float:
    if isinstance(seen, np.ndarray) and isinstance(original, np.ndarray):
        return of_bytes(seen, original)
    return ssimulacra2(_tensor(seen), _tensor(original)).item()


def _tensor(seen: np.ndarray | Tensor) -> Tensor:
    if isinstance(seen, Tensor):
        return seen
    planes = torch.from_numpy(seen.astype(np.float32)).div_(255)
    return planes[None, None] if planes.ndim == 2 else planes.permute(2, 0, 1)[None]


def _size(seen: np.ndarray | Tensor) -> tuple[int, int]:
    height, width = seen.shape[:2] if isinstance(seen, np.ndarray) else seen.shape[-2:]
    return height, width


def _tiles(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Tiles of one size nearly, so that none is small."""
    rows, columns = (np.linspace(0, side, max(round(side / TILE), 1) + 1).astype(int) for side in (height, width))
    for top, bottom in pairwise(rows.tolist()):
        for left, right in pairwise(columns.tolist()):
            yield slice(top, bottom), slice(left, right)


def _part(seen: np.ndarray | Tensor, place: tuple[slice, slice]) -> np.ndarray | Tensor:
    return seen[place] if isinstance(seen, np.ndarray) else seen[..., place[0], place[1]]


def _decibels(seen: np.ndarray | Tensor, original: np.ndarray | Tensor) -> float:
    """In strips of whole blocks: squared errors are means over blocks."""
    rows, total = _size(original)[0] // BLOCK, 0.0
    for top in range(0, rows, _STRIP):
        bottom = min(top + _STRIP, rows)
        place = slice(BLOCK * top, BLOCK * bottom), slice(None)
        value = psnr_hvs(_tensor(_part(seen, place)), _tensor(_part(original, place))).item()
        total += (bottom - top) * 10 ** (-value / 10)
    return -10 * math.log10(total / rows) if total else math.inf
