"""The networks of QGAC: convolutions over blocks of DCT coefficients, with filters made from the quantisation table.

Parts bear the names of the author's re-implementation (m3l).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux import ops

N = 8
BETA = 0.2  # of what a dense block adds


class Crab(nn.Module):
    """The simplified network of 2021: one residual network for luma, one for both chroma planes beside it.

    Coefficients, normalized, blocks in place: luma `(B, 1, H, W)` and, where there is chroma, `(B, 2, H/2, W/2)`, and
    the tables over 255, each `(B, 1, 8, 8)`, to the restored luma, and chroma at full size. 82,602,604 parameters at a
    width of 256.
    """

    def __init__(self, width: int = 256, chroma_width: int = 32) -> None:
        super().__init__()
        c = chroma_width
        self.block_y = Manifold(1, width, 16, active=True)
        self.block_enhancer_y = nn.Sequential(*(Rrdb(width) for _ in range(3)))
        self.unblock_y = Manifold(width, 1, 16, transposed=True)
        self.block_c = Manifold(2, c, 16, active=True)
        self.block_enhancer_lr = Rrdb(c)
        self.block_doubler = nn.Sequential(nn.ConvTranspose2d(c, c, 4, stride=2, padding=1), nn.PReLU())
        self.block_guide = Manifold(1, c, 64, active=True)
        self.block_enhancer_hr = Rrdb(2 * c)
        self.unblock_c = Manifold(2 * c, 2, 16, transposed=True)
        _begin(self)

    def luma(self, q: Tensor, y: Tensor) -> Tensor:
        return y + self.unblock_y(q, self.block_enhancer_y(self.block_y(q, y)))

    def chroma(self, q: Tensor, y: Tensor, q_chroma: Tensor, chroma: Tensor) -> Tensor:
        """Chroma at full size, by the guide of restored luma `y`."""
        c = self.block_doubler(self.block_enhancer_lr(self.block_c(q_chroma, chroma)))
        c = self.block_enhancer_hr(torch.cat([self.block_guide(q, y), c], 1))
        return self.unblock_c(q_chroma, c) + doubled(chroma)


class Qgac2020(nn.Module):
    """The network of the paper: three networks for luma and their fusion, one for each of the chroma planes.

    Takes and gives what `Crab` does. 259,408,742 parameters at a width of 256.
    """

    def __init__(self, width: int = 256, chroma_width: int = 32) -> None:
        super().__init__()
        self.blocks_encode = BlockNet(1, 64, width)
        self.frequencynet = FrequencyNet()
        self.blocks_decode = BlockNet(64, 64, width)
        self.fusion = FrequencyFuser()
        self.color_net = ColorNet(chroma_width)
        _begin(self)

    def luma(self, q: Tensor, y: Tensor) -> Tensor:
        encoded = self.blocks_encode(q, y)
        frequencies = self.frequencynet(encoded)
        decoded = self.blocks_decode(q, frequencies)
        return y + self.fusion(torch.cat([decoded, frequencies, encoded], 1))

    def chroma(self, q: Tensor, y: Tensor, q_chroma: Tensor, chroma: Tensor) -> Tensor:
        """Chroma at full size, by the guide of restored luma `y`."""
        changes = [self.color_net(q, y, q_chroma, plane) for plane in chroma.split(1, 1)]
        return torch.cat(changes, 1) + doubled(chroma)


class Manifold(nn.Module):
    """A convolution of whole blocks, or its transpose, with filters that a small network makes from the table.

    features: of that network. active: a PReLU follows.
    """

    def __init__(
        self, inputs: int, outputs: int, features: int = 64, transposed: bool = False, active: bool = False
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.transposed = inputs, outputs, transposed
        self.manifold = nn.Sequential(
            nn.Conv2d(1, features, N), nn.PReLU(), nn.Conv2d(features, features, 1), nn.PReLU()
        )
        self.weight_transform = nn.ConvTranspose2d(features, inputs * outputs, N)
        self.bias_transfrom = nn.Conv2d(features, outputs, 1)
        self.post_activation = nn.PReLU() if active else nn.Identity()

    def forward(self, q: Tensor, x: Tensor) -> Tensor:
        """`(B, inputs, H, W)` to `(B, outputs, H/8, W/8)`, transposed the other way; q: `(B, 1, 8, 8)`."""
        m, count = self.manifold(q), len(x)
        bias = self.bias_transfrom(m).flatten()
        ends = (self.inputs, self.outputs) if self.transposed else (self.outputs, self.inputs)
        weight = self.weight_transform(m).reshape(count * ends[0], ends[1], N, N)
        convolve: Callable[..., Tensor] = F.conv_transpose2d if self.transposed else F.conv2d
        # One group for each image: each has filters of its own.
        y = convolve(x.reshape(1, -1, *x.shape[2:]), weight, bias, stride=N, groups=count)
        return self.post_activation(y.reshape(count, self.outputs, *y.shape[2:]))


class Rrdb(nn.Module):
    """Residual in residual dense block. groups: of each convolution, which sees the features of its group alone."""

    def __init__(self, width: int, groups: int = 1) -> None:
        super().__init__()
        self.block1, self.block2, self.block3 = (Dense(width, groups) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return x + BETA * self.block3(self.block2(self.block1(x)))


class Dense(nn.Module):
    """Dense block of five 3x3 convolutions, each with a PReLU; what the last one gives is added."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        for i in range(1, 6):
            self.add_module(f"conv{i}", _grouped(i * width, width, groups))
            self.add_module(f"relu{i}", nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for i in range(1, 6):
            convolution, relu = self.get_submodule(f"conv{i}"), self.get_submodule(f"relu{i}")
            seen.append(relu(convolution(self._together(seen))))
        return x + BETA * seen[-1]

    def _together(self, seen: list[Tensor]) -> Tensor:
        """All that was seen side by side, within each group."""
        return torch.cat([one.unflatten(1, (self.groups, -1)) for one in seen], 2).flatten(1, 2)


class BlockNet(nn.Module):
    """From coefficients to coefficients by way of blocks."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.block = Manifold(inputs, width, active=True)
        self.block_enhancer = nn.Sequential(Rrdb(width))
        self.unblock = Manifold(width, outputs, transposed=True, active=True)

    def forward(self, q: Tensor, x: Tensor) -> Tensor:
        return self.unblock(q, self.block_enhancer(self.block(q, x)))


class FrequencyNet(nn.Module):
    """Each of the 64 coefficients by itself, over the grid of blocks: 64 features in 64 groups."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            *(Apart(), PerFrequency(64, 4), nn.PReLU(), Rrdb(4, groups=64)),
            *(PerFrequency(4, 64), nn.PReLU(), Together()),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class FrequencyFuser(nn.Module):
    """One plane of coefficients from those of three networks, each coefficient by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            Apart(),
            *(PerFrequency(192, 4), nn.PReLU(), PerFrequency(4, 4), nn.PReLU(), PerFrequency(4, 1)),
            Together(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class ColorNet(nn.Module):
    """What is added to a doubled plane of chroma, by the guide of restored luma."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block_c = Manifold(1, width, active=True)
        self.block_enhancer = nn.Sequential(Rrdb(width))
        self.block_doubler = nn.Sequential(nn.ConvTranspose2d(width, width, 4, stride=2, padding=1), nn.PReLU())
        self.block_y = Manifold(1, width, active=True)
        self.block_enhancer2 = nn.Sequential(Rrdb(2 * width))
        self.unblock = Manifold(2 * width, 1, transposed=True, active=True)

    def forward(self, q: Tensor, y: Tensor, q_chroma: Tensor, plane: Tensor) -> Tensor:
        d = self.block_doubler(self.block_enhancer(self.block_c(q_chroma, plane)))
        d = self.block_enhancer2(torch.cat([d, self.block_y(q, y)], 1))
        return self.unblock(q_chroma, d)


class PerFrequency(nn.Module):
    """A 3x3 convolution over the grid of blocks, of each of the 64 coefficients by itself."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(64 * inputs, 64 * outputs, 3, padding=1, groups=64)

    def forward(self, x: Tensor) -> Tensor:
        return self.filter(x)


class Apart(nn.Module):
    """`(B, C, H, W)` of blocks in place to `(B, 64 C, H/8, W/8)`, all C of a coefficient side by side."""

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_unshuffle(x, N).unflatten(1, (-1, 64)).transpose(1, 2).flatten(1, 2)


class Together(nn.Module):
    """The inverse of `Apart`."""

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(x.unflatten(1, (64, -1)).transpose(1, 2).flatten(1, 2), N)


def doubled(coefficients: Tensor) -> Tensor:
    """Blocks in place, of the plane whose every pixel is four."""
    return ops.dct(F.interpolate(ops.idct(coefficients), scale_factor=2, mode="nearest"))


def _grouped(inputs: int, outputs: int, groups: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 3, padding=1) if groups == 1 else PerFrequency(inputs, outputs)


def _begin(network: nn.Module) -> None:
    """The author's initial values: a tenth of He's."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight, a=0.02)
            with torch.no_grad():
                module.weight.mul_(0.1)
