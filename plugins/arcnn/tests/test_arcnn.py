from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from imgredux_arcnn.network import LAYERS, Network
from scipy import io, ndimage
from skimage import data

import imgredux
from imgredux import ops
from imgredux.datasets import folder
from imgredux.errors import WeightsError
from imgredux.evaluate import evaluate, read_rows, summarize
from imgredux.metrics import psnr
from imgredux.ops.quantization import ijg_tables
from imgredux.testing.shared import shared

# Classic5, luma: PSNR, Gauss SSIM and PSNR-B by quality, as printed for AR-CNN by Jiang, Zhang and Timofte (ICCV 2021).
PRINTED = {
    10: (29.03, 0.793, 28.76),
    20: (31.15, 0.852, 30.59),
    30: (32.51, 0.881, 31.98),
    40: (33.32, 0.895, 32.79),
}


def gray(height: int = 40, width: int = 33) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width].copy())[None, None] / 255


def color(height: int = 40, width: int = 33) -> torch.Tensor:
    pixels = data.astronaut()[100 : 100 + height, 150 : 150 + width]
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None] / 255


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights in the layout of the authors' files: (input, k k, output), filters column by column."""
    rng, content = np.random.default_rng(seed), {}
    for name, k, inputs, outputs in LAYERS:
        content[f"weights_{name}"] = rng.normal(size=(inputs, k * k, outputs)) / np.sqrt(inputs * k * k / 2)
        content[f"biases_{name}"] = rng.normal(size=(outputs, 1)) / 10
    content["weights_conv3"] = content["weights_conv3"][..., 0]  # MATLAB drops a last dimension of 1
    return content


def save(path: Path, content: Mapping[str, np.ndarray]) -> Path:
    io.savemat(path, dict(content))
    return path


def test_the_network_has_the_parameters_of_the_paper():
    assert sum(p.numel() for p in imgredux.create("arcnn").parameters()) == 106_561


def test_the_authors_layout_as_scipy_correlates(tmp_path):
    content = arrays()
    method = imgredux.get("arcnn", weights=save(tmp_path / "q10.mat", content))
    x = gray(19, 24)
    planes = [x[0, 0].double().numpy()]
    for name, k, _, outputs in LAYERS:
        weights = content[f"weights_{name}"].reshape(len(planes), k * k, outputs)
        kernels = [[weights[i, :, o].reshape(k, k, order="F") for o in range(outputs)] for i in range(len(planes))]
        sums = [
            sum(ndimage.correlate(plane, kernels[i][o], mode="nearest") for i, plane in enumerate(planes))
            + content[f"biases_{name}"][o, 0]
            for o in range(outputs)
        ]
        planes = sums if name == "conv3" else [np.maximum(plane, 0) for plane in sums]
    expected = planes[0]
    assert expected.std() > 0.01
    np.testing.assert_allclose(method.network(x)[0, 0].numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(method(x)[0, 0].numpy(), expected.clip(0, 1), atol=1e-5)


@pytest.mark.parametrize("quality", PRINTED)
def test_the_authors_weights_give_the_printed_figures(quality, tmp_path):
    weights, pictures = shared(f"weights/deblocking/arcnn_q{quality}.mat"), shared("data/test/classic5")
    metrics = ("psnr", "ssim", "psnr_b")
    problems = evaluate(
        "jpeg-y", [f"arcnn={weights}"], [folder(pictures)], tmp_path / "rows", levels=[quality], metrics=metrics
    )
    (found,) = summarize(read_rows(tmp_path / "rows"))
    assert not problems
    assert (found.n, found.weights) == (5, f"arcnn_q{quality}.mat")
    for name, printed, tolerance in zip(metrics, PRINTED[quality], (0.02, 0.001, 0.02), strict=True):
        assert found.values[name].mean == pytest.approx(printed, abs=tolerance), name


def test_files_of_other_networks_are_refused(tmp_path):
    narrow = {**arrays(), "weights_conv2": np.zeros((64, 25, 16))}
    with pytest.raises(WeightsError, match="holds 25600 numbers under 'weights_conv2'; AR-CNN has 100352"):
        imgredux.get("arcnn", weights=save(tmp_path / "narrow.mat", narrow))
    with pytest.raises(WeightsError, match="holds 0 numbers under 'weights_conv1'"):
        imgredux.get("arcnn", weights=save(tmp_path / "other.mat", {"w": np.eye(3)}))
    (tmp_path / "text.mat").write_text("nothing of the kind" * 20)
    with pytest.raises(WeightsError, match="is no MATLAB 5 file of AR-CNN's weights"):
        imgredux.get("arcnn", weights=tmp_path / "text.mat")


def test_of_color_without_steps_luma_is_restored_and_chroma_kept(tmp_path):
    method, x = imgredux.get("arcnn", weights=save(tmp_path / "q10.mat", arrays())), color()
    method.train()  # unclipped
    y = method(x)
    torch.testing.assert_close(ops.luma(y), method.network(ops.luma(x)), rtol=0, atol=1e-6)
    torch.testing.assert_close(ops.rgb_to_ycbcr(y)[:, 1:], ops.rgb_to_ycbcr(x)[:, 1:], rtol=0, atol=1e-6)
    assert y.min() < 0
    assert torch.equal(method.eval()(x), y.clamp(0, 1))


def test_chroma_is_restored_with_the_steps_of_the_file_but_not_with_the_authors_weights(tmp_path):
    file = save(tmp_path / "q10.mat", arrays())
    decoded, steps = ops.jpeg(color(48, 32), 20, subsampling="4:2:2"), ijg_tables(20)[None]
    kept = ops.rgb_to_ycbcr(decoded)[:, 1:]
    restored = ops.restored_chroma(kept, steps[:, 1], "4:2:2")
    for method, expected in ((imgredux.get("arcnn", weights=file), kept), (imgredux.create("arcnn"), restored)):
        y = method.train()(decoded, qtable=steps, subsampling="4:2:2")
        torch.testing.assert_close(ops.rgb_to_ycbcr(y)[:, 1:], expected, rtol=0, atol=1e-5)


def test_a_fresh_network_changes_little_and_every_parameter_learns():
    torch.manual_seed(0)
    method, x = imgredux.create("arcnn"), gray()
    assert psnr(method(x).detach(), x) > 40
    (method(x) - x.flip(-1)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())
    assert psnr(imgredux.create("arcnn", residual=False)(x).detach(), x) < 40


def test_with_the_steps_of_the_file_the_result_could_have_become_that_file():
    torch.manual_seed(0)
    decoded = ops.jpeg(gray(40, 32), 20)
    steps = ijg_tables(20)[None]
    methods = [imgredux.create("arcnn", residual=False, project=project) for project in (True, False)]
    methods[1].load_state_dict(methods[0].state_dict())
    free, projected = methods[1](decoded, qtable=steps), methods[0](decoded, qtable=steps)
    assert torch.equal(free, methods[0](decoded))
    off = [(ops.blocks(ops.dct(255 * (y - decoded))) / steps[:, :1]).abs().max() for y in (free, projected)]
    assert off[0] > 0.6
    assert off[1] < 0.5 + 1e-4


def test_the_network_is_luma_to_luma():
    net = Network()
    assert net(gray()).shape == gray().shape
    assert torch.equal(net(gray()), gray() + torch.nn.Sequential.forward(net, gray()))
