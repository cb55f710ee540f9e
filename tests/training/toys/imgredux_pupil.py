"""A restorer of eight weights that learns in a second, and its recipes.

`python imgredux_pupil.py IMAGES OUT [KEY=VALUE...]` trains it with a checkpoint after every step.
"""

import sys

import torch
from torch import nn

import imgredux
from imgredux import Restorer, Spec
from imgredux.training import JpegRecipe

SEEN = []  # dtypes of what the loss was given
SHAPES = []  # of the damaged crops


class Pupil(Restorer):
    """One convolution without bias, as a residual."""

    def __init__(self, *, side: int = 3, hidden: int = 0) -> None:
        super().__init__()
        self.network = nn.Conv2d(1, 1, side, padding=side // 2, bias=False)
        if hidden:
            wide, narrow = (nn.Conv2d(n, m, side, padding=side // 2, bias=False) for n, m in ((1, hidden), (hidden, 1)))
            nn.init.zeros_(narrow.weight)
            between = nn.Conv2d(hidden, hidden, 1, bias=False)
            self.network = nn.Sequential(wide, nn.ReLU(), between, nn.ReLU(), narrow)

    def forward(self, x, *, qtable=None):
        return x + self.network(x)


class Recording(JpegRecipe):
    """Remembers what it is given."""

    def loss(self, method, batch):
        SEEN.append([tensor.dtype for tensor in batch])
        SHAPES.append(tuple(batch[0].shape))
        return super().loss(method, batch)


class Broken(JpegRecipe):
    """Its loss is not a number."""

    def loss(self, method, batch):
        total, parts = super().loss(method, batch)
        return total * torch.nan, parts


class Fixed(JpegRecipe):
    """Its gain is its learning rate less 0.005."""

    def validate(self, method, validation):
        return {"gain": self.lr - 0.005}


COMMON = {"crop": 16, "batch": 4, "steps": 24, "lr": 1e-2, "ema": 0.2, "validations": 4}
RECIPES = {
    "y": JpegRecipe(**COMMON),
    "wide": JpegRecipe(**COMMON, options={"side": 5}, low=5, high=95, judged=(10, 40)),
    "plateau": JpegRecipe(**COMMON, schedule="plateau"),
    "recording": Recording(**COMMON),
    "broken": Broken(**COMMON),
    "fixed": Fixed(**COMMON),
    "grown": Recording(**COMMON, grow=((0.5, 24, 2),)),
    "muon": JpegRecipe(**{**COMMON, "lr": 3e-3}, options={"hidden": 16}, kernels_lr=3e-3),
}
SPEC = Spec(
    name="pupil",
    kind="restorer",
    target="imgredux_pupil:Pupil",
    title="learns",
    paper="none",
    license="Apache-2.0",
    channels=(1,),
    context=1,
    differentiable=True,
    recipes="imgredux_pupil:RECIPES",
)

if __name__ == "__main__":
    from imgredux.training import loop

    images, out, *options = sys.argv[1:]
    loop.fast_precision = lambda device: "32-true"
    loop.CHECKPOINT_SECONDS, loop.VALIDATING = 0.0, 1e9
    keywords = {key: int(value) for key, _, value in (option.partition("=") for option in options)}
    imgredux.register(SPEC)
    loop.train("pupil.y", [images], out, progress=lambda row: print(row["step"], flush=True), **keywords)
