"""jndlc beside CompressAI's own class with the same weights: from samples to bytes, and back to samples."""

import numpy as np
import pytest
import torch
from skimage import data

import imgredux
from imgredux.io.images import to_tensor
from imgredux.methods.tiling import pad

SIZES = {"0.4 MP": (512, 768), "4 MP": (2048, 2048)}


def photograph(height: int, width: int) -> np.ndarray:
    one = data.astronaut()
    return np.ascontiguousarray(np.tile(one, (-(-height // 512), -(-width // 512), 1))[:height, :width])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("row", ["jndlc", "CompressAI"])
@pytest.mark.parametrize("direction", ["encode", "decode"])
def test_jndlc(measure, direction, row, size, threads):
    codec, image = imgredux.get("jndlc"), photograph(*SIZES[size])
    core = codec.network.core
    core.update(force=True)

    def compress() -> dict:
        with torch.no_grad():
            return core.compress(pad(to_tensor(image), 64))

    def decompress(coded: dict) -> np.ndarray:
        with torch.no_grad():
            x = core.decompress(coded["strings"], coded["shape"])["x_hat"]
        return (255 * x[0]).round().byte().permute(1, 2, 0).numpy()

    if row == "jndlc":
        stream = codec.encode(image, quality=2)
        run = (lambda: codec.encode(image, quality=2)) if direction == "encode" else lambda: codec.decode(stream)
    else:
        coded = compress()
        run = compress if direction == "encode" else lambda: decompress(coded)
    task = f"learned codec, {direction}, {size}"
    measure(run, task=task, row=row, pixels=image.shape[0] * image.shape[1], rounds=3)
