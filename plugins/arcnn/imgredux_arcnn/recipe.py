"""How the weights of AR-CNN were trained: `imgredux train arcnn.q10 --images DIR...`.

The paper trains with stochastic gradient descent for days. Adam, the global residual and a cosine schedule reach nearly
as far in minutes.
"""

from typing import Any

from imgredux.training import JpegRecipe

COMMON: dict[str, Any] = {"crop": 48, "batch": 8, "clip": 0.02}
BLIND: dict[str, Any] = {**COMMON, "low": 5, "high": 95, "judged": (10, 20, 40, 80)}
RECIPES = {
    "q10": JpegRecipe(**COMMON, steps=16_000, lr=1e-3, low=10, high=10, judged=(10,)),
    "blind": JpegRecipe(**BLIND, steps=14_000, lr=1e-3),  # --init q10
    "even": JpegRecipe(**BLIND, steps=8_000, lr=5e-4, even=True),  # --init blind
}
