"""The contract: all that the author of a method reads. Importing it imports no torch; `base` and what builds on it do.

`spec` says what a declaration holds, `hooks` where it is given; `base` has Method and Estimator, `restorer` and `codec`
the other kinds, `filecodec` codecs that write a public format.
"""

from typing import TYPE_CHECKING

from imgredux._lazy import resolver

if TYPE_CHECKING:
    from imgredux.methods import base as base
    from imgredux.methods import codec as codec
    from imgredux.methods import declarations as declarations
    from imgredux.methods import filecodec as filecodec
    from imgredux.methods import gains as gains
    from imgredux.methods import hooks as hooks
    from imgredux.methods import restorer as restorer
    from imgredux.methods import spec as spec
    from imgredux.methods import stream as stream
    from imgredux.methods import tiling as tiling
    from imgredux.methods import weights as weights

__getattr__, __dir__ = resolver(
    __name__,
    {},
    ("base", "codec", "declarations", "filecodec", "gains", "hooks", "restorer", "spec", "stream", "tiling", "weights"),
)
