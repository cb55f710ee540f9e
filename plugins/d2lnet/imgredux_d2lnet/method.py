"""Dual-Domain Learning for JPEG Artifacts Removal (Yang, Lin, Wu, Wang; 2023)."""

from torch import Tensor

from imgredux import ops
from imgredux.methods.restorer import Restorer
from imgredux.methods.tiling import faded, pad
from imgredux.ops.restoring import with_restored_luma
from imgredux_d2lnet.network import Attention, Network, Variant

ALIGN = 16  # tiles start on multiples of it: the blocks of luma and of halved chroma lie alike in all of them


class D2LNet(Restorer):
    """D2LNet: `(B, 1 or 3, H, W)` in [0, 1] to the same.

    channels: planes that the network sees. One: luma, of colour that of JFIF. Three: RGB, and grey is repeated and its
    result averaged. width: features of the finest level; parameters grow with its square, 6.4 million at 32.
    variant: "paper", as the text has it: amplitudes first, orthonormal transform, ReLU, attention without parameters;
    "released", the authors' network: phases first, transform without factor, leaky ReLU, learned attention; "combined",
    the order and the transform of the text with the activation and attention of the released network. In the first and
    the last, the phase of faint bins counts less.
    attention: "cbam", learned, or "parameter_free"; None: as the variant has it.
    amplitude, phase: False puts residual blocks of the same convolutions in place of that correction (Table 3).
    tile, overlap: side of the squares that the network sees, and how far they overlap, multiples of 16. A tile's
    transform changes with its side: use that of the training.
    project: where `qtable` is known and the network restores luma, put the result back into the file's quantisation
    intervals, block by block, and restore Cb and Cr without a network (`ops.restored_chroma`). Else Cb and Cr are kept.

    In eval mode the image is computed tile by tile, a smaller one completed by edge replication, and clipped to [0, 1].
    In training mode x is one tile, of sides that are multiples of 8, and the result is not clipped. `.network` gives
    both outputs, X_out1 and X_out2, for the loss.

    Raises ValueError for other values of the keywords.
    """

    unclipped = True

    def __init__(
        self,
        *,
        channels: int = 1,
        width: int = 32,
        variant: Variant = "combined",
        attention: Attention | None = None,
        amplitude: bool = True,
        phase: bool = True,
        tile: int = 256,
        overlap: int = 32,
        project: bool = True,
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("channels", channels, (1, 3)),
            ("variant", variant, ("combined", "paper", "released")),
            ("attention", attention, ("cbam", "parameter_free", None)),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}; choose {', '.join(map(str, known[:-1]))} or {known[-1]}")
        if width < 4 or width % 4:
            raise ValueError(f"width is {width}; give a multiple of 4")
        if tile % ALIGN or overlap % ALIGN or not 0 < 2 * overlap <= tile:
            raise ValueError(
                f"tile is {tile}, overlap {overlap}; give multiples of {ALIGN}, the overlap at most half a tile"
            )
        self.channels, self.tile, self.overlap = channels, tile, overlap
        self.projects = project and channels == 1
        self.network = Network(channels, width, variant, attention, amplitude, phase)

    def forward(
        self,
        x: Tensor,
        *,
        qtable: Tensor | None = None,
        subsampling: str | None = None,
        project: bool | None = None,
    ) -> Tensor:
        if self.channels == 3:
            y = self._run(x.expand(-1, 3, -1, -1))
        else:
            restored = self._run(ops.luma(x))
            steps = qtable if self.projects else None
            y = with_restored_luma(x, restored, steps, subsampling, self.projects if project is None else project)
        y = y if self.training else y.clamp(0, 1)
        return y if y.shape == x.shape else y.mean(1, keepdim=True)

    def _run(self, x: Tensor) -> Tensor:
        """X_out2 of planes `(B, channels, H, W)`: of one tile in training, else of all tiles, put together."""
        if self.training:
            return self.network(x)[1]
        height, width = x.shape[-2:]
        whole = pad(x, ALIGN, self.tile)
        y = faded(lambda parts: self.network(parts)[1], whole, self.tile, self.overlap, ALIGN)
        return y[..., :height, :width]
