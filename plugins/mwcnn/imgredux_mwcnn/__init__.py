"""Declaration of MWCNN, the multi-level wavelet network of Liu et al. (2018)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="mwcnn",
    kind="restorer",
    target="imgredux_mwcnn.method:MwCnn",
    title="MWCNN: a U-Net that halves and doubles by the Haar wavelet",
    paper="P. Liu, H. Zhang, K. Zhang, L. Lin and W. Zuo, CVPR Workshops 2018; IEEE Access 7, 2019",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=8,
    minimum=8,
    context=168,
    tile=1024,
    differentiable=True,
    recipes="imgredux_mwcnn.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
