"""What the training of JPEG restorers has in common: damage, loss and validation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from imgredux.datasets.pairs import studio_luma
from imgredux.io import decoding, images
from imgredux.methods.base import Method
from imgredux.methods.restorer import Restorer
from imgredux.metrics.psnr import psnr
from imgredux.ops.color import luma
from imgredux.ops.jpeg import jpeg_bytes
from imgredux.ops.jpeg_torch import jpeg_torch
from imgredux.ops.quantization import ijg_family, ijg_tables
from imgredux.training.recipe import Batch, Recipe

if TYPE_CHECKING:
    from imgredux.training.crops import Images

STEP = 57.6  # mean of the luma table at quality 50


@dataclass(frozen=True, kw_only=True)
class JpegRecipe(Recipe):
    """Crops, their JPEG versions, and the squared error of what the network restores from these.

    mode: "y", luma as a greyscale file, of MATLAB's studio range in `studio` of the crops and JFIF's full range in the
    rest; "rgb", colour with 4:2:0 chroma. low, high: qualities are whole numbers between them; a quarter of the crops
    has one in the upper half of the range. jitter: share of the crops whose 8x8 grid does not start at their corner.
    even: every quality counts equally: squared errors are divided by the mean step of luma, because they grow with it;
    at quality 50 this changes nothing. absolute: the mean absolute error in place of the squared one; then errors are
    divided by the root. told: the method is given the steps, as `qtable`.
    judged: qualities that progress is judged at; `gain` is the mean over them of the dB won over the JPEG itself.
    """

    mode: Literal["y", "rgb"] = "y"
    low: int = 10
    high: int = 10
    studio: float = 0.75
    jitter: float = 0.5
    even: bool = False
    absolute: bool = False
    told: bool = False
    judged: tuple[int, ...] = (10,)
    margin: int = 16

    def sample(self, crops: Tensor, generator: torch.Generator) -> Batch:
        """Damaged and clean crops `(B, C, crop, crop)` in [0, 1], and the tables of their damage `(B, 2, 8, 8)`."""
        count, device = len(crops), crops.device
        clean = crops.float().div_(255)
        if self.mode == "y":
            clean = self.luma_of(clean, generator)
        steps = self.tables(count, device, generator)
        damaged = jpeg_torch(clean, steps)
        top, left = self.corners(count, device, generator)
        return cut(damaged, top, left, self.crop), cut(clean, top, left, self.crop), steps

    def corners(self, count: int, device: torch.device, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Where the crops begin in what was compressed, `(count,)` rows and columns: 0, or anywhere in a block."""

        def uniform() -> Tensor:
            return torch.rand(count, generator=generator, device=device)

        unit = 2 if self.mode == "rgb" else 1  # in colour a block of chroma is 16 pixels, in pairs
        moved = uniform() < self.jitter
        return (uniform() * 8).long() * unit * moved, (uniform() * 8).long() * unit * moved

    def luma_of(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """What grey files hold of images `(B, 3, H, W)`: `(B, 1, H, W)`, of studio range in a share of them."""
        full = luma(clean).mul(255).round_().div_(255)
        studio = torch.rand(len(clean), generator=generator, device=clean.device) < self.studio
        return torch.where(studio[:, None, None, None], studio_luma(clean), full)

    def tables(self, count: int, device: torch.device, generator: torch.Generator) -> Tensor:
        """Tables of random qualities, `(count, 2, 8, 8)`."""
        middle = (self.low + self.high) / 2
        share = torch.rand(count, generator=generator, device=device)
        quality = torch.where(
            share < 0.75,
            self.low + share / 0.75 * (middle - self.low),
            middle + (share - 0.75) / 0.25 * (self.high - middle),
        )
        return ijg_family(device)[quality.round().long() - 1]

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        damaged, clean, steps = batch
        error = method(damaged, **({"qtable": steps} if self.told else {})) - clean
        error = (error.abs() if self.absolute else error.square()).mean((1, 2, 3))
        if self.even:
            weight = STEP / steps[:, 0].mean((1, 2))
            error = error * (weight.sqrt() if self.absolute else weight)
        return error.mean(), {}

    def validate(self, method: Method, validation: "Images") -> dict[str, float]:
        """PSNR on the middles of the held-out images, compressed by libjpeg, in the protocols' colour space."""
        figures: dict[str, float] = {}
        gains = []
        for quality in self.judged:
            pairs = []
            for planes in validation.middles():
                clean = planes.float().div(255)
                told = {"qtable": ijg_tables(quality)[None]} if self.told else {}
                pairs.append(psnr_change(method, studio_luma(clean) if self.mode == "y" else clean, quality, **told))
            before, after = (torch.cat(values).mean().item() for values in zip(*pairs, strict=True))
            figures[f"psnr_q{quality}"] = after
            gains.append(after - before)
        return {"gain": sum(gains) / len(gains), **figures}


def psnr_change(method: Method, clean: Tensor, quality: int, **options: Tensor) -> tuple[Tensor, Tensor]:
    """PSNR `(1,)` of the JPEG of an image, and of what a method makes of it, rounded to 8 bits.

    clean: `(1, C, H, W)`. The file is libjpeg's, chroma 4:2:0; options go to the method.
    """
    (file,) = jpeg_bytes(clean, quality)
    source = images.read(decoding.open_bytes(file), stored=True)
    damaged = source.x.to(clean)
    seen = method.planes(source).to(clean) if isinstance(method, Restorer) else damaged
    restored = method(seen, **options).clamp(0, 1).mul(255).round().div(255)
    return psnr(damaged, clean), psnr(restored, clean)


def cut(x: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """From each image the crop at its own corner: `(B, C, H, W)` to `(B, C, side, side)`."""
    span = torch.arange(side, device=x.device)
    rows = (top[:, None] + span)[:, None, :, None].expand(-1, x.shape[1], -1, x.shape[-1])
    columns = (left[:, None] + span)[:, None, None, :].expand(-1, x.shape[1], side, -1)
    return x.gather(2, rows).gather(3, columns)
