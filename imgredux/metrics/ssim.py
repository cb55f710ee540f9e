"""SSIM of Wang et al. (IEEE TIP 13(4), 2004) and MS-SSIM of Wang, Simoncelli and Bovik (Asilomar 2003)."""

from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.kernels import native
from imgredux.metrics.pairs import matched, measured
from imgredux.ops.precision import widest

Window = Literal["gauss", "box8"]

C1, C2 = 0.01**2, 0.03**2  # (K L)^2 with L = 1: the published constants for images in [0, 1]
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the five scales of MS-SSIM, finest first
SMALLEST = 10 * 2 ** (len(WEIGHTS) - 1) + 1  # pixels: the coarsest scale holds a window of 11
_ROWS, _COLUMNS = 64, 32  # outputs of a strip and of a tile in it: what a strip needs stays in the cache


@measured()
def ssim(image: Tensor, reference: Tensor, *, window: Window = "gauss") -> Tensor:
    """Structural similarity of each image, at most 1: `(B,)` float64, the mean over the map and then the channels.

    image, reference: `(B, C, H, W)` in [0, 1]; the value is that of 0..255 with L = 255. Only windows inside the image
    count, moments are biased (divided by the number of samples), nothing is downsampled. To get the original's value
    for a colour image, pass its luma.
    window: "gauss" is 11x11 with sigma 1.5, the original's; "box8" is 8x8 and uniform, the other window that
    restoration tables use.

    Differentiable; without gradients, images on the CPU are processed in row strips, by compiled loops where they are
    installed (`imgredux[fast]`), the window is "gauss" and the type float32. float16 and bfloat16 are computed
    in float32. Raises ImageError for images of different shapes, or smaller than the window.
    """
    taps = _taps(window)
    matched(image, reference, len(taps))
    return _mean_map(image, reference, taps, luminance=True).mean(1)


@measured(SMALLEST)
def ms_ssim(image: Tensor, reference: Tensor) -> Tensor:
    """Multi-scale structural similarity of each image, in [0, 1]: `(B,)` float64, the mean over the channels.

    image, reference: `(B, C, H, W)` in [0, 1]. Five scales with the Gaussian window of `ssim`. Where the paper leaves a
    choice we take pytorch-msssim's: scales are 2x2 means; an odd side is padded with zeros at both ends (the original
    mirrors the last pixel); a mean below 0 at a scale counts as 0.

    Differentiable, also where a scale was cut to 0 (the gradient is 0 there). Raises ImageError for images of different
    shapes, or smaller than 161x161: the coarsest scale has a sixteenth of the side and must hold an 11x11 window.
    """
    means = _scale_means(image, reference)
    cut = means <= 0
    weights = means.new_tensor(WEIGHTS)[:, None, None]
    return torch.where(cut, 0, torch.where(cut, 1, means) ** weights).prod(0).mean(1)


def _scale_means(image: Tensor, reference: Tensor) -> Tensor:
    """Mean of each scale's map, `(5, B, C)`: contrast times structure, with luminance at the coarsest, last scale."""
    taps = _taps("gauss")
    means = []
    for _ in WEIGHTS[1:]:
        means.append(_mean_map(image, reference, taps, luminance=False))
        image, reference = _halve(image), _halve(reference)
    return torch.stack([*means, _mean_map(image, reference, taps, luminance=True)])


def _taps(window: Window) -> Tensor:
    if window == "box8":
        return torch.full((8,), 1 / 8, dtype=torch.float64)
    if window != "gauss":
        raise ValueError(f"window is {window!r}; choose gauss or box8")
    taps = torch.exp(-(torch.arange(-5, 6, dtype=torch.float64) ** 2) / (2 * 1.5**2))
    return taps / taps.sum()


