"""Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising (Zhang et al.; TIP 2017), for JPEG."""

from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from imgredux.methods.luma import LumaRestorer
from imgredux_dncnn.network import DEPTH, WIDTH, Network, read_mat, read_torch


class DnCnn(LumaRestorer):
    """DnCNN: `(B, 1 or 3, H, W)` in [0, 1] to the same; of colour the network restores the JFIF luma.

    depth, width: convolutions, and channels between them; 20 and 64 are DnCNN-3's.
    batch_norm: normalise between them, as the paper trains; the published weights have it merged.
    project: as of `LumaRestorer`. The authors' weights: `imgredux.get("dncnn", weights="DnCNN3.mat")`.
    """

    def __init__(
        self, *, depth: int = DEPTH, width: int = WIDTH, batch_norm: bool = False, project: bool = True
    ) -> None:
        super().__init__(Network(depth, width, batch_norm), project)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The authors' network from `DnCNN3.mat`, or its tensors in a `.pth`; else what a safetensors file says.

        Raises WeightsError for such a file of something else, and for a `.mat` without h5py.
        """
        read = {".mat": read_mat, ".pth": read_torch}.get(Path(path).suffix)
        if read is not None:
            return {"project": False}, {f"network.{key}": value for key, value in read(path).items()}
        return super().read_weights(path)
