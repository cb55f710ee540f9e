from io import BytesIO

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from imgredux.ops.jpeg import jpeg, jpeg_bytes, jpeg_soft
from imgredux.testing.shared import shared


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return tensor(skimage.data.astronaut()[:250, 100:331])


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.atleast_3d(pixels)).permute(2, 0, 1)[None] / 255


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * torch.log10((a.double() - b.double()).square().mean()))


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


@pytest.mark.parametrize(("quality", "published"), [(10, 27.821), (20, 30.123), (30, 31.484), (40, 32.428)])
def test_the_published_psnr_of_jpeg_on_classic5(quality, published):
    images = [tensor(np.asarray(Image.open(path))) for path in sorted(shared("data/test/classic5").glob("*.bmp"))]
    assert len(images) == 5
    assert np.mean([psnr(jpeg(x, quality), x) for x in images]) == pytest.approx(published, abs=0.0005)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_what_pillow_writes_and_reads(photo, subsampling):
    pixels = np.asarray((photo[0] * 255).round().byte().permute(1, 2, 0))
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=30, subsampling=subsampling)
    assert jpeg_bytes(photo, 30, subsampling=subsampling) == [file.getvalue()]
    assert torch.equal(jpeg(photo, 30, subsampling=subsampling), tensor(np.asarray(Image.open(file))))


def test_gray_images_become_grayscale_files():
    x = tensor(skimage.data.camera()[:100, :77])
    file = BytesIO()
    Image.fromarray(skimage.data.camera()[:100, :77]).save(file, "JPEG", quality=50)
    assert jpeg_bytes(x, 50) == [file.getvalue()]
    assert jpeg(x, 50).shape == x.shape
    assert opened(jpeg_bytes(x, 50)[0]).mode == "L"


@pytest.mark.parametrize("kind", ["array", "tensor", "lists", "flat"])
def test_quantization_tables_are_stored_unscaled_in_row_major_order(photo, kind):
    tables = np.arange(1, 129).reshape(2, 8, 8)
    given = {
        "array": tables.astype(np.int32),
        "tensor": torch.from_numpy(tables),
        "lists": tables.tolist(),
        "flat": tables.reshape(2, 64).tolist(),
    }[kind]
    file = jpeg_bytes(photo, 10, qtables=given)[0]
    assert opened(file).quantization == {0: list(range(1, 65)), 1: list(range(65, 129))}


def test_a_large_step_silences_its_own_frequency():
    table = torch.ones(1, 8, 8, dtype=torch.int64)
    table[0, 0, 1] = 255  # first horizontal frequency
    across = 0.5 + 0.05 * torch.cos((2 * torch.arange(8) + 1) * torch.pi / 16).expand(1, 1, 8, 8)
    assert jpeg(across, qtables=table).std() < 0.003  # the steps of 8 bits
    assert jpeg(across.mT, qtables=table).std() > 0.03


def test_the_last_table_serves_the_other_components(photo):
    file = opened(jpeg_bytes(photo, qtables=[7] * 64)[0])
    assert set(file.quantization[0]) == {7}
    assert len({file.quantization[component[3]][0] for component in file.layer}) == 1


def test_optimized_and_progressive_files_decode_to_the_same_pixels(photo):
    plain = np.asarray(opened(jpeg_bytes(photo, 80)[0]))
    optimized, progressive = jpeg_bytes(photo, 80, optimize=True)[0], jpeg_bytes(photo, 80, progressive=True)[0]
    assert len(optimized) < len(jpeg_bytes(photo, 80)[0])
    assert opened(progressive).info["progressive"] == 1
    for file in (optimized, progressive):
        assert np.array_equal(np.asarray(opened(file)), plain)


