# %% [markdown]
# # Train one
#
# Methods that learn have a recipe. `train` follows it on folders of your images. This page trains `arcnn`, a
# small restorer, for a few seconds. So the result is not good yet. It shows how training goes.
#
# You need `pip install "imgredux[train]" imgredux-arcnn`.

# %%
from pathlib import Path

from PIL import Image
from skimage import data

import imgredux
from imgredux import maps
from imgredux.training import train

folder = Path("photos")
folder.mkdir()
for name, photo in {"astronaut": data.astronaut(), "coffee": data.coffee(), "rocket": data.rocket()}.items():
    for number, left in enumerate(range(0, 400, 200)):
        Image.fromarray(photo[:200, left : left + 200]).save(folder / f"{name}{number}.png")

# %% [markdown]
# ## Train
#
# A tenth of the images is held out, and judged on. `gain` is in dB over the JPEG.


# %%
def say(row: dict) -> None:
    """Of each line of the log, what was judged."""
    if "gain" in row:
        print(f"step {row['step']:2}  loss {row['loss']:.5f}  gain {row['gain']:5.2f} dB")


weights = train("arcnn.q10", ["photos"], "runs/arcnn", steps=60, changes={"batch": 4}, progress=say)
print(weights)

# %% [markdown]
# The command is `imgredux train arcnn.q10 --images photos/ -o runs/arcnn --steps 60 --set batch=4`.
#
# The folder of the run holds the log, the curve, a checkpoint, and the weights with the text for `weights.toml`.

# %%
print(*sorted(path.name for path in Path("runs/arcnn").iterdir()), sep="\n")

# %% [markdown]
# ## Use the weights

# %%
photo = data.chelsea()[:200, 100:340]
Image.fromarray(photo).save("old.jpg", quality=10)
trained = imgredux.get("arcnn", weights="runs/arcnn/q10.safetensors")
shipped = imgredux.get("arcnn.q10")
maps.sheet(
    {
        "JPEG, quality 10": Image.open("old.jpg"),
        "60 steps": trained("old.jpg"),
        "the shipped weights, 16000 steps": shipped("old.jpg"),
    }
)

# %% [markdown]
# A run that was ended goes on with `--resume`. [Training](../how-to/training.md) has recipes, queues and GPUs.
