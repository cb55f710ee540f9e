"""What is taken from CompressAI, imported once and without the warnings of the libraries that it pulls in."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch_geometric, which CompressAI imports, calls what torch deprecates
    from compressai.ans import RansDecoder, RansEncoder
    from compressai.entropy_models import EntropyBottleneck
    from compressai.models import MeanScaleHyperprior
    from compressai.zoo import load_state_dict as with_today_s_keys

__all__ = [
    "EntropyBottleneck",
    "MeanScaleHyperprior",
    "RansDecoder",
    "RansEncoder",
    "with_today_s_keys",
]
