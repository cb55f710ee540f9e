"""Golden files: the input, keywords and output of one call, to notice when a method changes what it gives."""

from os import PathLike
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from imgredux.io import images
from imgredux.methods.base import Method
from imgredux.testing.inputs import as_jpeg, as_tensor, sample_image


def tensors(result: Any) -> tuple[Tensor, ...]:
    """The tensors of a result: one, or the image and the bits of a codec."""
    return result if isinstance(result, tuple) else (result,)


def build(name: str, **options: Any) -> Method:
    """The method in eval mode: with its weights, or with constructor options and the same initial values each time."""
    from imgredux.registry import create, get

    if not options:
        return get(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return create(name, **options).eval().requires_grad_(False)


def write_golden(name: str, path: str | PathLike[str], **options: Any) -> None:
    """Run a method on a small image, a JPEG one for a restorer, and write `input`, `output` and keywords to a file.

    The file proves that a method stays as it is, not that it is right: compare it with the paper first.
    """
    method = build(name, **options)
    held = {"input": as_tensor(sample_image())}
    if method.spec.kind == "restorer":
        source = images.read(as_jpeg(sample_image(), 20))
        assert source.qtable is not None  # a JPEG has tables
        held = {"input": source.x, "qtable": source.qtable}
    with torch.no_grad():
        output = method(held["input"], **{key: value for key, value in held.items() if key != "input"})
    held["output"] = tensors(output)[0]
    save_file({key: value.contiguous() for key, value in held.items()}, path)
