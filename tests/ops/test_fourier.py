import numpy as np
import pytest
import torch

from imgredux.ops import amplitude, irfft2, phase, rfft2

SIZES = [(8, 8), (7, 9), (8, 5), (1, 6)]


def images(height: int = 8, width: int = 8, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, height, width, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("norm", ["ortho", "backward"])
def test_amplitude_and_phase_are_numpys(size, norm):
    x = images(*size)
    expected = np.fft.rfft2(x.numpy(), norm=norm)
    Z = rfft2(x, norm)
    np.testing.assert_allclose(amplitude(Z), abs(expected), atol=1e-6)
    turned = np.exp(1j * phase(Z, size[1]).numpy()) * amplitude(Z).numpy()
    np.testing.assert_allclose(turned, expected, atol=1e-6)
    torch.testing.assert_close(irfft2(Z, size, norm), x)


@pytest.mark.parametrize("size", SIZES)
def test_bins_that_mirror_themselves_have_phase_0_or_pi(size):
    Z = rfft2(images(*size) - 0.7)
    P = phase(torch.complex(Z.real, Z.imag - 1e-12), size[1])  # as rounding leaves it, on the far side of the cut
    rows, columns = ([0, n // 2] if n % 2 == 0 else [0] for n in size)
    for row in rows:
        for column in columns:
            real = Z.real[..., row, column]
            assert torch.equal(P[..., row, column], torch.pi * (real < 0).double())


def test_gradients_are_those_of_the_formulas():
    R = images(seed=1)[0, 0, :, :5].contiguous().requires_grad_()
    imaginary = images(seed=2)[0, 0, :, :5].contiguous().requires_grad_()
    weight = images(seed=3)[0, 0, :, :5]
    Z = torch.complex(R, imaginary)
    found = torch.autograd.grad((weight * amplitude(Z, 0.3)).sum(), (R, imaginary), retain_graph=True)
    A = (R**2 + imaginary**2 + 0.3**2).sqrt()
    expected = torch.autograd.grad((weight * A).sum(), (R, imaginary))
    torch.testing.assert_close(found, expected)
    weight[::4, ::4] = 0  # what mirrors itself turns by no angle
    found = torch.autograd.grad((weight * phase(Z, 8, 1e-9)).sum(), (R, imaginary))
    expected = torch.autograd.grad((weight * torch.atan2(imaginary, R)).sum(), (R, imaginary))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("level", [0.0, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_on_flat_images_are_finite(level, dtype):
    x = torch.full((1, 1, 16, 16), level, dtype=dtype, requires_grad=True)
    Z = rfft2(x)
    (amplitude(Z) * phase(Z, 16)).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_half_precision_is_widened_inside_of_autocast_too():
    x = images().to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert rfft2(x).dtype == torch.complex64
