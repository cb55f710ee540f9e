"""Two maps that know nothing of vision. A model that spreads noise no better than these has learnt nothing."""

from torch import Tensor

from imgredux.method import Estimator
from imgredux.ops.color import luma
from imgredux.ops.masking import local_std


class Flat(Estimator):
    """J = 1 grey level everywhere: `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)`, 1/255. Its gradient is zero."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1].mul(0).add_(1 / 255)


class LocalStd(Estimator):
    """J = 1 + standard deviation of luma in 5x5 pixels, in grey levels: `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)`/255.

    The deviation is that of the 25 pixels themselves (divided by 25, not 24), mirrored about the edge pixels so that no
    border shows. Its slope is infinite where it is zero; there the gradient is taken to be zero.
    """

    def forward(self, x: Tensor) -> Tensor:
        return local_std(luma(x) * 255, 5, border="reflect").add_(1).div_(255)
