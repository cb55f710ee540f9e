"""Restorers whose network knows luma alone: colour goes around it. Authors give the network."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from imgredux import ops
from imgredux.methods.restorer import Restorer


class LumaRestorer(Restorer):
    """A restorer by a network of luma: `(B, 1 or 3, H, W)` in [0, 1] to the same; of colour it sees the JFIF luma.

    network: luma `(B, 1, H, W)` in [0, 1] to the same, not clipped; `.network` is what training code needs. project:
    where `qtable` is known, put the result back into the quantisation intervals of the file, block by block, and
    restore Cb and Cr without a network (`ops.restored_chroma`). Else Cb and Cr are kept.
    clips, of the class: the network is given luma in [0, 1] alone, as it was trained; the rest knows what was clipped.

    In eval mode the result is clipped to [0, 1], and images go one by one: the last bits of convolutions depend on how
    many there are. In training mode it is one batch, and not clipped: gradients reach every pixel.
    """

    unclipped = True
    clips: ClassVar[bool] = True

    def __init__(self, network: nn.Module, project: bool = True) -> None:
        super().__init__()
        self.projects = project
        self.network = network

    def restored(self, luma: Tensor) -> Tensor:
        """What the network makes of luma `(B, 1, H, W)`, of one image in eval mode; networks that tile override it."""
        return self.network(luma)

    def forward(
        self,
        x: Tensor,
        *,
        qtable: Tensor | None = None,
        subsampling: str | None = None,
        project: bool | None = None,
    ) -> Tensor:
        """The restored batch.

        qtable: `(B, 2, 8, 8)`, steps of luma and chroma; None: they are not known. subsampling: of the chroma, as
        `ops.restored_chroma` takes it. project: False leaves luma as the network made it; None: the constructor's.

        Raises ValueError for shapes that do not fit, and for an unknown subsampling of a colour image.
        """
        decoded = ops.luma(x)
        seen = decoded.clamp(0, 1) if self.clips else decoded
        y = self.restored(seen) if self.training else torch.cat([self.restored(one) for one in seen.split(1)])
        steps = qtable if self.projects else None
        y = ops.with_restored_luma(x, y, steps, subsampling, self.projects if project is None else project)
        return y if self.training else y.clamp(0, 1)
