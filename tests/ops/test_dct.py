import numpy as np
import pytest
import scipy.fft
import torch

from imgredux.ops.dct import blocks, dct, idct

BLOCKS = (1, 2, 3, 4, 5, 8, 16, 32)


def image(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def by_scipy(x: torch.Tensor, block: int, function=scipy.fft.dctn) -> torch.Tensor:
    b, c, h, w = x.shape
    tiles = x.numpy().reshape(b, c, h // block, block, w // block, block)
    return torch.from_numpy(function(tiles, axes=(3, 5), norm="ortho").reshape(x.shape))


@pytest.mark.parametrize("block", BLOCKS)
def test_equals_scipy_in_float64(block):
    x = image(2, 3, 3 * block, 5 * block)
    for ours, function in ((dct, scipy.fft.dctn), (idct, scipy.fft.idctn)):
        expected = by_scipy(x, block, function)
        assert (ours(x, block) - expected).abs().max() <= 1e-14 * expected.abs().max()


@pytest.mark.parametrize("block", [8, 32])
def test_float32_is_within_its_own_precision_of_scipy(block):
    x = image(1, 1, 256, 320, dtype=torch.float32)
    expected = by_scipy(x.double(), block)
    assert (dct(x, block) - expected).abs().max() <= 1e-6 * expected.abs().max()


@pytest.mark.parametrize("block", BLOCKS)
def test_the_inverse_gives_the_image_back(block):
    x = image(2, 1, 4 * block, 3 * block)
    torch.testing.assert_close(idct(dct(x, block), block), x, rtol=0, atol=1e-14)


def test_one_basis_function_has_one_coefficient_in_its_place():
    c = torch.zeros(1, 1, 24, 32, dtype=torch.float64)
    c[0, 0, 8 + 2, 16 + 3] = 1.0
    k = (2 * np.arange(8) + 1) * np.pi / 16
    wave = np.outer(np.cos(2 * k), np.cos(3 * k)) / 4
    pixels = idct(c)
    torch.testing.assert_close(pixels[0, 0, 8:16, 16:24], torch.from_numpy(wave), rtol=0, atol=1e-15)
    assert pixels.count_nonzero() == 64


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("transform", [dct, idct])
def test_strips_out_and_autograd_agree_with_scipy_on_a_large_plane(transform, threads):
    x = image(1, 1, 1208, 1000, dtype=torch.float32)
    function = scipy.fft.dctn if transform is dct else scipy.fft.idctn
    expected = by_scipy(x.double(), 8, function).float()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        out = torch.full_like(x, torch.nan)
        results = [transform(x, out=out), transform(x), transform(x.clone().requires_grad_()).detach()]
    finally:
        torch.set_num_threads(before)
    assert results[0] is out
    assert torch.equal(results[0], results[1])
    for result in results:
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-6 * expected.abs().max().item())


@pytest.mark.parametrize("transform", [dct, idct])
@pytest.mark.parametrize("size", [(8, 8), (8, 24), (200, 8), (64, 1000)])
def test_compiled_blocks_are_those_of_the_tensors(transform, size, monkeypatch):
    kernel = pytest.importorskip("imgredux.kernels.dct", reason="numba is not installed")
    calls, found = [], getattr(kernel, "forward" if transform is dct else "inverse")
    monkeypatch.setattr(kernel, found.__name__, lambda *args: calls.append(1) or found(*args))
    x = 255 * image(2, 3, *size, dtype=torch.float32)
    compiled = transform(x.mT.contiguous().mT)
    assert calls == [1]
    monkeypatch.setattr("imgredux.kernels.compiled", lambda name: None)
    torch.testing.assert_close(compiled, transform(x), rtol=0, atol=1e-3)
    assert calls == [1]


def test_the_output_may_be_the_input():
    x = image(2, 1, 1024, 1024)
    expected = dct(x)
    assert torch.equal(dct(x, out=x), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (200, 24), (640, 1280)])
