"""Towards Flexible Blind JPEG Artifacts Removal (Jiang, Zhang and Timofte; ICCV 2021)."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from imgredux import ops
from imgredux.errors import ImageError
from imgredux.methods.restorer import Restorer, steps_of_each
from imgredux.methods.tiling import in_tiles, tiles
from imgredux.methods.weights import is_checkpoint, read_checkpoint
from imgredux_fbcnn.network import Network

WIDTHS = (64, 128, 256, 512)
STRIDE = 8  # of the coarsest level
TILE = 1024


class FbCnn(Restorer):
    """FBCNN: `(B, 1 or 3, H, W)` in [0, 1] to the same; blind, and with the quality as a dial.

    channels: 3, the network sees colour, or 1, it sees the JFIF luma of it and Cb and Cr are kept. widths, blocks: of
    `Network`; the authors' are the defaults. project: where `qtable` is known, put luma back into the quantisation
    intervals of the file, block by block.

    The network predicts one quality for the whole image. `quality=` in the call takes its place, from 1, which smooths
    most, to 100; `predicted_quality` tells it. In eval mode images go one by one, large ones in tiles that see all they
    would see in the whole, and the result is clipped to [0, 1]. In training mode x is one batch, not clipped.

    The authors' weights: `imgredux.get("fbcnn", weights="fbcnn_color.pth")`. Raises ValueError for other keywords.
    """

    def __init__(
        self, *, channels: int = 3, widths: Sequence[int] = WIDTHS, blocks: int = 4, project: bool = True
    ) -> None:
        super().__init__()
        if channels not in (1, 3) or len(widths) != len(WIDTHS) or min(*widths, blocks) < 1:
            raise ValueError(
                f"channels={channels}, widths={widths}, blocks={blocks}: give 1 or 3, four widths, blocks of 1 or more"
            )
        self.channels, self.projects = channels, project
        self.network = Network(channels, widths, blocks)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The authors' network from their checkpoint, grey or colour; else what a safetensors file says.

        Raises WeightsError, and KeyError for a checkpoint of something else.
        """
        if not is_checkpoint(path):
            return super().read_weights(path)
        state = read_checkpoint(path)
        widths = [state[name].shape[0] for name in ("m_head.weight", *(f"m_up{level}.0.weight" for level in (1, 2, 3)))]
        options = {
            "channels": state["m_head.weight"].shape[1],
            "widths": widths,
            "blocks": sum(key.startswith("m_body_encoder.") and key.endswith(".res.0.weight") for key in state),
            "project": False,
        }
        return options, {f"network.{key}": tensor for key, tensor in state.items()}

    def forward(
        self,
        x: Tensor,
        *,
        qtable: Tensor | None = None,
        quality: float | Tensor | None = None,
        project: bool | None = None,
    ) -> Tensor:
        """The restored batch.

        quality: 1..100, one for all or `(B,)`; None: what the network predicts. qtable: `(B, 2, 8, 8)`, to put luma
        back; the network does not look at it. project: in place of the constructor's.

        Raises ImageError for another quality.
        """
        planes, p = self._planes(x), self._wanted(quality, x)
        if self.training:
            y = self.network(planes, p)[0]
        else:
            ps = [None] * len(x) if p is None else p.split(1)
            y = torch.cat([self._restored(one, told) for one, told in zip(planes.split(1), ps, strict=True)])
        if qtable is not None and (self.projects if project is None else project) and not self.training:
            y = ops.with_luma(y, ops.project(ops.luma(y), ops.luma(x), steps_of_each(qtable, x)[:, 0]))
        if y.shape[1] == 1 and x.shape[1] == 3:
            y = ops.with_luma(x, y)
        y = y.mean(1, keepdim=True) if y.shape[1] > x.shape[1] else y
        return y if self.training else y.clamp(0, 1)

    def predicted_quality(self, x: Tensor) -> Tensor:
        """The JPEG qualities `(B,)`, 0..100, that the network sees in images as `forward` takes them."""
        planes = self._planes(x)
        return torch.cat([100 * (1 - self._predicted(one)[:, 0]) for one in planes.split(1)])

    def _planes(self, x: Tensor) -> Tensor:
        return ops.luma(x) if self.channels == 1 else x.expand(-1, 3, -1, -1)

    def _wanted(self, quality: float | Tensor | None, x: Tensor) -> Tensor | None:
        """p = 1 - quality / 100 of each image, `(B, 1)`."""
        if quality is None:
            return None
        given = torch.as_tensor(quality, dtype=x.dtype, device=x.device).reshape(-1, 1)
        if len(given) not in (1, len(x)) or not bool(((given >= 1) & (given <= 100)).all()):
            raise ImageError(f"quality is {quality}: give one from 1 to 100, or one for each of {len(x)} images")
        return (1 - given / 100).expand(len(x), -1)

    def _restored(self, image: Tensor, p: Tensor | None) -> Tensor:
        if max(image.shape[-2:]) <= TILE:
            return self.network(image, p)[0]
        p = self._predicted(image) if p is None else p
        return in_tiles(lambda part: self.network(part, p)[0], image, TILE, STRIDE, self._reach(decoder=True))

    def _predicted(self, image: Tensor) -> Tensor:
        """p of one image: features of all tiles, then their mean."""
        total, count = image.new_zeros(1), 0
        for place in tiles(image.shape[-2], image.shape[-1], TILE, STRIDE, self._reach(decoder=False)):
            part = self.network.encoded(image[(..., *place.seen)]).quality[(..., *place.within(STRIDE))]
            total, count = total + part.sum((2, 3)), count + part.shape[-2] * part.shape[-1]
        return self.network.told(total / count)

    def _reach(self, decoder: bool) -> int:
        """How far a pixel of the result, or of the features of quality, sees: two of its level's pixels a block."""
        blocks = 2 * self.network.blocks
        down, bodies = blocks * (1 + 2 + 4), 2 * blocks * STRIDE
        return 2 + down * (2 if decoder else 1) + bodies
