"""Declaration of the codecs of CompressAI's zoo."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="compressai",
    kind="codec",
    target="imgredux_compressai.method:CompressAI",
    title="The codecs of CompressAI's zoo, from a file: factorized, scale and mean-scale hyperprior, joint, Cheng 2020",
    paper="J. Begaint, F. Racape, S. Feltman and A. Pushparaja, CompressAI: a PyTorch library and evaluation platform "
    "for end-to-end compression research, arXiv 2011.03029; the paper is that of the network",
    license="Apache-2.0",
    channels=(3,),
    multiple_of=64,
    minimum=64,
    context=None,
    differentiable=True,
    user_weights=True,
    exceptions={"golden_output": "no weights ship, so there is no output to keep"},
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
