"""Small methods that keep the contract: what the suites are tried on."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux import Codec, Coded, Estimator, Restorer, Spec, StreamError, ops

ABOUT = {"title": "a toy", "paper": "none", "license": "Apache-2.0"}
TOY = {"golden_output": "a toy of the tests has no file"}
CONTRAST = Spec(
    name="toy-contrast",
    kind="estimator",
    target="imgredux_toys:Contrast",
    context=1,
    differentiable=True,
    half=True,
    exceptions=TOY,
    **ABOUT,
)
SUMS = replace(CONTRAST, name="toy-sums", target="imgredux_toys:Sums")
BLOCKS = Spec(
    name="toy-blocks",
    kind="estimator",
    target="imgredux_toys:Blocks",
    channels=(1,),
    multiple_of=8,
    minimum=8,
    context=7,
    exceptions=TOY,
    **ABOUT,
)
SHRINK = Spec(
    name="toy-shrink",
    kind="restorer",
    target="imgredux_toys:Shrink",
    multiple_of=8,
    minimum=8,
    context=15,
    differentiable=True,
    exceptions=TOY,
    **ABOUT,
)
QUANTIZER = Spec(
    name="toy-quantizer",
    kind="codec",
    target="imgredux_toys:Quantizer",
    differentiable=True,
    knob=("depth", (2, 6)),
    exceptions=TOY,
    **ABOUT,
)
SPECS = (CONTRAST, SUMS, BLOCKS, SHRINK, QUANTIZER)


class Contrast(Estimator):
    """Three grey levels and a fifth of the difference from the 3x3 mean."""

    def forward(self, x: Tensor) -> Tensor:
        y = ops.luma(x)
        mean = F.avg_pool2d(F.pad(y, (1, 1, 1, 1), mode="replicate"), 3, 1)
        return 3 / 255 + 0.2 * (y - mean).abs()


class Sums(Contrast):
    """The same, its neighborhoods summed in another order where there are several images, as convolutions do."""

    def forward(self, x: Tensor) -> Tensor:
        y = ops.luma(x)
        padded = F.pad(y, (1, 1, 1, 1), mode="replicate")
        places = [(row, column) for row in range(3) for column in range(3)]
        total = torch.zeros_like(y)
        for row, column in reversed(places) if len(x) > 1 else places:
            total = total + padded[..., row : row + y.shape[-2], column : column + y.shape[-1]]
        return 3 / 255 + 0.2 * (y - total / 9).abs()


class Blocks(Estimator):
    """One threshold per block and coefficient, which grows with the block's energy."""

    def thresholds(self, x: Tensor) -> Tensor:
        c = ops.blocks(ops.dct(255 * ops.luma(x)))[:, 0]
        energy = c.square().sum((-2, -1), keepdim=True) - c[..., :1, :1].square()
        frequency = torch.arange(8, dtype=x.dtype, device=x.device)
        return (8 + frequency[:, None] + frequency) * (1 + energy.clamp(min=0).sqrt() / 1000)

    def forward(self, x: Tensor) -> Tensor:
        per_block = self.thresholds(x).mean((-2, -1))[:, None] / 255 / 8
        return per_block.repeat_interleave(8, -2).repeat_interleave(8, -1)


class Shrink(Restorer):
    """Luma coefficients below 0.35 steps set to zero, averaged over 16 positions of the block grid."""

    def forward(self, x: Tensor, *, qtable: Tensor | None = None) -> Tensor:
        if qtable is None:
            return x
        y = ops.luma(x)
        least = 0.35 / 255 * qtable[:, :1, None, None].to(x.dtype)
        least[..., 0, 0] = 0
        shifts = [(top, left) for top in range(0, 8, 2) for left in range(0, 8, 2)]
        mean = sum(self._shrunk(y, least, *shift) for shift in shifts) / len(shifts)
        return (x + mean - y).clamp(0, 1)

    def _shrunk(self, y: Tensor, least: Tensor, top: int, left: int) -> Tensor:
        c = ops.dct(F.pad(y, (left, 8 - left, top, 8 - top), mode="replicate"))
        keep = torch.empty_like(c)
        blocks = ops.blocks(c.detach())
        ops.blocks(keep).copy_(blocks.abs() >= least)
        return ops.idct(c * keep)[..., top : top + y.shape[-2], left : left + y.shape[-1]]


class Quantizer(Codec):
    """Every sample as a number of `depth` bits."""

    def __init__(self, depth: int = 5) -> None:
        super().__init__()
        self.depth = depth

    def forward(self, x: Tensor, *, depth: int | None = None) -> Coded:
        depth = depth or self.depth
        steps = 2**depth - 1
        image = x + ((x * steps).round() / steps - x).detach()
        return Coded(image, x.new_full((len(x),), depth * x[0].numel()))

    def compress(self, x: Tensor, *, depth: int | None = None) -> Mapping[str, bytes]:
        depth = depth or self.depth
        samples = (x.flatten() * (2**depth - 1)).round().numpy().astype(np.uint8)
        bits = np.unpackbits(samples[:, None], axis=1)[:, -depth:]
        return {"depth": bytes([depth]), "samples": np.packbits(bits).tobytes()}

    def decompress(self, payload: Mapping[str, bytes], shape: tuple[int, int, int]) -> Tensor:
        depth = payload.get("depth", b"")
        if set(payload) != {"depth", "samples"} or len(depth) != 1 or depth[0] not in range(1, 9):
            raise StreamError("the payload is not the quantizer's")
        size = shape[0] * shape[1] * shape[2]
        if len(payload["samples"]) != -(-size * depth[0] // 8):
            raise StreamError(f"{len(payload['samples'])} bytes of samples do not make an image of {shape}")
        bits = np.unpackbits(np.frombuffer(payload["samples"], np.uint8), count=size * depth[0])
        places = 1 << np.arange(depth[0])[::-1]
        samples = bits.reshape(size, depth[0]) @ places
        return torch.from_numpy(samples).float().reshape(1, *shape) / (2 ** depth[0] - 1)
