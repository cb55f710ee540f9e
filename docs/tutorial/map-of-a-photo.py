# %% [markdown]
# # A map of a photo
#
# A map of just-noticeable differences (JND) says how far each pixel can change before a person sees it.
# This page makes two maps of one photograph, and puts noise where the map says that nobody looks.
#
# You need `pip install imgredux imgredux-wu2013 imgredux-ddjnd`, and scikit-image for the photograph.

# %%
import numpy as np
from PIL import Image
from skimage import data

import imgredux
from imgredux import maps

photo = data.chelsea()
Image.fromarray(photo)

# %% [markdown]
# ## The map
#
# `get` finds a method by its name. A method takes a path, a PIL image, an array or a batch of tensors.

# %%
jnd = imgredux.get("wu2013")(photo)
print(jnd.shape, jnd.dtype, f"from {jnd.min():.1f} to {jnd.max():.1f} grey levels, {jnd.mean():.1f} in the mean")

# %% [markdown]
# The heat map is bright where much is hidden. The fur hides more than the smooth background.

# %%
maps.heatmap(jnd, bar=True)

# %% [markdown]
# ## Another method, the same call

# %%
learned = imgredux.get("ddjnd.hiding")(photo)
maps.sheet({"wu2013": maps.heatmap(jnd), "ddjnd.hiding": maps.heatmap(learned)})

# %% [markdown]
# ## Noise that hides
#
# `inject` shapes noise by a map. It scales the map until the noise has the mean squared error that you ask for. So the
# two images below have the same amount of noise. Only its place differs.

# %%
MSE = 100  # visible on purpose
flat = imgredux.inject(photo, np.ones_like(jnd), mse=MSE)
shaped = imgredux.inject(photo, learned, mse=MSE)
crop = (slice(30, 230), slice(100, 340))
maps.sheet({"even noise": Image.fromarray(flat.image[crop]), "shaped noise": Image.fromarray(shaped.image[crop])})

# %% [markdown]
# ## Keep the map
#
# A PNG of 16 bits holds the map with its scale. `read_map` gives grey levels back.

# %%
maps.write_map("map.png", jnd, method="wu2013")
print("largest difference after reading:", float(np.abs(maps.read_map("map.png") - jnd).max()))

# %% [markdown]
# Next: [restore a folder](restore-a-folder.md), or [compare methods](compare-methods.md).
