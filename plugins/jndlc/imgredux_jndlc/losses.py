"""Rate and distortion where the just noticeable difference counts: the losses of the paper, as coded and as meant.

x is the pristine image, j its critical one (JND1), y the decoded one, all `(B, 3, H, W)` in [0, 1]. D is the squared
error in grey levels, 255^2 MSE, of each image: `(B,)`. The total is lambda D' + R, R in bits per pixel, and D' one of
those below. The authors' code is at github.com/sanaznami/JND-LC; docs and names of the losses follow the paper.
"""

from collections.abc import Callable
from os import PathLike

from torch import Tensor, nn

from imgredux import ops
from imgredux.errors import WeightsError
from imgredux.methods.weights import read_checkpoint

EPSILON = 0.05  # of the plain distortion, beside a hinge, so that a gradient is left

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)  # channels; 0: pooling

# Watson's thresholds at 32 pixels/degree, orthonormal DCT units of 0..255 (DCTune; SPIE 1913, 1993).
WATSON = (
    *(1.40, 1.01, 1.16, 1.66, 2.40, 3.43, 4.79, 6.56),
    *(1.01, 1.45, 1.32, 1.52, 2.00, 2.71, 3.67, 4.93),
    *(1.16, 1.32, 2.24, 2.59, 2.98, 3.64, 4.60, 5.88),
    *(1.66, 1.52, 2.59, 3.77, 4.55, 5.30, 6.28, 7.60),
    *(2.40, 2.00, 2.98, 4.55, 6.15, 7.46, 8.71, 10.17),
    *(3.43, 2.71, 3.64, 5.30, 7.46, 9.62, 11.58, 13.51),
    *(4.79, 3.67, 4.60, 6.28, 8.71, 11.58, 14.50, 17.29),
    *(6.56, 4.93, 5.88, 7.60, 10.17, 13.51, 17.29, 21.15),
)


def distortion(y: Tensor, x: Tensor) -> Tensor:
    """D: squared grey levels, `(B,)`."""
    return 255**2 * (y.float() - x.float()).square().mean((1, 2, 3))


def pwl(y: Tensor, x: Tensor, j: Tensor, share: float = 0.5) -> Tensor:
    """Pixel-wise loss: (1 - share) D(y, x) + share D(y, j). With share = 1 as the authors' code has it."""
    return (1 - share) * distortion(y, x) + share * distortion(y, j)


def iwl_as_coded(y: Tensor, x: Tensor, j: Tensor) -> Tensor:
    """Image-wise loss of the authors' code: D(y, x) - D(j, x), whose gradient is that of D(y, x)."""
    return distortion(y, x) - distortion(j, x)


def iwl(y: Tensor, x: Tensor, j: Tensor, kappa: float = 1.0) -> Tensor:
    """Image-wise loss as meant: max(0, D(y, x) - kappa D(j, x)) for each image, and a little of D(y, x)."""
    D = distortion(y, x)
    return (D - kappa * distortion(j, x)).clamp(min=0) + EPSILON * D


def fwl(
    y: Tensor, x: Tensor, j: Tensor, features: Callable[[Tensor], Tensor], w: float = 0.9, scale: float = 1.0
) -> Tensor:
    """Feature-wise loss: w D(y, x) + (1 - w) scale MSE(features(y), features(j)). The authors' code has scale = 1."""
    off = (features(y) - features(j)).square().flatten(1).mean(1)
    return w * distortion(y, x) + (1 - w) * scale * off


def dct_features(x: Tensor) -> Tensor:
    """Amplitudes of the 8x8 DCT of luma in units of Watson's thresholds, `(B, 1, H/8, W/8, 8, 8)`.

    They take the place of VGG-16's features where its weights are not at hand.
    """
    C = ops.blocks(ops.dct(255 * ops.luma(x.float())))
    return C.abs() / C.new_tensor(WATSON).view(8, 8)


class Vgg16(nn.Module):
    """VGG-16's features as the authors' code takes them: `(B, 3, H, W)` in [0, 1] to `(B, 512, H / 16, W / 16)`.

    The last ReLU's, without the pooling behind it, and without ImageNet's mean and deviation. weights: a state dict of
    torchvision's `vgg16`, or of its `features` alone, in a file. Raises WeightsError for another file.
    """

    def __init__(self, weights: str | PathLike[str]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in VGG16:
            layers += [nn.Conv2d(channels, width, 3, 1, 1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
            channels = width or channels
        self.layers = nn.Sequential(*layers)
        state = {key.removeprefix("features."): value for key, value in read_checkpoint(weights).items()}
        try:
            self.layers.load_state_dict({key: state[key] for key in self.layers.state_dict()})
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"{weights} does not hold the weights of VGG-16: {error}") from error
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.float())


def beyond(y: Tensor, x: Tensor, jnd: Tensor, share: float = 0.5, weight: float = 2.0, kappa: float = 1.0) -> Tensor:
    """Map loss: (1 - share) D(y, x) + share weight 255^2 mean(e^2), e = max(|y - x| - kappa J, 0).

    jnd: J `(B, 1 or 3, H, W)`, an estimator's map, in the units of the images.
    """
    e = ((y.float() - x.float()).abs() - kappa * jnd.float()).clamp(min=0)
    return (1 - share) * distortion(y, x) + share * weight * 255**2 * e.square().mean((1, 2, 3))


def weighted(y: Tensor, x: Tensor, jnd: Tensor) -> Tensor:
    """255^2 mean(omega (y - x)^2): omega = (mean J / J)^2 within 1/4 and 4, of mean 1 in each image."""
    J = jnd.float()
    omega = (J.mean((1, 2, 3), keepdim=True) / J.clamp(min=1e-6)).square().clamp(0.25, 4)
    omega = omega / omega.mean((1, 2, 3), keepdim=True)
    return 255**2 * (omega * (y.float() - x.float()).square()).mean((1, 2, 3))


def scored(y: Tensor, x: Tensor, scale: float) -> Tensor:
    """D(y, x) / 2 + scale (100 - SSIMULACRA 2): how far training on that metric itself leads by it."""
    from imgredux.metrics.ssimulacra2 import ssimulacra2

    return distortion(y, x) / 2 + scale * (100 - ssimulacra2(y.float().clamp(0, 1), x.float()).float())
