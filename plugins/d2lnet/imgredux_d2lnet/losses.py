"""The loss of D2LNet, eq. 15-22, in means over pixels and bins instead of sums."""

from typing import Literal

from torch import Tensor

from imgredux.ops.fourier import amplitude, phase, rfft2

ALPHA = 0.05  # weight of the frequency terms that the paper gives with eq. 22
FAINT = 1e-3  # a quarter of a grey level: bins of the target below it have no phase to learn
Phase = Literal["wrapped", "naive"]


def objective(
    out1: Tensor,
    out2: Tensor,
    target: Tensor,
    order: str = "amplitude_first",
    phase_loss: Phase = "wrapped",
    alpha: float = ALPHA,
) -> tuple[Tensor, dict[str, Tensor]]:
    """L = L_spa + alpha (L_amp + L_pha), eq. 22, of images `(B, C, H, W)`, and its parts, detached, for a log.

    order: of the network's stages. "amplitude_first": the amplitude of out1 and the phase of out2 are held to the
    target's, as in the paper. "phase_first": both of both outputs, by half each; the authors say nothing about it.
    """
    Z1, Z2, GT = (rfft2(image) for image in (out1, out2, target))
    width = target.shape[-1]
    L_spa = (out2 - target).abs().mean()  # Eq. (15)
    L_amp, L_pha = amplitude_distance(Z1, GT), phase_distance(Z2, GT, width, phase_loss)
    if order == "phase_first":
        L_amp = (L_amp + amplitude_distance(Z2, GT)) / 2
        L_pha = (L_pha + phase_distance(Z1, GT, width, phase_loss)) / 2
    parts = {"spatial": L_spa, "amplitude": L_amp, "phase": L_pha}
    return L_spa + alpha * (L_amp + L_pha), {key: value.detach() for key, value in parts.items()}  # Eq. (22)


def amplitude_distance(Z: Tensor, GT: Tensor) -> Tensor:
    """L_amp, eq. 18, of half spectra."""
    return (amplitude(Z) - amplitude(GT)).abs().mean()


def phase_distance(Z: Tensor, GT: Tensor, width: int, kind: Phase = "wrapped") -> Tensor:
    """L_pha, eq. 21, of the half spectra of images of this width.

    "wrapped": the angle between both, 0..pi, and none where the target's amplitude is below `FAINT`. "naive": the
    difference of two numbers in [-pi, pi], as printed, which is 2 pi for phases on either side of the cut.
    """
    if kind == "naive":
        return (phase(Z, width, FAINT) - phase(GT, width)).abs().mean()
    A = GT.abs()
    towards = (GT / A.clamp_min(FAINT)).conj()
    return (phase(Z * towards, width, FAINT).abs() * (A >= FAINT)).mean()
