"""How weights of DCSC are trained: `imgredux train dcsc --images DIR... --device cuda --precision bf16-mixed`.

As the authors' newer network, one for the qualities 10 to 40, on the mean absolute error.
"""

from imgredux.training import JpegRecipe

RECIPES = {
    "blind": JpegRecipe(
        crop=64, batch=16, steps=100_000, lr=5e-4, clip=0.1, low=10, high=40, absolute=True, judged=(10, 20, 30, 40)
    ),
}
