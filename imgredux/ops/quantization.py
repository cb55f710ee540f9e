"""JPEG's quantisation: the tables of a quality, and the constraint that they put on the original."""

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.kernels import traced
from imgredux.ops.dct import dct, idct

_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))  # 99 elsewhere


def ijg_tables(quality: int) -> Tensor:
    """The tables that libjpeg takes for a quality 1..100: `(2, 8, 8)` float32, luma and chroma steps 1..255.

    Source: ITU-T T.81, tables K.1 and K.2, scaled by jcparam.c. Raises ValueError for another quality.
    """
    if quality not in range(1, 101):
        raise ValueError(f"quality is {quality}; give a whole number from 1 to 100")
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return ((_base() * scale + 50) // 100).clamp_(1, 255).float()


def _base() -> Tensor:
    """The tables of quality 50."""
    chroma = torch.full((8, 8), 99)
    chroma[:4, :4] = torch.tensor(_CHROMA)
    return torch.stack([torch.tensor(_LUMA), chroma])


def ijg_family(device: torch.device | str = "cpu") -> Tensor:
    """`ijg_tables` of the qualities 1..100: `(100, 2, 8, 8)`."""
    quality = torch.arange(1, 101, device=device)[:, None, None, None]
    scale = torch.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return ((_base().to(device) * scale + 50) // 100).clamp_(1, 255).float()


def project(x: Tensor, decoded: Tensor, steps: Tensor, half: float = 0.5) -> Tensor:
    """The image nearest to `x` that the file of `decoded` could have come from: both `(B, 1, H, W)` in [0, 1].

    Every coefficient of the orthonormal 8x8 DCT, blocks beginning at (0, 0), is clipped to within `half` quantisation
    steps of that of `decoded`. `steps` is `(B, 8, 8)`, in grey levels of 0..255. Blocks at the bottom and right are
    completed by edge replication. Not clipped to [0, 1]; differentiable where no coefficient is on a limit. A batch
    gives bit for bit what its images give. Raises ValueError for shapes that do not fit.
    """
    if x.shape != decoded.shape or x.ndim != 4 or x.shape[1] != 1 or steps.shape != (len(x), 8, 8):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (x, decoded, steps))
        raise ValueError(f"the shapes are {shapes}; x and decoded are (B, 1, H, W), steps (B, 8, 8)")
    height, width = x.shape[-2:]
    moved = x - decoded
    if height % 8 or width % 8:
        moved = F.pad(moved, (0, -width % 8, 0, -height % 8), mode="replicate")
    limit = (half / 255 * steps.to(moved)).repeat(1, 1, moved.shape[-1] // 8)[:, None, None]
    if traced() or (torch.is_grad_enabled() and moved.requires_grad):
        c = dct(moved).unflatten(-2, (-1, 8)).clamp(-limit, limit)
        return decoded + idct(c.flatten(-3, -2))[..., :height, :width]
    c = dct(moved, out=moved).unflatten(-2, (-1, 8)).clamp_(-limit, limit)
    return idct(c.flatten(-3, -2), out=moved)[..., :height, :width].add_(decoded)
