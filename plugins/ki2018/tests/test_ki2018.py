from pathlib import Path

import numpy as np
import pytest
import torch
from imgredux_ki2018.method import Ki2018, alpha
from imgredux_ki2018.network import network
from imgredux_ki2018.spectrum import Spectrum, polar_average
from scipy import fft, io, signal
from skimage import data

import imgredux
from imgredux.errors import ImgreduxError, WeightsError
from imgredux.testing.inputs import ramp_and_noise

PROBES = ((0, 0), (4, 6), (1, 5))  # blocks
FEATURES = [
    [0.148936, 1.530135, 4.192990, -2.317186, -5.178747],
    [0.365854, 3.342074, 2.050034, 2.808238, -2.393010],
    [0.116883, 2.242396, 2.798254, 1.376298, -3.966186],
]
ERJND = [2.593428, 11.673001, 4.991636]
BY_QP = {
    22: (0.901124, [1, 0.982195, 0.838114], 330.1496, 12712, 31.4932),
    27: (0.463582, [1, 0.860069, 0.467260], 224.2822, 10084, 23.0996),
    32: (0.618509, [1, 0.496572, 0], 173.5532, 5105, 7.4729),
    37: (0.5, [1, 0, 0], 82.9897, 512, 0.125),
}  # mean alpha, alpha of the probes, sum of JNQD over the blocks, sum of |Y - Y_pre|, their mean square
FIRST_CIRCLE = {
    (0, 0): 0.247222,
    (0, 1): 0.160540,
    (0, 7): 0.092238,
    (1, 0): 0.160540,
    (1, 1): 0.079569,
    (1, 7): 0.078193,
    (7, 0): 0.089460,
    (7, 1): 0.078193,
    (7, 7): 0.014045,
}
LAYERS = ((1, 64), (64, 64), (64, 1))


def camera(height: int = 72, width: int = 96) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width])[None, None].double()


