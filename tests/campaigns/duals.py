"""Does the dual domain earn its place? Table 3 of D2LNet, from the same inputs, with equal parameters and time.

    python -m tests.campaigns.duals --images DIR... [--minutes 10 | --steps N] [--device cpu]
        [--seeds 0 1 2] [-o OUT.csv]

The network of `d2lnet` with its amplitude blocks, its phase blocks or both replaced by residual blocks of the same
convolutions; each from the JPEG alone, and from the JPEG beside the sliding DCT's estimate, which it then corrects. The
recipe is that of `d2lnet.q10`. Rows and tables are those of `tests.campaigns.levers`, one trial after the other.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from imgredux_d2lnet.losses import objective
from imgredux_d2lnet.network import Network, conv3x3
from imgredux_d2lnet.recipe import RECIPES as PAPERS
from imgredux_d2lnet.recipe import D2LNetRecipe
from torch import Tensor

from imgredux import ops
from imgredux.datasets.pairs import studio_luma
from imgredux.methods.base import Method
from imgredux.methods.restorer import Restorer
from imgredux.methods.spec import Spec
from imgredux.methods.tiling import faded, pad
from imgredux.registry import register
from imgredux.training import Batch, Images
from imgredux.training.loop import train
from imgredux.training.restoration import cut, psnr_change
from tests.campaigns.levers import Budget, add, done, last_line, parser_of, tables

NAME = "d2lnet-dual"
BLOCKS = (("both", True, True), ("no amplitude", False, True), ("no phase", True, False), ("neither", False, False))


class Informed(Network):
    """The network of D2LNet, to correct X_in, with another image beside it."""

    def __init__(self, width: int, amplitude: bool, phase: bool) -> None:
        super().__init__(1, width, "combined", None, amplitude, phase)
        self.embed1[0], self.embed2[0] = conv3x3(2, width), conv3x3(2, width)
        self.to(memory_format=torch.channels_last)

    def forward(self, X_in: Tensor) -> tuple[Tensor, Tensor]:
        X_in, beside = X_in.split(1, 1)
        encoded, decoded = self.stage1(self.embed1(torch.cat([X_in, beside], 1)))
        X_amp, X_out1 = self.supervised(decoded[0], X_in)
        seen = torch.cat([self.inverse(X_out1, X_in), beside], 1)
        x = self.join(torch.cat([self.embed2(seen), X_amp], 1))
        _, decoded = self.stage2(x, encoded, decoded)
        x = self.modulate(decoded[0]) + X_in
        return X_out1, self.refine(x) + x


class Dual(Restorer):
    """Luma of a JPEG; prior: the sliding DCT's estimate is what the network corrects."""

    def __init__(self, *, width: int, amplitude: bool, phase: bool, prior: bool, tile: int, overlap: int) -> None:
        super().__init__()
        self.prior, self.tile, self.overlap = prior, tile, overlap
        plain = Network(1, width, "combined", None, amplitude, phase)
        self.network = Informed(width, amplitude, phase) if prior else plain

    def forward(self, x: Tensor, *, qtable: Tensor | None = None) -> Tensor:
        assert qtable is not None
        seen = torch.cat([ops.sliding_dct(x, qtable[:, 0]), x], 1) if self.prior else x
        y = faded(lambda parts: self.network(parts)[1], pad(seen, 16, self.tile), self.tile, self.overlap, 16)
        return y[..., : x.shape[-2], : x.shape[-1]].clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class DualRecipe(D2LNetRecipe):
    """The recipe of `d2lnet.q10`, with the estimate beside each crop where the method wants it."""

    def sample(self, crops: Tensor, generator: torch.Generator) -> Batch:
        clean = self.luma_of(crops.float().div_(255), generator)
        steps = self.tables(len(crops), crops.device, generator)
        damaged = ops.jpeg_torch(clean, steps)
        seen = damaged
        if self.options["prior"]:
            seen = torch.cat([ops.sliding_dct(damaged, steps[:, 0], rows=damaged.shape[-2]), damaged], 1)
        top, left = self.corners(len(crops), crops.device, generator)
        return cut(seen, top, left, self.crop), cut(clean, top, left, self.crop), steps

    def prepare(self, method: Method) -> None:
        for convolution in method.get_submodule("network").last:  # pyright: ignore[reportGeneralTypeIssues]
            convolution.weight.mul_(self.begin_at)
            convolution.bias.zero_()

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        seen, clean, _ = batch
        out1, out2 = method.get_submodule("network")(seen)
        return objective(out1.float(), out2.float(), clean, alpha=self.alpha)

    def validate(self, method: Method, validation: Images) -> dict[str, float]:
        steps = ops.ijg_tables(10)[None]
        changes = []
        for planes in validation.middles():
            before, after = psnr_change(method, studio_luma(planes.float().div(255)), 10, qtable=steps)
            changes.append(after - before)
        return {"gain": torch.cat(changes).mean().item()}


def options(amplitude: bool, phase: bool, prior: bool) -> dict[str, Any]:
    return {"width": 16, "tile": 96, "overlap": 16, "amplitude": amplitude, "phase": phase, "prior": prior}


_SETTINGS = {key: getattr(PAPERS["q10"], key) for key in ("crop", "batch", "grow", "warmup", "lr", "clip", "jitter")}
RECIPES = {"q10": DualRecipe(**_SETTINGS, validations=1, options=options(True, True, False))}
SPEC = Spec(
    name=NAME,
    kind="restorer",
    target="tests.campaigns.duals:Dual",
    title="D2LNet and its ablations, with and without the sliding DCT's estimate",
    paper="G. Yang, L. Lin, C. Wu and F. Wang, Dual-Domain Learning for JPEG Artifacts Removal, EasyChair, 2023",
    license="Apache-2.0",
    channels=(1,),
    recipes="tests.campaigns.duals:RECIPES",
)


def measured(chosen: dict[str, Any], seed: int, folders: list[str], budget: Budget, device: str) -> dict[str, float]:
    """The last line of a trial's log."""
    limits: list[dict[str, Any]] = [{"max_minutes": budget.minutes}, {}]  # a run goes to its end
    if budget.steps:
        limits = [{"steps": budget.steps}]
    with tempfile.TemporaryDirectory(prefix="dual-") as out:
        for limit in limits:
            changes = {"options": chosen}
            train(f"{NAME}.q10", folders, out, seed=seed, resume=True, changes=changes, device=device, **limit)
        return last_line(Path(out))


def main() -> None:
    chosen = parser_of("duals", 10, [0, 1, 2]).parse_args()
    torch.set_num_threads(1)
    register(SPEC)
    rows, budget = done(chosen.output), Budget(chosen.minutes, chosen.steps)
    for seed in chosen.seeds:
        for what, amplitude, phase in BLOCKS:
            for prior in (False, True):
                about = {"recipe": NAME, "change": f"{what}{', with the estimate' if prior else ''}"}
                about |= {"budget": str(budget), "seed": seed}
                if not any(all(row[key] == str(value) for key, value in about.items()) for row in rows):
                    result = measured(options(amplitude, phase, prior), seed, chosen.images, budget, chosen.device)
                    rows.append(add(chosen.output, {**about, **result}))
                    print(rows[-1], file=sys.stderr, flush=True)
    print(tables(rows))


if __name__ == "__main__":
    main()
