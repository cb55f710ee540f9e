"""Wei and Ngan (2009): a JND threshold for every coefficient of the 8x8 DCT, and its map of pixels.

T(n, i, j) = T_basic(i, j) F_lum(n) F_contrast(n, i, j) F_T(n, i, j) for block n, vertical frequency i, horizontal j.
The paper was read through its public re-implementations: names stand where equation numbers would.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.kernels import traced
from imgredux.methods.base import Estimator
from imgredux.methods.tiling import pad
from imgredux.ops.canny import canny
from imgredux.ops.color import luma
from imgredux.ops.dct import across_blocks, blocks, dct, pixel_std
from imgredux.ops.strips import strip_rows

Finish = Callable[[Tensor], Tensor]

N = 8
BETA = 0.2  # share of edge pixels above which a block is texture; plane and edge blocks (alpha = 0.1) are masked alike
LOW = 16  # i^2 + j^2 up to here: frequencies where plane and edge blocks are not masked
F_T_MAX_HZ = 100.0  # keeps F_T finite for any motion; the eye sees no flicker from about 60 Hz on


class Wei2009(Estimator):
    """JND of Wei and Ngan (2009) in the DCT domain, as a map of pixels or as thresholds of coefficients.

    distance_heights: viewing distance in picture heights (R_vd).
    picture_height: height of the displayed image in pixels (Pic_h). The paper's values are not known to us: 4 and
    512, which make 35.7 pixels per degree, are taken whatever the image's size.
    max_cpd: spatial frequencies count as this many cycles/degree at most. The fovea resolves nothing finer than 60 or
    so, and the exponential of the sensitivity would leave the range of float32 at long distances.

    Raises ValueError for viewing conditions that are not positive.
    """

    def __init__(self, distance_heights: float = 4.0, picture_height: int = 512, max_cpd: float = 60.0) -> None:
        super().__init__()
        if min(distance_heights, picture_height, max_cpd) <= 0:
            given = f"distance_heights={distance_heights}, picture_height={picture_height}, max_cpd={max_cpd}"
            raise ValueError(f"{given}: all must be positive")
        self.theta = 2 * math.degrees(math.atan(1 / (2 * distance_heights * picture_height)))  # degrees per pixel
        self.omega = spatial_frequencies(self.theta)
        self.basic = basic_thresholds(self.omega.clamp(max=max_cpd))

    def forward(
        self, x: Tensor, *, edges: Tensor | None = None, motion: Tensor | None = None, frame_rate: float | None = None
    ) -> Tensor:
        """JND map `(B, 1, H, W)` of `x` `(B, 1 or 3, H, W)` in [0, 1], in its units; one map for all channels.

        A pixel's JND is its standard deviation when every DCT coefficient of luma moves up or down by its threshold.

        edges: `(B, 1, H, W)`, bool or 0/1, in place of MATLAB's Canny detector with automatic thresholds.
        motion: `(B, H/8, W/8, 2)`, pixels per frame to the right and down, of the blocks of a video frame. Without it
        the image stands still (F_T = 1).
        frame_rate: frames/s, with motion only.

        Raises ValueError for edges or motion of another size, and for one of motion and frame_rate without the other.
        """
        return self._in_strips(x, edges, motion, frame_rate, lambda thresholds: pixel_std(thresholds) / 255)

    def thresholds(
        self, x: Tensor, edges: Tensor | None = None, motion: Tensor | None = None, frame_rate: float | None = None
    ) -> Tensor:
        """JND of every coefficient, `(B, ceil(H/8), ceil(W/8), 8, 8)`, in orthonormal DCT units of luma in 0..255.

        Takes what `forward` takes, and any size: blocks at the bottom and right are completed by edge replication.
        """
        T = self._in_strips(pad(x, N, N), edges, motion, frame_rate, lambda thresholds: thresholds)
        return blocks(T).squeeze(1)

    def _in_strips(
        self, x: Tensor, edges: Tensor | None, motion: Tensor | None, frame_rate: float | None, finish: Finish
    ) -> Tensor:
        """`finish` of the thresholds, both in the layout of the image `(B, 1, H, W)`, H and W multiples of 8."""
        y = luma(x)
        edges = canny(y) if edges is None else _fit(edges, y)
        velocity = _velocity(y, motion, frame_rate, self.theta)

        def compute(y: Tensor, edges: Tensor, velocity: Tensor | None) -> Tensor:
            return finish(self._thresholds(y, edges, velocity))

        if traced() or (torch.is_grad_enabled() and y.requires_grad):
            return compute(y, edges, velocity)
        out = torch.empty_like(y, memory_format=torch.contiguous_format)
        rows = strip_rows(y)
        for b in range(len(y)):
            for top in range(0, y.shape[-2], rows):
                here = slice(b, b + 1), slice(None), slice(top, top + rows)
                blocks_here = slice(b, b + 1), slice(None), slice(top // N, (top + rows) // N)
                out[here] = compute(y[here], edges[here], None if velocity is None else velocity[blocks_here])
        return out

    def _thresholds(self, y: Tensor, edges: Tensor, velocity: Tensor | None) -> Tensor:
        """T of luma `(B, 1, H, W)` in [0, 1], in the place of the coefficients; written over `(B, 1, H/8, 8, W)`."""
        T_basic, low = (table.to(y).repeat(1, y.shape[-1] // N) for table in (self.basic, _squares() <= LOW))
        C = dct(y * 255).unflatten(-2, (-1, N))
        T = T_basic * across_blocks(luminance_factor(C[..., 0, ::N] / N))
        texture = across_blocks(_edge_density(edges, y.dtype) > BETA).to(y.dtype)
        Psi = 1 + texture * (0.25 + low)  # 2.25 below LOW and 1.25 above it in texture, else 1
        masked = torch.maximum(texture, 1 - low)
        elevation = (C.abs() / T).clamp(1.0, 4 ** (1 / 0.36))  # before the power: its slope at zero is infinite
        T = T * Psi * (elevation.log() * (0.36 * masked)).exp()
        if velocity is not None:
            T = T * temporal_modulation(velocity, self.omega.to(y), self.theta)
        return T.flatten(-3, -2)


def spatial_frequencies(theta: float) -> Tensor:
    """omega_ij: float64 `(8, 8)`, cycles/degree, where a pixel spans `theta` degrees of the visual field both ways."""
    return _squares().sqrt() / (2 * N * theta)


def basic_thresholds(omega: Tensor) -> Tensor:
    """T_basic at `omega` cycles/degree: float64 `(8, 8)`, in orthonormal DCT units of grey levels 0..255."""
    a, b, c, r, s = 1.33, 0.11, 0.18, 0.6, 0.25
    i = torch.arange(N, dtype=torch.float64)
    sin_phi = 2 * i[:, None] * i / _squares().clamp(min=1)
    phi = torch.where(i > 0, math.sqrt(2 / N), math.sqrt(1 / N))
    return s * (c * omega).exp() / (a + b * omega) / (r + (1 - r) * (1 - sin_phi**2)) / (phi[:, None] * phi)


def luminance_factor(mean: Tensor) -> Tensor:
    """F_lum of the blocks' `mean` grey levels in 0..255: 1 from 60 to 170, more in the dark and in the bright."""
    return 1 + (60 - mean).clamp(min=0) / 150 + (mean - 170).clamp(min=0) / 425


