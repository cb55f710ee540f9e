"""Data sets: folders of images, pairs of pristine and critical images, and what observers said about them.

    data = datasets.pairs("photos")
    for problem in data.problems:
        print(problem)
    for item in data:
        reference, critical = item.read(), item.read_critical()

Importing it imports no torch; reading an image does.
"""

from imgredux.datasets.base import Dataset, Item, folder
from imgredux.datasets.check import PUBLISHED, self_check
from imgredux.datasets.konjnd import konjnd
from imgredux.datasets.mcl_jci import mcl_jci
from imgredux.datasets.pairs import JpegItem, jpeg_pairs, pairs, studio_luma
from imgredux.datasets.shen2020 import shen2020

__all__ = [
    "PUBLISHED",
    "Dataset",
    "Item",
    "JpegItem",
    "folder",
    "jpeg_pairs",
    "konjnd",
    "mcl_jci",
    "pairs",
    "self_check",
    "shen2020",
    "studio_luma",
]
