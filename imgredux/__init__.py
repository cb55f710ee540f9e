"""imgredux: estimate and exploit what the eye cannot see in an image.

    >>> import imgredux
    >>> jnd = imgredux.get("wei2009")("photo.png")   # float32 (H, W), grey levels   # doctest: +SKIP

Importing the package imports neither torch nor any plugin. Names, and modules such as `imgredux.maps`, are imported on
first use.
"""

from typing import TYPE_CHECKING

from imgredux._lazy import resolver
from imgredux._version import __version__ as __version__

if TYPE_CHECKING:
    from imgredux import bars as bars
    from imgredux import batch as batch
    from imgredux import critical as critical
    from imgredux import datasets as datasets
    from imgredux import dispatch as dispatch
    from imgredux import errors as errors
    from imgredux import evaluate as evaluate
    from imgredux import export as export
    from imgredux import forensics as forensics
    from imgredux import gallery as gallery
    from imgredux import io as io
    from imgredux import losses as losses
    from imgredux import maps as maps
    from imgredux import methods as methods
    from imgredux import metrics as metrics
    from imgredux import ops as ops
    from imgredux import protocols as protocols
    from imgredux import registry as registry
    from imgredux import report as report
    from imgredux import testing as testing
    from imgredux import training as training
    from imgredux.bars import progress
    from imgredux.dispatch import decode, restore
    from imgredux.errors import (
        ImageError,
        ImgreduxError,
        PluginError,
        StreamError,
        UnknownMethod,
        UnknownName,
        UnknownSetting,
        WeightsError,
    )
    from imgredux.io.images import to_tensor
    from imgredux.maps.noise import inject, inject_dct
    from imgredux.methods.base import Estimator, Method, tiled
    from imgredux.methods.codec import Codec, Coded
    from imgredux.methods.declarations import Column, MetricSpec, ProtocolSpec
    from imgredux.methods.hooks import hookimpl
    from imgredux.methods.restorer import Restorer
    from imgredux.methods.spec import Spec
    from imgredux.registry import create, get, info, list_methods, register

_HOME = {
    "bars": ("progress",),
    "dispatch": ("decode", "restore"),
    "errors": (
        "ImageError",
        "ImgreduxError",
        "PluginError",
        "StreamError",
        "UnknownMethod",
        "UnknownName",
        "UnknownSetting",
        "WeightsError",
    ),
    "io.images": ("to_tensor",),
    "maps.noise": ("inject", "inject_dct"),
    "methods.base": ("Estimator", "Method", "tiled"),
    "methods.codec": ("Codec", "Coded"),
    "methods.declarations": ("Column", "MetricSpec", "ProtocolSpec"),
    "methods.hooks": ("hookimpl",),
    "methods.restorer": ("Restorer",),
    "methods.spec": ("Spec",),
    "registry": ("create", "get", "info", "list_methods", "register"),
}
_ROOMS = (
    "bars",
    "batch",
    "critical",
    "datasets",
    "dispatch",
    "errors",
    "evaluate",
    "export",
    "forensics",
    "gallery",
    "io",
    "losses",
    "maps",
    "methods",
    "metrics",
    "ops",
    "protocols",
    "registry",
    "report",
    "testing",
    "training",
)

__all__ = [
    "Codec",
    "Coded",
    "Column",
    "Estimator",
    "ImageError",
    "ImgreduxError",
    "Method",
    "MetricSpec",
    "PluginError",
    "ProtocolSpec",
    "Restorer",
    "Spec",
    "StreamError",
    "UnknownMethod",
    "UnknownName",
    "UnknownSetting",
    "WeightsError",
    "create",
    "decode",
    "get",
    "hookimpl",
    "info",
    "inject",
    "inject_dct",
    "list_methods",
    "progress",
    "register",
    "restore",
    "tiled",
    "to_tensor",
]


__getattr__, __dir__ = resolver(__name__, _HOME, _ROOMS)
