"""What a map is worth, as an objective: SSIMULACRA 2 of noise of a given MSE, hidden where the map says.

    loss, parts = objective(image, jnd, 36, generator)  # image (B, 3, H, W) and jnd (B, 1, H, W) in [0, 1]

Without a limit, a map packs the noise into few pixels, which deceives the metric but no observer. So two kinds of maps
are penalised: those packed more tightly than `localstd` (1 + standard deviation in 5x5 pixels) by a given factor, and
those whose peaks are too high. It is better to bound the map by construction as well. SSIMULACRA 2 also lets noise pass
that sits on edges, where people see dots. So PSNR-HVS-M, whose edges mask less than texture, has its say, and power on
strong edges beyond their share of the area costs.
"""

import torch
from torch import Tensor

from imgredux.maps.edges import strong_edges
from imgredux.metrics.psnr_hvs import psnr_hvs_m
from imgredux.metrics.ssimulacra2 import ssimulacra2
from imgredux.ops.masking import busyness
from imgredux.ops.protection import dilate
from imgredux.protocols.declared import PEAK, SPREAD

# Points of SSIMULACRA 2: for all of the power in the pixels that may carry half of it; for a rms above `PEAK`; for all
# of the MSE missing. A map that nothing bounds gains 2 to 6 by packing.
PACKED, PEAKED, MISSING = 100.0, 1.0, 100.0
HVS = 2.0  # points for a dB of PSNR-HVS-M
EDGES = 50.0  # points for all of the power on strong edges
ALLOWED = 1.5  # times their share of the area: what `wu2017`, a model with guarded edges, has there
BESIDE = 3  # pixels: the same holds for edges with so much around them, or noise would pile up just beyond
SCALE = 0.01  # for the square of ln(mean J^2 / 16 grey levels^2): the rest does not depend on the map's scale
RATE = 0.1  # of `free_optimum`, in ln J, at its start
_MEAN_SQUARE = 16.0
_ROUNDS = 32  # of the search for phi: its error falls to the clipped share of the noise power in each
_CLEAN = 100.0  # dB of PSNR-HVS-M where no error is left
_EXACT = 0.01  # what may be missing of the MSE for want of rounds
_SMALLEST = 1e-12  # squared grey levels: powers are held here


