"""JND-guided noise: `I' = round(clip(I + phi r J))`, with phi such that the noise has a given mean squared error.

This shows what a map is worth: of two maps at the same MSE, the better one hides the noise better.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from imgredux.errors import ImageError
from imgredux.io import images
from imgredux.io.images import ImageLike, Source
from imgredux.maps.showing import figure, png
from imgredux.ops.dct import idct
from imgredux.ops.precision import widest
from imgredux.ops.strips import strip_rows

TOLERANCE = 0.005  # of the target MSE
BRACKET = 1e-4  # relative width at which the bisection ends
GROWTH = 8.0  # first upper end of the bracket, in units of phi0, and how it grows
LARGEST = GROWTH**9  # of phi0: what does not reach the target by then never will
BLOCK = 8

Delta = Callable[[int], Tensor]


class Injected(NamedTuple):
    """An image with noise in it, and how much.

    image: in the container of the image that came in. phi: the factor on the map.
    mse: realised mean squared error over all samples, squared grey levels of 0..255 whatever the container's depth.
    reached: mse is within 0.5 % of the target. For one image they are a float, a float and a bool; for a batch
    `(B, C, H, W)` tensors `(B,)` on the CPU, float64 and bool.
    """

    image: Any
    phi: float | Tensor
    mse: float | Tensor
    reached: bool | Tensor

    def _repr_png_(self) -> bytes | None:
        return png(self.image)

    def _repr_html_(self) -> str | None:
        data = png(self.image)
        if data is None:
            return None
        missed = "" if self.reached else ", not the one asked for"
        return figure(data, f"phi {self.phi:.4g}, MSE {self.mse:.4g}{missed}")


def inject(
    image: ImageLike | Tensor,
    jnd: np.ndarray | Tensor,
    mse: float,
    *,
    seed: int = 0,
    signs: np.ndarray | Tensor | Sequence | None = None,
    rounding: bool = True,
) -> Injected:
    """Noise of a given MSE, shaped by a JND map: `I' = round(clip(I + phi r J))`, r = +1 or -1 per pixel.

    image: any container of the contract; a tensor `(B, C, H, W)` or `(C, H, W)` in [0, 1], float32 or float64.
    jnd: the map that an estimator returned for this image. A luma map moves R, G and B by the same amount. A map per
    channel moves each channel by its own amount. The sign is that of the pixel.
    mse: the target in squared grey levels of 0..255, over all samples of all channels; phi is found on the realised
    MSE of the rounded and clipped image, per image of a batch, to 0.5 % or a bracket of 1e-4.
    seed: of the signs, which are the same on every device. Image b of a batch uses seed + b.
    signs: +1 and -1, `(H, W)` for all images or `(B, H, W)`, in place of drawn signs: then several methods can use the
    same ones.
    rounding: to the levels of the container: 1/65535 for uint16, 1/255 otherwise. False turns rounding off, for floats
    only.

    Rounded images cannot have every MSE. A flat map moves every pixel by the same whole number of levels, so only the
    squares of integers (16, 25, 36) are possible. When only few pixels have a threshold, they limit the MSE. Then the
    nearest MSE is returned with `reached` False. Alpha returns untouched; a palette or bilevel PIL image comes back as
    RGB or L; an image with an ICC profile is measured in sRGB. No gradients.

    Raises ImageError: a map of another shape, negative, not finite, or zero everywhere; mse not above 0; bad signs.
    Source: the protocol of the JND literature; start phi0 = sqrt(mse / mean(J^2)), then bisection.
    """
    with torch.no_grad():
        source, x = _take(image, mse, rounding)
        maps = _maps(jnd, source, x, isinstance(image, Tensor) and image.ndim == 3)
        unit = 255.0 / source.peak if source else 255.0
        field = _signs(signs, seed, (len(x), x.shape[-2], x.shape[-1]))
        return _give(image, source, x, lambda b: maps[b].to(x) * field(b).to(x.device) * unit, mse, rounding)


def inject_dct(
    image: ImageLike | Tensor,
    thresholds: np.ndarray | Tensor,
    mse: float,
    *,
    seed: int = 0,
    signs: np.ndarray | Tensor | Sequence | None = None,
    rounding: bool = True,
) -> Injected:
    """Noise of a given MSE, shaped in the DCT domain: `C' = C + phi r T` on the 8x8 block DCT of luma.

    thresholds: `(B, H/8, W/8, 8, 8)`, or without B for one image, sizes rounded up, in units of the orthonormal DCT of
    luma in 0..255 whatever the container: what `.thresholds()` of an estimator gives.
    signs: as for `inject`, one per coefficient, each at its place in its block: `(H, W)` rounded up to multiples of 8.
    The change of luma is added to R, G and B alike and cropped to the image. The rest, errors too, is as in `inject`.
    """
    with torch.no_grad():
        source, x = _take(image, mse, rounding)
        t = thresholds if isinstance(thresholds, Tensor) else _from_numpy(thresholds)
        t = t[None] if t.ndim == 4 else t
        rows, columns = (math.ceil(n / BLOCK) for n in x.shape[-2:])
        wanted = (len(x), rows, columns, BLOCK, BLOCK)
        if t.shape != wanted:
            raise ImageError(f"thresholds of shape {tuple(t.shape)} for an image that needs {wanted}")
        field = _signs(signs, seed, (len(x), BLOCK * rows, BLOCK * columns))

        def delta(b: int) -> Tensor:
            # The DCT is linear: the inverse of phi r T is added to the pixels, C itself is not needed.
            plane = t[b].to(x).transpose(1, 2).reshape(1, 1, BLOCK * rows, BLOCK * columns)
            plane = plane * field(b).to(x.device)
            return idct(plane, BLOCK, out=plane)[0, :, : x.shape[-2], : x.shape[-1]]

        _check_map(t)
        return _give(image, source, x, delta, mse, rounding)


def _take(image: ImageLike | Tensor, mse: float, rounding: bool) -> tuple[Source | None, Tensor]:
    """The image as a batch `(B, C, H, W)`, with the Source of anything but a tensor."""
    if not (math.isfinite(mse) and mse > 0):
        raise ImageError(f"mse is {mse}: give a finite number above 0, in squared grey levels of 0..255")
    if isinstance(image, Tensor):
        if image.dtype not in (torch.float32, torch.float64):
            raise ImageError(f"tensor of dtype {image.dtype}: noise needs float32 or float64 in [0, 1]")
        if image.ndim not in (3, 4) or image.shape[-3] not in (1, 3) or 0 in image.shape:
            raise ImageError(f"tensor of shape {tuple(image.shape)}: pass (B, C, H, W) or (C, H, W), C of 1 or 3")
        return None, image[None] if image.ndim == 3 else image
    source = images.read(image)
    if source.dtype == np.float16:
        raise ImageError("a float16 array does not hold the 256 levels: pass float32")
    if not rounding and source.dtype.kind == "u":
        raise ImageError(f"{source.dtype} holds whole levels: pass floats in [0, 1] for rounding=False")
    if source.mode in ("1", "P"):  # they could not hold the noise
        source = replace(source, mode="RGB" if source.rank == 3 else "L")
    return source, source.x


def _maps(jnd: np.ndarray | Tensor, source: Source | None, x: Tensor, single: bool) -> Tensor:
    """The map as `(B, 1 or C, H, W)`, checked."""
    wanted = Tensor if source is None else np.ndarray
    if not isinstance(jnd, wanted):
        raise ImageError(f"the map is a {type(jnd).__name__}, for this image an estimator gives a {wanted.__name__}")
    maps = jnd if isinstance(jnd, Tensor) else _from_numpy(jnd)
    if source is not None and maps.ndim in (2, 3):
        maps = maps[None, None] if maps.ndim == 2 else maps.movedim(-1, 0)[None]
    elif single and maps.ndim == 3:
        maps = maps[None]
    if maps.shape not in ((len(x), 1, *x.shape[-2:]), x.shape):
        raise ImageError(f"a map of shape {tuple(jnd.shape)} does not fit {_shape(source, x, single)}")
    _check_map(maps)
    return maps


def _shape(source: Source | None, x: Tensor, single: bool) -> str:
    if source is None:
        return f"an image of shape {tuple(x.shape[1:] if single else x.shape)}"
    return f"an image of shape {(*x.shape[-2:], x.shape[1]) if source.rank == 3 else tuple(x.shape[-2:])}"


def _from_numpy(array: Any) -> Tensor:
    return torch.from_numpy(np.require(array, np.float32, ["C", "W"]))


def _check_map(maps: Tensor) -> None:
    for b, one in enumerate(maps):
        low, high = (value.item() for value in torch.aminmax(one))
        if not (low >= 0 and math.isfinite(high)):  # NaN fails both
            raise ImageError(f"the map has values from {low:g} to {high:g}: thresholds are finite and not negative")
        if high == 0:
            which = f" of image {b}" if len(maps) > 1 else ""
            raise ImageError(f"the map{which} is zero everywhere: no noise can be added, whatever the factor")


def _signs(signs: Any, seed: int, shape: tuple[int, int, int]) -> Delta:
    """The sign field `(H, W)` of each image, int8."""
    if signs is None:
        return lambda b: _drawn(seed + b, *shape[1:])
    array = signs.detach().cpu().numpy() if isinstance(signs, Tensor) else np.asarray(signs)
    if array.shape not in (shape, shape[1:]):
        raise ImageError(f"signs of shape {array.shape}: give {shape[1:]} or {shape}")
    if not (np.abs(array) == 1).all():
        raise ImageError("signs must be +1 and -1")
    fields = torch.from_numpy(array.astype(np.int8))
    return lambda b: fields[b] if fields.ndim == 3 else fields


def _drawn(seed: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, (height, width), generator=generator, dtype=torch.int8).mul_(2).sub_(1)


def signs_of(seed: int, height: int, width: int) -> np.ndarray:
    """The signs that `inject` draws for one image: +1 and -1, int8 `(H, W)`, the same on every device."""
    return _drawn(seed, height, width).numpy()


def _give(
    image: ImageLike | Tensor, source: Source | None, x: Tensor, delta: Delta, mse: float, rounding: bool
) -> Injected:
    """The noise in every image of the batch; `delta(b)` is its shape, `(1 or C, H, W)` in grey levels."""
    peak = source.peak if source and source.peak > 1 else 255.0
    out = x * peak if source is None else x.mul_(peak)  # what was read from a container is ours to change
    if source and source.dtype.kind == "u":
        out.round_()
    found = [_add(levels, delta(b), mse, peak, rounding) for b, levels in enumerate(out)]
    out.div_(peak)
    if isinstance(image, Tensor) and image.ndim == 4:
        phi, realized, reached = zip(*found, strict=True)
        double = torch.float64
        return Injected(
            out, torch.tensor(phi, dtype=double), torch.tensor(realized, dtype=double), torch.tensor(reached)
        )
    return Injected(out[0] if source is None else source.give_image(out), *found[0])


def _add(levels: Tensor, delta: Tensor, target: float, peak: float, rounding: bool) -> tuple[float, float, bool]:
    """Add phi times delta to one image, in place. Returns phi, the realised MSE, and whether it is the target's.

    levels: `(C, H, W)` in 0..peak. delta: `(1 or C, H, W)` in grey levels of 0..255.
    """
    rows = strip_rows(levels)
    strips = list(zip(levels.split(rows, 1), delta.mul_(peak / 255).split(rows, 1), strict=True))

    def moved(strip: Tensor, noise: Tensor, phi: float) -> Tensor:
        result = torch.add(strip, noise, alpha=phi).clamp_(0, peak)
        return result.round_() if rounding else result

    def realized(phi: float) -> float:
        total = sum(_energy(moved(strip, noise, phi).sub_(strip)) for strip, noise in strips)
        return total / levels.numel() * (255 / peak) ** 2

    power = sum(_energy(noise.clone()) for _, noise in strips) / delta.numel() * (255 / peak) ** 2
    phi, mse = _search(realized, math.sqrt(target / power), target)
    for strip, noise in strips:
        strip.copy_(moved(strip, noise, phi))
    return phi, mse, _near(mse, target)


def _energy(x: Tensor) -> float:
    """Sum of squares; x is overwritten."""
    return x.square_().sum(dtype=widest(x)).item()


def _near(mse: float, target: float) -> bool:
    return abs(mse - target) <= TOLERANCE * target


def _search(realized: Callable[[float], float], start: float, target: float) -> tuple[float, float]:
    """The phi whose MSE is nearest to the target, with that MSE. `realised` does not decrease with phi."""
    low, high, phi = 0.0, math.inf, start
    tried: dict[float, float] = {}
    while high == math.inf or high - low > BRACKET * high:
        mse = tried[phi] = realized(phi)
        if math.isnan(mse):
            raise ImageError("the image holds NaN or infinity: mend it first")
        if _near(mse, target):
            break
        low, high = (phi, high) if mse < target else (low, phi)
        guess = phi * math.sqrt(target / mse) if mse else 0.0
        if len(tried) < 4 and low < guess < min(high, GROWTH * start):  # the MSE grows with phi^2, but for clipping
            phi = guess
        elif high < math.inf:
            phi = (low + high) / 2
        elif low < LARGEST * start:
            phi = GROWTH * max(low, start)
        else:
            break
    phi = min(tried, key=lambda one: abs(tried[one] - target))
    return phi, tried[phi]