def tiles(x: torch.Tensor) -> np.ndarray:
    return x[0, 0].double().numpy().reshape(x.shape[-2] // 8, 8, x.shape[-1] // 8, 8).swapaxes(1, 2)


def filters(seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random convolutions in MatConvNet's layout: (row, column, input, output)."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(3, 3, i, o)).astype("f4") / np.sqrt(4.5 * i), rng.normal(size=(1, o)).astype("f4") / 100)
        for i, o in LAYERS
    ]


def save(path: Path, convolutions: list[tuple[np.ndarray, np.ndarray]], old: bool = False) -> Path:
    """As MATLAB writes a MatConvNet network: a cell array of structs; trailing dimensions of 1 do not exist there."""
    layers = np.empty((1, 2 * len(convolutions)), object)
    for index, (weight, bias) in enumerate(convolutions):
        weight = weight[..., 0] if weight.shape[-1] == 1 else weight
        pair = np.empty((1, 2), object)
        pair[0, :] = [weight, bias]
        held = {"filters": weight, "biases": bias} if old else {"weights": pair}
        layers[0, 2 * index] = {"type": "conv", "pad": 0, "stride": 1, **held}
        layers[0, 2 * index + 1] = {"type": "relu"}
    layers[0, -1] = {"type": "custom", "name": "loss"}
    io.savemat(path, {"net": {"layers": layers}, "info": {"train": 0}})
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_and_erjnd_of_the_reference_blocks(dtype):
    f, erjnd = Ki2018().features(ramp_and_noise().to(dtype))
    for probe, expected in zip(PROBES, FEATURES, strict=True):
        # Not closer: f4 of block (4, 6) does not fit its own alphas below, which agree to six digits.
        np.testing.assert_allclose(f[0, 0][probe][:5].numpy(), expected, rtol=1e-4)
    assert float(erjnd.double().sum()) == pytest.approx(354.4212, rel=1e-6)
    np.testing.assert_allclose([erjnd[0, 0][p].item() for p in PROBES], ERJND, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("qp", BY_QP)
def test_reference_sums_of_each_qp(qp, dtype):
    gray = ramp_and_noise().to(dtype)
    mean, probes, total, absolute, squared = BY_QP[qp]
    method = Ki2018(qp=qp)
    jnqd = method.thresholds(gray / 255)[0, ..., 0, 0]
    assert jnqd.dtype == dtype
    assert float(jnqd.double().sum()) == pytest.approx(total, rel=1e-6)
    share = jnqd / method.features(gray)[1][0, 0]
    assert float(share.double().mean()) == pytest.approx(mean, abs=1e-6)
    np.testing.assert_allclose([share[p].item() for p in PROBES], probes, atol=1e-6)
    residual = 255 * method.forward(gray / 255).double()
    assert float(residual.sum()) == pytest.approx(absolute, abs=0.01)
    assert float(residual.square().mean()) == pytest.approx(squared, abs=6e-5)


def test_polar_average_with_and_without_the_swapped_weights():
    M = polar_average()[0]
    for (u, v), weight in FIRST_CIRCLE.items():
        assert float(M[u, v]) == pytest.approx(weight, abs=6e-7)
    assert float(M.sum()) == pytest.approx(1)
    bilinear = polar_average(faithful=False)
    np.testing.assert_allclose(bilinear[0, [0, 0, 1], [0, 1, 1]], [0.04507, 0.159163, 0.079569], atol=6e-6)
    torch.testing.assert_close(bilinear, bilinear.mT, rtol=1e-9, atol=1e-12)
    f = Ki2018(faithful=False).features(ramp_and_noise())[0][0, 0]
    np.testing.assert_allclose(f[0, 0, 2:4], [5.007149, -4.115904], atol=6e-7)
    np.testing.assert_allclose(f[4, 6, 2:4], [2.012661, 2.631748], atol=6e-7)


def test_the_spectrum_is_that_of_numpys_fft():
    blocks = tiles(camera())
    hann = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, 9) / 9))
    A = abs(np.fft.fft2(blocks * np.outer(hann, hann)))
    A[..., 0, 0] = (A[..., 1, 0] + A[..., 0, 1]) / 2
    s = np.einsum("ruv,mnuv->rmn", polar_average().numpy(), A)
    slope, intercept = np.polyfit(np.log([0.125, 0.25, 0.375, 0.5]), np.log(s).reshape(4, -1), 1)
    found = Spectrum().line(torch.from_numpy(blocks).flatten(-2))
    np.testing.assert_allclose(found[0].flatten(), -slope, rtol=1e-9)
    np.testing.assert_allclose(found[1].flatten(), intercept, rtol=1e-9)


def test_preprocessing_moves_all_coefficients_towards_zero():
    gray, method = camera(), Ki2018(qp=22)
    C = fft.dctn(tiles(gray), axes=(-2, -1), norm="ortho")
    kept = np.sign(C) * np.maximum(abs(C) - method.thresholds(gray / 255)[0].numpy(), 0)
    expected = np.clip(np.floor(fft.idctn(kept, axes=(-2, -1), norm="ortho") + 0.5), 0, 255)
    Y_pre = method.preprocessed(gray / 255)
    np.testing.assert_allclose(255 * tiles(Y_pre), expected, atol=1e-9)
    torch.testing.assert_close(method.forward(gray / 255), (gray / 255 - Y_pre).abs())
    assert not np.array_equal(expected, tiles(gray))


def test_visibility_reaches_one_at_alpha():
    g, o = torch.tensor([[0.5, 0.5, 0.5, 0, 0, 0, -0.5, torch.nan], [0.75, 0, 2, 0.5, 1, 1.5, 0.5, 0]])
    assert alpha(g, o).tolist() == [0.5, 1, 0, 1, 1, 0, 0, 0]


