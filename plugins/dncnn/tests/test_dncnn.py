import copy
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from imgredux_dncnn.network import Network
from scipy import signal
from skimage import data
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import imgredux
from imgredux import ops
from imgredux.datasets import folder
from imgredux.errors import WeightsError
from imgredux.evaluate import evaluate, read_rows, summarize
from imgredux.metrics import psnr
from imgredux.ops.quantization import ijg_tables
from imgredux.testing.shared import shared

# Classic5, luma: PSNR and Gauss SSIM of the authors' README (cszn/DnCNN), PSNR-B from Jiang et al. (ICCV 2021).
PRINTED = {10: (29.40, 0.8026, 29.13), 40: (33.77, 0.9003, 33.23)}


def gray(height: int = 40, width: int = 33) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width].copy())[None, None] / 255


def color(height: int = 40, width: int = 33) -> torch.Tensor:
    pixels = data.astronaut()[100 : 100 + height, 150 : 150 + width]
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None] / 255


def convolutions(depth: int = 20, width: int = 64, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random filters (output, input, row, column) and biases."""
    rng, ends = np.random.default_rng(seed), pairwise([1, *[width] * (depth - 1), 1])
    return [
        ((rng.normal(size=(o, i, 3, 3)) / np.sqrt(4.5 * i)).astype("f4"), rng.normal(size=o).astype("f4") / 10)
        for i, o in ends
    ]


def save_mat(path: Path, layers: list[tuple[np.ndarray, np.ndarray]]) -> Path:
    """As MATLAB 7.3 writes a MatConvNet network: axes backwards, cells are references, a last 1 does not exist."""
    h5py = pytest.importorskip("h5py", reason="the authors' file is HDF5: pip install imgredux-dncnn[mat]")
    with h5py.File(path, "w") as file:
        cells = []
        for index, (filters, bias) in enumerate(layers):
            group = file.create_group(f"#refs#/{index}")
            matlab = filters.transpose(2, 3, 1, 0)
            stored = (matlab[..., 0] if matlab.shape[-1] == 1 else matlab).T
            arrays = [file.create_dataset(f"#refs#/w{index}", data=stored)]
            arrays.append(file.create_dataset(f"#refs#/b{index}", data=bias[None]))
            references = np.array([[array.ref] for array in arrays], h5py.ref_dtype)
            group.create_dataset("weights", data=references, dtype=h5py.ref_dtype)
            cells += [group.ref, file.create_group(f"#refs#/relu{index}").ref]
        file.create_dataset("net/layers", data=np.array([cells[:-1]], h5py.ref_dtype).T, dtype=h5py.ref_dtype)
    return path


def save_torch(path: Path, layers: list[tuple[np.ndarray, np.ndarray]]) -> Path:
    pairs = {f"{index}": pair for index, pair in enumerate(layers)}
    torch.save(
        {f"{i}.{n}": torch.from_numpy(a) for i, p in pairs.items() for n, a in zip(("weight", "bias"), p, strict=True)},
        path,
    )
    return path


def test_the_network_has_the_parameters_of_the_published_one():
    assert sum(p.numel() for p in imgredux.create("dncnn").parameters()) == 665_921


@pytest.mark.parametrize("save", [save_mat, save_torch])
def test_the_authors_layouts_as_scipy_correlates(save, tmp_path):
    layers = convolutions()
    suffix = {save_mat: "mat", save_torch: "pth"}[save]
    method = imgredux.get("dncnn", weights=save(tmp_path / f"DnCNN3.{suffix}", layers))
    x = gray(9, 7)
    planes = x[0].double().numpy()
    for index, (filters, bias) in enumerate(layers):
        padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)))
        sums = [signal.correlate(padded, w.astype(float), mode="valid", method="direct")[0] for w in filters]
        planes = np.stack(sums) + bias[:, None, None]
        planes = planes if index == len(layers) - 1 else np.maximum(planes, 0)
    assert planes.std() > 0.01
    np.testing.assert_allclose(method.network(x)[0].numpy(), x[0].numpy() - planes, atol=1e-5 * abs(planes).max())


@pytest.mark.parametrize("quality", PRINTED)
def test_the_authors_weights_give_the_printed_figures(quality, tmp_path):
    weights, pictures = shared("weights/deblocking/dncnn3_torch.pth"), shared("data/test/classic5")
    metrics = ("psnr", "ssim", "psnr_b")
    problems = evaluate(
        "jpeg-y", [f"dncnn={weights}"], [folder(pictures)], tmp_path / "rows", levels=[quality], metrics=metrics
    )
    (found,) = summarize(read_rows(tmp_path / "rows"))
    assert not problems
    assert found.n == 5
    for name, printed, tolerance in zip(metrics, PRINTED[quality], (0.02, 0.001, 0.02), strict=True):
        assert found.values[name].mean == pytest.approx(printed, abs=tolerance), name


def test_both_files_of_the_authors_are_one_network():
    pytest.importorskip("h5py", reason="the authors' file is HDF5: pip install imgredux-dncnn[mat]")
    files = [shared(f"weights/deblocking/{name}") for name in ("DnCNN3.mat", "dncnn3_torch.pth")]
    first, second = (imgredux.get("dncnn", weights=file).state_dict() for file in files)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_files_of_other_networks_are_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"is no torch file of DnCNN-3's 20 convolutions"):
        imgredux.get("dncnn", weights=save_torch(tmp_path / "17.pth", convolutions(17)))
    with pytest.raises(WeightsError, match="holds 42 tensors; DnCNN-3 has 40"):
        imgredux.get("dncnn", weights=save_torch(tmp_path / "21.pth", convolutions(21)))
    with pytest.raises(WeightsError, match=r"convolutions of \[288, 32, .* DnCNN-3 has \[576, 64, "):
        imgredux.get("dncnn", weights=save_torch(tmp_path / "narrow.pth", convolutions(width=32)))
    with pytest.raises(WeightsError, match=r"convolutions of \[576, 64, .* DnCNN-3 has"):
        imgredux.get("dncnn", weights=save_mat(tmp_path / "17.mat", convolutions(17)))
    for suffix, message in (("mat", "no MatConvNet network in MATLAB 7.3 format"), ("pth", "is no torch file")):
        (tmp_path / f"text.{suffix}").write_text("nothing of the kind")
        with pytest.raises(WeightsError, match=message):
            imgredux.get("dncnn", weights=tmp_path / f"text.{suffix}")


def test_without_h5py_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "DnCNN3.mat").write_bytes(b"MATLAB 7.3")
    with pytest.raises(WeightsError, match=r"pip install imgredux-dncnn\[mat\]"):
        imgredux.get("dncnn", weights=tmp_path / "DnCNN3.mat")


def test_batch_normalization_merges_into_the_network_without():
    torch.manual_seed(0)
    trained, x = Network(depth=5, width=8, batch_norm=True), gray()
    for _ in range(3):
        trained(x + 0.1 * torch.randn_like(x))  # running means and variances
    trained.eval()
    layers, convolutions = list(trained), []
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if isinstance(layer, nn.Conv2d):
            merged = fuse_conv_bn_eval(layer, following) if isinstance(following, nn.BatchNorm2d) else layer
            convolutions.append(copy.deepcopy(merged))
    plain = Network(depth=5, width=8)
    state = zip(plain.state_dict(), [t for c in convolutions for t in (c.weight, c.bias)], strict=True)
    plain.load_state_dict(dict(state))
    torch.testing.assert_close(plain(x), trained(x), rtol=0, atol=1e-5)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in trained) == 3


def test_of_color_without_steps_luma_is_restored_and_chroma_kept(tmp_path):
    method, x = imgredux.get("dncnn", weights=save_torch(tmp_path / "DnCNN3.pth", convolutions())), color()
    method.train()  # unclipped
    y = method(x)
    torch.testing.assert_close(ops.luma(y), method.network(ops.luma(x)), rtol=0, atol=1e-5)
    torch.testing.assert_close(ops.rgb_to_ycbcr(y)[:, 1:], ops.rgb_to_ycbcr(x)[:, 1:], rtol=0, atol=1e-5)
    assert y.min() < 0
    torch.testing.assert_close(method.eval()(x), y.clamp(0, 1), rtol=0, atol=1e-5)


def test_chroma_is_restored_with_the_steps_of_the_file_but_not_with_the_authors_weights(tmp_path):
    file = save_torch(tmp_path / "DnCNN3.pth", convolutions())
    decoded, steps = ops.jpeg(color(48, 32), 20, subsampling="4:2:2"), ijg_tables(20)[None]
    kept = ops.rgb_to_ycbcr(decoded)[:, 1:]
    restored = ops.restored_chroma(kept, steps[:, 1], "4:2:2")
    for method, expected in ((imgredux.get("dncnn", weights=file), kept), (imgredux.create("dncnn"), restored)):
        y = method.train()(decoded, qtable=steps, subsampling="4:2:2")
        torch.testing.assert_close(ops.rgb_to_ycbcr(y)[:, 1:], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_fresh_network_changes_little_and_every_parameter_learns(batch_norm):
    torch.manual_seed(0)
    method, x = imgredux.create("dncnn", batch_norm=batch_norm), gray()
    assert psnr(method(x).detach(), x) > (30 if batch_norm else 40)
    (method(x) - x.flip(-1)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())


def test_with_the_steps_of_the_file_the_result_could_have_become_that_file(tmp_path):
    file = save_torch(tmp_path / "DnCNN3.pth", convolutions())
    decoded, steps = ops.jpeg(gray(40, 32), 20), ijg_tables(20)[None]
    free, projecting = imgredux.get("dncnn", weights=file).train(), imgredux.create("dncnn")
    projecting.load_state_dict(free.state_dict())
    off = [
        (ops.blocks(ops.dct(255 * (method(decoded, qtable=steps) - decoded))) / steps[:, :1]).abs().max()
        for method in (free, projecting)
    ]
    assert off[0] > 0.6
    assert off[1] < 0.5 + 1e-4
