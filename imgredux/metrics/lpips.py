"""LPIPS of Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018."""

import os
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from imgredux.errors import ImgreduxError, WeightsError
from imgredux.metrics.pairs import matched, measured
from imgredux.ops.precision import widest

Net = Literal["alex", "squeeze", "vgg"]
BACKBONES = "IMGREDUX_LPIPS_BACKBONES"  # environment: the folder that holds backbone files


@dataclass(frozen=True)
class _Backbone:
    weights: str  # torchvision's class of this network's weights, which knows their address
    file: str  # name of a state dict of torchvision's `features` in the folder BACKBONES
    smallest: int  # side that the last of its pooling layers still accepts


_BACKBONE = {
    "alex": _Backbone("AlexNet_Weights", "alexnet_features.pth", 31),
    "squeeze": _Backbone("SqueezeNet1_1_Weights", "squeezenet1_1_features.pth", 17),
    "vgg": _Backbone("VGG16_Weights", "vgg16_features.pth", 16),
}


@measured(channels=(1, 3))
def lpips(image: Tensor, reference: Tensor, *, net: Net = "alex", weights: str | Path | None = None) -> Tensor:
    """Learned perceptual distance of each image, 0 for equal ones: `(B,)` float64; its version 0.1.

    image, reference: `(B, C, H, W)` in [0, 1], C 3 (RGB) or 1 (repeated). Nothing is resized. float16 and bfloat16 are
    computed in float32. Gradients flow to the images, not to the network.
    net: the network under the distance; "alex" is its authors' choice for measuring.
    weights: file of the network's ImageNet weights, a state dict of torchvision's model or of its `features` alone.
    Without it they are looked for in the folder that the environment variable IMGREDUX_LPIPS_BACKBONES names
    (`alexnet_features.pth`, `squeezenet1_1_features.pth`, `vgg16_features.pth`, or torchvision's file names), then in
    torch's hub cache, and then downloaded into it. The layers on top of it come with the package lpips.

    Needs the extra `imgredux[eval]`. Raises ImageError for images of different shapes, of other channel counts or too
    small for the network (31x31 alex, 17x17 squeeze, 16x16 vgg); WeightsError where no usable weights are found, saying
    where to put the file; ImgreduxError where the package is missing.
    """
    if net not in _BACKBONE:
        raise ValueError(f"net is {net!r}; choose alex, squeeze or vgg")
    matched(image, reference, _BACKBONE[net].smallest)
    path = None if weights is None else str(weights)
    model = _model(net, path, os.environ.get(BACKBONES), image.device, image.dtype)
    return model(*(2 * x.expand(-1, 3, -1, -1) - 1 for x in (image, reference)))[:, 0, 0, 0].to(widest(image))


_models: dict[tuple[object, ...], nn.Module] = {}  # real ones, of a few backbones and devices


def _model(net: Net, weights: str | None, folder: str | None, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """The frozen network; kept, unless it was made in a trace, where its numbers are none."""
    known = (net, weights, folder, device, dtype)
    if known in _models:
        return _models[known]
    model = _made(net, weights, folder, device, dtype)
    if not any(isinstance(one.data, FakeTensor) for one in model.parameters()):
        _models[known] = model
    return model


def _made(net: Net, weights: str | None, folder: str | None, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """A network made without touching the global random state, and fit for autograd wherever it is made."""
    try:
        package = import_module("lpips")
    except ModuleNotFoundError as error:
        raise ImgreduxError(f"LPIPS needs a package that is missing: {error}. pip install 'imgredux[eval]'") from error
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its way to ask torchvision for a network is deprecated
        model = package.LPIPS(net=net, version="0.1", pnet_rand=True, verbose=False)
        state, source = _state(net, weights, folder)
        features = {key.removeprefix("features."): value for key, value in state.items()}
        try:  # "slice2.3.weight" of the package is "3.weight" of torchvision's features
            model.net.load_state_dict({key: features[key.partition(".")[2]] for key in model.net.state_dict()})
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"{source} does not hold the weights of LPIPS's {net}: {error}") from error
        return model.requires_grad_(False).eval().to(device, dtype)


def _state(net: Net, weights: str | None, folder: str | None) -> tuple[dict[str, Tensor], str]:
    """State dict of the backbone, and where it was found."""
    backbone = _BACKBONE[net]
    url = getattr(import_module("torchvision.models"), backbone.weights).IMAGENET1K_V1.url
    published = url.rpartition("/")[2]
    places = [Path(folder, name) for name in (backbone.file, published)] if folder else []
    found = weights or next((str(path) for path in places if path.is_file()), None)
    if found is not None:
        try:
            return dict(torch.load(found, map_location="cpu", weights_only=True)), found
        except Exception as error:  # what torch raises for a foreign file depends on the file
            raise WeightsError(f"{found} cannot be read as weights of LPIPS's {net}: {error}") from error
    try:
        return torch.hub.load_state_dict_from_url(
            url, map_location="cpu", check_hash=True, weights_only=True
        ), published
    except Exception as error:
        raise WeightsError(
            f"no ImageNet weights for LPIPS's {net}: they could not be downloaded ({error}). Put {published} into "
            f"{Path(torch.hub.get_dir(), 'checkpoints')}, or {backbone.file} into the folder that the environment "
            f"variable {BACKBONES} names, or pass weights=PATH"
        ) from error
