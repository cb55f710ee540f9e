"""How the weights of unjpeg are trained: `imgredux train unjpeg --images DIR...`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from imgredux import ops
from imgredux.datasets.pairs import studio_luma
from imgredux.methods.base import Method
from imgredux.training import Batch, JpegRecipe
from imgredux.training.restoration import STEP, psnr_change
from imgredux_unjpeg.method import UnJpeg, estimated, halved, image_of, planes_of
from imgredux_unjpeg.network import facts_of

if TYPE_CHECKING:
    from imgredux.training import Images

EDGE = 16  # rows above and columns before a crop that its estimate sees


@dataclass(frozen=True, kw_only=True)
class UnJpegRecipe(JpegRecipe):
    """Crops on the grid of blocks, in grey and in colour, and the squared error of RGB in units of the steps.

    gray: share of the crops that are files of luma alone, of studio range in `studio` of them. full: share of the
    coloured crops with 4:4:4 chroma, the others have 4:2:0. foreign: share with tables that are not the IJG's: steps
    tilted by frequency and each changed, by some tenths. clipped: share of the crops whose pixels are in [0, 1], as
    decoders give them; the others are as `imgredux.io.unclipped` finds them in files.
    """

    margin: int = EDGE
    gray: float = 0.5
    full: float = 0.25
    foreign: float = 0.2
    clipped: float = 0.25
    even: bool = True
    jitter: float = 0.0

    def sample(self, crops: Tensor, generator: torch.Generator) -> Batch:
        """Planes of the JPEG and its estimate, of the original, the facts, and the weight of each crop."""
        count, device = len(crops), crops.device
        clean = crops.float().div_(255)
        grays = round(self.gray * count)
        full = round(self.full * (count - grays))
        luma = self.luma_of(clean[:grays], generator).expand(-1, 3, -1, -1)
        clean = torch.cat([luma, clean[grays:]])
        steps = self._foreign(self.tables(count, device, generator), generator)
        steps[: grays // 2, 1] = steps[: grays // 2, 0]  # as a file of luma alone says; the rest are grey in colour
        parts = []
        for part, subsampling in ((slice(0, count - full), "4:2:0"), (slice(count - full, count), "4:4:4")):
            if part.stop > part.start:
                planes = planes_of(self._decoded(clean[part], steps[part], subsampling, generator))
                estimate = estimated(planes, steps[part], subsampling, planes.shape[-2])
                parts.append((planes, estimate, facts_of(steps[part], halved(subsampling))))
        damaged, estimate, told = (torch.cat(part) for part in zip(*parts, strict=True))
        weight = STEP / steps[:, 0].mean((1, 2))
        inner = (..., slice(EDGE, None), slice(EDGE, None))
        seen = torch.cat([damaged, estimate], 1)[inner].contiguous()
        return seen, clean[inner].contiguous(), told, weight

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(method, UnJpeg)  # what the plugin's recipes train
        seen, clean, told, weight = batch
        change = method.network(seen, told).float()
        error = (image_of(seen[:, 3:] + change) - clean).square().mean((1, 2, 3))
        return (error * weight).mean(), {}

    def validate(self, method: Method, validation: "Images") -> dict[str, float]:
        """PSNR in grey and in colour on the middles of the held-out images, compressed by libjpeg."""
        figures: dict[str, float] = {}
        gains = []
        for quality in self.judged:
            steps = ops.ijg_tables(quality)[None]
            for kind in ("y", "rgb"):
                pairs = []
                for planes in validation.middles():
                    clean = planes.float().div(255)
                    clean = studio_luma(clean) if kind == "y" else clean
                    pairs.append(psnr_change(method, clean, quality, qtable=steps))
                before, after = (torch.cat(values).mean().item() for values in zip(*pairs, strict=True))
                figures[f"psnr_{kind}_q{quality}"] = after
                figures[f"gain_{kind}_q{quality}"] = after - before
                gains.append(after - before)
        return {"gain": sum(gains) / len(gains), **figures}

    def _decoded(self, clean: Tensor, steps: Tensor, subsampling: str, generator: torch.Generator) -> Tensor:
        """What is left after JPEG, a share of it clipped."""
        damaged = ops.jpeg_torch(clean, steps, subsampling, clipped=False)
        clipped = torch.rand(len(clean), 1, 1, 1, generator=generator, device=clean.device) < self.clipped
        return torch.where(clipped, damaged.clamp(0, 1), damaged)

    def _foreign(self, steps: Tensor, generator: torch.Generator) -> Tensor:
        """The tables, those of a share changed: `(B, 2, 8, 8)` whole numbers of 1..255."""
        count, device = len(steps), steps.device
        chosen = torch.rand(count, generator=generator, device=device) < self.foreign
        u = torch.arange(8, device=device) / 14
        tilt = torch.randn(count, 2, 1, 1, generator=generator, device=device) * (u[:, None] + u - 0.5)
        rough = 0.15 * torch.randn(steps.shape, generator=generator, device=device)
        changed = (steps * (tilt + rough).exp()).round().clamp(1, 255)
        return torch.where(chosen[:, None, None, None], changed, steps)


RECIPES = {
    "blind": UnJpegRecipe(
        crop=64,
        batch=12,
        grow=((0.6, 128, 4),),
        low=5,
        high=95,
        steps=100_000,
        lr=1e-3,
        kernels_lr=2e-3,
        warmup=0.2,
        clip=0.5,
        validations=20,
        judged=(10, 40),
    ),
}
