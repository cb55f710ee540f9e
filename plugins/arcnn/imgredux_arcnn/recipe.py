"""How the weights of AR-CNN were trained: `imgredux train arcnn.q10 --images DIR...`.

The paper trains with stochastic gradient descent for days. Adam, the global residual and a cosine schedule reach nearly
as far in minutes.
"""

from dataclasses import dataclass
from typing import Any

from imgredux.methods.base import Method
from imgredux.training import JpegRecipe
from imgredux_arcnn.method import ArCnn


@dataclass(frozen=True, kw_only=True)
class ArCnnRecipe(JpegRecipe):
    """Squared error, from filters that see details.

    centered: the kernels of the first layer begin without their means. With them, brightness decides which features are
    on, nearly the same ones everywhere: of three seeds, one or two learnt nothing in two minutes.
    """

    centered: bool = True

    def prepare(self, method: Method) -> None:
        if not self.centered:
            return
        assert isinstance(method, ArCnn)  # what the plugin's recipes train
        kernels = method.network.get_parameter("0.weight")
        kernels -= kernels.mean((2, 3), keepdim=True)


COMMON: dict[str, Any] = {"crop": 48, "batch": 8, "clip": 0.02}
BLIND: dict[str, Any] = {**COMMON, "low": 5, "high": 95, "judged": (10, 20, 40, 80)}
RECIPES = {
    "q10": ArCnnRecipe(**COMMON, steps=16_000, lr=1e-3, low=10, high=10, judged=(10,)),
    "blind": ArCnnRecipe(**BLIND, steps=14_000, lr=1e-3),  # --init q10
    "even": ArCnnRecipe(**BLIND, steps=8_000, lr=5e-4, even=True),  # --init blind
}
