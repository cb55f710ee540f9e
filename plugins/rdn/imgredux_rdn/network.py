"""The convolutions of RDN, under the names that they have in EDSR-PyTorch."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS, LAYERS, GROWTH, WIDTH = 16, 8, 64, 64  # D, C, G and G0 of the authors' network
RANGE = 255  # of what the authors' network sees
_SMALL = 1e-3  # deviation of the last layer's initial weights: a fresh network changes little


class Network(nn.Module):
    """Luma `(B, 1, H, W)` in [0, 1] to restored luma, not clipped; 21,973,377 parameters as the authors have it.

    3x3 convolutions with zeros around the image; what they find is added to luma.
    """

    def __init__(self, blocks: int, layers: int, growth: int, width: int) -> None:
        super().__init__()
        self.SFENet1 = nn.Conv2d(1, width, 3, padding=1)
        self.SFENet2 = nn.Conv2d(width, width, 3, padding=1)
        self.RDBs = nn.ModuleList(Block(layers, growth, width) for _ in range(blocks))
        self.GFF = nn.Sequential(nn.Conv2d(blocks * width, width, 1), nn.Conv2d(width, width, 3, padding=1))
        self.UPNet = nn.Sequential(nn.Conv2d(width, 1, 3, padding=1))
        nn.init.normal_(self.UPNet[0].get_parameter("weight"), std=_SMALL)
        nn.init.zeros_(self.UPNet[0].get_parameter("bias"))
        self.to(memory_format=torch.channels_last)

    def forward(self, luma: Tensor) -> Tensor:
        shallow = self.SFENet1(RANGE * luma)
        x, fused = self.SFENet2(shallow), None
        fuse, smooth = self.GFF
        # The first fusion is a sum over blocks: theirs are not kept side by side, which would take 16 times the memory.
        for block, weight in zip(self.RDBs, fuse.get_parameter("weight").split(shallow.shape[1], 1), strict=True):
            x = block(x)
            part = F.conv2d(x, weight)
            fused = part + fuse.get_parameter("bias")[:, None, None] if fused is None else fused + part
        return luma + self.UPNet(smooth(fused) + shallow) / RANGE


class Block(nn.Module):
    """Residual dense block: each convolution sees all that were before it in the block."""

    def __init__(self, layers: int, growth: int, width: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(*(Dense(width + i * growth, growth) for i in range(layers)))
        self.LFF = nn.Conv2d(width + layers * growth, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.LFF(self.convs(x))


class Dense(nn.Module):
    """What was given, and beside it what a convolution finds in it."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(inputs, growth, 3, padding=1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(x)], 1)
