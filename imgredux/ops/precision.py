"""Which numbers are computed with, whatever the caller has switched on."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from imgredux.kernels import traced


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """A block in which nothing on the device of `x` is computed in less than its own dtype: autocast is off.

    A graph has no such blocks: it is recorded without autocast.
    """
    kind = x.device.type
    if traced():
        return nullcontext()
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def widest(x: Tensor) -> torch.dtype:
    """float64, or float32 on a device that has nothing wider."""
    return torch.float32 if x.device.type == "mps" else torch.float64
