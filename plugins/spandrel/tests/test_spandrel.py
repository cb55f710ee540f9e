import importlib.util
from pathlib import Path

import pytest
import torch
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.FBCNN import FBCNN
from spandrel.architectures.NAFNet import NAFNet
from spandrel.architectures.SCUNet import SCUNet
from spandrel.architectures.SwinIR import SwinIR
from torch import nn

import imgredux
from imgredux import ops
from imgredux.errors import WeightsError
from imgredux.io import archives
from imgredux.testing.seeded import seeded
from imgredux.testing.shared import shared

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch.*")  # of the networks themselves


def saved(network: nn.Module, path: Path, wrapped: bool = False) -> Path:
    state = seeded(network.state_dict(), 0.3)
    network.load_state_dict(state)
    network.eval()
    torch.save({"params": state} if wrapped else state, path)
    return path


def image(channels: int = 3, side: int = 64, count: int = 1) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))


NETWORKS = {
    "FBCNN": lambda: FBCNN(nc=[8, 8, 8, 512], nb=2),
    "FBCNN of one channel": lambda: FBCNN(in_nc=1, out_nc=1, nc=[8, 8, 8, 512], nb=2),
    "SwinIR": lambda: SwinIR(
        img_size=56, in_chans=1, window_size=7, img_range=255, depths=[2, 2, 2, 2, 2, 2], embed_dim=12,
        num_heads=[2, 2, 2, 2, 2, 2], mlp_ratio=2, upsampler="", resi_connection="1conv",
    ),
    "SCUNet": lambda: SCUNet(in_nc=3, config=[2, 2, 2, 2, 2, 2, 2], dim=64),
    "NAFNet": lambda: NAFNet(img_channel=3, width=8, middle_blk_num=1, enc_blk_nums=[1], dec_blk_nums=[1]),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_gives_what_its_network_gives(name, tmp_path):
    network = NETWORKS[name]()
    method = imgredux.get("spandrel", weights=saved(network, tmp_path / "a.pth", wrapped=name == "SwinIR"))
    assert name.split()[0] in method.architecture
    x = image(method.channels)
    with torch.no_grad():
        expected = network(x)
    expected = (expected[0] if isinstance(expected, tuple) else expected).clamp(0, 1)
    torch.testing.assert_close(method(x), expected, rtol=0, atol=1e-4)
    again = imgredux.get("spandrel", weights=tmp_path / "a.pth")
    assert torch.equal(again(x), method(x))


def test_restormer_is_read_where_the_other_architectures_are_installed(tmp_path):
    if importlib.util.find_spec("spandrel_extra_arches") is None:
        pytest.skip("needs spandrel_extra_arches: pip install imgredux-spandrel[extra]")
    from spandrel_extra_arches.architectures.Restormer import Restormer

    network = Restormer(inp_channels=3, dim=8, num_blocks=[1, 1, 1, 1], num_refinement_blocks=1, heads=[1, 1, 1, 1])
    method = imgredux.get("spandrel", weights=saved(network, tmp_path / "a.pth"))
    with torch.no_grad():
        torch.testing.assert_close(method(image()), network(image()).clamp(0, 1), rtol=0, atol=1e-4)


def test_dncnn_3_gives_what_the_plugin_gives(tmp_path):
    state = archives.read_torch(shared("weights/deblocking/dncnn3_torch.pth"))
    renamed = {f"model.{2 * int(key.split('.')[0])}.{key.split('.')[1]}": value for key, value in state.items()}
    torch.save(renamed, tmp_path / "dncnn3.pth")
    here = imgredux.get("spandrel", weights=tmp_path / "dncnn3.pth")
    there = imgredux.get("dncnn", weights=shared("weights/deblocking/dncnn3_torch.pth"))
    x = ops.jpeg(image(side=48), 10)
    torch.testing.assert_close(here(x), there(x), rtol=0, atol=1e-5)


def test_safetensors_are_read(tmp_path):
    from safetensors.torch import save_file

    network = NETWORKS["NAFNet"]()
    saved(network, tmp_path / "a.pth")
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    one, other = (imgredux.get("spandrel", weights=tmp_path / f"a.{kind}") for kind in ("pth", "safetensors"))
    assert torch.equal(one(image()), other(image()))


def test_large_images_are_computed_in_tiles_and_a_batch_as_its_images(tmp_path):
    method = imgredux.get("spandrel", weights=saved(NETWORKS["NAFNet"](), tmp_path / "a.pth"))
    x = image(side=200, count=2)
    whole = method(x)
    method.tile, method.overlap = 96, 48
    assert (method(x) - whole).abs().mean() < 0.02
    assert torch.equal(method(x)[1:], method(x[1:]))


def test_of_color_a_network_of_one_channel_restores_luma(tmp_path):
    method = imgredux.get("spandrel", weights=saved(NETWORKS["FBCNN of one channel"](), tmp_path / "a.pth"))
    x = 0.25 + 0.5 * image()
    expected = ops.with_luma(x, method(ops.luma(x))).clamp(0, 1)
    torch.testing.assert_close(method(x), expected, rtol=0, atol=1e-6)


def test_without_a_file_the_error_says_what_to_give():
    with pytest.raises(WeightsError, match="no weights of its own: give weights=FILE"):
        imgredux.get("spandrel")
    with pytest.raises(WeightsError, match=r'weights="FBCNN.pth"'):
        imgredux.create("spandrel")


def test_what_is_no_restorer_is_refused(tmp_path):
    enlarging = saved(ESRGAN(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=4), tmp_path / "x4.pth")
    with pytest.raises(WeightsError, match="ESRGAN enlarges 4 times, and is no restorer"):
        imgredux.get("spandrel", weights=enlarging)
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="holds no network that spandrel knows"):
        imgredux.get("spandrel", weights=tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("nothing of the kind")
    with pytest.raises(WeightsError, match="is no checkpoint"):
        imgredux.get("spandrel", weights=tmp_path / "text.pth")
