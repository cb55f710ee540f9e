"""What a JPEG's decoder has before it clips, against the coefficients that the encoder wrote."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from skimage import data

from imgredux import create, ops
from imgredux.io.images import Source, read
from imgredux.io.jpeg_file import with_half_steps
from imgredux.io.unclipped import unclipped
from imgredux.metrics import psnr

PAGE = Image.new("RGB", (200, 152), "white")
for row, color in enumerate(["black", "#333", "navy", "black", "darkgreen", "black"]):
    ImageDraw.Draw(PAGE).text((9, 8 + 22 * row), "what the decoder had, 0123456789", fill=color)
PHOTOGRAPH = Image.fromarray(data.astronaut()[:152, 160:360])


def coded(image: Image.Image, quality: int = 40, **options: object) -> bytes:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=quality, **options)
    return held.getvalue()


def opened(file: bytes) -> Source:
    return read(Image.open(io.BytesIO(file)), stored=True)


def beyond(source: Source) -> torch.Tensor:
    assert source.file is not None
    assert source.qtable is not None
    return unclipped(source.file, source.x, source.qtable[0, 0])


def by_block(plane: torch.Tensor) -> torch.Tensor:
    return plane[0, 0].unflatten(0, (-1, 8)).unflatten(2, (-1, 8)).transpose(1, 2)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("quality", [10, 40, 75, 90])
def test_gray_is_what_the_coefficients_say(quality: int, options: dict[str, object]) -> None:
    gray = PAGE.convert("L")
    source = opened(coded(gray, quality, **options))
    assert source.qtable is not None
    steps = source.qtable[0, 0]
    c = ops.dct(torch.from_numpy(np.array(gray)).float()[None, None] - 128)
    view = ops.blocks(c)
    view.copy_((view / steps).round() * steps)
    truth = (ops.idct(c) + 128) / 255
    found = beyond(source)
    assert truth.max() > 1.02  # white rings, unless it is clipped
    # libjpeg breaks ties in another way, and of a block that is white all over nothing is known.
    same = by_block((truth.clamp(0, 1) - source.x).abs()).amax((-2, -1)) < 1.01 / 255
    known = same & (by_block(source.x).amin((-2, -1)) < 1)
    assert known.float().mean() > 0.2
    errors = by_block((found - truth).abs())[known]
    assert errors.max() < 1.5 / 255
    assert by_block((source.x - truth).abs())[known].max() > 9 / 255


@pytest.mark.parametrize("image", [PAGE, PHOTOGRAPH], ids=["page", "photograph"])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_color_is_the_pixels_where_nothing_was_clipped(image: Image.Image, subsampling: str) -> None:
    source = opened(coded(image, subsampling=subsampling))
    found = beyond(source)
    assert found is not source.x
    inside = ((found >= 0) & (found <= 1)).all(1, keepdim=True) & (source.x > 0).all(1) & (source.x < 1).all(1)
    assert inside.float().mean() > 0.05
    assert (found - source.x).abs()[inside.expand_as(found)].max() < 1.6 / 255
    if image is PHOTOGRAPH:  # of the page, every block has white
        assert (found == source.x).all(1, keepdim=True)[inside].float().mean() > 0.2


def test_one_color_stays_what_it_is() -> None:
    """Rounding is libjpeg's, not ours: a screen of one color would come back a grey level off."""
    flat = Image.new("RGB", (64, 64), (13, 20, 28))
    source = opened(coded(flat, 85))
    assert torch.equal(beyond(source), source.x)
    assert np.array_equal(np.asarray(create("flatzone")(Image.open(io.BytesIO(coded(flat, 85))))), np.asarray(flat))


def test_sides_that_are_no_multiples_of_eight() -> None:
    whole, cut = (beyond(opened(coded(image, subsampling="4:4:4"))) for image in (PAGE, PAGE.crop((0, 0, 196, 149))))
    assert cut.shape == (1, 3, 149, 196)
    assert torch.equal(cut[..., :144, :192], whole[..., :144, :192])


