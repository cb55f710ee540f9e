"""How weights of QGAC are trained: `imgredux train qgac --images DIR... --device cuda --precision bf16-mixed`."""

from dataclasses import dataclass

from torch import Tensor

from imgredux.methods.base import Method
from imgredux.metrics.ssim import ssim
from imgredux.training import Batch, JpegRecipe


@dataclass(frozen=True, kw_only=True)
class QgacRecipe(JpegRecipe):
    """The mean absolute error, less the SSIM of 8x8 boxes with the weight `weight`, as the paper has it."""

    weight: float = 0.05
    told: bool = True

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        damaged, clean, steps = batch
        restored = method(damaged, qtable=steps).float()
        absolute, likeness = (restored - clean).abs().mean(), ssim(restored, clean, window="box8").mean()
        return absolute - self.weight * likeness, {"absolute": absolute, "ssim": likeness}


RECIPES = {
    "color": QgacRecipe(
        mode="rgb", crop=256, batch=8, steps=100_000, lr=1e-4, low=10, high=95, jitter=0.0, judged=(10, 20, 30, 40)
    ),
}