def _halve(x: Tensor) -> Tensor:
    if kernel := native("ssim", x):
        half = x.new_empty(*x.shape[:2], -(-x.shape[2] // 2), -(-x.shape[3] // 2))
        for plane, out in zip(x.contiguous().flatten(0, 1), half.flatten(0, 1), strict=True):
            kernel.halve(plane.numpy(), out.numpy())
        return half
    return F.avg_pool2d(x, 2, padding=(x.shape[-2] % 2, x.shape[-1] % 2))


def _mean_map(image: Tensor, reference: Tensor, taps: Tensor, *, luminance: bool) -> Tensor:
    """Mean of the SSIM map of each plane, `(B, C)` float64; without `luminance`, of contrast times structure alone."""
    needs_gradient = torch.is_grad_enabled() and (image.requires_grad or reference.requires_grad)
    if needs_gradient or image.device.type != "cpu":
        return _plain(image, reference, taps.tolist(), luminance)
    if len(taps) == 11 and (kernel := native("ssim", image, reference)):
        return _compiled(kernel, image.flatten(0, 1), reference.flatten(0, 1), taps, luminance).view(image.shape[:2])
    return _in_strips(image.flatten(0, 1), reference.flatten(0, 1), taps, luminance).view(image.shape[:2])


def _compiled(kernel: ModuleType, xs: Tensor, ys: Tensor, taps: Tensor, luminance: bool) -> Tensor:
    """`_plain` of planes `(N, H, W)` with the Gaussian window, tile by tile on as many threads as torch has."""
    half = taps[5:].float().numpy()
    outputs = (xs.shape[1] - 10) * (xs.shape[2] - 10)
    planes = [(x.contiguous().numpy(), y.contiguous().numpy()) for x, y in zip(xs, ys, strict=True)]
    lefts = range(0, xs.shape[2] - 10, kernel.COLUMNS)

    def tile(task: tuple[tuple[np.ndarray, np.ndarray], int]) -> float:
        pair, left = task
        return kernel.tile(*pair, half, np.float32(C1), np.float32(C2), left)[luminance]

    tasks = [(pair, left) for pair in planes for left in lefts]
    with ThreadPoolExecutor(min(torch.get_num_threads(), len(tasks))) as threads:
        sums = torch.tensor([*threads.map(tile, tasks)], dtype=torch.float64)
    return sums.view(len(planes), -1).sum(1) / outputs


def _plain(x: Tensor, y: Tensor, taps: list[float], luminance: bool) -> Tensor:
    mu_x, mu_y = _blur(x, taps), _blur(y, taps)
    product, squares = mu_x * mu_y, mu_x.square() + mu_y.square()
    covariance, variances = _blur(x * y, taps) - product, _blur(x * x + y * y, taps) - squares
    similarity = (2 * covariance + C2) / (variances + C2)  # Eq. (13) without its first factor
    if luminance:
        similarity = similarity * (2 * product + C1) / (squares + C1)
    return similarity.mean((-2, -1), dtype=widest(x))


def _blur(x: Tensor, taps: list[float]) -> Tensor:
    """Sum of shifted images: a convolution is slower on the CPU, and on an accelerator TF32, which is too coarse."""
    for dim in (-2, -1):
        size = x.shape[dim] - len(taps) + 1
        first, *others = (x.narrow(dim, shift, size) for shift in range(len(taps)))
        x = first * taps[0]
        for shifted, tap in zip(others, taps[1:], strict=True):
            x = x.add_(shifted, alpha=tap)
    return x


def _in_strips(xs: Tensor, ys: Tensor, taps: Tensor, luminance: bool) -> Tensor:
    """`_plain` of planes `(N, H, W)`: both passes of the blur are products with banded matrices, in buffers used again.

    A strip holds the four planes to be blurred: x, y, xy and x² + y². Its columns go in tiles, which overlap by the
    window less one; zeros fill the last tile up, and what comes from them is left out of the sum.
    """
    (count, height, width), reach = xs.shape, len(taps) - 1
    inside = (height - reach, width - reach)
    rows, tiles = min(_ROWS, inside[0]), -(-inside[1] // _COLUMNS)
    strip = xs.new_zeros(4, rows + reach, tiles * _COLUMNS + reach)
    down = xs.new_empty(4, rows, strip.shape[-1])
    across = xs.new_empty(tiles, 4 * rows, _COLUMNS)
    overlapping = down.flatten(0, 1).unfold(1, _COLUMNS + reach, _COLUMNS).transpose(0, 1)
    vertical = _banded(taps, rows).to(xs.dtype).expand(4, -1, -1)
    horizontal = _banded(taps, _COLUMNS).to(xs.dtype).mT.contiguous().expand(tiles, -1, -1)
    means = torch.zeros(count, dtype=torch.float64)
    for plane, (x, y) in enumerate(zip(xs, ys, strict=True)):
        total = 0.0
        for top in range(0, inside[0], rows):
            lines = min(rows, inside[0] - top)
            _load(strip, x[top : top + lines + reach], y[top : top + lines + reach])
            torch.bmm(vertical, strip, out=down)
            torch.bmm(overlapping, horizontal, out=across)
            similarity = _half_similarity(across.unflatten(1, (4, rows))[:, :, :lines], luminance)
            total += similarity.sum(1).flatten()[: inside[1]].sum(dtype=torch.float64).item()
        means[plane] = total * (4 if luminance else 2) / (inside[0] * inside[1])
    return means


def _banded(taps: Tensor, outputs: int) -> Tensor:
    """The matrix `(outputs, outputs + n - 1)` whose product with a signal is the signal filtered by the n taps."""
    n = len(taps)
    matrix = torch.zeros(outputs, outputs + n - 1, dtype=torch.float64)
    matrix.as_strided((outputs, n), (outputs + n, 1)).copy_(taps)
    return matrix


def _load(strip: Tensor, x: Tensor, y: Tensor) -> None:
    lines, width = x.shape
    strip[:, lines:].zero_()  # of the strip before: a NaN there would reach this one through the matrix's zeros
    first, second, product, squares = strip[:, :lines, :width]
    first.copy_(x)
    second.copy_(y)
    torch.mul(first, second, out=product)
    torch.mul(first, first, out=squares).addcmul_(second, second)


def _half_similarity(blurred: Tensor, luminance: bool) -> Tensor:
    """Half of contrast times structure, or with `luminance` a quarter of SSIM, in the place of blurred xy."""
    mu_x, mu_y, covariance, variances = blurred.unbind(1)
    product = mu_x * mu_y
    squares = mu_x.square_().addcmul_(mu_y, mu_y)
    covariance.sub_(product).add_(C2 / 2)
    variances.sub_(squares).add_(C2)
    if luminance:
        covariance.mul_(product.add_(C1 / 2))
        variances.mul_(squares.add_(C1))
    return covariance.div_(variances)
