"""The loss of DDJND, eq. 1 and 20-21."""

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from imgredux_ddjnd.layers import widened

TEMPERATURE = 3.0  # T of eq. 20, which the paper does not give: usual in mutual distillation
Over = Literal["image", "channels"]


def objective(
    I_out: Tensor,
    I_gt: Tensor,
    F_s: Tensor,
    F_f: Tensor,
    kd_weight: float = 1.0,
    temperature: float = TEMPERATURE,
    over: Over = "image",
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_all = L_kd + L_fea, eq. 1, of images `(B, 3, H, W)` in [-1, 1] and features `(B, C, H, W)`.

    With its parts, detached, for a log: at the start `distillation` is several hundred times `feature`. kd_weight:
    lambda_1, printed as 1, as lambda_2 is.
    """
    L_kd = distillation(F_s, F_f, temperature, over)
    L_fea = (widened(I_out) - I_gt).square().mean()
    return kd_weight * L_kd + L_fea, {"distillation": L_kd.detach(), "feature": L_fea.detach()}  # Eq. (1)


def distillation(F_s: Tensor, F_f: Tensor, temperature: float = TEMPERATURE, over: Over = "image") -> Tensor:
    """L_kd, eq. 21: how far apart the branches' features are, as distributions; each in turn teaches the other.

    over: what a softmax runs over: all numbers of an "image", or the "channels" of a pixel, and then the divergence is
    the mean over the pixels; their sum would be some 50,000 times larger. A teacher gets no gradient.
    """
    features = [widened(x) / temperature for x in (F_s, F_f)]
    log_s, log_f = (x.flatten(1).log_softmax(1) if over == "image" else x.log_softmax(1) for x in features)  # Eq. (20)
    divergence = _divergence(log_s, log_f) + _divergence(log_f, log_s)
    pixels = 1 if over == "image" else F_s.shape[-2] * F_s.shape[-1]
    return divergence * (temperature**2 / (len(F_s) * pixels))  # Eq. (21)


def _divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """KL(teacher, student) of logarithms of probabilities, summed over everything."""
    return F.kl_div(student, teacher.detach(), reduction="sum", log_target=True)