def test_a_batch_gives_bit_for_bit_what_its_images_give(height, width, dtype):
    x = image(5, 1, height, width, dtype=dtype)
    assert torch.equal(dct(x), torch.cat([dct(one.clone()) for one in x.split(1)]))


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[..., 3:-5, 5:-3],
        lambda x: x[:, 1:2, :32, :32],
        lambda x: x[..., :32, :32].mT,
        lambda x: x[..., :32, ::2][..., :16],
        lambda x: x[..., :32, :32].contiguous(memory_format=torch.channels_last),
        lambda x: x[:1, :1, :1, :1].expand(2, 3, 16, 16),
    ],
    ids=["crop", "channel", "transposed", "strided", "channels_last", "expanded"],
)
def test_input_of_any_layout(view):
    x = view(image(2, 3, 40, 40))
    expected = by_scipy(x.contiguous(), 8)
    for result in (dct(x), dct(x, out=torch.empty(x.shape, dtype=x.dtype)), dct(x.detach().requires_grad_())):
        torch.testing.assert_close(result.detach(), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("transform", [dct, idct])
def test_gradients(transform):
    x = image(1, 2, 8, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: transform(v, 4), x)
    assert torch.autograd.gradgradcheck(lambda v: transform(v, 4) ** 2, x)


def test_gradients_after_a_first_call_in_inference_mode():
    block = 11  # used nowhere else: the basis is made here
    with torch.inference_mode():
        dct(image(1, 1, block, block), block)
    x = image(1, 1, block, block).requires_grad_()
    dct(x, block).square().sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach(), rtol=0, atol=1e-13)  # Parseval: as of the pixels


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(dtype):
    x = image(1, 1, 32, 32, dtype=dtype)
    expected = by_scipy(x.double(), 8).to(dtype)
    out = torch.empty_like(x)
    for result in (dct(x), dct(x, out=out), out):
        assert result.dtype == dtype
        torch.testing.assert_close(result, expected, rtol=torch.finfo(dtype).eps, atol=1e-6)


def test_autocast_does_not_lower_the_precision():
    x = image(1, 1, 32, 32, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = [dct(x), dct(x.clone().requires_grad_()).detach()]
    outside = [dct(x), dct(x.clone().requires_grad_()).detach()]
    assert all(map(torch.equal, inside, outside))


def test_blocks_is_a_view_onto_the_blocks():
    x = image(2, 3, 24, 40)
    tiles = blocks(x)
    assert tiles.shape == (2, 3, 3, 5, 8, 8)
    assert torch.equal(tiles[1, 2, 2, 3], x[1, 2, 16:24, 24:32])
    tiles[..., 0, 0] = 0
    assert x[..., ::8, ::8].count_nonzero() == 0
    assert torch.equal(blocks(x.mT)[0, 0, 4, 1], x[0, 0, 8:16, 32:40].mT)
    assert blocks(x, 4).shape == (2, 3, 6, 10, 4, 4)


def test_equals_kornias_own_8x8_dct():
    jpeg = pytest.importorskip("kornia.enhance.jpeg")
    if not hasattr(jpeg, "_dct_8x8"):
        pytest.skip("this kornia has no _dct_8x8")
    x = 255 * image(2, 1, 16, 24)
    patches = jpeg._patchify_8x8(x[:, 0])
    ours = blocks(dct(x - 128))[:, 0].flatten(1, 2)  # kornia shifts the level itself
    torch.testing.assert_close(ours, jpeg._dct_8x8(patches), rtol=0, atol=1e-4)


def test_empty_batch():
    assert dct(torch.empty(0, 1, 16, 8)).shape == (0, 1, 16, 8)


@pytest.mark.parametrize("function", [dct, idct, blocks])
def test_sizes_that_do_not_divide_say_what_to_pad(function):
    with pytest.raises(ValueError, match=r"30x17 does not divide into 8x8 blocks; pad by 2 rows .* and 7 columns"):
        function(torch.zeros(1, 1, 30, 17))
    with pytest.raises(ValueError, match=r"0x8 does not divide"):
        function(torch.zeros(1, 1, 0, 8))
    with pytest.raises(ValueError, match="block is 0"):
        function(torch.zeros(1, 1, 8, 8), 0)
    with pytest.raises(ValueError, match=r"the shape is \(8,\)"):
        function(torch.zeros(8))


def test_shapes_other_than_four_axes_are_refused():
    with pytest.raises(ValueError, match=r"the shape is \(3, 8, 8\); the DCT needs \(B, C, H, W\)"):
        dct(torch.zeros(3, 8, 8))


def test_integers_are_refused():
    with pytest.raises(TypeError, match=r"torch\.uint8"):
        dct(torch.zeros(1, 1, 8, 8, dtype=torch.uint8))


def test_an_unfit_out_is_refused():
    x = image(1, 1, 16, 16)
    for out, message in (
        (torch.empty(1, 1, 16, 8, dtype=x.dtype), "out has shape"),
        (torch.empty(1, 1, 16, 16), "out has dtype"),
        (torch.empty(1, 1, 16, 16, dtype=x.dtype, device="meta"), "out has device"),
        (torch.empty_like(x).mT, "contiguous"),
    ):
        with pytest.raises(ValueError, match=message):
            dct(x, out=out)


def test_out_is_refused_where_gradients_are_wanted():
    x = image(1, 1, 16, 16).requires_grad_()
    out = torch.empty_like(x, requires_grad=False)
    with pytest.raises(ValueError, match="gradients"):
        dct(x, out=out)
    with torch.no_grad():
        assert torch.equal(dct(x, out=out), dct(x.detach()))
