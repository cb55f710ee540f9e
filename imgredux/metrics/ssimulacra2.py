"""SSIMULACRA 2.1 of Jon Sneyers (Cloudinary, April 2023), the metric of libjxl's `tools/ssimulacra2`.

Source of formulas and constants: github.com/cloudinary/ssimulacra2 at 81feacf, and libjxl's `opsin_params.h` and
`gauss_blur.cc`; there is no paper. Our letters: μ and σ are blurred moments, x is the reference and y the image.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux import kernels
from imgredux.errors import ImageError
from imgredux.metrics.pairs import measured
from imgredux.ops.precision import widest

SMALLEST = 8  # pixels of the shorter side: the original's program refuses less
SCALES = 6
C2 = 0.0009
GAIN, EXPONENT = 0.9562382616834844, 0.6276336467831387
CUBIC = (2.326765642916932, -0.020884521182843837, 6.248496625763138e-05)

# Weights of the means of three maps (SSIM's error, artifacts, lost detail), then of their 4-norms.
WEIGHTS = (
    # X, scales 1:1 to 1:32
    *(0, 0.0007376606707406586, 0, 0, 0.0007793481682867309, 0),
    *(0, 0.0004371155730107379, 0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752),
    *(0, 0.0016406437456599754, 0, 1.8422455520539298, 11.441172603757666, 0),
    *(0.0007989109436015163, 0.000176816438078653, 0, 1.8787594979546387, 10.94906990605142, 0),
    *(0.0007289346991508072, 0.9677937080626833, 0, 0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053),
    *(0.0004550992113792063, 0, 0, 0.0013648766163243398, 0, 0),
    # Y
    *(0, 0, 0, 7.466890328078848, 0, 17.445833984131262),
    *(0.0006235601634041466, 0, 0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264),
    *(225.20515300849274, 0, 0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985),
    *(176.39317598450694, 0, 0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408),
    *(0, 0, 0, 34.77906344483772, 44.835625328877896, 0),
    *(0, 0, 0, 0, 0, 0),
    # B - Y
    *(0, 0.0008680556573291698, 0, 0, 0, 0),
    *(0, 0.0005313191874358747, 0, 0.00016533814161379112, 0, 0),
    *(0, 0, 0, 0.0004179171803251336, 0.0017290828234722833, 0),
    *(0.0020827005846636437, 0, 0, 8.826982764996862, 23.19243343998926, 0),
    *(95.1080498811086, 0.9863978034400682, 0.9834382792465353),
    *(0.0012286405048278493, 171.2667255897307, 0.9807858872435379),
    *(0, 0, 0, 0.0005130064588990679, 0, 0.00010854057858411537),
)  # fmt: skip

# Linear light to XYB: cube roots of a mix of the primaries, then two differences, scaled and shifted to about 0..1.
MIX = ((0.30, 0.622, 0.078), (0.23, 0.692, 0.078), (0.24342268924547819, 0.20476744424496821, 0.5518098665095537))
BIAS = 0.0037930732552754493
OPPONENT = ((7, -7, 0), (0.5, 0.5, 0), (-0.5, -0.5, 1))
OFFSET = (0.42, 0.01 - BIAS ** (1 / 3), 0.55)

KNEE = 0.04045  # of the sRGB curve: linear below
POWER_AT_KNEE = ((KNEE + 0.055) / 1.055) ** 2.4

# The original's recursive Gaussian of sigma 1.5 (Charalampidis, IEEE TSP 64(19), 2016: three truncated cosines, N = 5)
# has a finite response, here from the centre outwards; the image goes on in zeros beyond its borders.
TAPS = (0.2646211054881985, 0.2129285920104222, 0.1093353727774603, 0.0360111146583644, 0.00941436780965374)
REACH = len(TAPS) - 1

_ROWS, _COLUMNS = 64, 64  # of a strip (even, to be halved) and of a tile in it: what they need stays in the cache


@measured(SMALLEST, channels=(1, 3))
def ssimulacra2(image: Tensor, reference: Tensor) -> Tensor:
    """SSIMULACRA 2.1 score of each image, `(B,)` float64: 100 is equal, 90 invisible, 70 high, 50 medium, 30 low.

    image, reference: `(B, C, H, W)` sRGB in [0, 1]; one channel means grey. The score has no lower end, and it is not
    symmetric: an edge that `image` adds weighs differently from one it lost. As in the original, a scale is used only
    if the scale before it has at least 8 pixels on its shorter side. With fewer than six scales (a side below 113) the
    weights apply to other maps. Such scores can be compared with the original's, but not with those of larger images.

    Differentiable: gradients are finite everywhere, and 0 where the images are equal. The original's recursive blur
    accumulates float32 errors that lower its scores, by 0.01 to 0.03 on average below 80 and by 0.1 to 0.2 above, in
    flat images by up to 1.5. This function has no such errors. float16 and bfloat16 are computed in float32. Raises
    ImageError for images of different shapes, smaller than 8x8, or of neither 1 nor 3 channels.

    With numba (`pip install imgredux[fast]`), float32 on a CPU without gradients runs compiled, on as many threads as
    torch uses: the same score to 0.001.
    """
    pairs = zip(reference.expand(-1, 3, -1, -1), image.expand(-1, 3, -1, -1), strict=True)
    return _score(torch.stack([_error(x, y) for x, y in pairs]))


def of_bytes(image: np.ndarray, reference: np.ndarray) -> float:
    """SSIMULACRA 2.1 score of an 8-bit image, `(H, W)` or `(H, W, 3)` uint8 sRGB; see `ssimulacra2`.

    With numba it needs no floating point copies of the images. Raises ImageError as `ssimulacra2` does.
    """
    for x in (image, reference):
        if x.dtype != np.uint8 or x.ndim not in (2, 3) or x.shape[2:] not in ((), (3,)):
            raise ImageError(f"an image is {x.dtype} {x.shape}: give uint8 (H, W) or (H, W, 3)")
    if image.shape != reference.shape or min(image.shape[:2]) < SMALLEST:
        sizes = f"images of {image.shape} and {reference.shape}"
        raise ImageError(f"{sizes}: this metric needs two equal ones of at least {SMALLEST}x{SMALLEST} pixels")
    x, y = (np.broadcast_to(one.reshape(*one.shape[:2], -1), (*one.shape[:2], 3)) for one in (reference, image))
    x, y = x.transpose(2, 0, 1), y.transpose(2, 0, 1)
    if kernels.compiled("ssimulacra2"):
        return _score(torch.tensor(_compiled_error(x, y, _LIGHT), dtype=torch.float64)).item()
    image_planes, planes = (torch.from_numpy(one.astype(np.float32))[None].div_(255) for one in (y, x))
    return ssimulacra2(image_planes, planes).item()


def _score(error: Tensor) -> Tensor:
    error = GAIN * error
    first, second, third = CUBIC
    return 100 - 10 * _power(first * error + second * error**2 + third * error**3, EXPONENT, floor=1e-9)


def _weights(height: int, width: int) -> Tensor:
    """Of each channel, scale, map and norm, `(3, scales, 3, 2)`: so many scales as the size has."""
    scales = 1
    while scales < SCALES and min(height, width) > (SMALLEST - 1) << (scales - 1):
        scales += 1
    return torch.tensor(WEIGHTS[: 18 * scales], dtype=torch.float64).view(3, scales, 2, 3).transpose(2, 3)


def _error(x: Tensor, y: Tensor) -> Tensor:
    """Weighted sum of the norms of all error maps of two sRGB images `(3, H, W)`."""
    if kernels.native("ssimulacra2", x, y):
        arrays = x.detach().numpy(), y.detach().numpy()
        return torch.tensor(_compiled_error(*arrays, _KNEE_ALONE), dtype=widest(x))
    weights = _weights(*x.shape[-2:])
    pair, error = (x, y), torch.zeros((), dtype=widest(x), device=x.device)
    for scale in range(weights.shape[1]):
        wanted = (weights[:, scale] != 0).any(2)  # (channel, map): 4 of 9 at full size
        means, pair = _scale(pair, wanted.tolist(), srgb=scale == 0)
        norms = torch.stack((means[:, 0], _power(means[:, 1], 0.25, floor=1e-36)), 1)
        error = error + (norms * weights[:, scale][wanted].to(norms)).sum()
    return error


def _compiled_error(x: np.ndarray, y: np.ndarray, curve: np.ndarray) -> float:
    """As `_error`, of arrays `(3, H, W)`. curve: what `kernels.ssimulacra2.tile` needs to know of their samples."""
    kernel = kernels.compiled("ssimulacra2")
    assert kernel is not None  # the caller has looked
    weights, error = _weights(*x.shape[1:]), 0.0
    last = weights.shape[1] - 1
    for scale in range(last + 1):
        wanted = (weights[:, scale] != 0).any(2)
        kinds = torch.stack((wanted[:, 0], wanted[:, 1:].any(1)), 1).numpy()
        _, height, width = x.shape
        half = (3, -(-height // 2), -(-width // 2)) if scale < last else (3, 0, 0)
        halves = np.empty(half, np.float32), np.empty(half, np.float32)

        def tile(left: int, x=x, y=y, curve=curve, kinds=kinds, halves=halves) -> np.ndarray:
            sums = np.zeros((3, 6))
            kernel.tile(x, y, left, curve, _CONSTANTS, kinds, *halves, sums)
            return sums

        lefts = range(0, width, kernel.COLUMNS)
        with ThreadPoolExecutor(min(torch.get_num_threads(), len(lefts))) as threads:
            sums = np.sum([*threads.map(tile, lefts)], axis=0)
        means = sums.reshape(3, 3, 2) / (height * width)
        means[..., 1] **= 0.25
        error += float((means * weights[:, scale].numpy()).sum())
        (x, y), curve = halves, _NO_CURVE
    return error


_CONSTANTS = np.array([*TAPS, C2, BIAS, *(m for row in MIX for m in row), *OFFSET], np.float32)
_NO_CURVE, _KNEE_ALONE = np.empty(0, np.float32), np.array([POWER_AT_KNEE], np.float32)
_LEVELS = np.arange(256) / 255
_LIGHT = np.where(_LEVELS <= KNEE, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _scale(pair: Sequence[Tensor], wanted: list[list[bool]], *, srgb: bool) -> tuple[Tensor, Sequence[Tensor]]:
    """Means of each wanted map and of its 4th power, `(n, 2)`, and both images in linear light at half the size.

    The work goes in row strips; autograd records them as they are, so there is no second path.
    """
    height, width = pair[0].shape[-2:]
    filters = _banded(_ROWS).to(pair[0]), _banded(_COLUMNS).to(pair[0]).mT.contiguous()
    right = REACH + -width % _COLUMNS
    sums, halves = [], []
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        start, stop = max(top - REACH, 0), min(bottom + REACH, height)
        light = torch.stack([image[:, start:stop] for image in pair])
        if srgb:
            light = _linear(light)
        halves.append(_halve(light[:, :, top - start : bottom - start]))
        planes = F.pad(_xyb(light), (REACH, right, start - top + REACH, bottom + REACH - stop)).unbind(1)
        maps = (m for plane, kinds in zip(planes, wanted, strict=True) for m in _maps(plane, kinds, filters, width))
        sums.append(torch.stack([s for m in maps for s in _sums(m)]))
    means = torch.stack(sums).to(widest(pair[0])).sum(0).view(-1, 2) / (height * width)
    return means, torch.cat(halves, -2).unbind()


def _linear(srgb: Tensor) -> Tensor:
    """Linear light of sRGB: the curve's power above its knee plus the straight line below it, without a branch."""
    power = srgb.clamp(min=KNEE).add_(0.055).div_(1.055).log_().mul_(2.4).exp_()
    return torch.add(power, srgb.clamp(max=KNEE), alpha=1 / 12.92).sub_(POWER_AT_KNEE)