@pytest.mark.parametrize("mode", ["optimize", "progressive"])
def test_noise_larger_than_pillows_buffer_is_written_whole(mode):
    x = torch.rand(1, 3, 400, 400, generator=torch.Generator().manual_seed(0))
    file = jpeg_bytes(x, qtables=[1] * 64, subsampling="4:4:4", **{mode: True})[0]
    assert psnr(tensor(np.asarray(opened(file))), x) > 45


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_batches_keep_shape_dtype_and_carry_no_gradient(channels, dtype):
    x = torch.rand(3, channels, 17, 9, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    result = jpeg(x, 60)
    assert result.shape == x.shape
    assert result.dtype == dtype
    assert not result.requires_grad
    assert torch.equal(result, torch.cat([jpeg(one, 60) for one in x.split(1)]))


def test_values_are_rounded_and_clipped_to_eight_bits():
    x = torch.tensor([-0.2, 0.4 / 255, 0.6 / 255, 1.3]).view(4, 1, 1, 1).expand(-1, 1, 8, 8)
    assert jpeg(x, 100).mul(255).round()[:, 0, 0, 0].tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (300, 1)])
def test_small_and_thin_images(size):
    x = torch.full((1, 3, *size), 0.4)
    for result in (jpeg(x, 90), jpeg_soft(x, 90)):
        assert result.shape == x.shape
        assert (result - x).abs().max() < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": 0}, "quality is 0; give a whole number from 1 to 100"),
        ({"quality": 101}, "quality is 101"),
        ({"quality": 50.5}, "quality is 50.5"),
        ({"subsampling": "4:1:1"}, "choose one of 4:4:4, 4:2:2, 4:2:0"),
        ({"qtables": [[0] + [1] * 63]}, "steps from 0 to 1; 8-bit JPEG allows 1 to 255"),
        ({"qtables": np.full((8, 8), 256)}, "steps from 256 to 256"),
        ({"qtables": np.full((8, 8), 2.5)}, "whole numbers"),
        ({"qtables": [1, 2, 3]}, r"shape \(3,\); give \(n, 8, 8\)"),
        ({"qtables": np.ones((4, 8, 8), int)}, "holds 4 tables; give 1 to 3"),
        ({"qtables": np.ones((0, 8, 8), int)}, "holds 0 tables; give 1 to 3"),
    ],
)
def test_unfit_options_are_refused(photo, options, message):
    with pytest.raises(ValueError, match=message):
        jpeg(photo, **options)


@pytest.mark.parametrize("function", [jpeg, jpeg_soft])
@pytest.mark.parametrize(
    "x", [*map(torch.zeros, [(3, 8, 8), (1, 2, 8, 8), (1, 1, 0, 8), (1, 1, 1, 65501)]), torch.zeros(1, 1, 8, 8).byte()]
)
def test_unfit_images_are_refused(function, x):
    with pytest.raises(ValueError, match=r"JPEG needs floats \(B, C, H, W\)|sides of a JPEG"):
        function(x, 50)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_soft_jpeg_is_near_the_real_one(photo, channels):
    x = photo if channels == 3 else tensor(skimage.data.camera()[100:301, 100:333])
    soft = jpeg_soft(x, 30)
    assert soft.shape == x.shape
    assert psnr(soft, jpeg(x, 30)) > 33
    assert psnr(jpeg_soft(x, 10), x) < psnr(soft, x) < psnr(jpeg_soft(x, 90), x)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_soft_jpeg_has_gradients(channels):
    x = torch.rand(2, channels, 20, 13, generator=torch.Generator().manual_seed(0)).requires_grad_()
    quality = torch.tensor([20.0, 80.0], requires_grad=True)
    (jpeg_soft(x, quality) - x.detach()).square().sum().backward()
    for gradient in (x.grad, quality.grad):
        assert gradient is not None
        assert gradient.isfinite().all()
        assert gradient.abs().amax(dim=tuple(range(1, gradient.ndim))).min() > 0


def test_the_soft_jpeg_takes_one_quality_or_one_for_each():
    x = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    for one in (50, 50.0, torch.tensor(50)):
        assert torch.equal(jpeg_soft(x, one), jpeg_soft(x, torch.tensor([50, 50, 50])))
    with pytest.raises(ValueError, match="2 values for 3 images"):
        jpeg_soft(x, torch.tensor([50.0, 60.0]))
