"""Many files through one method: what each output is called, and each file done or failed on its own.

    jobs = plan(["holiday"], "maps", "wei2009", heatmap=True)
    for done in run(imgredux.get("wei2009"), jobs):
        print(done.input, done.error or "ok")

Imports no torch: planning, and its errors, cost nothing.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imgredux.errors import ImgreduxError, in_words
from imgredux.io import files
from imgredux.io.files import write_image
from imgredux.maps import files as maps
from imgredux.maps.files import write_map
from imgredux.methods.spec import Kind

if TYPE_CHECKING:
    from imgredux.dispatch import Auto
    from imgredux.maps.noise import Injected
    from imgredux.methods.base import Method

# The extensions that a folder is searched for; a file named by the user is opened whatever its name.
READABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".jp2", ".avif", ".jxl")
Format = Literal["png", "npy", "tiff"]


@dataclass(frozen=True)
class Job:
    """One input and the files to make of it; `mse` is the target of `injected`."""

    input: Path
    output: Path
    heatmap: Path | None = None
    overlay: Path | None = None
    injected: Path | None = None
    mse: float = 0.0

    @property
    def outputs(self) -> list[Path]:
        """All files this job writes: it is done when all are there."""
        return [path for path in (self.output, self.heatmap, self.overlay, self.injected) if path]


@dataclass(frozen=True)
class Done:
    """What became of a job: `error` is None, or says why not all of its files are there. `injected` lacks the image."""

    job: Job
    error: str | None = None
    injected: "Injected | None" = None


def find_images(inputs: Iterable[str | PathLike]) -> list[Path]:
    """The files among the inputs, and in place of each folder the image files in it, sorted by name.

    Subfolders, hidden files and other extensions than `READABLE` are left out. Whether a file exists or holds an image
    shows when it is opened. Raises ImgreduxError for a folder that holds no image file or cannot be listed.
    """
    found: list[Path] = []
    for path in map(Path, inputs):
        if not path.is_dir():
            found.append(path)
            continue
        try:
            inside = sorted(child for child in path.iterdir() if child.suffix.lower() in READABLE and child.is_file())
        except OSError as error:
            raise ImgreduxError(f"cannot list the folder: {error}") from error
        inside = [child for child in inside if not child.name.startswith(".")]
        if not inside:
            raise ImgreduxError(f"the folder {path} holds no image file ({' '.join(READABLE)})")
        found += inside
    return found


def plan(
    inputs: Sequence[str | PathLike],
    out: str | PathLike,
    method: str,
    *,
    kind: Kind = "estimator",
    format: Format | None = None,
    heatmap: bool = False,
    overlay: bool = False,
    inject_mse: float | None = None,
) -> list[Job]:
    """Name every output, before anything is computed.

    One input file makes the file `out`, in the format of its suffix, unless `out` is an existing folder. Several, or a
    folder, make `{stem}.{method}.png` (or `format`) in the folder `out`. Companions share the output's stem: with
    `.heatmap.png`, `.overlay.png`, `.mse26.8.png`.

    Raises ImgreduxError: no input, two inputs for one output, an output that is an input, a format that the kind of
    method does not write, companions of a restorer, a target MSE not above 0.
    """
    _check_options(kind, format, heatmap or overlay or inject_mse is not None, inject_mse)
    found = find_images(inputs)
    if not found:
        raise ImgreduxError("no input: name image files or folders")
    target = Path(out)
    single = len(found) == 1 and not Path(inputs[0]).is_dir() and not target.is_dir()
    if single:
        _check_suffix(target, kind, format)
        outputs = [target]
    else:
        _check_folder(target, inputs)
        outputs = [target / f"{path.stem}.{method}.{format or 'png'}" for path in found]
    jobs = [
        Job(
            path,
            output,
            output.with_name(f"{output.stem}.heatmap.png") if heatmap else None,
            output.with_name(f"{output.stem}.overlay.png") if overlay else None,
            output.with_name(f"{output.stem}.mse{inject_mse:g}.png") if inject_mse else None,
            inject_mse or 0.0,
        )
        for path, output in zip(found, outputs, strict=True)
    ]
    _check_collisions(jobs)
    return jobs


def _check_options(kind: Kind, format: Format | None, companions: bool, inject_mse: float | None) -> None:
    if kind == "codec":
        raise ImgreduxError("run takes estimators and restorers: a codec makes streams, not images")
    if kind == "restorer" and (companions or format == "npy"):
        what = "maps to show or to inject" if companions else "arrays"
        raise ImgreduxError(f"a restorer gives images, no {what}")
    if inject_mse is not None and not 0 < inject_mse < float("inf"):
        raise ImgreduxError(f"the MSE to inject is {inject_mse:g}: give a number above 0, in squared grey levels")


def _check_suffix(target: Path, kind: Kind, format: Format | None) -> None:
    """One output: its suffix says the format, and `format` may only agree."""
    known = maps.WRITERS if kind == "estimator" else files.FORMATS
    suffix = target.suffix.lower()
    if suffix not in known:
        raise ImgreduxError(f"the output {target} must end in one of {', '.join(known)}, or be an existing folder")
    if format and suffix.replace(".tiff", ".tif") != f".{format}".replace(".tiff", ".tif"):
        raise ImgreduxError(f"the output {target} is not of the format {format}: leave one of them out")


def _check_folder(target: Path, inputs: Sequence[str | PathLike]) -> None:
    if target.exists() and not target.is_dir():
        raise ImgreduxError(f"several inputs need a folder to write to, and {target} is a file")
    if not target.exists() and target.suffix.lower() in {*files.FORMATS, *maps.WRITERS}:
        raise ImgreduxError(f"several inputs need a folder to write to, and {target} is named like a file")
    if target.resolve() in {Path(path).resolve() for path in inputs}:
        raise ImgreduxError(f"{target} is the folder that is read: the next run would take maps for images")


def _check_collisions(jobs: Sequence[Job]) -> None:
    taken: dict[str, Job] = {}
    for job in jobs:
        for path in job.outputs:
            other = taken.setdefault(os.path.normcase(path), job)
            if other is not job:
                raise ImgreduxError(f"{other.input} and {job.input} would both be written to {path}: rename one")
    sources = {job.input.resolve(): job.input for job in jobs}
    for path in (path for job in jobs for path in job.outputs):
        if path.resolve() in sources:
            raise ImgreduxError(f"{path} is an input: it would be overwritten. Choose another output")


def run(
    method: "Method | Auto", jobs: Iterable[Job], *, seed: int = 0, force: bool = False, quality: int | None = None
) -> Iterator[Done]:
    """Do the jobs one by one, as the results are asked for; a job that fails is reported and the next one begins.

    Every file appears whole or not at all. seed: of the injected noise. force: overwrite existing files, which is an
    error otherwise. quality: a restorer takes every image for a JPEG of this quality.
    """
    options = {} if quality is None else {"quality": quality}
    for job in jobs:
        try:
            done = Done(job, None, _do(method, job, seed, force, options))
        except Exception as error:  # whatever a decoder or a method raises: the next file is none the worse
            done = Done(job, in_words(error))
        yield done


def _do(method: "Method | Auto", job: Job, seed: int, force: bool, options: Mapping[str, Any]) -> "Injected | None":
    from imgredux.io import images
    from imgredux.maps import noise, visualize
    from imgredux.methods.base import Estimator

    existing = [str(path) for path in job.outputs if path.exists()]
    if existing and not force:
        raise ImgreduxError(f"{', '.join(existing)} exists already: only --force (force=True) overwrites it")
    image = images.open_image(job.input)
    result = method(image, **options)
    job.output.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(method, Estimator):
        write_image(job.output, result)
        return None
    write_map(job.output, result, method=method.label)
    if job.heatmap:
        write_image(job.heatmap, visualize.heatmap(result, bar=True))
    if job.overlay:
        write_image(job.overlay, visualize.overlay(image, result))
    if not job.injected:
        return None
    injected = noise.inject(image, result, job.mse, seed=seed)
    write_image(job.injected, injected.image)
    return injected._replace(image=None)
