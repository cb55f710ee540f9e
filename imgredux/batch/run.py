"""One estimator or restorer over many files: what `imgredux run` does.

    work = Run("wei2009", heatmap=True)
    for result in engine.run(work, ["holiday"], "maps"):
        print(result.input, result.error or result.outputs)

Imports no torch of its own.
"""

import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from imgredux import dispatch, registry
from imgredux.batch.outputs import Target
from imgredux.batch.record import digest
from imgredux.batch.work import Work
from imgredux.errors import ImgreduxError
from imgredux.io.files import FORMATS, atomic, carried_by, write_image
from imgredux.io.inventory import told_of
from imgredux.io.opening import MAX_PIXELS
from imgredux.maps.files import WRITERS, write_map
from imgredux.methods.spec import AUTO, Kind

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from imgredux.dispatch import Auto
    from imgredux.methods.base import Method

Format = Literal["png", "npy", "tiff", "jpg"]


class Run(Work):
    """A method on an image: its map, or the restored image, as `{stem}.{method}.png`; companions share the stem.

    name: of an estimator or restorer, with a tag or without; "auto" for the best restorer of each file. format: of the
    outputs in a folder. heatmap, overlay: also the map in colors (`.heatmap.png`), and laid over the image
    (`.overlay.png`). inject_mse, seed: also the image with noise of this MSE (`.mse26.8.png`). quality: a restorer
    takes every image for a JPEG of this quality. max_growth: a restored JPEG that is written as JPEG has at most so
    many times the bytes it had; what was not touched is copied. ppd, peak: viewing conditions at which a map's 1.0 is
    one JOD, as `imgredux.get` has them. weights: a file of the user's. device: where to compute. max_pixels: larger
    images are refused.

    Raises ImgreduxError for a codec, a format that the kind of method does not write, companions or viewing conditions
    of a restorer, a target MSE not above 0, and what `imgredux.info` raises.
    """

    def __init__(
        self,
        name: str,
        *,
        format: Format | None = None,
        heatmap: bool = False,
        overlay: bool = False,
        inject_mse: float | None = None,
        seed: int = 0,
        quality: int | None = None,
        max_growth: float | None = None,
        ppd: float | None = None,
        peak: float | None = None,
        weights: str | PathLike | None = None,
        device: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.name, self.weights, self.device, self.max_pixels = name, weights, device, max_pixels
        if name == AUTO and weights is not None:
            raise ImgreduxError("auto chooses among methods: weights are of one of them, name it")
        base = name.partition(".")[0]
        if name == AUTO:
            dispatch.choices()  # an error now, rather than for each file
        self.kind: Kind = "restorer" if name == AUTO else registry.info(base).spec.kind
        self.heatmap, self.overlay, self.mse, self.seed, self.quality = heatmap, overlay, inject_mse, seed, quality
        self.max_growth = max_growth
        self.viewing = {key: value for key, value in (("ppd", ppd), ("peak", peak)) if value is not None}
        self._check(format, heatmap or overlay or inject_mse is not None)
        self.format = format or "png"
        self.formats = [*(WRITERS if self.kind == "estimator" else FORMATS)]
        if format is not None:
            self.formats = [suffix for suffix in self.formats if suffix.startswith(f".{format[:3]}")]
        self.methods = () if name == AUTO else (base,)
        self.task = f"run {name}"
        self.settings = {
            "format": self.format,
            "companions": (heatmap, overlay, inject_mse, seed if inject_mse is not None else None),
            "quality": quality,
            **({} if max_growth is None else {"max_growth": max_growth}),
            **self.viewing,
            "weights": _digests(base, weights) if name != AUTO else None,
        }
        self._method: Method | Auto | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_method": None}  # every process loads its own

    def _check(self, format: Format | None, companions: bool) -> None:
        if self.kind == "codec":
            raise ImgreduxError("run takes estimators and restorers: a codec makes streams, not images")
        if self.kind == "restorer" and (companions or format == "npy"):
            what = "maps to show or to inject" if companions else "arrays"
            raise ImgreduxError(f"a restorer gives images, no {what}")
        if self.kind == "restorer" and self.viewing:
            raise ImgreduxError("ppd and peak are of an estimator's map: leave them out")
        if self.kind == "estimator" and format == "jpg":
            raise ImgreduxError("a map is written as png, npy or tiff")
        if self.max_growth is not None and not (self.kind == "restorer" and 1 <= self.max_growth < float("inf")):
            raise ImgreduxError("max_growth is of a restored JPEG: give 1 or more, as 1.5")
        if self.kind == "estimator" and self.quality is not None:
            raise ImgreduxError("a quality is of the JPEG that a restorer undoes: leave it out")
        if self.mse is not None and not 0 < self.mse < float("inf"):
            raise ImgreduxError(f"the MSE to inject is {self.mse:g}: give a number above 0, in squared grey levels")

    def start(self) -> None:
        if self._method is None:
            self._method = _loaded(self.name, self.device, self.weights, self.viewing)

    def may_make(self, place: PurePosixPath, original: PurePosixPath) -> list[str]:
        return [f"{place}{self._main}", *(f"{place}.{self.name}{suffix}" for suffix in self._companions)]

    @property
    def _main(self) -> str:
        return f".{self.name}.{self.format}"

    @property
    def _companions(self) -> list[str]:
        injected = f".mse{self.mse:g}.png" if self.mse is not None else None
        named = (self.heatmap and ".heatmap.png", self.overlay and ".overlay.png", injected)
        return [suffix for suffix in named if suffix]

    def do(self, path: Path, target: Target) -> dict[str, Any]:
        """Gives what is known of injected noise: `phi`, `mse`, `reached`, and `target`, its MSE.

        Of a JPEG restored into a JPEG within `max_growth`: `growth` of its bytes, and `survives`, the share of the
        restoration's squared change that the new file has; both are 1 for a file that was copied.
        """
        import numpy as np

        from imgredux.io import decoding, deep, images
        from imgredux.io.upright import statements
        from imgredux.maps import noise, visualize

        def whole(made: "Image.Image | np.ndarray") -> "Image.Image":
            """An array is what 16 bits a channel give, without what goes with it. A map's image is sRGB."""
            if not isinstance(made, np.ndarray):
                return made
            kept = {*images.KEPT} - ({"icc_profile"} if self.kind == "estimator" else set())
            return deep.as_image(made, {key: value for key, value in statements(image).items() if key in kept})

        assert self._method is not None  # `start` was called
        # All names are looked at before anything is computed.
        output = target.main(self._main)
        paths = {suffix: target.beside(f".{self.name}", suffix) for suffix in self._companions}
        image = decoding.open_image(path, max_pixels=self.max_pixels)
        options: Mapping[str, Any] = {} if self.quality is None else {"quality": self.quality}
        result = self._method(image, **options)
        if self.kind == "restorer":
            lost = told_of(path.read_bytes(), str(image.format), carried_by(output))
            if lost:
                warnings.warn(lost, stacklevel=1)
            made = whole(result)
            if self.max_growth is not None and FORMATS[output.suffix.lower()] == "JPEG" == image.format:
                return _written_within(path, made, output, self.max_growth)
            write_image(output, made)
            return {}
        write_map(output, result, method=self.name)
        if self.heatmap:
            write_image(paths[".heatmap.png"], visualize.heatmap(result, bar=True))
        if self.overlay:
            write_image(paths[".overlay.png"], visualize.overlay(image, result))
        if self.mse is None:
            return {}
        injected = noise.inject(image, result, self.mse, seed=self.seed)
        write_image(paths[f".mse{self.mse:g}.png"], whole(injected.image))
        return {"phi": injected.phi, "mse": injected.mse, "reached": injected.reached, "target": self.mse}


def _written_within(path: Path, restored: "Image.Image", output: Path, growth: float) -> dict[str, Any]:
    """The file of a restored JPEG, of at most `growth` times the bytes; a copy where nothing was to be mended."""
    import numpy as np

    from imgredux.io import decoding, within
    from imgredux.io.upright import upright

    data = path.read_bytes()
    before, after = (np.asarray(one).astype(np.float32) for one in (upright(decoding.open_image(path)), restored))
    changed = float(np.square(before - after).mean()) if before.shape == after.shape else float("inf")
    if changed == 0:
        with atomic(output) as temporary:
            temporary.write_bytes(data)
        return {"growth": 1.0, "survives": 1.0}
    found = within.jpeg_within(restored, int(growth * len(data)))
    with atomic(output) as temporary:
        temporary.write_bytes(found.data)
    survives = 1 - found.mse / changed
    return {"growth": len(found.data) / len(data), "survives": survives, "jpeg_quality": found.quality}


def _digests(name: str, weights: str | PathLike | None) -> str | dict[str, str]:
    if weights is not None and Path(weights).is_file():
        return digest(Path(weights))
    return {tag: entry["sha256"] for tag, entry in registry.info(name).weights.items()}


def _loaded(
    name: str, device: str | None, weights: str | PathLike | None, viewing: Mapping[str, float]
) -> "Method | Auto":
    try:
        if name == AUTO:
            import torch

            torch.empty(0, device=device)  # is it there?
            return dispatch.Auto(device)
        return registry.get(name, device, weights, **viewing)
    except (RuntimeError, AssertionError) as error:  # what torch raises for a device it lacks
        if device is None:
            raise
        raise ImgreduxError(f"the device {device!r} cannot be used: {error}") from error
