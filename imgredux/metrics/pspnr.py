"""PSPNR of Chou and Li, IEEE TCSVT 5(6), 1995: the PSNR of what the eye sees of an error."""

from torch import Tensor

from imgredux.errors import ImageError
from imgredux.metrics.pairs import decibels, measured
from imgredux.ops.precision import widest


@measured()
def pspnr(image: Tensor, reference: Tensor, jnd: Tensor) -> Tensor:
    """Peak signal-to-perceptible-noise ratio of each image, in dB: `(B,)` float64, infinite when no error is visible.

    image, reference: `(B, C, H, W)` in [0, 1]. jnd: the visibility thresholds `(B, 1, H, W)` or `(B, C, H, W)` in the
    same units, as an estimator gives them for the reference; an error up to its threshold does not count, and a larger
    error counts by its excess. The mean is over all pixels and channels: a map of zeros gives PSNR.

    Differentiable; the gradient is 0 where no error is visible.

    Raises ImageError when the shapes do not fit, or the map is below 0 or NaN somewhere.
    """
    batch, channels, height, width = image.shape
    if jnd.shape not in {(batch, 1, height, width), (batch, channels, height, width)}:
        raise ImageError(f"the map is {tuple(jnd.shape)} for images of {tuple(image.shape)}; give (B, 1 or C, H, W)")
    if not bool((jnd >= 0).all()):
        raise ImageError("the map is negative or NaN somewhere; thresholds are distances, at least 0")
    wide = widest(image)
    excess = ((image.to(wide) - reference.to(wide)).abs() - jnd).clamp(min=0)
    return decibels(excess.square().mean((1, 2, 3)))
