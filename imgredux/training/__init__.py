"""Training: one loop on Lightning Fabric for every method that learns (`pip install imgredux[train]`).

A plugin says what is sampled, how it is degraded, what the loss is and how progress is judged, in a `Recipe`; the loop
does the rest, on a CPU, a GPU, or several: `docs/how-to/training.md`.
"""

from imgredux.training.crops import Images, find_by_folder, split
from imgredux.training.loop import TrainingError, train
from imgredux.training.pairs import PairRecipe
from imgredux.training.recipe import Batch, Recipe
from imgredux.training.restoration import JpegRecipe

__all__ = [
    "Batch",
    "Images",
    "JpegRecipe",
    "PairRecipe",
    "Recipe",
    "TrainingError",
    "find_by_folder",
    "split",
    "train",
]
