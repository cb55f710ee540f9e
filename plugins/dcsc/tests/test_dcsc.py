from pathlib import Path

import numpy as np
import pytest
import torch
from imgredux_dcsc.network import LAYOUT
from PIL import Image
from scipy import ndimage

import imgredux
from imgredux import ops
from imgredux.errors import WeightsError
from imgredux.metrics import psnr
from imgredux.testing.shared import shared

NAME = "model.data-00000-of-00001"
CHECKPOINT = f"weights/deblocking/dcsc/{NAME}"


def test_the_network_has_the_parameters_of_the_published_one():
    with torch.device("meta"):
        method = imgredux.create("dcsc")
    assert sum(p.numel() for p in method.parameters()) == 315_937


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights in the layout of the authors' file: (row, column, input, output)."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(scale=0.3 / np.sqrt(np.prod(shape[:-1])), size=shape).astype("<f4") for name, shape in LAYOUT
    }


def save(path: Path, content: dict[str, np.ndarray]) -> Path:
    path.write_bytes(b"".join(array.tobytes() for array in content.values()))
    return path


def correlated(planes: np.ndarray, filters: np.ndarray, dilation: int = 1) -> np.ndarray:
    """`(input, H, W)` by (row, column, input, output), zeros around the image."""
    wide = np.zeros((2 * dilation + 1,) * 2 + filters.shape[2:])
    wide[::dilation, ::dilation] = filters
    return np.stack(
        [
            sum(ndimage.correlate(plane, wide[..., i, o], mode="constant") for i, plane in enumerate(planes))
            for o in range(filters.shape[3])
        ]
    )


def test_the_authors_layout_as_scipy_correlates(tmp_path):
    content = arrays()
    method = imgredux.get("dcsc", weights=save(tmp_path / NAME, content))
    method.network.iterations = 2
    x = torch.rand(1, 1, 11, 9)
    J = x[0].double().numpy()
    X = np.concatenate(
        [
            correlated(J, content[f"first.{i}.weight"], d) + content[f"first.{i}.bias"][:, None, None]
            for i, d in enumerate((1, 2, 4))
        ]
    )
    G = correlated(X, content["gather.weight"])
    U = np.maximum(G, 0)
    for _ in range(2):
        U = np.maximum(G + correlated(U, content["step.weight"]), 0)
    expected = J + correlated(U, content["last.weight"]) + content["last.bias"]
    assert abs(expected - J).max() > 0.01
    np.testing.assert_allclose(method.network(x)[0].numpy(), expected, atol=1e-5)


def test_the_authors_weights_restore_a_photograph():
    """Whole sets take minutes: README has the printed figures beside ours, and the command."""
    weights, pictures = shared(CHECKPOINT), shared("data/test/classic5")
    with Image.open(sorted(pictures.glob("*.bmp"))[0]) as image:
        clean = torch.from_numpy(np.array(image)[160:352, 160:352])[None, None] / 255
    damaged = ops.jpeg(clean, 10)
    restored = imgredux.get("dcsc", weights=weights)(damaged)
    assert psnr(restored, clean) - psnr(damaged, clean) > 1


def test_files_of_something_else_are_refused(tmp_path):
    (tmp_path / NAME).write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="has 19 bytes; the checkpoint of DCSC's authors has 1263748"):
        imgredux.get("dcsc", weights=tmp_path / NAME)
    (tmp_path / NAME).write_bytes(b"\xff" * 1263748)
    with pytest.raises(WeightsError, match="not finite"):
        imgredux.get("dcsc", weights=tmp_path / NAME)
    with pytest.raises(WeightsError, match="cannot read weights"):
        imgredux.get("dcsc", weights=tmp_path / "none" / NAME)


def test_every_parameter_learns():
    torch.manual_seed(0)
    method, x = imgredux.create("dcsc", width=8, iterations=3), torch.rand(2, 1, 24, 24)
    (method(x) - x.flip(-1)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())
