"""JPEG's quantisation: the tables of a quality, and the constraint that they put on the original."""

import torch
from torch import Tensor

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
    chroma = torch.full((8, 8), 99)
    chroma[:4, :4] = torch.tensor(_CHROMA)
    base = torch.stack([torch.tensor(_LUMA), chroma])
    return ((base * scale + 50) // 100).clamp_(1, 255).float()
