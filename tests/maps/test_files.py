"""Maps as files: every format holds the map as exactly as it says."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgredux import ImageError
from imgredux.maps import read_map, write_map
from imgredux.testing.inputs import sample_image


@pytest.mark.parametrize("top", [200.0, 255.9, 5000.0, 1e-3, 0.0])
def test_a_png_map_is_as_exact_as_it_says(tmp_path: Path, top: float) -> None:
    jnd = (np.random.default_rng(0).random((20, 30)) * top).astype(np.float32)
    write_map(tmp_path / "m.png", jnd)
    with Image.open(tmp_path / "m.png") as image:
        scale, counts = float(image.info["imgredux:scale"]), np.asarray(image)
    assert scale == (1 / 256 if top < 256 else jnd.max() / 65535)
    assert np.abs(counts * scale - jnd).max() <= scale / 2 * 1.001
    assert np.abs(read_map(tmp_path / "m.png") - jnd).max() <= scale / 2 * 1.001


def test_a_tiff_map_is_read_by_others(tmp_path: Path) -> None:
    jnd = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    write_map(tmp_path / "m.tiff", jnd, method="flat")
    assert np.array_equal(tifffile.imread(tmp_path / "m.tiff"), jnd.transpose(2, 0, 1))
    write_map(tmp_path / "m.tiff", jnd[..., 0], method="flat")
    assert np.array_equal(tifffile.imread(tmp_path / "m.tiff"), jnd[..., 0])
    with tifffile.TiffFile(tmp_path / "m.tiff") as file:
        assert file.pages[0].description == "JND map, grey levels, flat"


def test_what_is_no_map_is_not_read_as_one(tmp_path: Path) -> None:
    Image.fromarray(sample_image(8, 9)).save(tmp_path / "photo.png")
    np.save(tmp_path / "counts.npy", np.ones((3, 3), int))
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "text.tiff").write_text("no map")
    for name, message in (
        ("photo.png", "no entry imgredux:scale"),
        ("counts.npy", "holds int64"),
        ("objects.npy", "allow_pickle"),
        ("text.tiff", "cannot identify"),
    ):
        with pytest.raises(ImageError, match=message):
            read_map(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_map(tmp_path / "missing.npy")


@pytest.mark.parametrize(
    ("jnd", "name", "message"),
    [
        (np.ones((3, 3)), "m.jpg", "not written as .jpg: use .png, .npy, .tif, .tiff"),
        (np.ones((3, 3)), "m", "a file without suffix"),
        (np.ones((3, 3, 3)), "m.png", "3 channels does not fit a PNG"),
        (-np.ones((3, 3)), "m.png", "not negative"),
        (np.full((3, 3), np.nan), "m.npy", "not negative"),
        (np.ones(3), "m.npy", r"shape \(3,\)"),
    ],
)
def test_bad_maps_are_not_written(tmp_path: Path, jnd: np.ndarray, name: str, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        write_map(tmp_path / name, jnd)
    assert not list(tmp_path.iterdir())
