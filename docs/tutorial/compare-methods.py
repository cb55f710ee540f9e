# %% [markdown]
# # Compare methods
#
# A protocol says what is measured, and at which levels. `evaluate` measures methods by a protocol. `report` makes a
# page of the results. Both are commands, too.
#
# This page compares estimators by `jnd-equal-mse`: noise of the same energy, shaped by each map. The better map hides
# it better. Two small photographs are enough to show the way. They are not enough for a claim.

# %%
from pathlib import Path

from PIL import Image
from skimage import data

from imgredux.datasets import folder
from imgredux.evaluate import evaluate, read_rows, summarize
from imgredux.report import report

photos = Path("photos")
photos.mkdir()
Image.fromarray(data.chelsea()[40:232, 90:346]).save(photos / "cat.png")
Image.fromarray(data.coffee()[100:292, 100:356]).save(photos / "coffee.png")

# %% [markdown]
# ## Measure
#
# `flat` and `localstd` are baselines. They know nothing of vision. A model that does not beat them has shown nothing.

# %%
METHODS = ["wu2013", "ddjnd.hiding", "flat", "localstd"]
failed = evaluate("jnd-equal-mse", METHODS, [folder("photos")], "results.jsonl", levels=[100], metrics=["ssimulacra2"])
print(len(read_rows("results.jsonl")), "rows,", len(failed), "failed")

# %% [markdown]
# The command does the same, on as many processes as you like:
#
# ```bash
# imgredux eval wu2013 ddjnd.hiding flat localstd --protocol jnd-equal-mse --data photos/ -o results.jsonl \
#     --levels 100 --metrics ssimulacra2
# ```
#
# Each result is a line of `results.jsonl`. What is in the file is not measured again.
#
# ## The means
#
# SSIMULACRA 2 is higher where less is seen. The number after the mean is its standard error.

# %%
rows = read_rows("results.jsonl")
for line in summarize(rows):
    mean = line.values["ssimulacra2"]
    print(f"{line.label:14} {mean.mean:6.2f} ± {mean.error:.2f}")

# %% [markdown]
# ## A report

# %%
page = report("results.jsonl", "report")
print(f"{page}, {page.stat().st_size / 1000:.0f} kB")

# %% [markdown]
# `report/index.html` is one file with the tables and the figures. The command is
# `imgredux report results.jsonl -o report/ --image photos/cat.png`.
#
# The same on standard sets: [estimators compared](../results/estimators.md). Why SSIM is the wrong judge here:
# [what equal noise rewards](../explanation/equal-noise.md).
