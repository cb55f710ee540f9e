"""The contract of methods: Method > Estimator (Restorer in `restorer`, Codec in `codec`). Authors write `forward`."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from imgredux import ops
from imgredux.errors import ImageError, ImgreduxError, PluginError
from imgredux.io import images
from imgredux.io.given import ImageFile
from imgredux.io.images import ImageLike, Source
from imgredux.kernels import traced
from imgredux.methods.showing import in_two_lines
from imgredux.methods.spec import Spec
from imgredux.methods.tiling import in_tiles, pad
from imgredux.methods.viewing import Viewing, change
from imgredux.methods.weights import read_safetensors
from imgredux.ops.precision import full_precision

HALVES = (torch.float16, torch.bfloat16)
LARGE = 2**20  # pixels: beyond it, images that are no tensors are computed in tiles


class Method(nn.Module, ABC):
    """What every method has: one call that takes an image in any form.

    `imgredux.create` and `get` set `spec`; `tag` and `digest` name the weights it was given. chooses: these were the
    default ones, and nobody asked for them; `other_tag` then loads the method with others.
    """

    tag: str = ""
    digest: bytes = bytes(8)
    chooses: bool = False
    other_tag: "Callable[[str], Method] | None" = None
    _spec: Spec | None = None
    _place: Tensor
    _reads_stored = False

    def __init__(self) -> None:
        super().__init__()
        # Remembers device and dtype of a method without parameters.
        self.register_buffer("_place", torch.zeros(0), persistent=False)

    @property
    def spec(self) -> Spec:
        """The method's declaration. Raises ImgreduxError when it was not built through the registry."""
        if self._spec is None:
            name = type(self).__name__
            raise ImgreduxError(f"{name} has no declaration yet: build it with imgredux.create() or get()")
        return self._spec

    @spec.setter
    def spec(self, spec: Spec) -> None:
        self._spec = spec

    @property
    def label(self) -> str:
        """Name and tag, as in `"d2lnet.q10"`."""
        return f"{self.spec.name}.{self.tag}".rstrip(".")

    def __repr__(self) -> str:
        return in_two_lines(self)

    @overload
    def __call__(self, image: Tensor, /, **options: Any) -> Any: ...
    @overload
    def __call__(self, image: np.ndarray, /, **options: Any) -> np.ndarray: ...
    @overload
    def __call__(self, image: Image.Image | ImageFile, /, **options: Any) -> Any: ...
    def __call__(self, image: ImageLike | Tensor, /, **options: Any) -> Any:
        """Run the method on an image; what is passed in decides what comes back (`docs/reference/contract.md`).

        A tensor `(B, C, H, W)` or `(C, H, W)`, floating, in [0, 1], goes to `forward` as it is, padded to legal sizes
        and cropped back; it alone carries gradients and batches, and its range is not checked. Anything else is read,
        moved to the method's device, and given back in its own form without gradients.

        Raises ImageError.
        """
        return self._on_tensor(image, **options) if isinstance(image, Tensor) else self.adapt(image, options)

    def adapt(self, image: ImageLike, options: Mapping[str, Any], tile: int | None = None) -> Any:
        """The call for an image that is no tensor, in tiles of this side; None: the Spec's, where it is large.

        Raises ImageError.
        """
        with torch.no_grad():
            source, x, extra = self.take(image)
            return self.give(source, self._computed(x, {**extra, **options}, tile))

    @classmethod
    def read_weights(cls, path: Any) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Constructor options and state dict from a user's file; override it to read an author's format safely."""
        return read_safetensors(path)

    def take(self, image: ImageLike) -> tuple[Source, Tensor, dict[str, Any]]:
        """An image that is no tensor: what was read, its planes on the method's device, keywords for `forward`."""
        source = images.read(image, stored=self._reads_stored)
        return source, source.x.to(self._place), self._options(source)

    def _options(self, source: Source) -> dict[str, Any]:
        """Keywords that the image itself supplies to `forward`."""
        return {}

    def give(self, source: Source, result: Any) -> Any:
        """A result of `forward` in the form the image came in."""
        return source.give_image(result)

    def _computed(self, x: Tensor, options: Mapping[str, Any], tile: int | None) -> Any:
        """The result on planes that an image was read as: whole, or in tiles."""
        local = self.spec.context is not None and self.spec.kind != "codec"
        if tile is None and local and x.shape[-2] * x.shape[-1] > LARGE:
            tile = self.spec.tile
        result = self._on_tensor(x, **options) if tile is None else tiled(self, x, tile, **options)
        self._check_result(result, x)
        return result

    def _check_result(self, result: Any, x: Tensor) -> None:
        """Raise PluginError for a result that is none: of another size, or with values that are not finite."""
        y = result[0] if isinstance(result, tuple) else result
        if (
            not isinstance(y, Tensor)
            or y.ndim != 4
            or y.shape[-2:] != x.shape[-2:]
            or y.shape[1] not in (1, x.shape[1])
        ):
            shape = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
            raise PluginError(f"{self.label} gave {shape} for an image of {tuple(x.shape)}: that is no result")
        if not bool(y.isfinite().all()):
            raise PluginError(f"{self.label} gave values that are not finite: that is no result")

    def _on_tensor(self, x: Tensor, **options: Any) -> Any:
        """`forward` on a checked and padded batch, its result cropped to the size that came in."""
        self._check(x)
        batch = x[None] if x.ndim == 3 else x
        padded = pad(self._fit_channels(batch), self.spec.multiple_of, self.spec.minimum)
        with nullcontext() if self.training or self.spec.half else full_precision(x):
            try:
                result = super().__call__(padded, **options)
            except (ArithmeticError, RuntimeError, ValueError) as error:
                if isinstance(error, ImgreduxError) or traced() or bool(x.isfinite().all()):
                    raise
                raise ImageError(f"the image holds NaN or infinity, which {self.label} cannot judge") from error
        return self._crop(result, batch, squeeze=x.ndim == 3)

    def _crop(self, result: Any, batch: Tensor, squeeze: bool) -> Any:
        """The result's rows, columns and planes that the batch has."""
        result = result[..., : batch.shape[-2], : batch.shape[-1]]
        if batch.shape[1] == 1 and result.shape[1] == 3:
            result = result.mean(1, keepdim=True)
        return result[0] if squeeze else result

    def _check(self, x: Tensor) -> None:
        """Rank, dtype, channels and promises of the declaration; values are not looked at (no device sync)."""
        spec = self.spec
        if x.ndim not in (3, 4) or 0 in x.shape:
            raise ImageError(f"tensor of shape {tuple(x.shape)}: pass (B, C, H, W) or (C, H, W), no side empty")
        if x.shape[-3] not in (1, 3):
            hint = " Move the channels first: x.movedim(-1, -3)" if x.shape[-1] in (1, 3, 4) else ""
            raise ImageError(f"tensor of shape {tuple(x.shape)}: C must be 1 or 3.{hint}")
        if not x.is_floating_point():
            raise ImageError(f"tensor of dtype {x.dtype}: pass floating values in [0, 1], as x.float() / 255 of uint8")
        if x.dtype in HALVES and not spec.half:
            raise ImageError(f"{spec.name} computes in float32, not {x.dtype}: pass x.float()")
        if x.dtype != self._place.dtype and next(self.parameters(), None) is not None:
            raise ImageError(f"{spec.name} has weights in {self._place.dtype}, the tensor is {x.dtype}: convert one")
        if x.requires_grad and torch.is_grad_enabled() and not spec.differentiable:
            raise ImageError(f"{spec.name} is not differentiable: pass x.detach()")

    def _fit_channels(self, x: Tensor) -> Tensor:
        """x with a channel count that `forward` takes: grey is repeated, colour is refused where it does not fit."""
        if x.shape[1] in self.spec.channels:
            return x
        if x.shape[1] == 1:
            return x.expand(-1, 3, -1, -1)
        raise ImageError(f"{self.spec.name} takes greyscale images only: convert it, as image.convert('L') in Pillow")


