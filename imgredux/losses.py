"""What an estimator's map is for in training: losses that leave invisible errors alone, and a limit for what is added.

Maps are in the units of the image, as estimators give them: `(B, 1 or C, H, W)` for images `(B, C, H, W)` in [0, 1].
Gradients reach the image, never the map: a network that could raise its own thresholds would.

Sources: the squared error beyond thresholds is that of PSPNR, C.-H. Chou and Y.-C. Li, IEEE TCSVT 5(6), 1995; the
attenuation by a map is that of "Active Image Indexing", P. Fernandez et al., ICLR 2023.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from imgredux.errors import ImageError
from imgredux.methods.base import Estimator

Kind = Literal["hinge", "pspnr", "weighted"]
Mode = Literal["clamp", "soft", "scale", "gate"]
FLOOR = 0.5 / 255  # a threshold below half a grey level weighs as that: what is rounded away cannot count without end
BLUE = (0.5, 0.5, 1.0)  # of the map in R, G and B: the eye sees least in blue


def hinge(image: Tensor, reference: Tensor, jnd: Tensor) -> Tensor:
    """The mean error beyond the thresholds, `(B,)`: 0 where no error is visible. Raises ImageError for other shapes."""
    return _excess(image, reference, jnd).mean((1, 2, 3))


def pspnr(image: Tensor, reference: Tensor, jnd: Tensor) -> Tensor:
    """The mean squared error beyond the thresholds, `(B,)`: -10 log10 of it is PSPNR. Raises ImageError as `hinge`."""
    return _excess(image, reference, jnd).square().mean((1, 2, 3))


def weighted(image: Tensor, reference: Tensor, jnd: Tensor, floor: float = FLOOR) -> Tensor:
    """The mean squared error in thresholds, `(B,)`: 1 for an error that is everywhere at its threshold.

    floor: thresholds below it count as this. Raises ImageError as `hinge`.
    """
    _check(image, reference, jnd)
    return ((image - reference) / jnd.detach().clamp(min=floor)).square().mean((1, 2, 3))


_KINDS = {"hinge": hinge, "pspnr": pspnr, "weighted": weighted}


class JndLoss(nn.Module):
    """A loss on any estimator: `loss(image, reference)` is a scalar, the mean over the batch.

    estimator: from `imgredux.get`; its map of the reference is computed without gradients. kind: "hinge", "pspnr" or
    "weighted", the functions of this module. scale: a factor on the map; below 1 is stricter.

    Raises ValueError for another kind, and for a scale that is not above 0.
    """

    def __init__(self, estimator: Estimator, kind: Kind = "pspnr", scale: float = 1.0) -> None:
        super().__init__()
        if kind not in _KINDS:
            raise ValueError(f"kind is {kind!r}; choose {', '.join(_KINDS)}")
        if not scale > 0:
            raise ValueError(f"scale is {scale}; give a number above 0")
        self.estimator, self.kind, self.scale = estimator, kind, scale

    def forward(self, image: Tensor, reference: Tensor, jnd: Tensor | None = None) -> Tensor:
        """image, reference: `(B, C, H, W)` in [0, 1]. jnd: the reference's map, where it is at hand."""
        jnd = _map(self.estimator, reference) if jnd is None else jnd
        return _KINDS[self.kind](image, reference, self.scale * jnd).mean()


class Attenuation(nn.Module):
    """What was added to an image, held below its thresholds: for watermarks and adversarial examples.

    estimator: from `imgredux.get`. strength: a factor on its map J. mode: what becomes of the change d:

    - "clamp": J clamp(d / J, -1, 1), so that no pixel moves farther than its threshold;
    - "soft": J tanh(d / J), the same limit, with a gradient everywhere;
    - "scale": J d, for changes in [-1, 1] as embedders give them;
    - "gate": d where J is at least `level`, in grey levels, and nothing elsewhere.

    blue: half of the map in red and green. The result is clipped to [0, 1].

    Raises ValueError for another mode, and for a strength that is not above 0.
    """

    def __init__(
        self,
        estimator: Estimator,
        *,
        mode: Mode = "clamp",
        strength: float = 1.0,
        level: float = 4.0,
        blue: bool = False,
    ) -> None:
        super().__init__()
        if mode not in ("clamp", "soft", "scale", "gate"):
            raise ValueError(f"mode is {mode!r}; choose clamp, soft, scale or gate")
        if not strength > 0:
            raise ValueError(f"strength is {strength}; give a number above 0")
        self.estimator, self.mode, self.strength, self.level, self.blue = estimator, mode, strength, level, blue

    def forward(self, image: Tensor, altered: Tensor, jnd: Tensor | None = None) -> Tensor:
        """The altered image with its change held back, `(B, C, H, W)` in [0, 1]; gradients reach `altered`.

        In mode "scale", `altered` less `image` is the change in [-1, 1]. jnd: the image's map, where it is at hand.
        Raises ImageError for shapes that do not fit.
        """
        jnd = _map(self.estimator, image) if jnd is None else jnd
        _check(altered, image, jnd)
        J = self.strength * jnd.detach()
        if self.blue and image.shape[1] == 3:
            J = J * J.new_tensor(BLUE)[:, None, None]
        return (image + self._held(altered - image, J)).clamp(0, 1)

    def _held(self, d: Tensor, J: Tensor) -> Tensor:
        if self.mode == "scale":
            return J * d
        if self.mode == "gate":
            return torch.where(self.level / 255 <= J, d, 0)
        if self.mode == "clamp":
            return torch.maximum(torch.minimum(d, J), -J)
        some = J > 0
        return torch.where(some, J * torch.tanh(d / torch.where(some, J, 1)), 0)


def _map(estimator: Estimator, image: Tensor) -> Tensor:
    with torch.no_grad():
        return estimator(image.detach())


def _excess(image: Tensor, reference: Tensor, jnd: Tensor) -> Tensor:
    _check(image, reference, jnd)
    return ((image - reference).abs() - jnd.detach()).clamp(min=0)


def _check(image: Tensor, reference: Tensor, jnd: Tensor) -> None:
    if image.ndim != 4 or image.shape != reference.shape:
        raise ImageError(f"images of {tuple(image.shape)} and {tuple(reference.shape)}: give two equal (B, C, H, W)")
    batch, channels, *sides = image.shape
    if jnd.shape not in {(batch, 1, *sides), (batch, channels, *sides)}:
        raise ImageError(f"the map is {tuple(jnd.shape)} for images of {tuple(image.shape)}; give (B, 1 or C, H, W)")
