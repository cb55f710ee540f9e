import numpy as np
import pytest
import torch
from scipy import fft

from imgredux.ops.dct import across_blocks, blocks, pixel_std


def thresholds(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(0)) * 5 + 0.1


@pytest.mark.parametrize("block", [4, 8, 16])
def test_variances_of_the_coefficients_waves_add_up(block):
    T = thresholds(2, 1, 2 * block, 3 * block)
    waves = blocks(T, block).numpy()
    variance = np.zeros_like(waves)
    for i, j in np.ndindex(block, block):
        one = np.zeros_like(waves)
        one[..., i, j] = waves[..., i, j]
        variance += fft.idctn(one, axes=(-2, -1), norm="ortho") ** 2
    np.testing.assert_allclose(blocks(pixel_std(T, block), block).numpy(), np.sqrt(variance), rtol=1e-12)


def test_equal_thresholds_deviate_every_pixel_as_much():
    T = across_blocks(thresholds(1, 1, 3, 5)).expand(-1, -1, -1, 8, -1).flatten(-3, -2)
    torch.testing.assert_close(pixel_std(T), T, rtol=1e-12, atol=0)


def test_strips_and_batches_equal_the_whole_to_the_last_bit():
    T = thresholds(3, 1, 64, 200, dtype=torch.float32)
    whole = pixel_std(T)
    assert torch.equal(torch.cat([pixel_std(part) for part in T.split(8, dim=-2)], dim=-2), whole)
    assert torch.equal(torch.cat([pixel_std(image) for image in T.split(1)]), whole)


def test_gradients_are_right():
    assert torch.autograd.gradcheck(pixel_std, thresholds(1, 1, 8, 16).requires_grad_())


def test_sizes_that_are_no_multiples_are_refused():
    with pytest.raises(ValueError, match="9x16 does not divide into 8x8 blocks"):
        pixel_std(torch.ones(1, 1, 9, 16))


def test_a_value_per_block_meets_all_pixels_of_its_block():
    values = thresholds(2, 1, 3, 4)
    spread = across_blocks(values, 4).expand(2, 1, 3, 4, 16).flatten(-3, -2)
    assert np.array_equal(spread.numpy(), np.kron(values.numpy(), np.ones((4, 4))))
