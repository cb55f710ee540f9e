"""What the two kinds of networks have in common: image to latents and back, and how likely the latents are."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from imgredux_jndlc.bottleneck import EntropyBottleneck

ORDER = ((0, 2), (3, 1))  # of the four positions of a 2x2 cell: diagonals first


class Core(nn.Module):
    """Transforms, hyper-transforms and the parameters of the latents, pass by pass.

    g_a, g_s: `(B, 3, H, W)` in [0, 1] to latents `(B, M, H / 16, W / 16)`, and back. h_a, h_s: latents to hyper-latents
    `(B, N, H / 64, W / 64)`, and these to features of the latents' size. contexts: one for each pass, from the features
    and, but in the first, the latents that are known by then, zero elsewhere; none: the features are the parameters.
    Parameters are scales and means, `(B, 2 M, H / 16, W / 16)`. halo: latents around a tile that its pixels depend on,
    or in multiples of 16 pixels that its latents do.
    """

    def __init__(
        self,
        channels: tuple[int, int],
        transforms: tuple[nn.Sequential, nn.Sequential],
        hyper: tuple[nn.Sequential, nn.Sequential],
        contexts: Sequence[nn.Sequential],
        halo: int,
    ) -> None:
        super().__init__()
        self.N, self.M = channels
        self.g_a, self.g_s = transforms
        self.h_a, self.h_s = hyper
        self.contexts = nn.ModuleList(contexts)
        self.entropy_bottleneck = EntropyBottleneck(self.N)
        self.halo = halo

    def masks(self, y: Tensor) -> list[Tensor]:
        """Which of the latents `(..., h, w)` each pass codes: bool `(M, h, w)`.

        Two passes take a checkerboard, its colors changed in half of the channels; four take one position of each 2x2
        cell, another in each quarter of the channels. So each pass knows neighbors in space and in channels.
        """
        height, width = y.shape[-2:]
        passes = max(len(self.contexts), 1)
        order = torch.tensor(ORDER, device=y.device)
        rows, columns = (torch.arange(n, device=y.device) % 2 for n in (height, width))
        place = order[rows][:, columns] * passes // 4
        group = torch.arange(self.M, device=y.device) * passes // self.M
        turn = (place + group[:, None, None]) % passes
        return [turn == number for number in range(passes)]

    def parameters_of(self, number: int, features: Tensor, y_hat: Tensor) -> Tensor:
        """Scales and means in this pass."""
        return self.contexts[number](seen(number, features, y_hat)) if len(self.contexts) else features


def seen(number: int, features: Tensor, y_hat: Tensor) -> Tensor:
    """What a pass sees."""
    return torch.cat([features, y_hat], 1) if number else features
