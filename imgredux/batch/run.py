"""Many files through one method: what each output is called, and each file done or failed on its own.

    jobs = plan(["holiday"], "maps", "wei2009", heatmap=True)
    for done in run(imgredux.get("wei2009"), jobs):
        print(done.input, done.error or "ok")

Imports no torch: planning, and its errors, cost nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imgredux.batch.outputs import FileResult, check_folder, check_names, is_single
from imgredux.errors import ImgreduxError, in_words
from imgredux.io import files
from imgredux.io.files import write_image
from imgredux.io.finding import find_images
from imgredux.maps import files as maps
from imgredux.maps.files import write_map
from imgredux.methods.spec import Kind

if TYPE_CHECKING:
    from imgredux.dispatch import Auto
    from imgredux.methods.base import Method

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
    if is_single(found, inputs, target):
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
    check_names((job.input, job.outputs) for job in jobs)
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
    check_folder(target, {*files.FORMATS, *maps.WRITERS})
    if target.resolve() in {Path(path).resolve() for path in inputs}:
        raise ImgreduxError(f"{target} is the folder that is read: the next run would take maps for images")


def run(
    method: "Method | Auto", jobs: Iterable[Job], *, seed: int = 0, force: bool = False, quality: int | None = None
) -> Iterator[FileResult]:
    """Do the jobs one by one, as the results are asked for; a job that fails is reported and the next one begins.

    Every file appears whole or not at all. seed: of the injected noise. force: overwrite existing files, which is an
    error otherwise. quality: a restorer takes every image for a JPEG of this quality.
    """
    options = {} if quality is None else {"quality": quality}
    for job in jobs:
        try:
            done = FileResult(job.input, tuple(job.outputs), _do(method, job, seed, force, options))
        except Exception as error:  # whatever a decoder or a method raises: the next file is none the worse
            done = FileResult(job.input, error=in_words(error))
        yield done


def _do(method: "Method | Auto", job: Job, seed: int, force: bool, options: Mapping[str, Any]) -> dict[str, Any]:
    """Write a job's files. Gives what is known of injected noise: `phi`, `mse`, `reached`, and `target`, its MSE."""
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
        return {}
    write_map(job.output, result, method=method.label)
    if job.heatmap:
        write_image(job.heatmap, visualize.heatmap(result, bar=True))
    if job.overlay:
        write_image(job.overlay, visualize.overlay(image, result))
    if not job.injected:
        return {}
    injected = noise.inject(image, result, job.mse, seed=seed)
    write_image(job.injected, injected.image)
    return {"phi": injected.phi, "mse": injected.mse, "reached": injected.reached, "target": job.mse}