def _halve(light: Tensor) -> Tensor:
    """2x2 means; where a side is odd, of the pixels there are."""
    if light.shape[-2] % 2:
        light = torch.cat((light, light[..., -1:, :]), -2)
    if light.shape[-1] % 2:
        light = torch.cat((light, light[..., -1:]), -1)
    pairs = light[..., ::2, :] + light[..., 1::2, :]
    return (pairs[..., ::2] + pairs[..., 1::2]).mul_(0.25)


def _xyb(light: Tensor) -> Tensor:
    """The rescaled XYB of linear light, `(N, 3, H, W)`."""
    mix, bias, opponent, offset = (light.new_tensor(c) for c in (MIX, BIAS, OPPONENT, OFFSET))
    mixed = torch.matmul(mix, light.flatten(2)).add_(bias)
    roots = mixed.clamp_(min=1e-12).log_().div_(3).exp_()  # light is negative for pixels outside [0, 1] alone
    return torch.matmul(opponent, roots).add_(offset[:, None]).view_as(light)


def _maps(pair: Tensor, wanted: list[bool], filters: tuple[Tensor, Tensor], width: int) -> Iterator[Tensor]:
    """The wanted of one channel's maps in a strip, `(T, rows, columns)`: SSIM's error, artifacts, lost detail."""
    if not any(wanted):
        return
    structure, artifacts, loss = wanted
    mu_x, mu_y = _blurred(pair, filters, width)
    x, y = pair
    if structure:
        # 1 - (1 - (μx - μy)²)(2 σxy + C2) / (σx² + σy² + C2), with σx² + σy² - 2 σxy = σ² of x - y: nothing cancels.
        powers, squares = _blurred(torch.stack((torch.addcmul(x * x, y, y), (x - y).square())), filters, width)
        shift = (mu_x - mu_y).square()
        spread = powers.addcmul(mu_x, mu_x, value=-1).addcmul(mu_y, mu_y, value=-1).add_(C2)
        difference = squares - shift
        yield torch.addcmul(difference, shift, spread - difference).div(spread).clamp(min=0)
    if artifacts or loss:
        x, y = (_tiled(plane[REACH:-REACH, REACH:-REACH], 0) for plane in pair)
        change = (y - mu_y).abs().add_(1).div((x - mu_x).abs().add_(1)).sub_(1)
        if artifacts:
            yield change.clamp(min=0)
        if loss:
            yield change.clamp(max=0).neg()


