"""Our classical models beside the Python ports of Terriao/OpenJND, on the same 512x512 luma.

The ports are not part of this repository: IMGREDUX_OPENJND names a checkout of them (eb08fff when
docs/results/performance.md was measured). Only their imports and functions are loaded; their scripts do not run.
"""

import ast
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import imgredux

PORTS = {
    "chou1995": ("Chou and Li", lambda names, gray: names["jnd_pixel"](gray, "Chou")),
    "yang2005": ("Yang et al", lambda names, gray: names["jnd_pixel"](gray, "Yang")),
    "zhang2005": ("Zhang et al", lambda names, gray: names["JND_dct"](gray)),
    "liu2010": ("Liu et al", lambda names, gray: names["jnd_id"](gray)),
    "wu2017": ("Wu et al (TIP)", lambda names, gray: names["func_JND_modeling_pattern_complexity"](gray)),
    "jiang2022": ("Jiang et al", lambda names, gray: names["KLT_JND"](gray.astype(float))),
}
USED = ("numpy", "cv2", "scipy")


def port(name: str) -> Callable[[np.ndarray], object]:
    """The function of a port that maps an 8-bit luma `(H, W)` to its JND."""
    root = os.environ.get("IMGREDUX_OPENJND")
    if not root:
        pytest.skip("IMGREDUX_OPENJND names no checkout of OpenJND")
    folder, call = PORTS[name]
    path = Path(root) / folder / "Python" / "main.py"
    tree = ast.parse(path.read_text("utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) or _needed(node)]
    names: dict = {"cv2": cv2}  # one port imports it in its script only
    exec(compile(tree, str(path), "exec"), names)
    return lambda gray: call(names, gray)


def _needed(node: ast.stmt) -> bool:
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return any(module.partition(".")[0] in USED for module in modules)


@pytest.mark.parametrize("name", PORTS)
@pytest.mark.parametrize("row", ["imgredux", "OpenJND"])
def test_classical_models(measure, luma, name, row):
    x = luma("512x512")
    if row == "imgredux":
        call, argument = imgredux.get(name), x / 255
    else:
        call, argument = port(name), x[0, 0].byte().numpy()
    measure(lambda: call(argument), task=f"{name} beside OpenJND, 512x512", row=row, pixels=x.numel(), rounds=5)
