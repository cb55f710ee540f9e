"""How weights of FBCNN are trained: `imgredux train fbcnn --images DIR... --device cuda --precision bf16-mixed`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from imgredux.methods.base import Method
from imgredux.ops.quantization import ijg_family
from imgredux.training import Batch, JpegRecipe
from imgredux_fbcnn.method import FbCnn

OFTEN = (10, 20, 30, 40, 50, 60)  # qualities of three quarters of the crops


@dataclass(frozen=True, kw_only=True)
class FbCnnRecipe(JpegRecipe):
    """The mean absolute error of the image, and with the weight `weight` that of the predicted 1 - QF/100.

    Three quarters of the crops have one of the qualities `OFTEN`, the others any from `low` to `high`. The authors'
    code has a weight of 0.001.
    """

    weight: float = 0.001

    def tables(self, count: int, device: torch.device, generator: torch.Generator) -> Tensor:
        share, place = torch.rand(2, count, generator=generator, device=device)
        often = torch.tensor(OFTEN, device=device)[(place * len(OFTEN)).long()]
        rest = (self.low + place * (self.high + 1 - self.low)).long()
        return ijg_family(device)[torch.where(share < 0.75, often, rest) - 1]

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(method, FbCnn)  # what the plugin's recipes train
        damaged, clean, steps = batch
        restored, p = method.network(damaged)
        family = ijg_family(steps.device)[:, 0].flatten(1)
        quality = torch.cdist(steps[:, 0].flatten(1), family, p=1).argmin(1) + 1
        image, told = (restored.float() - clean).abs().mean(), (p[:, 0].float() - (1 - quality / 100)).abs().mean()
        return image + self.weight * told, {"image": image, "quality": told}


RECIPES = {
    "color": FbCnnRecipe(
        mode="rgb", crop=96, batch=32, steps=200_000, lr=1e-4, low=8, high=95, judged=(10, 20, 30, 40)
    ),
    "gray": FbCnnRecipe(
        options={"channels": 1}, crop=96, batch=32, steps=200_000, lr=1e-4, low=5, high=95, judged=(10, 20, 30, 40)
    ),
}
