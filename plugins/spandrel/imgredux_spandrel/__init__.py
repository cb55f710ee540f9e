"""Declaration of spandrel, the reader of networks that other people published."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="spandrel",
    kind="restorer",
    target="imgredux_spandrel.method:Spandrel",
    title="Any restoration network that spandrel knows, from a file: FBCNN, SwinIR, SCUNet, DnCNN, NAFNet ...",
    paper="none: github.com/chaiNNer-org/spandrel; the paper is that of the network",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=1,
    context=None,  # whatever the network has
    user_weights=True,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
