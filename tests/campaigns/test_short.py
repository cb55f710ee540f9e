"""A short form of each campaign: that it works, and that it bites. The long forms: docs/results/reliability.md."""

import random
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgredux
from imgredux.datasets import tables
from imgredux.io import decoding
from tests.campaigns import bombs, corrupt, faults, odd
from tests.campaigns.many_files import digests, make

OF = {".mat": "arcnn", ".pth": "jiang2024"}  # whose weights they might be
DOORS = {
    "image": decoding.open_image,
    "decode": lambda path: imgredux.decode(path.read_bytes()),
    "weights": lambda path: imgredux.get(
        {".mat": "arcnn", ".pth": "jiang2024"}.get(path.suffix, "ddjnd"), weights=path
    ),
    "table": lambda path: (tables.read_mat if path.suffix == ".mat" else tables.read_xlsx)(path),
}


@pytest.mark.parametrize("name", [name for name in bombs.BOMBS if name not in bombs.READ])
def test_bombs_are_refused_by_name(name: str, tmp_path: Path) -> None:
    door, _, file = name.partition("/")
    (tmp_path / file).write_bytes(bombs.BOMBS[name]())
    with pytest.raises(imgredux.ImgreduxError):
        DOORS[door](tmp_path / file)


@pytest.mark.parametrize("name", ["image/canvas.webp", "weights/zeros.pth"])
def test_bombs_take_no_memory(name: str, tmp_path: Path) -> None:
    door, _, file = name.partition("/")
    (tmp_path / file).write_bytes(bombs.BOMBS[name]())
    taken, seconds, said = bombs.opened(door, tmp_path / file)
    assert (taken < bombs.MEMORY, seconds < bombs.SECONDS) == (True, True), said
    assert "Error" in said


@pytest.mark.parametrize("name", ["flat", "wei2009", "slidingdct"])
def test_odd_images(name: str, tmp_path: Path) -> None:
    kind = imgredux.info(name).spec.kind
    assert odd.judged(imgredux.get(name), kind, tmp_path, odd.files()) == []


def test_a_method_that_ignores_files_is_found(tmp_path: Path) -> None:
    method = imgredux.get("wei2009")

    def careless(path: Path) -> np.ndarray:
        with Image.open(path) as image:
            return method(np.asarray(image.convert("RGB")))

    found = odd.judged(careless, "estimator", tmp_path, odd.files())
    assert {"exif_3", "exif_6", "p3_linear", "empty"} <= {one.partition(":")[0] for one in found}


def test_corrupt_images(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    assert corrupt.part(tmp_path, 200, 7, "flat", seen) == []
    assert seen["inputs"] == 200 + corrupt.SOUND
    assert 0 < seen["refused"] < 200


def can_mount() -> bool:
    try:
        return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def test_faults(tmp_path: Path) -> None:
    """One of each kind that differs: a kill, a limit, a full disk, a folder that goes away."""
    make(tmp_path / "in", 8)
    draw = random.Random(1)
    whole = faults.Trial(draw, tmp_path / "in", tmp_path / "expected", 1, 8)
    whole.end(whole.begin())
    assert whole.code == 0, whole.said
    expected, inputs = digests(tmp_path / "expected"), digests(tmp_path / "in")
    names = ["SIGKILL of all of its processes", "a limit of the size of files", "the output folder is deleted"]
    for name in [*names, *(["a full disk"] if can_mount() else [])]:
        trial = faults.Trial(draw, tmp_path / "in", tmp_path / name, 1, 8)
        assert faults.struck(name, trial, expected, inputs) == []
