"""jndlc as it ships, and beside CompressAI's own class with the same weights: from samples to bytes, and back.

CompressAI's rows need the environment that `make compressai` makes:

    .venv-compressai/bin/python -m tests.benchmarks.report -k "jndlc and cpu and 1-thread"
"""

import warnings

import numpy as np
import pytest
import torch
from imgredux_jndlc.hyperprior import for_compressai
from skimage import data
from torch import nn

import imgredux
from imgredux.io.images import to_tensor
from imgredux.methods.tiling import pad

SIZES = {"0.4 MP": (512, 768), "4 MP": (2048, 2048)}
ROWS = ("jndlc", "jndlc, mean-scale hyperprior", "CompressAI, mean-scale hyperprior")


def photograph(height: int, width: int) -> np.ndarray:
    one = data.astronaut()
    return np.ascontiguousarray(np.tile(one, (-(-height // 512), -(-width // 512), 1))[:height, :width])


def hyperprior() -> imgredux.Codec:
    """The network that both have, with random weights that give latents of about a bit each."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        codec = imgredux.create("jndlc", transforms="hyperprior", N=32, M=64, lambdas=(1.0,))
    core = codec.network.core
    with torch.no_grad():
        core.g_a[-1].weight *= 12
        core.h_s[-1].bias[:64] += 1
    codec.eval().freeze()
    return codec


def theirs(codec: imgredux.Codec) -> nn.Module:
    """CompressAI's class with the weights of a codec of ours; the test is skipped where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch_geometric, which it imports, calls what torch deprecates
        models = pytest.importorskip("compressai.models", reason="CompressAI has an environment of its own")
    network = models.MeanScaleHyperprior.from_state_dict(for_compressai(codec.network.core)).eval()
    network.update(force=True)
    return network


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("direction", ["encode", "decode"])
def test_jndlc(measure, direction, row, size, threads):
    image = photograph(*SIZES[size])
    if row.startswith("jndlc"):
        codec = imgredux.get("jndlc") if row == "jndlc" else hyperprior()
        stream = codec.encode(image)
        run = (lambda: codec.encode(image)) if direction == "encode" else lambda: codec.decode(stream)
    else:
        network = theirs(hyperprior())

        @torch.no_grad()
        def compress() -> dict:
            return network.compress(pad(to_tensor(image), 64))

        @torch.no_grad()
        def decompress(coded: dict) -> np.ndarray:
            x = network.decompress(coded["strings"], coded["shape"])["x_hat"]
            return (255 * x[0]).round().byte().permute(1, 2, 0).numpy()

        coded = compress()
        run = compress if direction == "encode" else lambda: decompress(coded)
    task = f"learned codec, {direction}, {size}"
    measure(run, task=task, row=row, pixels=image.shape[0] * image.shape[1], rounds=3)
