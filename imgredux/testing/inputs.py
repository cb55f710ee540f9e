"""Test images: drawn by code, the same to the last bit everywhere, and scikit-image's bundled photographs."""

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

COLOR_PHOTOS = ("astronaut", "chelsea", "coffee")
GRAY_PHOTOS = ("camera", "brick", "coins")


def sample_image(height: int = 48, width: int = 64, channels: int = 3, seed: int = 0) -> np.ndarray:
    """An image with shading, texture and edges as of text: uint8 `(H, W)` or `(H, W, 3)`, of any size.

    Made of integers only, from raw PCG64 words: NumPy promises those, not its distributions, to stay as they are.
    """
    words = np.random.PCG64(seed).random_raw(height * width + 64).astype(np.int64) & 0xFFFF
    y, x = np.mgrid[:height, :width]
    plane = 60 + 80 * x // width + 50 * y // height
    noise = np.pad(words[64:].reshape(height, width) % 64, 1, "edge")
    smooth = sum(noise[dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)) // 9 - 32
    plane = plane + smooth * (4 * x // width)
    for top, left, tall, level in words[:64].reshape(16, 4):
        row, column = top % height, left % width
        plane[row : row + 1 + tall % 9, column : column + 2] = level % 256
    tint = (30 * x // width - 15, 0 * x, 15 - 30 * y // height)
    planes = plane[..., None] + np.stack(tint[:channels] if channels == 3 else tint[1:2], -1)
    return np.clip(planes, 0, 255).astype(np.uint8).squeeze(-1 if channels == 1 else ())


def as_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 `(H, W)` or `(H, W, C)` as `(1, C, H, W)` float32 in [0, 1]."""
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(np.array(planes, order="C"))[None].float() / 255


def batch(count: int = 1, height: int = 48, width: int = 64, channels: int = 3, seed: int = 0) -> Tensor:
    """Different images of one size as `(count, C, H, W)` float32 in [0, 1]."""
    return torch.cat([as_tensor(sample_image(height, width, channels, seed + i)) for i in range(count)])


def photos(channels: int = 3, side: int = 160) -> dict[str, np.ndarray]:
    """Square cuts from photographs in scikit-image's wheel, by name: uint8 `(side, side)` or `(side, side, 3)`."""
    from skimage import data

    cuts = {}
    for name in COLOR_PHOTOS if channels == 3 else GRAY_PHOTOS:
        photo = getattr(data, name)()
        top, left = ((n - side) // 2 for n in photo.shape[:2])
        cuts[name] = np.ascontiguousarray(photo[top : top + side, left : left + side])
    return cuts


def as_jpeg(pixels: np.ndarray, quality: int) -> Image.Image:
    """What a user opens after libjpeg (4:2:0): a PIL image with its quantisation tables."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return Image.open(file)


def ramp_and_noise(side: int = 64) -> Tensor:
    """The synthetic images that published reference vectors are for: `(1, 1, side, side)` float64 grey levels 0..255.

    Bands on a ramp, with noise on the right (side 64) or everywhere (side 128), from a linear congruential generator.
    """
    gray, state = torch.zeros(1, 1, side, side, dtype=torch.float64), 12345
    for y in range(side):
        for x in range(side):
            state = (1103515245 * state + 12345) % 2**31
            noise = (state >> 16) % 33 - 16
            if side == 64:
                level = 40 + 2 * x + (0 if x < 32 else noise if y < 32 else 3 * noise)
            else:
                level = 40 + x + (noise if x < 64 else 3 * noise)
            gray[0, 0, y, x] = min(max(level + 30 * (y // 8 % 2), 0), 255)
    return gray
