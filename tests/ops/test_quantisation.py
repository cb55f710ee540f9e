import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import fft

from imgredux.ops.quantization import ijg_tables, project


def planes(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def coefficients(plane: torch.Tensor) -> np.ndarray:
    """DCT of the blocks of `(H, W)` in [0, 1], sides multiples of 8, in grey levels: `(H/8, W/8, 8, 8)`."""
    levels = 255 * plane.double().numpy()
    blocks = levels.reshape(levels.shape[0] // 8, 8, levels.shape[1] // 8, 8).swapaxes(1, 2)
    return fft.dctn(blocks, axes=(-2, -1), norm="ortho")


def steps(count: int = 1) -> torch.Tensor:
    return torch.stack([ijg_tables(10 + 20 * i)[0] for i in range(count)])


@pytest.mark.parametrize("quality", range(1, 101))
def test_tables_are_those_that_pillow_writes(quality):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    written = Image.open(file).quantization
    assert ijg_tables(quality).dtype == torch.float32
    assert ijg_tables(quality).flatten(1).tolist() == [written[0], written[1]]


@pytest.mark.parametrize("quality", [0, 101, 50.5])
def test_other_qualities_are_refused(quality):
    with pytest.raises(ValueError, match=f"quality is {quality}"):
        ijg_tables(quality)


@pytest.mark.parametrize("half", [0.0, 0.35, 0.5])
def test_coefficients_are_clipped_to_the_intervals(half):
    x, decoded = planes(2, 1, 16, 24), planes(2, 1, 16, 24, seed=1)
    found = project(x, decoded, steps(2), half)
    for i, Q in enumerate(steps(2).double().numpy()):
        X, C = coefficients(x[i, 0]), coefficients(decoded[i, 0])
        expected = np.clip(X, C - half * Q, C + half * Q)
        np.testing.assert_allclose(coefficients(found[i, 0]), expected, atol=1e-9)


def test_what_is_in_the_set_stays_and_projecting_twice_is_projecting_once():
    decoded = planes(1, 1, 24, 16)
    near = decoded + 1e-3 * planes(1, 1, 24, 16, seed=1)
    torch.testing.assert_close(project(near, decoded, steps()), near)
    once = project(planes(1, 1, 24, 16, seed=2), decoded, steps())
    torch.testing.assert_close(project(once, decoded, steps()), once)


def test_the_original_of_a_jpeg_is_in_the_set():
    original = planes(1, 1, 64, 64)
    C = coefficients(original[0, 0])
    Q = steps()[0].double().numpy()
    blocks = fft.idctn(Q * np.round(C / Q), axes=(-2, -1), norm="ortho")
    decoded = torch.from_numpy(blocks.swapaxes(1, 2).reshape(1, 1, 64, 64) / 255)
    torch.testing.assert_close(project(original, decoded, steps()), original)
    assert (project(original, decoded, steps(), half=0.4) - original).abs().max() > 1e-3


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (16, 20)])
def test_blocks_at_the_border_are_completed_by_replication(size):
    x, decoded = planes(2, 1, *size), planes(2, 1, *size, seed=1)
    grow = ((0, 0), (0, 0), (0, -size[0] % 8), (0, -size[1] % 8))
    full = (torch.from_numpy(np.pad(plane.numpy(), grow, "edge")) for plane in (x, decoded))
    found = project(x, decoded, steps(2))
    torch.testing.assert_close(found, project(*full, steps(2))[..., : size[0], : size[1]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_equal_singles_and_nothing_is_written_into(dtype):
    x, decoded = (planes(3, 1, 40, 56, seed=seed).to(dtype) for seed in (0, 1))
    before = x.clone(), decoded.clone()
    whole = project(x, decoded, steps(3))
    singles = [project(x[i : i + 1], decoded[i : i + 1], steps(3)[i : i + 1]) for i in range(3)]
    assert whole.dtype == dtype
    assert torch.equal(whole, torch.cat(singles))
    assert torch.equal(x, before[0])
    assert torch.equal(decoded, before[1])


@pytest.mark.parametrize("size", [(16, 8), (9, 10)])
def test_gradients_are_right(size):
    x, decoded = planes(1, 1, *size).requires_grad_(), planes(1, 1, *size, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, decoded: project(x, decoded, steps(), 0.35), (x, decoded))
    torch.testing.assert_close(project(x, decoded, steps()).detach(), project(x.detach(), decoded.detach(), steps()))


def test_shapes_that_do_not_fit_are_named():
    x = planes(2, 1, 8, 8)
    for wrong in ((x[:1], x, steps(2)), (x, x, steps()), (x.expand(-1, 3, -1, -1),) * 2 + (steps(2),)):
        with pytest.raises(ValueError, match="the shapes are"):
            project(*wrong)
