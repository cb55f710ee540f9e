# %% [markdown]
# # Write a method
#
# A method is one class and one declaration. In a notebook it needs no package. This page writes an estimator, tries it,
# and checks one promise of the contract.

# %%
from PIL import Image
from skimage import data
from torch import Tensor

import imgredux
from imgredux import Estimator, Spec, maps, ops

# %% [markdown]
# ## The class
#
# `forward` gets a batch of tensors `(B, C, H, W)` in [0, 1]. It returns a map `(B, 1, H, W)` in the same units. The
# base class does the rest: files, arrays, 16 bits, alpha, EXIF, units.


# %%
class Texture(Estimator):
    """Busy surroundings hide change: a share of the local standard deviation, and a little everywhere."""

    def __init__(self, share: float = 0.25, least: float = 1 / 255) -> None:
        super().__init__()
        self.share = share
        self.least = least

    def forward(self, x: Tensor) -> Tensor:
        return self.least + self.share * ops.local_std(ops.luma(x), size=5)


# %% [markdown]
# ## The declaration

# %%
imgredux.register(
    Spec(
        name="texture",
        kind="estimator",
        target="__main__:Texture",
        title="A share of the local standard deviation",
        paper="This tutorial",
        license="Apache-2.0",
        context=2,  # a pixel of the map looks 2 pixels far
        differentiable=True,
    )
)

# %% [markdown]
# ## Now it is a method like any other

# %%
photo = data.chelsea()
jnd = imgredux.get("texture")(photo)
maps.heatmap(jnd, bar=True)

# %% [markdown]
# `create` takes the keywords of the constructor.

# %%
strong = imgredux.create("texture", share=0.5)(photo)
print(f"mean of the map: {jnd.mean():.2f} and {strong.mean():.2f} grey levels")
noisy = imgredux.inject(photo, jnd, mse=60)
maps.sheet({"photograph": Image.fromarray(photo), "noise where texture hides it": Image.fromarray(noisy.image)})

# %% [markdown]
# Tiles give the same map as the whole image, because `context` says how far a pixel looks:

# %%
x = imgredux.to_tensor(photo)
method = imgredux.get("texture")
print("largest difference:", (imgredux.tiled(method, x, tile=128) - method(x)).abs().max().item())

# %% [markdown]
# Next: [write a plugin](../how-to/write-a-plugin.md) makes a package of it, with tests that come with imgredux.
