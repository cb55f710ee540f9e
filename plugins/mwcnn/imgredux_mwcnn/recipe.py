"""How weights of MWCNN are trained: `imgredux train mwcnn.q10 --images DIR... --device cuda --precision bf16-mixed`.

As in the paper one network a quality, on large crops and the squared error.
"""

from imgredux.training import JpegRecipe

RECIPES = {
    f"q{quality}": JpegRecipe(
        crop=192, batch=16, steps=100_000, lr=2e-4, clip=0.1, low=quality, high=quality, judged=(quality,)
    )
    for quality in (10, 20, 30, 40)
}
