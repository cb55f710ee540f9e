"""Which network of CompressAI a state dict belongs to, told by the names and shapes in it."""

import warnings
from collections.abc import Mapping

from imgredux_jndlc.hyperprior import with_present_names
from torch import Tensor, nn

from imgredux.errors import WeightsError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch_geometric, which CompressAI imports, calls what torch deprecates
    from compressai.models import (
        Cheng2020Anchor,
        Cheng2020Attention,
        CompressionModel,
        FactorizedPrior,
        FactorizedPriorReLU,
        JointAutoregressiveHierarchicalPriors,
        MeanScaleHyperprior,
        ScaleHyperprior,
    )
    from compressai.zoo import load_state_dict as with_names_of_today

ARCHITECTURES = {
    "bmshj2018-factorized": FactorizedPrior,
    "bmshj2018-factorized-relu": FactorizedPriorReLU,
    "bmshj2018-hyperprior": ScaleHyperprior,
    "mbt2018-mean": MeanScaleHyperprior,
    "mbt2018": JointAutoregressiveHierarchicalPriors,
    "cheng2020-anchor": Cheng2020Anchor,
    "cheng2020-attn": Cheng2020Attention,
}


def architecture_of(state: Mapping[str, Tensor]) -> str:
    """A name of `ARCHITECTURES`. Raises WeightsError where none fits."""
    has = state.keys().__contains__
    if (not has("g_a.0.weight") and not has("g_a.0.conv1.weight")) or any(".gain" in key.lower() for key in state):
        raise WeightsError(f"no network of {', '.join(ARCHITECTURES)}")
    if has("context_prediction.weight"):
        if has("g_a.0.weight"):
            return "mbt2018"
        return "cheng2020-attn" if has("g_a.3.conv_a.0.conv.0.weight") else "cheng2020-anchor"
    if not has("h_a.0.weight"):
        return "bmshj2018-factorized" if has("g_a.1.beta") else "bmshj2018-factorized-relu"
    latents, parameters = state["g_a.6.weight"].shape[0], state["h_s.4.weight"].shape[0]
    return "mbt2018-mean" if parameters == 2 * latents else "bmshj2018-hyperprior"


def network_of(state: Mapping[str, Tensor]) -> tuple[str, CompressionModel]:
    """The network that a state dict is of, with its weights, and its name. Raises WeightsError."""
    state = with_names_of_today(dict(state))
    name = architecture_of(state)
    try:
        network = ARCHITECTURES[name].from_state_dict(_complete(name, state))
    except (RuntimeError, KeyError, IndexError) as error:
        raise WeightsError(f"it looks like {name}, but does not fit it: {error}") from error
    return name, network.eval()


def _complete(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """With the names of the network: files of other versions lack constants, and number the parts of the prior."""
    small = ARCHITECTURES[name](8) if name.startswith("cheng") else ARCHITECTURES[name](8, 12)
    named = with_present_names(state)
    constants = {key: value for key, value in small.state_dict().items() if key not in named and value.numel() < 4}
    return constants | named


def is_recurrent(network: nn.Module) -> bool:
    """Whether the parameters of a latent depend on those coded before."""
    return isinstance(network, JointAutoregressiveHierarchicalPriors)