@pytest.mark.parametrize("name", ["flatzone", "slidingdct"])
def test_a_restorer_gains_by_it(name: str) -> None:
    method, source, clean = (
        create(name),
        opened(coded(PAGE)),
        torch.from_numpy(np.array(PAGE)).movedim(2, 0)[None] / 255,
    )
    seen, told = method.planes(source), {"qtable": source.qtable, "subsampling": source.subsampling}
    assert seen.max() > 1
    after, before = (psnr(method(x, **told).clamp(0, 1), clean).item() for x in (seen, source.x))
    assert after > before + 0.3


def test_the_same_call_gives_the_same(tmp_path: Path) -> None:
    method, file = create("slidingdct"), tmp_path / "page.jpg"
    file.write_bytes(coded(PAGE))
    with Image.open(file) as lazy, Image.open(io.BytesIO(file.read_bytes())) as held, Image.open(file) as loaded:
        loaded.load()
        results = [np.asarray(method(given)) for given in (file, lazy, lazy, held, held, loaded)]
    assert all(np.array_equal(results[0], result) for result in results)


def test_pixels_that_were_changed_are_not_taken_for_the_files(tmp_path: Path) -> None:
    method, file = create("slidingdct"), tmp_path / "page.jpg"
    file.write_bytes(coded(PAGE))
    with Image.open(file) as image:
        method(image)
        image.paste((200, 30, 30), (100, 80, 140, 120))
        changed = np.asarray(method(image))[90:110, 110:130]
    assert np.abs(changed.astype(int) - (200, 30, 30)).max() < 12
    with Image.open(file) as image:
        image.load()
        file.write_bytes(coded(PHOTOGRAPH))
        assert np.array_equal(np.asarray(image), read(image, stored=True).x[0].mul(255).round().byte().movedim(0, 2))
        assert np.abs(np.asarray(method(image)).astype(int) - np.asarray(PAGE)).mean() < 8


def test_a_file_that_is_not_sound_changes_nothing() -> None:
    source = opened(coded(PAGE))
    assert source.qtable is not None
    for file in (b"", b"\xff\xd8\xff\xdb\x00", coded(PHOTOGRAPH), coded(PAGE.crop((0, 0, 100, 100)))):
        assert unclipped(file, source.x, source.qtable[0, 0]) is source.x
    assert with_half_steps(b"\xff\xd8\xff\xdb\x00\x00\x00\x00") is None
    assert with_half_steps(b"\xff\xd8\xff\xdb\x00\x05\x00\x01\x01\xff\xda") is None


def test_planes_of_rgb_are_left_alone() -> None:
    """Adobe's RGB files have no luma."""
    file = io.BytesIO()
    PAGE.save(file, "JPEG", quality=40, keep_rgb=True)
    source = opened(file.getvalue())
    assert torch.equal(create("slidingdct").planes(source), source.x)


@pytest.mark.parametrize("quality", [20, 50, 85])
def test_it_is_what_libjpegs_coefficients_say(quality: int, tmp_path: Path) -> None:
    jpeglib = pytest.importorskip("jpeglib", reason="jpeglib has no wheel here")
    file = tmp_path / "photo.jpg"
    file.write_bytes(coded(PHOTOGRAPH.convert("L"), quality))
    held = jpeglib.read_dct(str(file))
    c = torch.from_numpy(held.Y * held.qt[0]).float().transpose(1, 2).flatten(0, 1).flatten(1)[None, None]
    truth = (ops.idct(c.contiguous()) + 128) / 255
    source = read(Image.open(file), stored=True)
    found, known = beyond(source), by_block(source.x).amin((-2, -1)) < 1
    assert (truth < -2 / 255).any()
    assert (by_block((found - truth).abs())[known].amax((-2, -1)) < 1.2 / 255).float().mean() > 0.995
