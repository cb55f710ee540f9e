"""The network of FBCNN: a U-Net that predicts the quality of the file, and is steered by it.

Parts bear the names of the authors' checkpoints.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

EMBEDDED = 512  # features of a quality


class Encoded(NamedTuple):
    """Features of an image, before each halving and at the end, and those that its quality is told from."""

    levels: tuple[Tensor, ...]
    quality: Tensor


class Network(nn.Module):
    """Images `(B, C, H, W)` in [0, 1], sides multiples of 8, to the same, not clipped, and p = 1 - QF/100, `(B, 1)`.

    widths: features of the four levels, from the finest. blocks: residual blocks of each level, on the way down and on
    the way up, and of the predictor. 71,921,796 parameters in colour, 71,919,490 in grey.
    """

    def __init__(self, channels: int, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        w1, w2, w3, w4 = widths
        self.blocks = blocks
        self.m_head = nn.Conv2d(channels, w1, 3, padding=1)
        self.m_down1 = nn.Sequential(*_blocks(w1, blocks), nn.Conv2d(w1, w2, 2, stride=2))
        self.m_down2 = nn.Sequential(*_blocks(w2, blocks), nn.Conv2d(w2, w3, 2, stride=2))
        self.m_down3 = nn.Sequential(*_blocks(w3, blocks), nn.Conv2d(w3, w4, 2, stride=2))
        self.m_body_encoder = nn.Sequential(*_blocks(w4, blocks))
        self.m_body_decoder = nn.Sequential(*_blocks(w4, blocks))
        self.m_up3 = nn.ModuleList([nn.ConvTranspose2d(w4, w3, 2, stride=2), *_blocks(w3, blocks)])
        self.m_up2 = nn.ModuleList([nn.ConvTranspose2d(w3, w2, 2, stride=2), *_blocks(w2, blocks)])
        self.m_up1 = nn.ModuleList([nn.ConvTranspose2d(w2, w1, 2, stride=2), *_blocks(w1, blocks)])
        self.m_tail = nn.Conv2d(w1, channels, 3, padding=1)
        self.qf_pred = nn.Sequential(
            *_blocks(w4, blocks),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            *(nn.Linear(w4, EMBEDDED), nn.ReLU(), nn.Linear(EMBEDDED, EMBEDDED), nn.ReLU()),
            *(nn.Linear(EMBEDDED, 1), nn.Sigmoid()),
        )
        self.qf_embed = nn.Sequential(
            *(nn.Linear(1, EMBEDDED), nn.ReLU(), nn.Linear(EMBEDDED, EMBEDDED), nn.ReLU()),
            *(nn.Linear(EMBEDDED, EMBEDDED), nn.ReLU()),
        )
        for level, width in ((3, w3), (2, w2), (1, w1)):
            setattr(self, f"to_gamma_{level}", nn.Sequential(nn.Linear(EMBEDDED, width), nn.Sigmoid()))
            setattr(self, f"to_beta_{level}", nn.Sequential(nn.Linear(EMBEDDED, width), nn.Tanh()))
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.orthogonal_(module.weight, gain=0.2)
                nn.init.zeros_(module.get_parameter("bias"))
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, p: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The images restored as files of p = 1 - QF/100 `(B, 1)`, None: as predicted; and what is predicted."""
        encoded = self.encoded(x)
        predicted = self.told(encoded.quality.mean((2, 3)))
        return self.decoded(encoded, predicted if p is None else p), predicted

    def encoded(self, x: Tensor) -> Encoded:
        x1 = self.m_head(x)
        x2 = self.m_down1(x1)
        x3 = self.m_down2(x2)
        x4 = self.m_down3(x3)
        body = self.m_body_encoder(x4)
        return Encoded((x1, x2, x3, x4, body), self.qf_pred[: self.blocks](body))

    def told(self, features: Tensor) -> Tensor:
        """p `(B, 1)` of the mean `(B, widths[-1])` of the features of a whole image."""
        return self.qf_pred[self.blocks + 2 :](features)

    def decoded(self, encoded: Encoded, p: Tensor) -> Tensor:
        *levels, x4, body = encoded.levels
        embedded, y = self.qf_embed(p), self.m_body_decoder(body) + x4
        for level, up in ((3, self.m_up3), (2, self.m_up2), (1, self.m_up1)):
            scale, shift = (
                self.get_submodule(f"to_{name}_{level}")(embedded)[..., None, None] for name in ("gamma", "beta")
            )
            y = up[0](y)
            for block in up[1:]:  # pyright: ignore[reportGeneralTypeIssues]
                y = block(y, scale, shift)
            y = y + levels[level - 1]
        return self.m_tail(y)


class Block(nn.Module):
    """Residual block of two 3x3 convolutions; on the way up, what they add is scaled and shifted by the quality."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.res = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        added = self.res(x)
        return x + added if scale is None or shift is None else x + scale * added + shift


def _blocks(width: int, count: int) -> list[Block]:
    return [Block(width) for _ in range(count)]