def test_flat_and_black_blocks_lose_nothing():
    for level in (0, 0.5, 1):
        x = torch.full((1, 3, 16, 24), level, dtype=torch.float64)
        assert not Ki2018(qp=22, output="block").forward(x).any()
        torch.testing.assert_close(
            Ki2018(qp=22).preprocessed(x), torch.full((1, 1, 16, 24), (255 * level + 0.5) // 1 / 255).double()
        )


def test_the_block_map_is_the_deviation_of_pixels():
    x = camera() / 255
    T = Ki2018().thresholds(x)
    jnd = Ki2018(output="block").forward(x)
    np.testing.assert_allclose(255 * tiles(jnd), T[0].numpy(), rtol=1e-12)
    assert torch.equal(T, T[..., :1, :1].expand_as(T))


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (300, 1)])
def test_any_size_completes_the_last_blocks(size):
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    bottom, right = -size[0] % 8, -size[1] % 8
    full = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (0, bottom), (0, right)), "edge"))
    method = Ki2018(qp=22)
    assert torch.equal(method.thresholds(x), method.thresholds(full))
    Y_pre = method.preprocessed(x)
    assert Y_pre.shape == (2, 1, *size)
    assert torch.equal(Y_pre, method.preprocessed(full)[..., : size[0], : size[1]])


@pytest.mark.parametrize("rows", [16, 48, 1024])
def test_strip_height_does_not_matter_and_batches_equal_singles(rows, monkeypatch):
    x = torch.cat([camera(), camera().flip(-1) / 3]).float() / 255
    method = Ki2018(qp=27)
    expected = torch.cat([method.forward(image) for image in x.split(1)])
    monkeypatch.setattr("imgredux.ops.strips.strip_rows", lambda x: rows)
    assert torch.equal(method.forward(x), expected)


@pytest.mark.parametrize("old", [False, True])
def test_the_authors_files_are_read(tmp_path, old):
    convolutions = filters()
    method = imgredux.get("ki2018", weights=save(tmp_path / "net-epoch-300.mat", convolutions, old))
    assert sum(p.numel() for p in method.parameters()) == 38145
    gray = camera(19, 24)
    planes = [np.pad(gray[0, 0].numpy() / 255, 3, "edge")]
    for layer, (weight, bias) in enumerate(convolutions):
        sums = [
            sum(signal.correlate2d(plane, weight[..., i, o], "valid") for i, plane in enumerate(planes)) + bias[0, o]
            for o in range(weight.shape[-1])
        ]
        planes = sums if layer == 2 else [np.maximum(plane, 0) for plane in sums]
    expected = np.clip(planes[0] * 255, 0, 255)
    found = 255 * method.preprocessed((gray / 255).float())[0, 0].numpy()
    assert expected.std() > 1
    np.testing.assert_allclose(found, expected, atol=0.501)  # rounded
    residual = method((gray / 255).float())[0, 0].numpy() * 255
    np.testing.assert_allclose(residual, abs(gray[0, 0].numpy() - found), atol=1e-3)


def test_files_of_other_networks_are_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"this network has \[576, 64, 36864, 64, 576, 1\]"):
        imgredux.get("ki2018", weights=save(tmp_path / "two.mat", filters()[:2]))
    io.savemat(tmp_path / "other.mat", {"w": np.eye(3)})
    with pytest.raises(WeightsError, match="holds no MatConvNet network"):
        imgredux.get("ki2018", weights=tmp_path / "other.mat")


def test_the_network_can_be_trained():
    net = network()
    x = torch.rand(2, 1, 14, 14, generator=torch.Generator().manual_seed(0), requires_grad=True)
    net(x).square().sum().backward()
    assert net(x).shape == (2, 1, 8, 8)
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="qp is 30; choose one of 22, 27, 32, 37"):
        Ki2018(qp=30)
    with pytest.raises(ValueError, match="form is 'svm'"):
        Ki2018(form="svm")
    with pytest.raises(ValueError, match="no JNQD of blocks"):
        Ki2018(form="cnn", output="block")
    with pytest.raises(ImgreduxError, match="no thresholds as a CNN"):
        Ki2018(form="cnn").thresholds(camera())
