"""The mean-scale hyperprior: Minnen, Balle, Toderici, Joint autoregressive and hierarchical priors for learned image
compression, NeurIPS 2018, without its context model: CompressAI's `mbt2018-mean`, with its names of parameters.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux_jndlc.bottleneck import TAIL
from imgredux_jndlc.core import Core
from imgredux_jndlc.likelihood import LEAST_LIKELIHOOD, LEAST_SCALE, Bounded

OFFSET = 2.0**-18  # beta and gamma of GDN are stored as sqrt(value + OFFSET^2)
LEAST_BETA = 1e-6
LEAST = {"beta": LEAST_BETA, "gamma": 0.0}
HALO = 2
OWN = ("entropy_bottleneck._", "gaussian_conditional.")  # tables of CompressAI's coder


class GDN(nn.Module):
    """Generalized divisive normalization: x / sqrt(beta + gamma x^2), or times it. Balle et al., ICLR 2016."""

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter((torch.ones(channels) + OFFSET**2).sqrt())
        self.gamma = nn.Parameter((0.1 * torch.eye(channels) + OFFSET**2).sqrt())

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to as many."""
        beta, gamma = (
            Bounded.apply(getattr(self, name), bound(name)).square() - OFFSET**2  # pyright: ignore[reportOptionalMemberAccess]
            for name in ("beta", "gamma")
        )
        norm = F.conv2d(x.square(), gamma[..., None, None], beta)
        return x * (norm.sqrt() if self.inverse else norm.rsqrt())


def bound(name: str) -> float:
    """The least value that a parameter of GDN is stored as."""
    return (LEAST[name] + OFFSET**2) ** 0.5


def hyperprior(N: int, M: int) -> Core:
    """Transforms of four 5x5 layers with GDN, N channels within and M at the end."""

    def down(inputs: int, outputs: int) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, 5, 2, 2)

    def up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, 1)

    wide = M * 3 // 2
    g_a = nn.Sequential(down(3, N), GDN(N), down(N, N), GDN(N), down(N, N), GDN(N), down(N, M))
    g_s = nn.Sequential(up(M, N), GDN(N, True), up(N, N), GDN(N, True), up(N, N), GDN(N, True), up(N, 3))
    h_a = nn.Sequential(nn.Conv2d(M, N, 3, 1, 1), nn.LeakyReLU(), down(N, N), nn.LeakyReLU(), down(N, N))
    last = nn.Conv2d(wide, 2 * M, 3, 1, 1)
    h_s = nn.Sequential(up(N, M), nn.LeakyReLU(), up(M, wide), nn.LeakyReLU(), last)
    return Core((N, M), (g_a, g_s), (h_a, h_s), (), HALO)


def from_compressai(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters among a state dict of CompressAI's `mbt2018-mean`, of old and of new names."""
    named = with_present_names(state)
    constant = ("bound", "pedestal", "target")
    return {key: x for key, x in named.items() if not key.startswith(OWN) and not key.endswith(constant)}


def with_present_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of CompressAI's, the parts of its prior named as its present version has them."""
    named = {key.removeprefix("module."): value for key, value in state.items()}
    for kind, several in (("matrix", "matrices"), ("bias", "biases"), ("factor", "factors")):
        for place in range(5):
            old = f"entropy_bottleneck._{kind}{place}"
            if old in named:
                named[f"entropy_bottleneck.{several}.{place}"] = named.pop(old)
    return named


def for_compressai(core: Core) -> dict[str, Tensor]:
    """A state dict that CompressAI's `MeanScaleHyperprior.from_state_dict` takes; its `update` makes its tables."""
    state = dict(core.state_dict())
    edge = math.log(2 / TAIL - 1)
    empty = torch.empty(0, dtype=torch.int32)
    for part in ("entropy_bottleneck", "gaussian_conditional"):
        state |= {f"{part}.{name}": empty for name in ("_offset", "_quantized_cdf", "_cdf_length")}
        state[f"{part}.likelihood_lower_bound.bound"] = torch.tensor([LEAST_LIKELIHOOD])
    state["entropy_bottleneck.target"] = torch.tensor([-edge, 0.0, edge])
    state["gaussian_conditional.scale_table"] = torch.empty(0)
    for name in ("scale_bound", "lower_bound_scale.bound"):
        state[f"gaussian_conditional.{name}"] = torch.tensor([LEAST_SCALE])
    for key in [key for key in state if key.endswith((".beta", ".gamma"))]:
        layer, name = key.rsplit(".", 1)
        state[f"{layer}.{name}_reparam.pedestal"] = torch.tensor([OFFSET**2])
        state[f"{layer}.{name}_reparam.lower_bound.bound"] = torch.tensor([bound(name)])
    return state
