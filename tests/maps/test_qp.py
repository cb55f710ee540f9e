"""QP offsets: what a block may hide, its mean over the image 0, and files that say the same."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from imgredux import ImageError, maps
from imgredux.cli import app


def halves(low: float = 2.0, high: float = 8.0) -> np.ndarray:
    jnd = np.full((32, 64), low, np.float32)
    jnd[:, 32:] = high
    return jnd


def painted(text: str, rows: int, columns: int, block: int) -> np.ndarray:
    """The offsets that a filter script gives each block."""
    found = np.zeros((rows, columns), int)
    for region in re.findall(r"addroi=x=(\d+):y=(\d+):w=(\d+):h=(\d+):qoffset=(-?\d+)/51", text):
        x, y, w, h, offset = map(int, region)
        here = found[y // block : -(-(y + h) // block), x // block : -(-(x + w) // block)]
        assert not here.any(), "two regions of one block"
        here[:] = offset
    return found


def test_twice_the_threshold_is_six_at_full_strength() -> None:
    offsets = maps.qp_offsets(halves(2, 4), block=16, strength=1.0)
    assert offsets.dtype == np.int8
    assert offsets.tolist() == [[-3, -3, 3, 3]] * 2
    assert maps.qp_offsets(halves(2, 4), block=16, strength=2 / 3).tolist() == [[-2, -2, 2, 2]] * 2
    assert not maps.qp_offsets(halves(), strength=0).any()
    assert np.abs(maps.qp_offsets(halves(0.1, 200), strength=1, most=4)).max() == 4


def test_a_block_is_its_geometric_mean_and_a_cut_one_what_is_there() -> None:
    jnd = np.random.default_rng(0).uniform(1, 20, (37, 53)).astype(np.float32)
    offsets = maps.qp_offsets(jnd, block=16, strength=1.0, most=99)
    assert offsets.shape == (3, 4)
    for row in range(3):
        for column in range(4):
            part = np.log2(jnd[16 * row : 16 * row + 16, 16 * column : 16 * column + 16])
            assert offsets[row, column] == round(6 * float(part.mean() - np.log2(jnd).mean()))


def test_a_map_of_three_channels_is_one_of_their_rms() -> None:
    jnd = np.stack([halves(), halves(), halves()], -1)
    assert np.array_equal(maps.qp_offsets(jnd), maps.qp_offsets(halves()))


@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_a_filter_script_has_every_block_once(codec: str) -> None:
    offsets = np.random.default_rng(1).integers(-3, 4, (5, 7)).astype(np.int8)
    text = maps.roi_text(offsets, 16, (7 * 16 - 5, 5 * 16 - 9), codec)
    assert np.array_equal(painted(text, 5, 7, 16), offsets)
    assert "h=7:" in text  # the last row is cut off
    assert maps.roi_text(np.zeros((2, 2), np.int8), 16, (32, 32), codec) == "null\n"


def test_equal_blocks_are_one_region() -> None:
    text = maps.roi_text(np.array([[1, 1, 2], [1, 1, 2]], np.int8), 8, (24, 16), "x265")
    assert sorted(text.replace(",", "").split()) == [
        "addroi=x=0:y=0:w=16:h=16:qoffset=1/51",
        "addroi=x=16:y=0:w=8:h=16:qoffset=2/51",
    ]


def test_kvazaars_file() -> None:
    assert maps.roi_text(np.array([[1, -2, 0]], np.int8), 16, (48, 16), "kvazaar") == "3 1\n1 -2 0\n"


def test_bad_input_is_refused() -> None:
    for bad in (halves()[0], -halves(), halves() * np.nan, np.zeros((0, 4))):
        with pytest.raises(ImageError):
            maps.qp_offsets(bad)
    for wrong in ({"block": 0}, {"strength": -1}, {"most": -1}):
        with pytest.raises(ValueError, match="at least 1, 0 and 0"):
            maps.qp_offsets(halves(), **wrong)
    with pytest.raises(ValueError, match="codec is 'vp9'; choose x264, x265, kvazaar"):
        maps.roi_text(np.zeros((1, 1), np.int8), 16, (16, 16), "vp9")


def test_the_command(tmp_path: Path) -> None:
    photo, out = tmp_path / "photo.png", tmp_path / "roi.txt"
    Image.fromarray(data.chelsea()[:96, :128]).save(photo)
    done = CliRunner().invoke(app, ["maps", "qp", str(photo), "--method", "localstd", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "8x6 blocks of 16" in done.output
    assert "by localstd" in done.output
    again = CliRunner().invoke(app, ["maps", "qp", str(photo), "--method", "localstd", "-o", str(tmp_path / "roi.npy")])
    assert again.exit_code == 0, again.output
    assert np.array_equal(painted(out.read_text("ascii"), 6, 8, 16), np.load(tmp_path / "roi.npy"))
    wrong = CliRunner().invoke(app, ["maps", "qp", str(photo), "--method", "slidingdct", "-o", str(out)])
    assert wrong.exit_code == 2
