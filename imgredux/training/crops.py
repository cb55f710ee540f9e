"""Training images, whole and in the memory of the device, and random crops of them without a loop."""

import hashlib
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imgredux.errors import ImgreduxError
from imgredux.io.finding import find_images

HELD_OUT = 10  # one image in so many of each folder is judged on, and never trained on
VALIDATED = 192  # side of what is judged of it


class Images:
    """Images of any sizes as one flat uint8 tensor.

    planes: uint8 `(C, H, W)` each, C the same for all, no side below `least`. Raises ImgreduxError otherwise.
    """

    def __init__(self, planes: Sequence[np.ndarray], device: torch.device | str = "cpu", least: int = 1) -> None:
        small = [array.shape for array in planes if min(array.shape[1:]) < least]
        if not planes or small or len({len(array) for array in planes}) > 1:
            raise ImgreduxError(f"no images, or some of sides below {least} or of other channels: {small[:3]}")
        self.channels = len(planes[0])
        sizes = [array.size for array in planes]
        self.flat = torch.cat([torch.from_numpy(np.ascontiguousarray(array)).flatten() for array in planes]).to(device)
        self.start = torch.tensor([0, *sizes[:-1]], device=device).cumsum(0)
        self.shape = torch.tensor([array.shape[1:] for array in planes], device=device)

    def __len__(self) -> int:
        return len(self.start)

    def whole(self, index: int) -> Tensor:
        """Image `index` as uint8 `(1, C, H, W)`."""
        height, width = (int(n) for n in self.shape[index])
        start = int(self.start[index])
        return self.flat[start : start + self.channels * height * width].view(1, -1, height, width)

    def center(self, index: int, side: int, multiple_of: int = 16) -> Tensor:
        """The middle of image `index`, at most side x side, its corner and sides on multiples: `(1, C, h, w)`."""
        x = self.whole(index)
        cuts = []
        for n in x.shape[-2:]:
            length = max(min(side, n) // multiple_of, 1) * multiple_of
            first = max(n - length, 0) // 2 // multiple_of * multiple_of
            cuts.append(slice(first, first + length))
        return x[..., cuts[0], cuts[1]]

    def middles(self) -> Iterator[Tensor]:
        """What held-out images are judged on: `center` of each, at most `VALIDATED` pixels on a side."""
        return (self.center(index, VALIDATED) for index in range(len(self)))

    def crops(self, count: int, side: int, generator: torch.Generator) -> Tensor:
        """Random crops `(count, C, side, side)`, uint8: every image as likely as any other, flipped and turned.

        The generator lives on the device of the images.
        """
        device = self.flat.device

        def uniform() -> Tensor:
            return torch.rand(count, generator=generator, device=device, dtype=torch.float64)

        which = (uniform() * len(self)).long()
        height, width = self.shape[which].unbind(1)
        top, left = ((uniform() * (n - side + 1)).long()[:, None, None] for n in (height, width))
        turned = (uniform() * 8).long()[:, None, None]
        row, column = torch.meshgrid(*2 * [torch.arange(side, device=device)], indexing="ij")
        row, column = row[None], column[None]
        row, column = torch.where(turned % 2 == 1, column, row), torch.where(turned % 2 == 1, row, column)
        row = torch.where(turned // 2 % 2 == 1, side - 1 - row, row)
        column = torch.where(turned // 4 == 1, side - 1 - column, column)
        place = self.start[which][:, None, None] + (top + row) * width[:, None, None] + left + column
        planes = torch.arange(self.channels, device=device)[None, :, None, None]
        return self.flat[place[:, None] + planes * (height * width)[:, None, None, None]]


def find_by_folder(folders: Iterable[str | PathLike]) -> dict[str, list[Path]]:
    """The image files of each folder and of its subfolders, by folder. Raises ImgreduxError where there are none."""
    found: dict[str, list[Path]] = {}
    for root in map(Path, folders):
        if not root.is_dir():
            raise ImgreduxError(f"{root} is no folder: training images are given as folders")
        for folder in [root, *sorted(path for path in root.rglob("*") if path.is_dir())]:
            try:
                found[str(folder)] = find_images([folder])
            except ImgreduxError:  # it holds folders only
                continue
    if not found:
        raise ImgreduxError(f"no image in {', '.join(map(str, folders))}")
    return found


def split(found: dict[str, list[Path]]) -> tuple[list[Path], list[Path]]:
    """Images to train on and images held out: a tenth of each folder, by the hash of their stems.

    An image stays on its side whatever else is in the folder, or nearly so. The image of a folder of one is trained on.
    Files of one stem, such as one image by several codecs, count as one image.
    """
    kept: list[Path] = []
    held: list[Path] = []
    for paths in found.values():
        ranked = sorted({path.stem for path in paths}, key=lambda stem: hashlib.sha256(stem.encode()).digest())
        count = math.ceil(len(ranked) / HELD_OUT) if len(ranked) > 1 else 0
        chosen = set(ranked[:count])
        held += sorted(path for path in paths if path.stem in chosen)
        kept += sorted(path for path in paths if path.stem not in chosen)
    return kept, held


def load(
    paths: Sequence[Path], read: Callable[[Path], np.ndarray], least: int, device: torch.device | str = "cpu"
) -> Images:
    """The images at `paths` as `read` gives them.

    What cannot be read, or is too small for a crop, is left out, and named in a warning.
    """
    planes = []
    for path in paths:
        try:
            array = read(path)
        except (ImgreduxError, OSError) as error:
            text = str(error)
            warnings.warn(f"{text if text.startswith(str(path)) else f'{path}: {text}'}: left out", stacklevel=2)
            continue
        height, width = array.shape[1:]
        if min(height, width) < least:
            size = f"is {width}x{height}, training needs {least} pixels a side"
            warnings.warn(f"{path}: {size}: left out", stacklevel=2)
            continue
        planes.append(array)
    return Images(planes, device, least)
