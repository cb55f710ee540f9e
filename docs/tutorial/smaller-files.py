# %% [markdown]
# # Smaller files
#
# `imgredux optimize` makes files smaller without a visible change. Originals stay where they are.
#
# You need `pip install imgredux imgredux-jndsearch imgredux-jndjpeg "imgredux[repack]"`.

# %%
import io
from pathlib import Path

from PIL import Image
from skimage import data

import imgredux
from imgredux import maps

folder = Path("holiday")
folder.mkdir()
Image.fromarray(data.chelsea()).save(folder / "cat.jpg", quality=95)
Image.fromarray(data.coffee()[:300, :450]).save(folder / "coffee.jpg", quality=92)

# %% [markdown]
# ## A folder

# %% language="bash"
# imgredux optimize holiday/ -o small/ --jobs 1

# %% [markdown]
# Each new file looks the same beside its original: its SSIMULACRA 2 score is at least 80. `--target flicker` is
# stricter. `--target lossless` changes no sample.

# %%
crop = (140, 30, 340, 180)
pictures = {}
for name in ("holiday/cat.jpg", "small/cat.jpg"):
    pictures[f"{name}: {Path(name).stat().st_size / 1000:.1f} kB"] = Image.open(name).crop(crop)
maps.sheet(pictures)

# %% [markdown]
# ## One format, one knob
#
# The codec `jndjpeg` writes a plain JPEG, which every program reads. Its knob is a distance in just-noticeable
# differences: 1 is at the threshold, more is smaller.

# %%
codec = imgredux.get("jndjpeg")
pictures = {}
for distance in (1.0, 3.0, 9.0):
    stream = codec.encode(data.chelsea(), distance=distance)
    pictures[f"distance {distance:g}: {len(stream) / 1000:.1f} kB"] = Image.open(io.BytesIO(stream)).crop(crop)
maps.sheet(pictures)

# %% [markdown]
# `imgredux.decode` reads the file of any codec.

# %%
image = imgredux.decode(codec.encode(data.chelsea()))
print(image.format, image.size)

# %% [markdown]
# Next: [write a method](write-a-method.md). What the codecs save on standard sets: [codecs](../results/codecs.md).
