"""How weights of DnCNN-3 are trained: `imgredux train dncnn --images DIR... --device cuda --precision bf16-mixed`.

As in the paper one network for every quality, on small crops; with Adam and a cosine instead of SGD in steps.
"""

from imgredux.training import JpegRecipe

RECIPES = {
    "blind": JpegRecipe(
        crop=48, batch=64, steps=100_000, lr=5e-4, clip=0.02, low=5, high=95, even=True, judged=(10, 20, 40, 80)
    ),
}