class Estimator(Method):
    """A JND model: how far each pixel may move before the eye sees it.

    viewing: the conditions at which its map's 1.0 is one JOD, by `calibrate`; None: as the model has it.
    """

    viewing: Viewing | None = None

    if TYPE_CHECKING:  # what a call gives; the code is that of `Method`

        @overload
        def __call__(self, image: Tensor, /, **options: Any) -> Tensor: ...
        @overload
        def __call__(self, image: np.ndarray, /, **options: Any) -> np.ndarray: ...
        @overload
        def __call__(self, image: Image.Image | ImageFile, /, **options: Any) -> np.ndarray: ...
        def __call__(self, image: ImageLike | Tensor, /, **options: Any) -> Any: ...

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """The JND map of a batch.

        x: `(B, C, H, W)` in [0, 1]. Returns `(B, 1, H, W)`, one threshold for all channels, or `(B, C, H, W)`: finite,
        not negative, in the units of x. A transform-domain model also has `thresholds(x)`: `(B, H/8, W/8, 8, 8)` in
        units of the orthonormal DCT of luma in 0..255.
        """
        raise NotImplementedError

    @property
    def jod(self) -> float:
        """The factor that calibrates the map: noise of `jod` times it is one just-objectionable difference, about.

        ColorVideoVDP said so of training images, at 37.8 pixels per degree and 200 cd/m2; docs/results/estimators.md
        has the spread between images. No observer was asked. 1 where the map has it already, by `calibrate`.

        Raises ImgreduxError where nobody measured it, as for a user's weights.
        """
        if self.viewing is not None:
            return 1.0
        if self.tag not in self.spec.jod:
            raise ImgreduxError(f"{self.label} is not calibrated: no factor to one JOD was measured for it")
        return self.spec.jod[self.tag]

    def calibrate(self, ppd: float, peak: float) -> None:
        """Let a map's 1.0 be one JOD at these pixels per degree and cd/m2 of white; `imgredux.get(..., ppd=)` does so.

        What a call gives is multiplied by `jod` and by how that changes with the conditions, which is alike for all
        maps to a factor of 1.3. The model's own `thresholds` stay as they are. Raises ImgreduxError where `jod` does,
        at conditions that were not measured, and for a second calibration.
        """
        if self.viewing is not None:
            raise ImgreduxError(f"{self.label} is calibrated already, at {self.viewing.ppd:g} pixels per degree")
        viewing = Viewing(ppd, peak)
        factor = self.jod * change(viewing)
        self.viewing = viewing
        self.register_forward_hook(partial(_scaled, factor))

    def give(self, source: Source, result: Tensor) -> np.ndarray:
        return source.give_map(result)

    def _fit_channels(self, x: Tensor) -> Tensor:
        return ops.luma(x) if x.shape[1] == 3 and 3 not in self.spec.channels else super()._fit_channels(x)


