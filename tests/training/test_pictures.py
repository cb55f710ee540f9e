"""Pictures in memory: every crop is a piece of an image, turned; the split does not move."""

from pathlib import Path

import numpy as np
import pytest
import torch

from imgredux.errors import ImgreduxError
from imgredux.training import Images, find_by_folder, split


def numbered(*sizes: tuple[int, int]) -> list[np.ndarray]:
    """Pictures of three planes whose pixels tell where they are: image, row, column."""
    planes = []
    for index, (height, width) in enumerate(sizes):
        y, x = np.mgrid[:height, :width]
        planes.append(np.stack([np.full_like(y, index), y, x]).astype(np.uint8))
    return planes


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_crop_is_a_piece_of_one_picture_flipped_and_turned() -> None:
    planes = numbered((20, 30), (17, 9), (40, 12))
    crops = Images(planes).crops(600, 7, generator())
    assert crops.shape == (600, 3, 7, 7)
    assert crops.dtype == torch.uint8
    seen = set()
    for crop in crops.numpy():
        index, top, left = crop[0, 0, 0], crop[1].min(), crop[2].min()
        piece = planes[index][:, top : top + 7, left : left + 7]
        turns = [np.rot90(flip, k, (1, 2)) for flip in (piece, piece[:, :, ::-1]) for k in range(4)]
        (kind,) = [k for k, turn in enumerate(turns) if np.array_equal(turn, crop)]
        seen.add((int(index), kind))
    assert seen == {(index, kind) for index in range(3) for kind in range(8)}


def test_pictures_are_equally_likely_and_every_place_is_reached() -> None:
    crops = Images(numbered((60, 60), (8, 9))).crops(4000, 8, generator())
    small = crops[:, 0, 0, 0] == 1
    assert small.float().mean().item() == pytest.approx(0.5, abs=0.04)
    assert set(crops[small, 2].amin((1, 2)).tolist()) == {0, 1}
    assert set(crops[~small, 1].amin((1, 2)).tolist()) == set(range(53))


def test_the_generator_alone_decides() -> None:
    images = Images(numbered((20, 30), (17, 19)))
    state = torch.random.get_rng_state()
    first, second, other = (images.crops(5, 8, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_whole_and_center() -> None:
    planes = numbered((50, 70), (33, 20))
    images = Images(planes)
    assert np.array_equal(images.whole(1)[0].numpy(), planes[1])
    assert images.center(0, 32).shape == (1, 3, 32, 32)
    corner = images.center(0, 32)[0, 1:, 0, 0]
    assert (corner % 16 == 0).all()
    assert images.center(1, 192).shape == (1, 3, 32, 16)


def test_pictures_that_do_not_do_are_refused() -> None:
    for planes in ([], numbered((20, 30), (5, 30)), [np.zeros((3, 9, 9), np.uint8), np.zeros((1, 9, 9), np.uint8)]):
        with pytest.raises(ImgreduxError, match="no images, or some"):
            Images(planes, least=8)


def test_a_tenth_of_each_folder_is_held_out_and_stays_so(tmp_path: Path) -> None:
    for folder, count in {"a": 30, "a/deeper": 11, "b": 1}.items():
        (tmp_path / folder).mkdir(exist_ok=True)
        for index in range(count):
            (tmp_path / folder / f"{folder[-1]}{index}.png").touch()
    (tmp_path / "b" / "notes.txt").touch()
    found = find_by_folder([tmp_path])
    kept, held = split(found)
    assert len(held) == 3 + 2
    assert len(kept) == 27 + 9 + 1
    assert not set(kept) & set(held)
    assert split(find_by_folder([tmp_path])) == (kept, held)
    (tmp_path / "a" / "new.jpg").touch()
    moved = set(held) - set(split(find_by_folder([tmp_path]))[1])
    assert len(moved) <= 1
    with pytest.raises(ImgreduxError, match="is no folder"):
        find_by_folder([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImgreduxError, match="no image in"):
        find_by_folder([tmp_path / "empty"])
