"""Tiles that fade into one another: every pixel is covered once, no border shows, places are legal and announced."""

import pytest
import torch
from torch import Tensor

from imgredux.methods.tiling import faded, listening, pad

SIZES = [(64, 64), (64, 80), (73, 211), (200, 64), (200, 30), (1, 1), (129, 65)]


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("align", [8, 16])
@pytest.mark.parametrize("size", SIZES)
def test_tiles_cover_an_image_and_fade_into_one_another(size: tuple[int, int], align: int) -> None:
    x, seen = noise(2, 1, *size), []
    torch.testing.assert_close(faded(lambda part: seen.append(part.shape) or part, x, 64, 16, align), x)
    assert {shape[-2:] for shape in seen} == {tuple(min(64, -(-side // align) * align) for side in size)}
    assert {shape[0] for shape in seen} == {1}


@pytest.mark.parametrize("size", SIZES)
def test_an_image_that_is_padded_to_a_tile_is_seen_in_whole_tiles(size: tuple[int, int]) -> None:
    seen = []
    faded(lambda part: seen.append(part.shape) or part, pad(noise(2, 1, *size), 16, 64), 64, 16, 16)
    assert set(seen) == {(1, 1, 64, 64)}


def test_the_border_of_a_tile_does_not_show_where_others_lie() -> None:
    spoilt = torch.zeros(64, 64).index_fill(0, torch.tensor([0, 3, 60, 63]), 1.0)
    x = noise(1, 1, 200, 64)
    added = faded(lambda part: part + spoilt, x, 64, 16, 16) - x
    shown = added.abs().amax((0, 1, 3)).gt(1e-6).nonzero().flatten()
    assert shown.tolist() == [0, 3]  # at the image's own border


@pytest.mark.parametrize(("align", "overlap", "count"), [(8, 24, 5 * 7), (16, 16, 4 * 6)])
def test_tiles_start_on_multiples_and_are_announced(align: int, overlap: int, count: int) -> None:
    x, corners, heard = torch.arange(300.0).expand(1, 1, 200, 300), [], []
    with listening(lambda done, total: heard.append((done, total))):
        faded(lambda part: corners.append(part[0, 0, 0, 0].item()) or part, x, 64, overlap, align)
    assert {corner % align for corner in corners} == {0}
    assert heard == [(i, len(corners)) for i in range(1, len(corners) + 1)]
    assert len(corners) == count


def test_the_result_may_have_other_planes() -> None:
    x = noise(1, 3, 100, 90)
    torch.testing.assert_close(faded(lambda part: part.mean(1, True), x, 64, 16, 8), x.mean(1, True))
