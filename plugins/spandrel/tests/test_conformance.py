"""The contract, check by check, for small networks of spandrel with random weights: no weights ship."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from spandrel import ImageModelDescriptor, ModelLoader
from spandrel.architectures.DnCNN import DnCNN
from spandrel.architectures.NAFNet import NAFNet

from imgredux.testing import RestorerConformance
from imgredux.testing.seeded import seeded


def described(network: torch.nn.Module) -> ImageModelDescriptor:
    found = ModelLoader().load_from_state_dict(seeded(network.state_dict(), 0.5))
    assert isinstance(found, ImageModelDescriptor)
    return found


GRAY = described(DnCNN(in_nc=1, out_nc=1, nc=8, nb=17, act_mode="R"))
COLOR = described(NAFNet(img_channel=3, width=8, middle_blk_num=1, enc_blk_nums=[1], dec_blk_nums=[1]))


class TestGray(RestorerConformance):
    name = "spandrel"
    options: ClassVar[Mapping[str, Any]] = {"described": GRAY, "tile": 64, "overlap": 16}
    golden = "gray.safetensors"
    learnt = False


class TestColor(RestorerConformance):
    name = "spandrel"
    options: ClassVar[Mapping[str, Any]] = {"described": COLOR, "tile": 64, "overlap": 16}
    golden = "color.safetensors"
    learnt = False
