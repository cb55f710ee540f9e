"""Archives of arrays, measured before they are unpacked: torch's and MATLAB's files. No code of a file is run.

A packed megabyte can hold a gigabyte of zeros. Imports torch and scipy only to read.
"""

import struct
import zipfile
import zlib
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgredux.errors import ImgreduxError

AT_LEAST, TIMES = 2**26, 8  # bytes that every file may unpack to, and so many times its own size
_HEADER = 128  # of a MATLAB 5 file
_COMPRESSED = 15
_STEP = 2**20
_CONTAINERS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "net")


if TYPE_CHECKING:
    import torch


class TooLarge(ImgreduxError):
    """A file would unpack to far more than it is."""


def read_torch(path: str | PathLike[str]) -> Any:
    """What a file of `torch.save` holds: tensors and containers of them, on the CPU.

    Raises TooLarge, OSError, and what torch raises for anything else.
    """
    import torch

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            _check(path, sum(one.file_size for one in archive.infolist()))
    return torch.load(path, map_location="cpu", weights_only=True)


def read_state(path: str | PathLike[str]) -> "dict[str, torch.Tensor]":
    """The tensors of a checkpoint by name: a state dict, in a safetensors file or in one of torch's.

    Trainers put theirs beside other things, under a usual name, and begin all names with `module.`: both are undone.
    Raises TooLarge, OSError, ValueError where there is none, and what torch raises for anything else.
    """
    if Path(path).suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    content = read_torch(path)
    while isinstance(content, dict) and not any(isinstance(one, torch.Tensor) for one in content.values()):
        inner = [content[key] for key in _CONTAINERS if isinstance(content.get(key), dict)]
        content = inner[0] if inner else None
    if not isinstance(content, dict):
        raise ValueError("it holds no state dict")
    state = {key: one for key, one in content.items() if isinstance(key, str) and isinstance(one, torch.Tensor)}
    prefix = "module."
    return {k.removeprefix(prefix): v for k, v in state.items()} if all(k.startswith(prefix) for k in state) else state


def read_matlab(path: str | PathLike[str], **options: Any) -> dict[str, Any]:
    """The variables of a MATLAB file up to version 7.2. options: of `scipy.io.loadmat`.

    Raises TooLarge, OSError, and what scipy raises for anything else.
    """
    from scipy.io import loadmat

    _check(path, _unpacked(path))
    return loadmat(path, **options)


def _unpacked(path: str | PathLike[str]) -> int:
    """Bytes that the variables of a MATLAB 5 file unpack to, as far as the limit; 0 for another file."""
    data = Path(path).read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    at, total = _HEADER, 0
    while order and at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind == _COMPRESSED:
            inflater, packed = zlib.decompressobj(), data[at + 8 : at + 8 + size]
            while packed and not inflater.eof and total <= _limit(len(data)):
                try:
                    total += len(inflater.decompress(packed, _STEP))
                except zlib.error:  # the reader will say so
                    break
                packed = inflater.unconsumed_tail
        at += 8 + size
    return total


def _limit(size: int) -> int:
    return max(AT_LEAST, TIMES * size)


def _check(path: str | PathLike[str], unpacked: int) -> None:
    size = Path(path).stat().st_size
    if unpacked > _limit(size):
        raise TooLarge(f"{path} has {size} bytes and unpacks to more than {_limit(size) >> 20} MiB: it is not read")
