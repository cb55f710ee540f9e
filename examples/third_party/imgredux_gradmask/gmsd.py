"""Gradient magnitude similarity deviation (Xue, Zhang, Mou and Bovik, IEEE TIP 23(2), 684-695, 2014)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux import ops

C = 170 / 255**2  # for grey levels in [0, 1]


def gmsd(image: Tensor, reference: Tensor) -> Tensor:
    """GMSD of each image: `(B,)`, 0 for equal images, larger for worse ones.

    image, reference: `(B, C, H, W)` in [0, 1], C = 1 or 3; of colour the luma counts.
    """
    m_d, m_r = (_magnitude(F.avg_pool2d(ops.luma(x), 2)) for x in (image, reference))
    gms = (2 * m_r * m_d + C) / (m_r.square() + m_d.square() + C)  # Eq. (4)
    return gms.flatten(1).std(1, correction=0)  # Eq. (6)


def _magnitude(y: Tensor) -> Tensor:
    """Gradient magnitude by Prewitt's filters, Eq. (2) and (3)."""
    h = torch.tensor([[1.0, 0.0, -1.0]] * 3).to(y) / 3
    gradients = F.conv2d(y, torch.stack([h, h.T])[:, None], padding=1)
    return gradients.square().sum(1).sqrt()
