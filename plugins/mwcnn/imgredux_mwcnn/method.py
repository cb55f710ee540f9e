"""Multi-level Wavelet-CNN for Image Restoration (Liu, Zhang, Zhang, Lin and Zuo; CVPR Workshops 2018)."""

from os import PathLike
from typing import Any, Literal

from torch import Tensor

from imgredux.methods.luma import LumaRestorer
from imgredux.methods.weights import is_checkpoint, read_checkpoint
from imgredux_mwcnn.network import First, Second


class MwCnn(LumaRestorer):
    """MWCNN: `(B, 1 or 3, H, W)` in [0, 1] to the same; of colour the network restores the JFIF luma.

    variant: "v1", the 24 convolutions of the paper of 2018, or "v2", the dilated ones that its authors published in
    2019. width: features of the finest level; 160 of v1 and 64 of v2, where None is given. batch_norm: of v1, normalise
    between convolutions, as the paper trains. project: as of `LumaRestorer`.

    The authors' weights, of v2 in PyTorch: `imgredux.get("mwcnn", weights="MWCNN_DeJPEG10.pt")`.

    Raises ValueError for another variant, a width that is no multiple of 4, and batch_norm with v2.
    """

    def __init__(
        self,
        *,
        variant: Literal["v1", "v2"] = "v1",
        width: int | None = None,
        batch_norm: bool = False,
        project: bool = True,
    ) -> None:
        if variant not in ("v1", "v2") or (batch_norm and variant == "v2"):
            raise ValueError(f"variant={variant!r}, batch_norm={batch_norm}: choose 'v1', or 'v2' without batch_norm")
        width = {"v1": 160, "v2": 64}[variant] if width is None else width
        if width < 4 or width % 4:
            raise ValueError(f"width is {width}; give a multiple of 4")
        super().__init__(First(width, batch_norm) if variant == "v1" else Second(width), project)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The authors' second network from their checkpoint, else what a safetensors file says. Raises WeightsError."""
        if not is_checkpoint(path):
            return super().read_weights(path)
        state = read_checkpoint(path)
        options = {"variant": "v2", "width": state["head.0.body.0.weight"].shape[0], "project": False}
        return options, {f"network.{key}": tensor for key, tensor in state.items()}
