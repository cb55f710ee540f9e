import pytest
import torch
from torch import Tensor

from imgredux import ops
from imgredux.ops.quantization import ijg_tables


def image(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_with_steps_the_result_could_have_become_the_file():
    x = 0.5 * image(2, 3, 16, 24)
    steps = torch.stack([ijg_tables(10), ijg_tables(90)])
    y = ops.with_restored_luma(x, ops.luma(x) + 0.2, steps)
    off = ops.blocks(ops.dct(255 * ops.luma(y - x))).abs() / steps[:, :1, None, None]
    torch.testing.assert_close(off.amax((1, 2, 3, 4, 5)), torch.tensor([0.5, 0.5]), rtol=0, atol=1e-3)
    free = ops.with_restored_luma(x, ops.luma(x) + 0.2, steps, projected=False)
    torch.testing.assert_close(ops.luma(free), ops.luma(x) + 0.2, rtol=0, atol=1e-6)


@pytest.mark.parametrize("subsampling", [None, "4:4:4", "4:2:0"])
def test_with_steps_chroma_is_restored_and_without_kept(subsampling):
    x, steps = 0.5 * image(2, 3, 16, 24), torch.stack([ijg_tables(10), ijg_tables(90)])
    planes = ops.rgb_to_ycbcr(x)[:, 1:]
    restored = ops.restored_chroma(planes, steps[:, 1], subsampling)
    assert (restored - planes).abs().max() > 0.01
    for given, expected in ((steps, restored), (None, planes)):
        y = ops.with_restored_luma(x, ops.luma(x) + 0.2, given, subsampling)
        torch.testing.assert_close(ops.rgb_to_ycbcr(y)[:, 1:], expected, rtol=0, atol=1e-6)


def test_gradients_reach_luma_and_the_change_of_chroma_is_held():
    x, steps = 0.5 * image(1, 3, 16, 24), ijg_tables(10)[None]
    restored = ops.luma(x).requires_grad_()
    y = ops.with_restored_luma(x.requires_grad_(), restored, steps)
    of_luma, of_x = torch.autograd.grad(ops.luma(y).sum(), (restored, x), retain_graph=True)
    torch.testing.assert_close(of_luma, torch.ones_like(restored))
    torch.testing.assert_close(of_x, torch.zeros_like(x))
    _, cb, cr = ops.rgb_to_ycbcr(y).split(1, 1)
    (gradient,) = torch.autograd.grad((cb + cr).sum(), x)
    expected = torch.tensor(
        [(1 - 0.299) / 1.402 - 0.299 / 1.772, -0.587 * (1 / 1.402 + 1 / 1.772), (1 - 0.114) / 1.772 - 0.114 / 1.402]
    )
    torch.testing.assert_close(gradient, expected[:, None, None].expand_as(x), rtol=0, atol=1e-5)
