import pytest
import torch
from torch import Tensor, nn

from imgredux import ops
from imgredux.ops.quantization import ijg_tables


class Brighter(nn.Module):
    """Adds a fifth to luma, and remembers how many images it was given at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, y: Tensor) -> Tensor:
        assert y.shape[1] == 1
        self.seen.append(len(y))
        return y + 0.2


def image(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_luma_goes_through_the_network_and_chroma_around_it():
    for channels in (1, 3):
        x = image(2, channels, 9, 7)
        torch.testing.assert_close(ops.on_luma(Brighter(), x), x + 0.2)


def test_eval_mode_clips_and_takes_images_one_by_one():
    network, x = Brighter().eval(), image(3, 3, 9, 7)
    torch.testing.assert_close(ops.on_luma(network, x), (x + 0.2).clamp(0, 1))
    assert network.seen == [1, 1, 1]
    network.train()
    assert ops.on_luma(network, x).max() > 1
    assert network.seen == [1, 1, 1, 3]


def test_with_steps_the_result_could_have_become_the_file():
    x = 0.5 * image(2, 3, 16, 24)
    steps = torch.stack([ijg_tables(10), ijg_tables(90)])
    y = ops.on_luma(Brighter(), x, steps)
    off = ops.blocks(ops.dct(255 * ops.luma(y - x))).abs() / steps[:, :1, None, None]
    torch.testing.assert_close(off.amax((1, 2, 3, 4, 5)), torch.tensor([0.5, 0.5]), rtol=0, atol=1e-3)


@pytest.mark.parametrize("subsampling", [None, "4:4:4", "4:2:0"])
def test_with_steps_chroma_is_restored_and_without_kept(subsampling):
    x, steps = 0.5 * image(2, 3, 16, 24), torch.stack([ijg_tables(10), ijg_tables(90)])
    planes = ops.rgb_to_ycbcr(x)[:, 1:]
    restored = ops.restored_chroma(planes, steps[:, 1], subsampling)
    assert (restored - planes).abs().max() > 0.01
    for given, expected in ((steps, restored), (None, planes)):
        y = ops.on_luma(Brighter(), x, given, subsampling)
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
