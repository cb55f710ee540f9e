"""Noise injection: the realised MSE is the one a reader of the returned image measures, in every container."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import torch
from PIL import Image
from skimage import data

import imgredux
from imgredux import ImageError, inject, inject_dct
from imgredux.testing.inputs import batch, sample_image


def bumpy(height: int, width: int, seed: int = 1) -> np.ndarray:
    """A map of 2..10 grey levels without structure."""
    return (2 + 8 * np.random.default_rng(seed).random((height, width))).astype(np.float32)


def measured(before: np.ndarray, after: np.ndarray, peak: float = 255) -> float:
    return float((((after.astype(np.float64) - before) * (255 / peak)) ** 2).mean())


def lcg(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The synthetic image and the sign field of the reference vectors, each from its own LCG."""
    image, signs = np.empty((height, width), np.uint8), np.empty((height, width), np.int8)
    s, r = 12345, 777
    for y in range(height):
        for x in range(width):
            s = (1103515245 * s + 12345) % 2**31
            r = (1103515245 * r + 12345) % 2**31
            n = (s >> 16) % 33 - 16
            image[y, x] = np.clip(40 + 2 * x + 30 * (y // 8 % 2) + (x >= 32) * (n if y < 32 else 3 * n), 0, 255)
            signs[y, x] = 1 if r >> 16 & 1 else -1
    return image, signs


@pytest.mark.parametrize("target", [0.5, 16.121, 26.836, 100.0, 1000.0])
@pytest.mark.parametrize("name", ["astronaut", "camera"])
def test_the_mse_is_reached_and_is_what_the_image_shows(name: str, target: float) -> None:
    image = getattr(data, name)()
    before = image.copy()
    result = inject(image, bumpy(*image.shape[:2]), target)
    assert result.image.dtype == np.uint8
    assert result.image.shape == image.shape
    assert result.reached
    assert result.mse == pytest.approx(target, rel=0.005)
    assert result.mse == pytest.approx(measured(image, result.image), rel=1e-12)
    assert np.array_equal(image, before)


def test_given_signs_are_used_pixel_by_pixel() -> None:
    image, signs = lcg(64, 64)
    assert image.sum(dtype=int) == 482689  # the two facts that the reference page states
    assert signs.sum(dtype=int) == 16
    jnd = bumpy(64, 64)
    result = inject(image, jnd, 100.0, signs=signs)
    expected = np.clip(image + np.float64(result.phi) * signs * jnd, 0, 255)
    assert np.abs(result.image - expected).max() <= 0.5 + 1e-4
    same = inject(image, jnd, 100.0, signs=torch.from_numpy(signs))
    assert np.array_equal(result.image, same.image)


def test_without_rounding_and_clipping_phi_has_a_closed_form() -> None:
    x = torch.full((1, 3, 40, 50), 0.5, dtype=torch.float64)
    jnd = torch.from_numpy(bumpy(40, 50)).double()[None, None] / 255
    result = inject(x, jnd, 16.121, rounding=False)
    phi0 = np.sqrt(16.121 / float((jnd * 255).square().mean()))
    assert result.phi.item() == pytest.approx(phi0, rel=1e-12)
    assert result.mse.item() == pytest.approx(16.121, rel=1e-12)


def test_a_luma_map_moves_the_three_channels_alike() -> None:
    image = np.full((32, 48, 3), (90, 120, 150), np.uint8)
    noise = inject(image, bumpy(32, 48), 26.836).image.astype(int) - image
    assert (noise == noise[..., :1]).all()
    assert noise.any()


def test_a_map_of_every_channel_moves_each_by_its_own() -> None:
    image = np.full((32, 48, 3), 120, np.uint8)
    jnd = np.stack([bumpy(32, 48), np.zeros((32, 48), np.float32), 2 * bumpy(32, 48)], -1)
    result = inject(image, jnd, 26.836)
    noise = result.image.astype(int) - image
    assert result.reached
    assert not noise[..., 1].any()
    assert np.abs(noise[..., 2]).mean() == pytest.approx(2 * np.abs(noise[..., 0]).mean(), rel=0.05)
    assert (np.sign(noise[..., 0]) * np.sign(noise[..., 2]) >= 0).all()


@pytest.mark.parametrize(("target", "square", "reached"), [(16.121, 16, False), (16.05, 16, True), (28, 25, False)])
def test_a_flat_map_only_knows_squares(target: float, square: int, reached: bool) -> None:
    image = np.full((32, 48), 128, np.uint8)
    result = inject(image, np.full((32, 48), 3, np.float32), target)
    assert result.mse == square
    assert result.reached is reached


def test_noise_grows_with_the_target() -> None:
    image = data.chelsea()[:100, :120]
    jnd = bumpy(100, 120)
    results = [inject(image, jnd, target) for target in (1, 4, 20, 100, 500, 3000, 12000)]
    assert all(a.phi < b.phi and a.mse < b.mse for a, b in pairwise(results))


@pytest.mark.parametrize("level", [0, 255])
def test_a_saturated_image_takes_the_noise_that_goes_inwards(level: int) -> None:
    image = np.full((64, 64), level, np.uint8)
    result = inject(image, bumpy(64, 64), 100.0)
    assert result.reached  # half of the signs are lost to clipping, so phi is sqrt(2) of the start
    assert result.phi == pytest.approx(np.sqrt(2 * 100 / np.square(bumpy(64, 64)).mean()), rel=0.05)
    assert result.mse == pytest.approx(measured(image, result.image), rel=1e-12)


def test_a_target_beyond_the_image_gives_the_nearest() -> None:
    image = np.full((16, 16), 100, np.uint8)
    signs = np.ones((16, 16), int)
    result = inject(image, bumpy(16, 16), 60000.0, signs=signs)
    assert not result.reached
    assert result.mse == 155**2
    lonely = np.zeros((16, 16), np.float32)
    lonely[3, 5] = 1
    result = inject(image, lonely, 200.0, signs=signs)  # one pixel of 256 would have to move by 226
    assert not result.reached
    assert result.mse == 155**2 / 256
    assert inject(image, lonely, 25.0, signs=signs).mse == 80**2 / 256


def test_a_map_that_clips_early_still_reaches_the_target() -> None:
    image = np.full((64, 64), 250, np.uint8)
    jnd = bumpy(64, 64) / 1000
    jnd[0, 0] = 100.0  # it sets phi0, and is soon clipped
    signs = np.where(np.arange(64 * 64).reshape(64, 64) % 2, 1, -1)
    result = inject(image, jnd, 400.0, signs=signs)
    assert result.reached
    assert result.phi > 8 * np.sqrt(400 / np.square(jnd).mean())


def test_seeds_give_their_own_noise_again_and_again() -> None:
    image, jnd = sample_image(40, 56), bumpy(40, 56)
    state = torch.get_rng_state()
    first, again, other = (inject(image, jnd, 26.8, seed=seed).image for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(state, torch.get_rng_state())


def test_a_batch_is_its_images_one_by_one() -> None:
    x = batch(3, 40, 56)
    jnd = torch.stack([torch.from_numpy(bumpy(40, 56, seed))[None] for seed in range(3)]) / 255
    together = inject(x, jnd, 26.8, seed=5)
    for b in range(3):
        single = inject(x[b], jnd[b], 26.8, seed=5 + b)
        assert torch.equal(together.image[b], single.image)
        assert (together.phi[b].item(), together.mse[b].item()) == (single.phi, single.mse)
        assert bool(together.reached[b]) is single.reached
        assert measured(x[b].numpy() * 255, single.image.numpy() * 255) == pytest.approx(single.mse, rel=1e-5)
    assert len(set(together.phi.tolist())) == 3  # phi is per image
    fields = np.stack([lcg(40, 56)[1]] * 3)
    shared = [inject(x, jnd, 26.8, signs=signs).image for signs in (fields, fields[0])]
    assert torch.equal(*shared)


def test_every_container_comes_back_in_its_own_form(tmp_path: Path) -> None:
    pixels, jnd = sample_image(40, 56), bumpy(40, 56)
    reference = inject(pixels, jnd, 26.8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    from_path, from_pil = inject(path, jnd, 26.8), inject(Image.fromarray(pixels), jnd, 26.8)
    assert from_path.image.mode == from_pil.image.mode == "RGB"
    assert np.array_equal(np.asarray(from_path.image), reference.image)
    assert np.array_equal(np.asarray(from_pil.image), reference.image)
    floats = inject((pixels / np.float32(255)).astype(np.float32), jnd / 255, 26.8)
    assert floats.image.dtype == np.float32
    assert np.array_equal(np.rint(floats.image * 255), reference.image)
    tensor = inject(torch.from_numpy(pixels).permute(2, 0, 1) / 255, torch.from_numpy(jnd)[None] / 255, 26.8)
    assert np.array_equal((tensor.image * 255).round().permute(1, 2, 0).numpy(), reference.image)
    assert isinstance(tensor.phi, float)
    assert tensor.reached is True


@pytest.mark.parametrize("pil", [False, True])
def test_sixteen_bits_are_rounded_to_their_own_levels(pil: bool) -> None:
    pixels = (data.camera()[:64, :80].astype(np.uint16) * 257).astype(np.uint16)
    image = Image.fromarray(pixels) if pil else pixels
    result = inject(image, bumpy(64, 80) * 257, 16.121)
    after = np.asarray(result.image)
    assert after.dtype == np.uint16
    assert result.reached
    assert result.mse == pytest.approx(measured(pixels, after, 65535), rel=1e-12)
    assert (after.astype(int) - pixels).max() % 257  # finer than 8-bit steps


def test_alpha_is_untouched_and_palettes_become_colors() -> None:
    rgba = np.dstack([sample_image(40, 56), sample_image(40, 56, 1, seed=9)])
    result = inject(Image.fromarray(rgba), bumpy(40, 56), 26.8)
    assert result.image.mode == "RGBA"
    assert np.array_equal(np.asarray(result.image)[..., 3], rgba[..., 3])
    assert result.mse == pytest.approx(measured(rgba[..., :3], np.asarray(result.image)[..., :3]), rel=1e-12)
    palette = Image.fromarray(sample_image(40, 56)).quantize(16)
    result = inject(palette, bumpy(40, 56), 26.8)
    assert result.image.mode == "RGB"
    assert result.mse == pytest.approx(
        measured(np.asarray(palette.convert("RGB")), np.asarray(result.image)), rel=1e-12
    )
    bilevel = Image.fromarray(sample_image(40, 56, 1)).convert("1")
    assert inject(bilevel, bumpy(40, 56), 26.8).image.mode == "L"


def test_dct_noise_is_the_inverse_dct_of_signed_thresholds() -> None:
    pixels = data.camera()[100:164, 100:180]
    rng = np.random.default_rng(2)
    thresholds = (1 + 9 * rng.random((8, 10, 8, 8))).astype(np.float32)
    signs = rng.choice([-1, 1], (64, 80))
    x = torch.from_numpy(pixels)[None, None] / 255
    result = inject_dct(x.double(), thresholds[None], 26.8, signs=signs, rounding=False)
    plane = thresholds.transpose(0, 2, 1, 3).reshape(64, 80) * signs
    expected = pixels.astype(np.float64)
    for top in range(0, 64, 8):
        for left in range(0, 80, 8):
            block = np.s_[top : top + 8, left : left + 8]
            expected[block] += result.phi.item() * scipy.fft.idctn(plane[block], norm="ortho")
    assert np.abs(result.image[0, 0].numpy() * 255 - expected.clip(0, 255)).max() < 1e-4
    assert result.reached.item()


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (9, 17), (1, 100)])
def test_dct_noise_fits_any_size(size: tuple[int, int]) -> None:
    height, width = size
    pixels = np.full((height, width, 3), 128, np.uint8)
    thresholds = np.full((-(-height // 8), -(-width // 8), 8, 8), 4, np.float32)
    result = inject_dct(pixels, thresholds, 100.0, seed=1)
    noise = result.image.astype(int) - pixels
    assert noise.shape == (height, width, 3)
    assert (noise == noise[..., :1]).all()
    assert result.mse == pytest.approx(measured(pixels, result.image), rel=1e-12)
    assert noise.any()


def test_it_works_with_what_an_estimator_gives() -> None:
    pixels = data.astronaut()[:100, :90]
    result = inject(pixels, imgredux.get("localstd")(pixels), 26.8)
    assert result.reached


PIXELS, MAP = np.full((7, 9), 128, np.uint8), np.full((7, 9), 3, np.float32)
TENSOR = torch.full((1, 3, 7, 9), 0.5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((PIXELS, 0 * MAP, 16.0), {}, "zero everywhere"),
        ((PIXELS, MAP, 0.0), {}, "mse is 0.0"),
        ((PIXELS, MAP, -1.0), {}, "mse is -1.0"),
        ((PIXELS, MAP, float("nan")), {}, "mse is nan"),
        ((PIXELS, MAP, float("inf")), {}, "mse is inf"),
        ((PIXELS, MAP[:5], 16.0), {}, r"map of shape \(5, 9\) does not fit an image of shape \(7, 9\)"),
        ((PIXELS, np.dstack([MAP] * 3), 16.0), {}, r"\(7, 9, 3\) does not fit an image of shape \(7, 9\)"),
        ((PIXELS, MAP[0, 0], 16.0), {}, "the map is a float32, for this image an estimator gives a ndarray"),
        ((PIXELS, torch.ones(1, 7, 9), 16.0), {}, "the map is a Tensor, for this image"),
        ((TENSOR, MAP, 16.0), {}, "the map is a ndarray, for this image"),
        ((TENSOR, torch.ones(1, 2, 7, 9), 16.0), {}, r"does not fit an image of shape \(1, 3, 7, 9\)"),
        ((TENSOR[0], torch.ones(7, 9), 16.0), {}, r"\(7, 9\) does not fit an image of shape \(3, 7, 9\)"),
        ((TENSOR.half(), torch.ones(1, 1, 7, 9), 16.0), {}, "float32 or float64"),
        ((TENSOR[0, 0], torch.ones(7, 9), 16.0), {}, r"pass \(B, C, H, W\)"),
        ((TENSOR * float("nan"), torch.ones(1, 1, 7, 9), 16.0), {}, "NaN or infinity"),
        (
            (TENSOR.expand(2, 3, 7, 9), torch.ones(2, 1, 7, 9) * torch.tensor([1, 0]).view(2, 1, 1, 1), 9.0),
            {},
            "image 1",
        ),
        ((PIXELS, -MAP, 16.0), {}, "finite and not negative"),
        ((PIXELS, MAP * np.float32("nan"), 16.0), {}, "finite and not negative"),
        ((PIXELS, MAP * np.float32("inf"), 16.0), {}, "finite and not negative"),
        ((PIXELS, MAP, 16.0), {"signs": np.ones((9, 7))}, r"signs of shape \(9, 7\): give \(7, 9\)"),
        ((PIXELS, MAP, 16.0), {"signs": 0.5 * MAP}, r"\+1 and -1"),
        ((PIXELS, MAP, 16.0), {"rounding": False}, "whole levels"),
        (((PIXELS / 255).astype(np.float16), MAP / 255, 16.0), {}, "float16"),
        (("no such file.png", MAP, 16.0), {}, "cannot be read"),
    ],
)
def test_bad_input_is_named(arguments: tuple, options: dict, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        inject(*arguments, **options)


def test_bad_thresholds_are_named() -> None:
    with pytest.raises(ImageError, match=r"\(1, 1, 1, 8, 8\) for an image that needs \(1, 1, 2, 8, 8\)"):
        inject_dct(PIXELS, np.ones((1, 1, 8, 8), np.float32), 16.0)
    with pytest.raises(ImageError, match="zero everywhere"):
        inject_dct(PIXELS, np.zeros((1, 2, 8, 8), np.float32), 16.0)
    with pytest.raises(ImageError, match=r"give \(8, 16\)"):
        inject_dct(PIXELS, np.ones((1, 2, 8, 8), np.float32), 16.0, signs=np.ones((7, 9)))
