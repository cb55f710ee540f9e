# %% [markdown]
# # Restore a folder
#
# A JPEG file of low quality shows blocks and halos. A restorer removes them. This page restores a folder with one
# command, and one file from Python.
#
# You need `pip install imgredux imgredux-unjpeg imgredux-flatzone imgredux-slidingdct imgredux-arcnn`.
#
# First, a folder: two photographs as JPEG files of low quality, one drawing, and one PNG file.

# %%
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

import imgredux
from imgredux import maps
from imgredux.metrics import psnr

folder = Path("photos")
folder.mkdir()
Image.fromarray(data.astronaut()[:256, 128:384]).save(folder / "astronaut.jpg", quality=10)
Image.fromarray(data.coffee()[100:300, 100:400]).save(folder / "coffee.jpg", quality=20)
drawing = Image.new("RGB", (240, 160), "white")
ImageDraw.Draw(drawing).ellipse((40, 30, 200, 130), fill="orange", outline="navy", width=6)
drawing.save(folder / "drawing.jpg", quality=30)
Image.fromarray(data.chelsea()[:160, :240]).save(folder / "cat.png")

# %% [markdown]
# ## One command
#
# `auto` looks for JPEG traces in each file. Then it takes the installed restorer that gains most at that quality.

# %% language="bash"
# imgredux run auto photos/ -o restored/ --jobs 1

# %% [markdown]
# The line of each file says what was found and what was done. `cat.png` was a JPEG of quality 98 before. A restorer can
# only harm an image that good, so it stays as it is.

# %%
before, after = Image.open("photos/astronaut.jpg"), Image.open("restored/astronaut.auto.png")
maps.sheet({"JPEG, quality 10": before, "restored": after})

# %% [markdown]
# A second run does nothing: the folder has a record of what is done.

# %% language="bash"
# imgredux run auto photos/ -o restored/ --jobs 1

# %% [markdown]
# ## From Python
#
# `restore` does the same for one image. The result has the form of the input.

# %%
restored = imgredux.restore("photos/coffee.jpg")
maps.sheet({"JPEG, quality 20": Image.open("photos/coffee.jpg"), "restored": restored})

# %% [markdown]
# A method by its name, with figures against the original:

# %%
original = imgredux.to_tensor(data.astronaut()[:256, 128:384])
for name in ("slidingdct", "arcnn"):
    image = imgredux.get(name)(Image.open("photos/astronaut.jpg"))
    print(f"{name}: {psnr(imgredux.to_tensor(np.asarray(image)), original).item():.2f} dB")
print(f"the JPEG: {psnr(imgredux.to_tensor(np.asarray(before)), original).item():.2f} dB")

# %% [markdown]
# Next: [smaller files](smaller-files.md). What the restorers gain on standard sets:
# [restoration](../results/restoration.md).