def _scaled(factor: float, method: nn.Module, given: tuple[Any, ...], jnd: Tensor) -> Tensor:
    """A forward hook: what a call gives, calibrated."""
    return factor * jnd


@overload
def tiled(method: Method, image: Tensor, tile: int | None = None, **options: Any) -> Tensor: ...
@overload
def tiled(method: Method, image: np.ndarray, tile: int | None = None, **options: Any) -> np.ndarray: ...
@overload
def tiled(method: Estimator, image: ImageLike, tile: int | None = None, **options: Any) -> np.ndarray: ...
@overload
def tiled(method: Method, image: ImageLike, tile: int | None = None, **options: Any) -> Any: ...
def tiled(method: Method, image: ImageLike | Tensor, tile: int | None = None, **options: Any) -> Any:
    """The method's result on the whole image, computed tile by tile in bounded memory.

    tile: side of a tile in pixels; None: the Spec's. Takes and gives what calling the method does, and gives the same
    values: for methods whose `Spec.context` says how far a pixel looks. Raises ImgreduxError for a method that needs
    the whole image.
    """
    spec = method.spec
    if spec.context is None or spec.kind == "codec":
        raise ImgreduxError(f"{spec.name} works on the whole image and cannot run in tiles: call it directly")
    tile = spec.tile if tile is None else tile
    if not isinstance(image, Tensor):
        return method.adapt(image, options, tile)

    def run(part: Tensor) -> Tensor:
        return method(part, **options)

    # A tile is never smaller than what forward sees of a whole image: the halo makes up for it.
    halo = max(spec.context, spec.minimum - 1)
    return in_tiles(run, image, tile, math.lcm(spec.multiple_of, 16), halo)
