"""What an editor knows of a call: the types that pyright finds in user code, and in the README."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
USE = """
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import torch
from PIL import Image

import imgredux

path, picture, array, x = Path("x.png"), Image.new("L", (8, 8)), np.zeros((8, 8)), torch.zeros(3, 8, 8)

estimator = assert_type(imgredux.get("wei2009"), imgredux.Estimator)
assert_type(estimator(path), np.ndarray)
assert_type(estimator("x.png"), np.ndarray)
assert_type(estimator(picture), np.ndarray)
assert_type(estimator(array), np.ndarray)
assert_type(estimator(x), torch.Tensor)
assert_type(imgredux.get("ddjnd.paper", device="cpu"), imgredux.Estimator)
assert_type(imgredux.create("wei2009"), imgredux.Estimator)
assert_type(imgredux.tiled(estimator, path), np.ndarray)

restorer = assert_type(imgredux.get("arcnn", weights="x.safetensors"), imgredux.Restorer)
assert_type(restorer(path), Image.Image)
assert_type(restorer(picture, quality=10), Image.Image)
assert_type(restorer(array), np.ndarray)
assert_type(restorer(x, qtable=x), torch.Tensor)
assert_type(imgredux.restore("x.jpg"), Image.Image)
assert_type(imgredux.restore(path, "cpu", quality=10), Image.Image)
assert_type(imgredux.restore(array), np.ndarray)

codec = assert_type(imgredux.get("jndjpeg"), imgredux.Codec)
assert_type(codec.encode(path, distance=1.0), bytes)
assert_type(codec.decode(b""), Image.Image | np.ndarray)
assert_type(codec(x), imgredux.Coded)
assert_type(codec(x).bits, torch.Tensor)
assert_type(codec(path), Image.Image)
assert_type(codec(array), np.ndarray)
assert_type(imgredux.decode(b""), Image.Image | np.ndarray)

other = assert_type(imgredux.get("someone-elses"), imgredux.Method)
assert_type(other(path), Any)
assert_type(other(array), np.ndarray)


def by_name(name: str, image: Path | np.ndarray | torch.Tensor) -> None:
    assert_type(imgredux.get(name), imgredux.Method)
    assert_type(imgredux.create(name), imgredux.Method)
    assert_type(estimator(image), np.ndarray | torch.Tensor)
"""
WRONG = (
    'imgredux.get("wei2009").encode("x.png")',
    'imgredux.get("wei2009")("x.png").save("y.png")',
    'imgredux.restore("x.jpg").shape',
    'imgredux.get("wei2009")(3)',
    "imgredux.get(3)",
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, str]]]:
    """The errors of pyright, by file: 0-based line and message."""
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed: pip install imgredux[dev]")
    folder = tmp_path_factory.mktemp("user")
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    files = {"use.py": USE, "wrong.py": "\n".join(["import imgredux", *WRONG]), "readme.py": "\n".join(blocks)}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, list[tuple[int, str]]] = {name: [] for name in files}
    for one in json.loads(done.stdout)["generalDiagnostics"]:
        if one["severity"] == "error":
            found[Path(one["file"]).name].append((one["range"]["start"]["line"], one["message"]))
    return found


def test_a_call_has_the_type_that_its_method_and_its_image_say(said: dict[str, list[tuple[int, str]]]) -> None:
    assert not said["use.py"]


@pytest.mark.parametrize("line", WRONG)
def test_what_a_method_does_not_have_is_an_error(line: str, said: dict[str, list[tuple[int, str]]]) -> None:
    assert 1 + WRONG.index(line) in [at for at, _ in said["wrong.py"]]


def test_the_code_of_the_readme_has_types(said: dict[str, list[tuple[int, str]]]) -> None:
    assert not said["readme.py"]
