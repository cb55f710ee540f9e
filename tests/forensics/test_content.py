import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from skimage import data

from imgredux import ops
from imgredux.forensics.content import is_graphics
from imgredux.forensics.examine import examine
from imgredux.ops.quantization import ijg_tables
from imgredux.testing.inputs import as_jpeg
from imgredux.testing.shared import shared


def page() -> np.ndarray:
    image = Image.new("RGB", (256, 192), (250, 250, 245))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 256, 24), fill=(40, 60, 120))
    rng = np.random.default_rng(0)
    for line in range(36, 180, 14):
        draw.text((8, line), " ".join(map(str, rng.integers(0, 9999, 7))), fill=(20, 20, 20))
    return np.asarray(image)


def as_planes(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("quality", [50, 70, 90])
def test_text_is_graphics_and_a_photograph_is_not(quality: int) -> None:
    steps = ijg_tables(quality)[:1]
    assert is_graphics(ops.jpeg(as_planes(page()), quality), steps)
    assert not is_graphics(ops.jpeg(as_planes(data.astronaut()[100:300, 100:300]), quality), steps)


def test_an_image_without_a_whole_patch_is_none() -> None:
    assert not is_graphics(torch.full((1, 1, 12, 300), 0.5), ijg_tables(50)[:1])


def test_what_was_found_says_so() -> None:
    seen = examine(as_jpeg(page(), 60))
    assert seen.graphics
    assert seen.about == f"{seen.found}, graphics"
    photo = examine(as_jpeg(data.astronaut()[100:300, 100:300], 40))
    assert photo.about == photo.found
    assert not examine(Image.fromarray(page())).graphics  # no trace of JPEG: nothing is looked at


def test_screens_and_photographs_of_the_test_sets() -> None:
    for name, wanted, least in (("screen_content", True, 0.7), ("kodak", False, 0.75)):
        found = []
        for path in sorted(shared(f"data/test/{name}").glob("*.png"))[:8]:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))[:448, :640]
            found.append(examine(as_jpeg(pixels, 30)).graphics == wanted)
        assert np.mean(found) >= least, name
