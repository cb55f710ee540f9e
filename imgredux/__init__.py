"""imgredux: estimate and exploit what the eye cannot see in an image.

    >>> import imgredux
    >>> jnd = imgredux.get("wei2009")("photo.png")   # float32 (H, W), grey levels   # doctest: +SKIP

Importing the package imports neither torch nor any plugin; names resolve on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from imgredux.dispatch import decode, restore
    from imgredux.errors import ImageError, ImgreduxError, PluginError, StreamError, UnknownMethod, WeightsError
    from imgredux.io.images import to_tensor
    from imgredux.maps.noise import inject, inject_dct
    from imgredux.methods.base import Estimator, Method, tiled
    from imgredux.methods.codec import Codec, Coded
    from imgredux.methods.hooks import hookimpl
    from imgredux.methods.restorer import Restorer
    from imgredux.methods.spec import Spec
    from imgredux.registry import create, get, info, list_methods, register

_HOME = {
    "dispatch": ("decode", "restore"),
    "errors": ("ImageError", "ImgreduxError", "PluginError", "StreamError", "UnknownMethod", "WeightsError"),
    "io.images": ("to_tensor",),
    "maps.noise": ("inject", "inject_dct"),
    "methods.base": ("Estimator", "Method", "tiled"),
    "methods.codec": ("Codec", "Coded"),
    "methods.hooks": ("hookimpl",),
    "methods.restorer": ("Restorer",),
    "methods.spec": ("Spec",),
    "registry": ("create", "get", "info", "list_methods", "register"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Codec",
    "Coded",
    "Estimator",
    "ImageError",
    "ImgreduxError",
    "Method",
    "PluginError",
    "Restorer",
    "Spec",
    "StreamError",
    "UnknownMethod",
    "WeightsError",
    "create",
    "decode",
    "get",
    "hookimpl",
    "info",
    "inject",
    "inject_dct",
    "list_methods",
    "register",
    "restore",
    "tiled",
    "to_tensor",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'imgredux' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"imgredux.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
