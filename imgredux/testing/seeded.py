"""Weights that are the same on every machine: to compare a network with its authors' without keeping either's."""

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def seeded(like: Mapping[str, Tensor], gain: float = 1.0) -> dict[str, Tensor]:
    """A state with the names and shapes of `like`, its numbers drawn from the names alone.

    Kernels and matrices are uniform with `gain` times He's deviation, vectors uniform within 0.1. The generator is
    PCG64, whose raw numbers NumPy keeps for good.
    """
    state = {}
    for name, tensor in like.items():
        raw = np.random.PCG64(zlib.crc32(name.encode())).random_raw(max(tensor.numel(), 1))
        numbers = (raw >> 11).astype(np.float64) * 2.0**-52 - 1  # [-1, 1)
        inputs = tensor.numel() // max(len(tensor), 1) if tensor.ndim > 1 else 0
        bound = gain * (6 / inputs) ** 0.5 if inputs else 0.1
        state[name] = torch.from_numpy(numbers[: tensor.numel()] * bound).reshape(tensor.shape).to(tensor.dtype)
    return state
