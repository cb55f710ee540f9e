import torch
from torch import Tensor, nn

from imgredux import ops
from imgredux.methods.luma import LumaRestorer
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


def test_luma_goes_through_the_network_and_chroma_around_it() -> None:
    for channels in (1, 3):
        x = image(2, channels, 9, 7)
        torch.testing.assert_close(LumaRestorer(Brighter()).forward(x), x + 0.2)


def test_eval_mode_clips_and_takes_images_one_by_one() -> None:
    network, x = Brighter(), image(3, 3, 9, 7)
    method = LumaRestorer(network).eval()
    torch.testing.assert_close(method.forward(x), (x + 0.2).clamp(0, 1))
    assert network.seen == [1, 1, 1]
    assert method.train().forward(x).max() > 1
    assert network.seen == [1, 1, 1, 3]


def test_luma_is_put_back_where_the_method_or_the_call_says() -> None:
    x, steps = 0.5 * image(1, 3, 16, 24), ijg_tables(90)[None]

    def moved(method: LumaRestorer, **options: bool) -> float:
        return (ops.luma(method.forward(x, qtable=steps, **options)) - ops.luma(x)).mean().item()

    projecting, free = LumaRestorer(Brighter()), LumaRestorer(Brighter(), project=False)
    assert abs(moved(projecting)) < 0.05
    assert abs(moved(projecting, project=False) - 0.2) < 1e-3
    assert abs(moved(free) - 0.2) < 1e-3
    kept = ops.rgb_to_ycbcr(x)[:, 1:]
    chroma = [ops.rgb_to_ycbcr(one.forward(x, qtable=steps))[:, 1:] for one in (projecting, free)]
    assert not torch.allclose(chroma[0], kept, atol=1e-4)
    torch.testing.assert_close(chroma[1], kept, rtol=0, atol=1e-6)
