"""What a data set is: named images with their critical images, and a list of what is wrong with it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from imgredux.errors import ImageError, ImgreduxError
from imgredux.io.finding import find_images, readable

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Item:
    """One image of a data set.

    stem: its name, unique in the data set. path: the pristine image. downscale: the factor that `read` shrinks it by.
    critical: the distorted image that an observer just (or just not) tells from it, None where there is none.
    """

    stem: str
    path: Path
    downscale: int = 1
    critical: Path | None = None

    def read(self) -> "Tensor":
        """The pristine image, `(1, C, H, W)` float32 in [0, 1], sRGB, C = 1 or 3.

        A downscaled image is the mean of boxes, rounded to 8 bits like any other image; rows and columns beyond the
        last whole box are left out. Raises ImageError as `imgredux.to_tensor` does.
        """
        return shrunk(self.path, self.downscale)

    def read_critical(self) -> "Tensor":
        """The critical image in the form of `read`. Raises ImageError where there is none, or of another shape."""
        if self.critical is None:
            raise ImageError(f"{self.stem} has no critical image: its data set holds single images")
        x = shrunk(self.critical, self.downscale)
        reference = self.read()
        if x.shape != reference.shape:
            raise ImageError(f"{self.critical} is {tuple(x.shape)}, its reference {tuple(reference.shape)}: not a pair")
        return x


@dataclass(frozen=True)
class Dataset:
    """Images in the order of their stems. `problems`: sentences about what is missing or mismatched, for the caller
    to print; what they name is not among the items."""

    name: str
    items: tuple[Item, ...]
    problems: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def shrunk(path: Path, downscale: int) -> "Tensor":
    """The colour planes of an image file, box-filtered by an integer factor: see `Item.read`."""
    from torch.nn import functional as F

    from imgredux.io.images import to_tensor

    x = to_tensor(path)
    if downscale == 1:
        return x
    if min(x.shape[-2:]) < downscale:
        raise ImageError(f"{path} is {x.shape[-2]}x{x.shape[-1]}: too small to shrink by {downscale}")
    return F.avg_pool2d(x, downscale).mul_(255).round_().div_(255)


def folder(path: str | PathLike, *, downscale: int = 1, name: str | None = None) -> Dataset:
    """The images of a folder, subfolders left out, under the folder's name.

    A file that Pillow cannot open, and every further file of a stem, is a problem. Damage after the header is found
    only when the image is read. Raises ImgreduxError: no such folder, no image file in it, a downscale below 1.
    """
    root = existing(path)
    if downscale < 1 or downscale != int(downscale):
        raise ImgreduxError(f"downscale is {downscale}: give a whole number, at least 1")
    found, problems = by_stem(find_images([root]))
    items = [Item(stem, file, downscale) for stem, file in sorted(found.items())]
    return Dataset(name or root.resolve().name, tuple(items), tuple(problems))


def existing(path: str | PathLike) -> Path:
    """The folder, or ImgreduxError when it is none."""
    root = Path(path)
    if not root.is_dir():
        raise ImgreduxError(f"{root} is no folder: name the one that holds the data set")
    return root


def by_stem(files: Iterable[Path]) -> tuple[dict[str, Path], list[str]]:
    """Image files that open, by their stems (the first of each), and what is wrong with the others."""
    found: dict[str, Path] = {}
    problems = []
    for file in files:
        if file.stem in found:
            problems.append(f"{file} has the stem of {found[file.stem]}, which is taken: rename one")
            continue
        try:
            size(file)
        except ImageError as error:
            problems.append(str(error))
        else:
            found[file.stem] = file
    return found, problems


def size(path: Path) -> tuple[int, int]:
    """Width and height of an image file from its header. Raises ImageError when it has none that Pillow reads."""
    from imgredux.io.opening import header_of

    with header_of(path) as image:
        return image.size


def images_in(path: Path) -> list[Path]:
    """The image files of a folder, sorted; none when there is no such folder."""
    if not path.is_dir():
        return []
    inside = (file for file in path.iterdir() if not file.name.startswith("."))
    return sorted(file for file in inside if file.suffix.lower() in readable() and file.is_file())


def matched_pair(stem: str, reference: Path, critical: Path) -> Item | str:
    """The item of a reference and its critical image, or why they are no pair: one is missing, or the sizes differ."""
    missing = [str(path) for path in (reference, critical) if not path.is_file()]
    if missing:
        return f"{stem}: {' and '.join(missing)} missing"
    try:
        sizes = [size(path) for path in (reference, critical)]
    except ImageError as error:
        return str(error)
    if sizes[0] != sizes[1]:
        (w, h), (v, g) = sizes
        return f"{stem}: {reference} is {w}x{h} pixels and {critical} {v}x{g}: not a pair"
    return Item(stem, reference, critical=critical)


def collected(name: str, results: Iterable[Item | str], problems: Iterable[str] = ()) -> Dataset:
    """A data set of items and of the sentences that stand where an item should."""
    results = list(results)
    items = sorted((item for item in results if isinstance(item, Item)), key=lambda item: item.stem)
    return Dataset(name, tuple(items), (*problems, *(text for text in results if isinstance(text, str))))
