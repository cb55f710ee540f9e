"""How the weights of AR-CNN were trained: `imgredux train arcnn.q10 --images DIR...`.

The paper trains with stochastic gradient descent for days. Adam, the global residual and a cosine schedule reach as far
in minutes.
"""

from imgredux.training import JpegRecipe

COMMON = {"crop": 48, "batch": 8, "lr": 1e-3, "clip": 0.02}
RECIPES = {
    "q10": JpegRecipe(**COMMON, steps=16_000, low=10, high=10, judged=(10,)),
    "blind": JpegRecipe(**COMMON, steps=14_000, low=5, high=95, even=True, judged=(10, 20, 40, 80)),
}
