"""JPEG in torch against libjpeg, on photographs."""

import pytest
import torch
from skimage import data

from imgredux import ops
from imgredux.metrics import psnr

QUALITIES = (5, 10, 30, 50, 75, 90, 95)


def photographs(channels: int) -> torch.Tensor:
    names = ("astronaut", "coffee", "chelsea")
    x = torch.stack([torch.tensor(getattr(data, name)()[:288, :448]).permute(2, 0, 1) for name in names]).float() / 255
    return x if channels == 3 else ops.luma(x).mul(255).round().div(255)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", QUALITIES)
def test_it_loses_what_libjpeg_loses(channels: int, quality: int) -> None:
    x = photographs(channels)
    theirs = ops.jpeg(x, quality)
    ours = ops.jpeg_torch(x, ops.ijg_tables(quality).expand(len(x), -1, -1, -1))
    assert torch.equal(ours, ours.mul(255).round().div(255))
    assert torch.allclose(psnr(ours, x), psnr(theirs, x), atol=0.03)
    assert (psnr(ours, theirs) > psnr(theirs, x) + 8).all()  # the difference is small beside the damage


@pytest.mark.parametrize("quality", QUALITIES)
def test_full_chroma_is_libjpegs_too(quality: int) -> None:
    x = photographs(3)
    theirs = ops.jpeg(x, quality, subsampling="4:4:4")
    ours = ops.jpeg_torch(x, ops.ijg_tables(quality).expand(len(x), -1, -1, -1), "4:4:4")
    assert torch.allclose(psnr(ours, x), psnr(theirs, x), atol=0.03)
    assert (psnr(ours, theirs) > psnr(theirs, x) + 8).all()


def test_color_conversion_and_chroma_resampling_are_libjpegs_to_the_bit() -> None:
    flat = torch.randint(0, 256, (40, 3, 1, 1), generator=torch.Generator().manual_seed(0)).expand(-1, -1, 16, 16) / 255
    ones = torch.ones(40, 2, 8, 8)  # a flat block has one coefficient, which a step of 1 keeps
    assert torch.equal(ops.jpeg_torch(flat, ones), ops.jpeg(flat, 100))


def test_every_image_has_its_own_tables() -> None:
    x = photographs(1)
    steps = torch.stack([ops.ijg_tables(quality) for quality in (10, 50, 90)])
    together = ops.jpeg_torch(x, steps)
    for index in range(3):
        assert torch.equal(together[index : index + 1], ops.jpeg_torch(x[index : index + 1], steps[index : index + 1]))


def test_wrong_shapes_are_refused() -> None:
    for shape, tables in (((1, 3, 24, 16), 1), ((1, 1, 12, 16), 1), ((1, 2, 16, 16), 1), ((2, 1, 16, 16), 1)):
        with pytest.raises(ValueError, match="pass"):
            ops.jpeg_torch(torch.zeros(shape), torch.ones(tables, 2, 8, 8))
    with pytest.raises(ValueError, match="subsampling is '4:2:2'; choose 4:2:0 or 4:4:4"):
        ops.jpeg_torch(torch.zeros(1, 3, 16, 16), torch.ones(1, 2, 8, 8), "4:2:2")
