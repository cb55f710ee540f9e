import numpy as np
import pytest
import torch
from scipy import ndimage

from imgredux.ops.strips import in_strips, pad

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "symmetric": "symmetric"}
SIZES = [(1, 1), (1, 5), (3, 1), (7, 4), (45, 30)]


def image(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def median(strip: torch.Tensor) -> torch.Tensor:
    """A 5x5 median, of the size of the strip: wrong where its own border is, which is to be cut off."""
    return torch.from_numpy(ndimage.median_filter(strip.numpy(), (1, 1, 5, 5)))


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("halo", [0, 1, 2, 6])
def test_pad_equals_numpy_even_beyond_the_image(border, size, halo):
    x = image(2, 3, *size)
    expected = np.pad(x.numpy(), ((0, 0), (0, 0), (halo, halo), (halo, halo)), MODES[border])
    assert np.array_equal(pad(x, halo, border).numpy(), expected)


@pytest.mark.parametrize(
    ("border", "mode"), [("constant", "constant"), ("reflect", "mirror"), ("replicate", "nearest")]
)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", [1, 3, 16, 1000])
def test_equals_the_filter_on_the_whole_image_for_any_strip_height(border, mode, size, rows):
    x = image(2, 1, *size)
    expected = [ndimage.median_filter(plane, 5, mode=mode) for plane in x[:, 0].numpy()]
    assert np.array_equal(in_strips(median, x, halo=2, rows=rows, border=border)[:, 0].numpy(), expected)


@pytest.mark.parametrize("size", [(30000, 1), (1, 30000), (1000, 1000)])
def test_default_strips_on_extreme_sizes(size):
    x = image(1, 1, *size)
    expected = ndimage.median_filter(x[0, 0].numpy(), 5, mode="reflect")  # SciPy's name for symmetric
    assert np.array_equal(in_strips(median, x, halo=2, border="symmetric")[0, 0].numpy(), expected)


def test_function_sees_small_strips_of_one_image_and_its_valid_part_is_collected():
    seen = []

    def box(strip):
        seen.append(tuple(strip.shape))
        return torch.nn.functional.avg_pool2d(strip, 3, 1).repeat(1, 2, 1, 1)

    result = in_strips(box, image(2, 1, 10, 7), halo=1, rows=4, channels=2)
    assert seen == [(1, 1, 6, 9), (1, 1, 6, 9), (1, 1, 4, 9)] * 2
    assert result.shape == (2, 2, 10, 7)


def test_writes_into_out_of_another_dtype():
    x = image(2, 1, 20, 9)
    out = torch.empty(2, 1, 20, 9, dtype=torch.bool)
    assert in_strips(lambda strip: strip > 0.5, x, rows=8, out=out) is out
    assert torch.equal(out, x > 0.5)


@pytest.mark.parametrize("border", MODES)
def test_autograd_takes_the_whole_image_and_agrees(border):
    x = image(2, 1, 21, 9)

    def smooth(strip):
        return torch.nn.functional.avg_pool2d(strip, 5, 1).square()

    leaf = x.clone().requires_grad_()
    whole = in_strips(smooth, leaf, halo=2, rows=4, border=border)
    torch.testing.assert_close(whole.detach(), in_strips(smooth, x, halo=2, rows=4, border=border), rtol=1e-14, atol=0)
    assert torch.autograd.gradcheck(lambda t: in_strips(smooth, t, halo=2, border=border), leaf[:, :, :4, :3])


def test_unknown_border_is_named():
    with pytest.raises(ValueError, match="'mirror'; choose constant, reflect"):
        in_strips(median, image(1, 1, 4, 4), halo=2, border="mirror")
