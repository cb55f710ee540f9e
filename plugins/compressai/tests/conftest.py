"""These tests need CompressAI, which has an environment of its own: `make compressai`."""

import warnings
from importlib.util import find_spec

import pytest
import torch
from torch import nn

collect_ignore_glob = [] if find_spec("compressai") else ["test_*.py"]
if not collect_ignore_glob:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch_geometric, which it imports, calls what torch deprecates
        import compressai  # noqa: F401


@pytest.fixture
def network():
    """Makes a small network of an architecture, with random weights that give latents other than 0."""
    from imgredux_compressai.zoo import ARCHITECTURES

    def make(name: str, seed: int = 0) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            made = ARCHITECTURES[name](8) if name.startswith("cheng") else ARCHITECTURES[name](8, 12)
        with torch.no_grad():
            *_, last = (layer for layer in made.g_a.modules() if isinstance(layer, nn.Conv2d))
            last.weight *= 12
            for layer in [layer for layer in getattr(made, "h_s", []) if isinstance(layer, nn.Conv2d)][-1:]:
                layer.bias += 1
        made.update(force=True)
        return made.eval()

    return make