def temporal_modulation(velocity: Tensor, omega: Tensor, theta: float) -> Tensor:
    """F_T `(B, 1, H/8, 8, W)` of blocks that move with the retinal `velocity` `(B, 1, H/8, W/8, 2)` in degrees/s.

    f_t = |f_sx v_x + f_sy v_y|, with the horizontal frequency on the horizontal motion.
    """
    f = torch.arange(N).to(omega) / (2 * N * theta)
    v_x, v_y = (across_blocks(v) for v in velocity.unbind(-1))
    f_t = (f.repeat(v_x.shape[-1] // N) * v_x + f[:, None] * v_y).abs().clamp(max=F_T_MAX_HZ)
    slow = 10 * (omega < 5).to(omega).repeat(1, v_x.shape[-1] // N)
    return 1.07 ** (f_t - slow).clamp(min=0)


def _velocity(y: Tensor, motion: Tensor | None, frame_rate: float | None, theta: float) -> Tensor | None:
    """Retinal velocity of the blocks `(B, 1, H/8, W/8, 2)`, degrees/s: what the eye's pursuit leaves of the motion."""
    if (motion is None) != (frame_rate is None):
        raise ValueError("motion is in pixels per frame: give motion and frame_rate together, or neither")
    if motion is None or frame_rate is None:
        return None
    expected = (len(y), y.shape[-2] // N, y.shape[-1] // N, 2)
    if motion.shape != expected:
        raise ValueError(f"motion has the shape {tuple(motion.shape)}; these blocks need {expected}")
    v_I = frame_rate * theta * motion.to(y).unsqueeze(1)
    v_E = (0.98 * v_I.abs() + 0.15).clamp(max=80)  # of speeds: the formula, taken literally, is not even in v_I
    return torch.copysign(torch.ones_like(v_I), v_I) * (v_I.abs() - v_E)


def _fit(edges: Tensor, y: Tensor) -> Tensor:
    """The edge map on the size of `y`: padding has no edges."""
    bottom, right = (n - m for n, m in zip(y.shape[-2:], edges.shape[-2:], strict=True))
    if edges.shape[:2] != y.shape[:2] or not (0 <= bottom < N and 0 <= right < N):
        raise ValueError(f"edges has the shape {tuple(edges.shape)}; the image needs {tuple(y.shape)}")
    return F.pad(edges.to(y.device), (0, right, 0, bottom))


def _edge_density(edges: Tensor, dtype: torch.dtype) -> Tensor:
    """rho: share of edge pixels in each block, `(B, 1, H, W)` to `(B, 1, H/8, W/8)`."""
    columns = edges.to(dtype).unflatten(-2, (-1, N)).sum(-2)
    return columns.unflatten(-1, (-1, N)).sum(-1) / N**2


def _squares() -> Tensor:
    i = torch.arange(N, dtype=torch.float64)
    return i[:, None] ** 2 + i**2
