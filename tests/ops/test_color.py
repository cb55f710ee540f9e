import numpy as np
import pytest
import torch
from PIL import Image

from imgredux.ops.color import luma, rgb_to_ycbcr, with_luma, ycbcr_to_rgb


def image(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).to(dtype)


def test_the_primaries_have_the_values_of_t871():
    # ITU-T T.871, clause 7, divided by 255; 0.1687, 0.3313, 0.4187 and 0.0813 are printed to four digits
    rgb = torch.eye(3, dtype=torch.float64).reshape(1, 3, 3, 1)  # pixels: red, green, blue
    expected = torch.tensor(
        [[0.299, 0.587, 0.114], [-0.1687 + 0.5, -0.3313 + 0.5, 1.0], [1.0, -0.4187 + 0.5, -0.0813 + 0.5]],
        dtype=torch.float64,
    )
    torch.testing.assert_close(rgb_to_ycbcr(rgb)[0, :, :, 0], expected, rtol=0, atol=5e-5)
    torch.testing.assert_close(luma(rgb)[0, 0, :, 0], expected[0], rtol=0, atol=1e-15)


def test_the_inverse_has_the_coefficients_of_t871():
    steps = torch.tensor([[1.0, 0.5, 0.5], [0.0, 1.5, 0.5], [0.0, 0.5, 1.5]], dtype=torch.float64)  # in Y, Cb, Cr
    expected = torch.tensor([[1, 1, 1], [0, -0.344136286, 1.772], [1.402, -0.714136286, 0]], dtype=torch.float64)
    rgb = ycbcr_to_rgb(steps.T.reshape(1, 3, 3, 1))[0, :, :, 0].T
    torch.testing.assert_close(rgb, expected, rtol=0, atol=1e-9)


def test_there_and_back_is_exact_in_float64_outside_the_cube_too():
    x = 4 * image(2, 3, 17, 9) - 2
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(x)), x, rtol=0, atol=4e-15)
    torch.testing.assert_close(rgb_to_ycbcr(ycbcr_to_rgb(x)), x, rtol=0, atol=4e-15)


def test_pillow_agrees_to_one_level_both_ways():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)

    def tensor(image: Image.Image) -> torch.Tensor:
        return torch.tensor(np.asarray(image), dtype=torch.float64).permute(2, 0, 1)[None]

    offset = torch.tensor([0.0, 0.5, 0.5], dtype=torch.float64).view(3, 1, 1)
    levels = torch.tensor([0.0, 128.0, 128.0], dtype=torch.float64).view(3, 1, 1)
    picture = Image.fromarray(pixels)
    ours = (rgb_to_ycbcr(tensor(picture) / 255) - offset) * 255 + levels
    assert (ours.round() - tensor(picture.convert("YCbCr"))).abs().max() <= 1
    chroma = np.mgrid[:256, :256].astype(np.uint8)
    coded = Image.merge("YCbCr", [Image.fromarray(plane) for plane in (np.full_like(chroma[0], 128), *chroma)])
    ours = ycbcr_to_rgb((tensor(coded) - levels) / 255 + offset).clamp(0, 1) * 255
    assert (ours.round() - tensor(coded.convert("RGB"))).abs().max() <= 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gray_stays_gray_to_the_last_bit(dtype):
    gray = torch.arange(256, dtype=dtype).div(255).view(1, 1, 1, -1)
    coded = rgb_to_ycbcr(gray.expand(-1, 3, -1, -1))
    assert torch.equal(coded[:, :1], gray)
    assert torch.all(coded[:, 1:] == 0.5)
    assert luma(gray) is gray


@pytest.mark.parametrize("function", [luma, rgb_to_ycbcr, ycbcr_to_rgb])
def test_batches_layouts_and_leading_dimensions(function):
    x = image(4, 3, 37, 61, dtype=torch.float32)
    whole = function(x)
    assert torch.equal(whole, torch.cat([function(one.clone()) for one in x.split(1)]))
    assert torch.equal(whole[2], function(x[2]))
    assert torch.equal(whole.view(2, 2, *whole.shape[1:]), function(x.view(2, 2, 3, 37, 61)))
    torch.testing.assert_close(function(x.contiguous(memory_format=torch.channels_last)), whole)


@pytest.mark.parametrize("function", [luma, rgb_to_ycbcr, ycbcr_to_rgb])
def test_gradients(function):
    assert torch.autograd.gradcheck(function, image(2, 3, 2, 3).requires_grad_())


@pytest.mark.parametrize("function", [luma, rgb_to_ycbcr, ycbcr_to_rgb])
@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (1, 2, 8, 8), (3, 8)])
def test_other_channel_counts_are_refused(function, shape):
    with pytest.raises(ValueError, match=r"the shape is .*; colour needs \(B, C, H, W\)"):
        function(torch.zeros(shape))


@pytest.mark.parametrize("function", [rgb_to_ycbcr, ycbcr_to_rgb])
def test_gray_has_no_chroma(function):
    with pytest.raises(ValueError, match="3 channels"):
        function(torch.zeros(1, 1, 8, 8))


def test_another_luma_leaves_the_chroma():
    x, y = image(2, 3, 9, 7), 3 * image(2, 1, 9, 7) - 1
    expected = ycbcr_to_rgb(torch.cat([y, rgb_to_ycbcr(x)[:, 1:]], 1))
    torch.testing.assert_close(with_luma(x, y), expected, rtol=0, atol=1e-14)
    assert torch.equal(with_luma(luma(x), y), y)
    with pytest.raises(ValueError, match="1 or 3 channels"):
        with_luma(image(1, 2, 8, 8), image(1, 1, 8, 8))
