"""What every metric of two images does alike: the checks, full precision, and NaN where the score cannot be known."""

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from imgredux.errors import ImageError
from imgredux.ops.precision import full_precision

Score = TypeVar("Score", bound=Callable[..., Tensor])
FAR = 0.5  # beyond [0, 1]: more is no image in these units


def measured(smallest: int = 1, channels: Collection[int] = ()) -> Callable[[Score], Score]:
    """Make a function of two checked images a metric: `(image, reference, ...) -> (B,)`.

    The function gets images as `matched` gives them, outside of autocast. Where an image or its reference holds a NaN
    or an infinity, the score is NaN. smallest: the shorter side, in pixels, that it needs. channels: C; empty: any.

    With `strict=True`, values far beyond [0, 1] are an ImageError; the device is waited for.
    """

    def decorate(function: Score) -> Score:
        @wraps(function)
        def metric(image: Tensor, reference: Tensor, *args: Any, strict: bool = False, **options: Any) -> Tensor:
            image, reference = matched(image, reference, smallest, channels)
            for x in (image, reference) if strict else ():
                _check_range(x)
            with full_precision(image):
                score = function(image, reference, *args, **options)
                sums = [x.detach().flatten(1).sum(1) for x in (image, reference)]
                return score + 0 * (sums[0] + sums[1]).to(score)  # 0, or NaN where either is not finite

        metric.__signature__ = _with_strict(function)  # type: ignore[attr-defined]
        return cast(Score, metric)

    return decorate


def matched(
    image: Tensor, reference: Tensor, smallest: int = 1, channels: Collection[int] = ()
) -> tuple[Tensor, Tensor]:
    """Two images `(B, C, H, W)`, checked, in the wider of their dtypes, at least float32.

    Raises ImageError unless both are floating point, of one shape, of one of `channels`, and no side is empty or below
    `smallest` pixels.
    """
    if image.shape != reference.shape or image.ndim != 4:
        raise ImageError(f"images of {tuple(image.shape)} and {tuple(reference.shape)}: give two equal (B, C, H, W)")
    for x in (image, reference):
        if not x.is_floating_point():
            raise ImageError(f"the image holds {x.dtype}; give floating point in [0, 1]: x.float() / 255 for 8 bits")
    _, planes, height, width = image.shape
    if min(height, width) < smallest:
        raise ImageError(f"the image is {height}x{width}; this metric needs at least {smallest}x{smallest} pixels")
    if planes == 0 or (channels and planes not in channels):
        wanted = " or ".join(map(str, sorted(channels))) or "1 or more"
        raise ImageError(f"the images have {planes} channels; this metric needs {wanted}")
    dtype = torch.promote_types(torch.promote_types(image.dtype, reference.dtype), torch.float32)
    return image.to(dtype), reference.to(dtype)


def decibels(error: Tensor, peak: float = 1.0) -> Tensor:
    """-10 log10 of a squared error over that of `peak`: infinite at 0, where the gradient is 0."""
    some = error > 0
    found = -10 * (torch.where(some, error, 1) / peak**2).log10()
    return torch.where(some | error.isnan(), found, torch.inf)


def _check_range(x: Tensor) -> None:
    low, high = (value.item() for value in x.detach().aminmax())
    if low < -FAR or high > 1 + FAR:
        raise ImageError(f"values from {low:g} to {high:g}: a metric takes images in [0, 1]; divide 8 bits by 255")


def _with_strict(function: Callable[..., Any]) -> inspect.Signature:
    known = inspect.signature(function)
    strict = inspect.Parameter("strict", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)
    return known.replace(parameters=[*known.parameters.values(), strict])
