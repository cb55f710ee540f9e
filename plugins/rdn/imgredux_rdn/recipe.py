"""How weights of RDN are trained: `imgredux train rdn.q10 --images DIR... --device cuda --precision bf16-mixed`.

As in the paper one network a quality, on crops of 48 and the absolute error.
"""

from imgredux.training import JpegRecipe

RECIPES = {
    f"q{quality}": JpegRecipe(
        crop=48, batch=16, steps=200_000, lr=1e-4, clip=0.1, low=quality, high=quality, absolute=True, judged=(quality,)
    )
    for quality in (10, 20, 30, 40)
}
