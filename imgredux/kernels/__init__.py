"""Hot loops in native code, behind functions of `ops` and `metrics`; torch is the reference, and the path of gradients.

Modules here need numba (`pip install imgredux[fast]`), which compiles them on first use and keeps the code on disk.
Their callers get them from `compiled` or `native` when they first need them, and do without where these give None.
"""

import importlib
import logging
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


_log = logging.getLogger("imgredux.kernels")


@cache
def compiled(name: str) -> ModuleType | None:
    """A module of this package, or a plugin's by its name in full; None where it cannot be had.

    That is where numba is not installed, is broken, or finds no folder for compiled code.
    """
    try:
        return importlib.import_module(name if "." in name else f"{__name__}.{name}")
    except (ImportError, RuntimeError, OSError) as error:
        _log.debug("%s runs without native code: %s", name, error)
        return None


def traced() -> bool:
    """Whether operations are recorded as a graph, by `torch.export`, `torch.compile` or `torch.jit.trace`, not run.

    A graph knows neither native code nor loops over strips of an image, whose size may be a symbol in it.
    """
    import torch

    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def native(name: str, *tensors: "Tensor") -> ModuleType | None:
    """`compiled`, or None where native code cannot take the place of operations on these tensors.

    It can for float32 on the CPU, where no gradient is asked for and nothing is traced. It takes their `numpy()`.
    """
    import torch

    if traced():
        return None
    learning = torch.is_grad_enabled()
    for one in tensors:
        if type(one) is not torch.Tensor or one.device.type != "cpu" or one.dtype != torch.float32:
            return None
        if learning and one.requires_grad:
            return None
    return compiled(name)