def _sums(map_: Tensor) -> tuple[Tensor, Tensor]:
    squares = (map_ * map_).flatten()
    return map_.sum(), squares @ squares


def _blurred(planes: Tensor, filters: tuple[Tensor, Tensor], width: int) -> tuple[Tensor, ...]:
    """Each of `planes` `(N, rows + 8, T columns + 8)` blurred, in tiles `(T, rows, columns)`, 0 beyond the width."""
    vertical, horizontal = filters
    rows = planes.shape[1] - 2 * REACH
    down = torch.matmul(vertical[:rows, : rows + 2 * REACH], planes)
    tiles = _tiled(down.flatten(0, 1), 2 * REACH)
    across = torch.bmm(tiles, horizontal.expand(len(tiles), -1, -1))
    across[-1, :, width - len(tiles) * _COLUMNS or _COLUMNS :] = 0
    return across.unflatten(1, (-1, rows)).unbind(1)


def _tiled(plane: Tensor, overlap: int) -> Tensor:
    """Columns `(rows, T columns + overlap)` as tiles `(T, rows, columns + overlap)`, a view."""
    return plane.unfold(1, _COLUMNS + overlap, _COLUMNS).transpose(0, 1)


def _banded(outputs: int) -> Tensor:
    """The matrix `(outputs, outputs + 8)` whose product with a signal is the signal blurred."""
    matrix = torch.zeros(outputs, outputs + 2 * REACH, dtype=torch.float64)
    for offset in range(-REACH, REACH + 1):
        matrix.diagonal(REACH + offset).fill_(TAPS[abs(offset)])
    return matrix


def _power(x: Tensor, exponent: float, floor: float) -> Tensor:
    """x to a power below 1, and 0 with a gradient of 0 where x is not above `floor`."""
    above = x > floor
    return torch.where(above, torch.where(above, x, 1) ** exponent, 0)
