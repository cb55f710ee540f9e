"""The networks of restorers beside their authors', on the same seeded weights: writes the goldens that tests keep.

python -m tests.campaigns.authors fbcnn CHECKOUT      jiaxi-jiang/FBCNN, 54d1831
python -m tests.campaigns.authors mwcnn CHECKOUT      lpj-github-io/MWCNNv2, cab3728
python -m tests.campaigns.authors rnan CHECKOUT       yulunzhang/RNAN, aedd126
python -m tests.campaigns.authors rdn CHECKOUT        yinboc/liif, 4c833f8: that of EDSR-PyTorch, not upsampled
python -m tests.campaigns.authors qgac CHECKOUT OTHER Queuecumber/m3l, 1323fd9, and torchjpeg, 03e01c4

CHECKOUT is a folder with the repository's files. None of their code enters this one: it is read, run and left alone.
The golden, `plugins/NAME/tests/authors.safetensors`, holds what their network was given and gave; its weights are
those of `imgredux.testing.seeded`. Changes without which their code does not run on a CPU, or at all, stand here.
"""

import __future__

import ast
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.testing.seeded import seeded

PLUGINS = Path(__file__).parents[2] / "plugins"
Held = dict[str, Tensor]


def defined(path: Path, names: Mapping[str, Any], replaced: Mapping[str, str] | None = None) -> SimpleNamespace:
    """The classes and functions of a file; its imports are not followed, `names` are what they would bring."""
    text = path.read_text("utf-8")
    for old, new in (replaced or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    for node in tree.body:
        node.decorator_list = []
    known = {"torch": torch, "nn": nn, "F": F, "math": math, "np": np, **names}
    exec(compile(tree, str(path), "exec", __future__.annotations.compiler_flag), known)
    return SimpleNamespace(**known)


def image(channels: int, height: int, width: int) -> Tensor:
    raw = np.random.PCG64(1).random_raw(channels * height * width)
    return (torch.from_numpy((raw >> 40).astype(np.float32)) * 2.0**-24).reshape(1, channels, height, width)


def loaded(network: nn.Module, gain: float = 1.0) -> nn.Module:
    network.load_state_dict(seeded(network.state_dict(), gain))
    return network.eval()


def fbcnn(root: Path) -> Held:
    from collections import OrderedDict

    theirs = defined(root / "models" / "network_fbcnn.py", {"OrderedDict": OrderedDict})
    network, x, wanted = loaded(theirs.FBCNN(), 0.7), image(3, 40, 56), torch.tensor([[0.6]])
    y, p = network(x)
    return {"input": x, "output": y, "predicted": p, "p": wanted, "dialed": network(x, wanted)[0]}


def mwcnn(root: Path) -> Held:
    folder = root / "MWCNN_code" / "model"
    common = defined(folder / "common.py", {}, {".float().cuda()": ".float()"})
    theirs = defined(folder / "mwcnn.py", {"common": common})
    x = image(1, 40, 56)
    args = SimpleNamespace(n_resblocks=20, n_feats=64, n_colors=1)
    return {"input": x, "output": loaded(theirs.MWCNN(args))(x)}


def rnan(root: Path) -> Held:
    folder = root / "CAR" / "code" / "model"
    common = defined(folder / "common.py", {}, {"nn.init.constant(": "nn.init.constant_("})
    theirs = defined(folder / "rnan.py", {"common": common})
    args = SimpleNamespace(n_resgroups=10, n_resblocks=16, n_feats=64, n_colors=1, reduction=16, scale=[1], res_scale=1)
    network = theirs.RNAN(args)
    network.double()  # attention over values of 0..255 is near a choice of one: in float32 the last bits decide
    nn.Module.load_state_dict(network, seeded(network.state_dict(), 0.3))
    x = image(1, 40, 56).double()
    return {"input": x, "output": network.eval()(255 * x) / 255}


def rdn(root: Path) -> Held:
    theirs = defined(root / "models" / "rdn.py", {})
    args = SimpleNamespace(n_colors=1, scale=[2], G0=64, RDNkSize=3, RDNconfig="B", no_upsampling=True)
    network = theirs.RDN(args)
    network.UPNet = nn.Sequential(nn.Conv2d(64, 1, 3, padding=1))
    loaded(network, 0.5)
    x = image(1, 40, 56)
    return {"input": x, "output": x + network.UPNet(network(255 * x)) / 255}


def qgac(root: Path, torchjpeg: Path) -> Held:
    folder, dct = root / "src" / "m3l" / "models", torchjpeg / "src" / "torchjpeg" / "dct"
    tensors = {"Tensor": Tensor, "Module": nn.Module, "Sequential": nn.Sequential, "PReLU": nn.PReLU, "pad": F.pad}
    blocks = vars(defined(dct / "_block.py", tensors)) | vars(defined(dct / "__init__.py", tensors))
    names = {
        **tensors,
        "Conv2d": nn.Conv2d,
        "ConvTranspose2d": nn.ConvTranspose2d,
        "unfold": F.unfold,
        "fold": F.fold,
        "pl": SimpleNamespace(LightningModule=nn.Module),
        "LogHelper": type("LogHelper", (), {}),
        "double_nn_dct": defined(dct / "_nn.py", {**tensors, **blocks}).double_nn_dct,
        "small_weight_init": lambda scale, m: None,
        "ConvolutionalFilterManifold": defined(folder / "layers" / "cfm.py", tensors).ConvolutionalFilterManifold,
        # The network of the paper concatenates within each frequency; m3l's does so across all of them.
        "RRDB": defined(folder / "layers" / "rrdb.py", {"beside": beside}, {"torch.cat(": "beside(self, "}).RRDB,
    }
    crab = defined(folder / "qgac" / "qgac_crab.py", names).QGACCrab
    crab.save_hyperparameters = lambda self: None
    x, q, q_chroma = image(3, 48, 64), image(1, 8, 8), image(1, 16, 8)[..., 8:, :]
    y, chroma = x[:, :1] - 0.5, x[:, 1:, ::2, ::2] - 0.5
    held = {"q": q, "q_chroma": q_chroma, "y": y, "chroma": chroma}
    for name, network in (
        ("crab", crab(None, None, None)),
        ("2020", defined(folder / "qgac" / "qgac.py", names).QGAC(None)),
    ):
        held[f"output_{name}"] = loaded(network, 0.5)(q, y, q_chroma, chroma)
    return held


def beside(block: nn.Module, seen: tuple[Tensor, ...], dim: int) -> Tensor:
    """Features side by side; where a convolution sees each of 64 frequencies by itself, within each of these."""
    assert dim == 1
    groups = 64 if hasattr(block.conv1, "filter") else 1
    return torch.cat([one.unflatten(1, (groups, -1)) for one in seen], 2).flatten(1, 2)


METHODS: dict[str, Callable[..., Held]] = {
    "fbcnn": fbcnn,
    "mwcnn": mwcnn,
    "rnan": rnan,
    "rdn": rdn,
    "qgac": qgac,
}


def main(name: str, *checkouts: str) -> None:
    with torch.no_grad():
        held = METHODS[name](*map(Path, checkouts))
    path = PLUGINS / name / "tests" / "authors.safetensors"
    save_file({key: value.contiguous() for key, value in held.items()}, path)
    print(path, {key: f"{tuple(value.shape)} {value.std():.3g}" for key, value in held.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
