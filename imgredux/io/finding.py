"""Image files in folders: which there are, where their outputs go, and what is left out. Imports no torch."""

import importlib.util
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from os import PathLike
from pathlib import Path, PurePosixPath

from imgredux.errors import ImgreduxError
from imgredux.io.opening import FORMATS

# What needs a package of its own: suffixes, the module to look for, what to install.
DECODERS = (
    ((".jxl",), "pillow_jxl", "pillow-jxl-plugin"),
    ((".heic", ".heif", ".hif"), "pillow_heif", "pillow-heif"),
)


@dataclass(frozen=True)
class Found:
    """What inputs come to.

    files: each with the place of its outputs under the output folder, its own name at the end. left_out: what in the
    folders is no input, and why; failed: what could not be looked at, and why.
    """

    files: list[tuple[Path, PurePosixPath]] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)


@cache
def readable() -> frozenset[str]:
    """The suffixes of image files that can be opened here, in lower case."""
    from PIL import Image

    Image.init()
    known = {suffix for suffix, form in Image.registered_extensions().items() if form in FORMATS and form in Image.OPEN}
    for suffixes, module, _ in DECODERS:
        known |= {*suffixes} if importlib.util.find_spec(module) else set()
    return frozenset(known)


def find(inputs: Sequence[str | PathLike], out: Path | None = None, suffixes: Collection[str] | None = None) -> Found:
    """The files among the inputs, and in place of each folder the image files in it and in its subfolders, by name.

    A file named by the user is taken whatever its name. Hidden files and folders, links to folders, and the folder
    `out` are passed over. suffixes: what counts as an input in a folder, image files unless given. Places: of one
    folder, relative to it; of several, relative to the folder that holds them all; a file alone has its name. Raises
    ImgreduxError: no input; a folder that cannot be listed, or holds no input.
    """
    wanted = readable() if suffixes is None else frozenset(suffixes)
    roots = [Path(one) for one in inputs]
    folders = [root for root in roots if root.is_dir()]
    base = folders[0] if len(folders) == 1 else _common(folders)
    found, located = Found(), []
    for root in roots:
        if not root.is_dir():
            located.append((root, Path(root.name)))
            continue
        inside = [*_inside(root, out, wanted, found)]
        if not inside and not found.failed:
            what = " ".join(sorted(wanted)) if suffixes is not None else "image file"
            raise ImgreduxError(f"the folder {root} holds no {what}")
        located += [(path, path.absolute().relative_to(base.absolute())) for path in inside]
    if not roots:
        raise ImgreduxError("no input: name files or folders")
    once = {path.absolute(): (path, place) for path, place in reversed(located)}
    found.files.extend((path, PurePosixPath(place.as_posix())) for path, place in reversed(once.values()))
    return found


def find_images(inputs: Iterable[str | PathLike]) -> list[Path]:
    """The files among the inputs, and in place of each folder the image files in it, subfolders left out, by name.

    Whether a file exists or holds an image shows when it is opened. Raises ImgreduxError for a folder that holds no
    image file or cannot be listed.
    """
    found: list[Path] = []
    for path in map(Path, inputs):
        if not path.is_dir():
            found.append(path)
            continue
        try:
            children = sorted(path.iterdir())
        except OSError as error:
            raise ImgreduxError(f"cannot list the folder: {error}") from error
        visible = (child for child in children if not child.name.startswith("."))
        inside = [child for child in visible if child.suffix.lower() in readable() and child.is_file()]
        if not inside:
            raise ImgreduxError(f"the folder {path} holds no image file")
        found += inside
    return found


def stems(files: Iterable[tuple[Path, PurePosixPath]]) -> dict[Path, PurePosixPath]:
    """The place of each file's outputs without a suffix: the stem, or the whole name where two would share the stem.

    Two files of one name from different folders are told apart by the folders below the one that holds them all.
    """
    files = list(files)
    named, whole = {path: place.with_suffix("") for path, place in files}, dict(files)
    for _ in range(2):  # a whole name may be the stem of another
        named |= {path: whole[path] for path in _clashing(named)}
    for keep_suffix in (False, True):
        clashing = _clashing(named)
        if clashing:
            base = _common([path.parent for path in clashing])
            below = {path: PurePosixPath(path.absolute().relative_to(base.absolute()).as_posix()) for path in clashing}
            named |= {path: place if keep_suffix else place.with_suffix("") for path, place in below.items()}
    return named


def _clashing(places: Mapping[Path, PurePosixPath]) -> list[Path]:
    """The files whose places others have too."""
    shared: defaultdict[str, list[Path]] = defaultdict(list)
    for path, place in places.items():
        shared[os.path.normcase(str(place))].append(path)
    return [path for paths in shared.values() if len(paths) > 1 for path in paths]


def _common(folders: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath([folder.absolute() for folder in folders])) if folders else Path()
    except ValueError as error:  # drives of Windows
        raise ImgreduxError(f"the inputs lie on several drives: name those of one at a time ({error})") from error


def _inside(root: Path, out: Path | None, wanted: Collection[str], found: Found) -> Iterator[Path]:
    """The inputs below a folder, sorted; what is left out goes into `found`."""
    avoid = out.absolute() if out is not None else None

    def failed(error: OSError) -> None:
        found.failed.append((Path(error.filename or root), f"cannot list the folder: {error.strerror}"))

    for folder, below, names in os.walk(root, onerror=failed):
        here = Path(folder)
        links = [name for name in below if (here / name).is_symlink()]
        found.left_out.extend((here / name, "a link to a folder") for name in sorted(links))
        below[:] = sorted(
            name
            for name in below
            if not name.startswith(".") and name not in links and (here / name).absolute() != avoid
        )
        for name in sorted(names):
            path = here / name
            if name.startswith("."):
                continue
            if path.suffix.lower() not in wanted:
                found.left_out.append((path, _reason(path)))
            elif not path.is_file():
                found.left_out.append((path, "no regular file"))
            else:
                yield path


def _reason(path: Path) -> str:
    suffix = path.suffix.lower()
    for suffixes, _, package in DECODERS:
        if suffix in suffixes:
            return f"{suffix} needs a decoder: pip install {package}"
    return f"{suffix or 'a name without suffix'} is no image that is read here"