def objective(
    image: Tensor, jnd: Tensor, mse: float | Tensor, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a map, to be minimised, and its parts for a log; gradients reach `jnd` and are finite.

    image: `(B, 3, H, W)` in [0, 1]; of 256 or more pixels on a side, so that the coarsest scales have an area.
    jnd: `(B, 1, H, W)`, not negative, in the same units. mse: squared grey levels, one for all or `(B,)`.
    generator: of the signs, on the device of the image; new ones with each call.

    loss: 100 - SSIMULACRA 2 - 2 points for each dB by which PSNR-HVS-M is above the PSNR of the MSE, plus penalties.
    parts: `score` (SSIMULACRA 2), `hvs` (those dB),
    `edges` (share of the noise power on strong edges, and on and beside them, beyond 1.5 times their share of the
    area), `packed` (that beyond
    half in the pixels that must not carry more), `peaked` (rms beyond `PEAK`), `missing` (share of the MSE). Computed
    in float32 under mixed precision too.
    """
    with torch.autocast(image.device.type, enabled=False):
        image, jnd = image.float(), jnd.float()
        levels = _noisy_levels(image, jnd, mse, signs(image, generator))
        noisy = _rounded(levels)
        score = ssimulacra2(noisy, image)
        hvs = psnr_hvs_m(noisy, image).clamp(max=_CLEAN) - 10 * (255**2 / torch.as_tensor(mse).to(levels)).log10()
        realized = (levels - 255 * image).detach().square().mean((1, 2, 3))
        missing = (1 - realized / mse).clamp(min=0)
        missing = missing.where(missing > _EXACT, 0)
        packed, peaked, edges = _packed(image, jnd), _peaked(jnd), _edges(image, jnd)
        power = (255 * jnd).square().mean((1, 2, 3)).clamp(min=_SMALLEST)
        scale = (power / _MEAN_SQUARE).log().square()
        worth = (score + HVS * hvs) * (1 - missing)  # no noise at all is no merit
        loss = 100 - worth + EDGES * edges + PACKED * packed + PEAKED * peaked + MISSING * missing + SCALE * scale
    parts = {"score": score, "hvs": hvs, "edges": edges, "packed": packed, "peaked": peaked, "missing": missing}
    return loss.mean().float(), {key: value.detach().mean() for key, value in parts.items()}


def signs(image: Tensor, generator: torch.Generator) -> Tensor:
    """Random +1 and -1 for each pixel of images `(B, C, H, W)`: int8 `(B, 1, H, W)`."""
    shape = (len(image), 1, *image.shape[-2:])
    drawn = torch.randint(0, 2, shape, generator=generator, device=image.device, dtype=torch.int8)
    return drawn.mul_(2).sub_(1)


def hidden(image: Tensor, jnd: Tensor, mse: float | Tensor, signs: Tensor) -> Tensor:
    """Images with noise of a given MSE in them, `round(clip(I + phi r J))`, in [0, 1]; differentiable in `jnd`.

    phi is found for each image, on the clipped MSE, without recording gradients. The gradient of phi is that of the MSE
    of the samples that are not clipped. With a constant phi a map would learn to make less noise; with the clipped
    samples included, it would learn to hide noise in black and white. Gradients pass through the rounding unchanged.
    """
    return _rounded(_noisy_levels(image, jnd, mse, signs))


def free_optimum(image: Tensor, mse: float, steps: int, seed: int = 0) -> Tensor:
    """The map of each image that `objective` leads to from `localstd`, with every pixel free: an estimator's ceiling.

    image: `(B, 3, H, W)` in [0, 1]. Returns `(B, 1, H, W)` in the same units, after `steps` steps of Adam on ln J,
    whose rate falls to 0.
    """
    generator = torch.Generator(image.device).manual_seed(seed)
    logarithm = busyness(image.float()).log().requires_grad_()
    optimizer = torch.optim.Adam([logarithm], lr=RATE, betas=(0.9, 0.99))
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
        with torch.enable_grad():
            loss, _ = objective(image, logarithm.exp(), mse, generator)
            (logarithm.grad,) = torch.autograd.grad(loss * len(image), logarithm)
        optimizer.step()
    return logarithm.detach().exp()


def _noisy_levels(image: Tensor, jnd: Tensor, mse: float | Tensor, signs: Tensor) -> Tensor:
    """clip(I + phi r J) in grey levels, not rounded."""
    x, J, r = 255 * image, 255 * jnd, signs.to(image)
    target = torch.as_tensor(mse, dtype=x.dtype, device=x.device)
    with torch.no_grad():
        phi = _factor(x, r * J, target)
        y = x + _each(phi) * r * J
        inside = (y > 0) & (y < 255)
    S = (inside * J.square()).mean((1, 2, 3)).clamp(min=_SMALLEST)
    return (x + _each(phi * (S.detach() / S).sqrt()) * r * J).clamp(0, 255)


def _rounded(levels: Tensor) -> Tensor:
    """Grey levels rounded, in [0, 1]; the gradient is that without rounding."""
    return (levels + (levels.round() - levels).detach()) / 255


def _factor(x: Tensor, noise: Tensor, target: Tensor) -> Tensor:
    """phi of each image, `(B,)`: clip(x + phi noise) is off by the target.

    Clipping takes noise away, so phi rises from the value without clipping; it never passes what it looks for, and no
    step waits for the device.
    """
    phi = (target / noise.square().mean((1, 2, 3)).clamp(min=_SMALLEST)).sqrt()
    for _ in range(_ROUNDS):
        realized = ((x + _each(phi) * noise).clamp_(0, 255) - x).square().mean((1, 2, 3))
        phi = phi * (target / realized.clamp(min=_SMALLEST)).sqrt().clamp(1, 2)
    return phi


def _packed(image: Tensor, jnd: Tensor) -> Tensor:
    """Share of each map's power, beyond one half, in as many pixels as must not carry more: `(B,)`, 0 to 0.5.

    It is 0 for just those maps whose `concentration` is at least `SPREAD` times that of `localstd`.
    """
    with torch.no_grad():
        base = _carried(busyness(image))
        needed = (base < 0.5).sum(1) + 1  # pixels that carry half
        allowed = (SPREAD * needed).ceil().long() - 1  # one less than may carry half carries less
    carried = _carried(jnd).gather(1, (allowed - 1).clamp(min=0)[:, None]).squeeze(1)
    return (carried - 0.5).clamp(min=0) * (allowed > 0)


def _edges(image: Tensor, jnd: Tensor) -> Tensor:
    """Share of each map's power on strong edges beyond `ALLOWED` times their share of the area, 0 to 1: `(B,)`.

    That on the edges alone, and that on them and beside them, added.
    """
    on, power = strong_edges(image), jnd.square().mean(1, keepdim=True)
    excess = jnd.new_zeros(len(jnd))
    for there in (on.to(jnd), dilate(on, 2 * BESIDE + 1).to(jnd)):
        share = (there * power).sum((1, 2, 3)) / power.sum((1, 2, 3)).clamp(min=_SMALLEST / 255**2)
        excess = excess + (share - ALLOWED * there.mean((1, 2, 3))).clamp(min=0)
    return excess


def _carried(jnd: Tensor) -> Tensor:
    """Share of the power in the strongest pixels, `(B, H W)`: in the first, in the first two, ..."""
    power = jnd.square().flatten(1).sort(descending=True).values.double().cumsum(1)
    return power / power[:, -1:].clamp(min=_SMALLEST / 255**2)


def _peaked(jnd: Tensor) -> Tensor:
    """Root mean squares by which the thresholds beyond `PEAK` of them lie above it, on average: `(B,)`."""
    flat = jnd.flatten(1)
    rms = flat.square().mean(1, keepdim=True).clamp(min=_SMALLEST / 255**2).sqrt()
    beyond = (flat / rms - PEAK).clamp(min=0)
    return beyond.sum(1) / (beyond > 0).sum(1).clamp(min=1)


def _each(values: Tensor) -> Tensor:
    """A number for each image as `(B, 1, 1, 1)`."""
    return values.view(-1, 1, 1, 1)
