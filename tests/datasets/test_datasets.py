"""Folders, pairs and JPEG made on the fly: what pairs with what, and what is said of the rest."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.color import rgb2ycbcr

from imgredux import ImageError, ImgreduxError, to_tensor
from imgredux.datasets import Item, folder, jpeg_pairs, pairs, studio_luma
from imgredux.testing.process import run_python
from imgredux.testing.shared import shared

CAT = data.chelsea()[100:140, 100:156]


def save(path: Path, pixels: np.ndarray = CAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def test_a_folder_is_its_images_by_stem(tmp_path: Path) -> None:
    for name in ("b.png", "a 1.webp", "C.bmp"):
        save(tmp_path / "photos" / name)
    found = folder(tmp_path / "photos")
    assert (found.name, found.problems) == ("photos", ())
    assert [item.stem for item in found] == ["C", "a 1", "b"]
    assert len(found) == 3
    assert torch.equal(found.items[2].read(), to_tensor(CAT))
    assert folder(tmp_path / "photos", name="cats").name == "cats"


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    save(tmp_path / "cat.png")
    save(tmp_path / "cat.webp")
    (tmp_path / "text.png").write_text("no image")
    found = folder(tmp_path)
    assert [item.path.name for item in found] == ["cat.png"]
    twice, unreadable = found.problems
    assert "cat.webp" in twice
    assert "cat.png" in twice
    assert "text.png: cannot be read as an image" in unreadable


@pytest.mark.parametrize("downscale", [0, -1, 1.5])
def test_bad_downscale(tmp_path: Path, downscale: float) -> None:
    with pytest.raises(ImgreduxError, match="whole number"):
        folder(save(tmp_path / "a.png").parent, downscale=downscale)  # pyright: ignore[reportArgumentType]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ImgreduxError, match="is no folder"):
        folder(tmp_path / "missing")
    with pytest.raises(ImgreduxError, match="holds no image file"):
        folder(tmp_path)


def test_downscaling_is_the_mean_of_boxes(tmp_path: Path) -> None:
    (item,) = folder(save(tmp_path / "a.png", CAT[:, :55]).parent, downscale=2)
    boxes = CAT[:, :54].astype(np.float64).reshape(20, 2, 27, 2, 3).mean((1, 3))
    expected = np.rint(boxes)
    small = (item.read()[0] * 255).numpy().transpose(1, 2, 0)
    assert np.abs(small - expected).max() < 1e-3 + (boxes % 1 == 0.5).any()  # halves may go either way
    assert np.abs(small - boxes).max() <= 0.5 + 1e-3
    with pytest.raises(ImageError, match="too small to shrink by 50"):
        Item("a", item.path, downscale=50).read()


def test_pairs_by_stem_not_by_position(tmp_path: Path) -> None:
    for stem, gray in (("a", 10), ("b", 20), ("c", 30)):
        save(tmp_path / "ref" / f"{stem}.png", np.full((9, 17), gray, np.uint8))
    for stem, gray in (("b", 21), ("c", 31), ("d", 41)):
        save(tmp_path / "jnd" / f"{stem}.webp", np.full((9, 17, 3), gray, np.uint8))
    save(tmp_path / "jnd" / "c.png", np.full((9, 18), 30, np.uint8))  # sorts before c.webp
    found = pairs(tmp_path)
    assert found.items == (Item("b", tmp_path / "ref" / "b.png", critical=tmp_path / "jnd" / "b.webp"),)
    text = "\n".join(found.problems)
    assert "a.png has no partner" in text
    assert "d.webp has no partner" in text
    assert "not a pair" in text
    assert "c.webp has the stem of" in text
    assert len(found.problems) == 4


def test_pairs_in_subfolders_as_they_are_made(tmp_path: Path) -> None:
    for part in ("ref", "jnd"):
        for place in ("a.png", "city/a.png", "city/old/b.png"):
            save(tmp_path / part / place)
    save(tmp_path / "ref" / "sea" / "b.png")
    found = pairs(tmp_path)
    assert [item.stem for item in found] == ["a", "city/a", "city/old/b"]
    assert found.items[1].critical == tmp_path / "jnd" / "city" / "a.png"
    assert "has no partner" in "".join(found.problems)


def test_the_layout_of_jnd_lc(tmp_path: Path) -> None:
    for split, stem in (("train", "a"), ("test", "b"), ("test", "a")):
        for part in ("Ref", "JND1"):
            save(tmp_path / split / part / f"{stem}.png")
    found = pairs(tmp_path)
    assert [item.stem for item in found] == ["a", "b"]
    (shared_stem,) = found.problems
    assert "another split holds this stem" in shared_stem
    assert [item.stem for item in pairs(tmp_path / "test")] == ["a", "b"]
    assert pairs(tmp_path / "test").name == "test"
    with pytest.raises(ImgreduxError, match=r"no ref/ and jnd/"):
        pairs(tmp_path / "test" / "Ref")


def test_items_without_or_with_unlike_critical_images(tmp_path: Path) -> None:
    item = Item("a", save(tmp_path / "a.png"))
    with pytest.raises(ImageError, match="a has no critical image"):
        item.read_critical()
    gray = save(tmp_path / "grey.png", CAT[..., 0])
    with pytest.raises(ImageError, match="not a pair"):
        Item("a", item.path, critical=gray).read_critical()


def test_rgb_jpeg_pairs_are_libjpeg_with_420(tmp_path: Path) -> None:
    (item,) = jpeg_pairs(save(tmp_path / "cat.png").parent, 10, "rgb")
    file = BytesIO()
    Image.fromarray(CAT).save(file, "JPEG", quality=10, subsampling="4:2:0")
    assert torch.equal(item.read(), to_tensor(CAT))
    assert torch.equal(item.read_critical(), to_tensor(np.asarray(Image.open(file))))


def test_y_jpeg_pairs_code_studio_luma(tmp_path: Path) -> None:
    color = save(tmp_path / "cat.png")
    save(tmp_path / "grey.png", CAT[..., 1])
    first, second = jpeg_pairs(color.parent, 20, "y")
    y = np.rint(rgb2ycbcr(CAT)[..., 0]).astype(np.uint8)
    assert torch.equal(first.read(), to_tensor(y))
    assert torch.equal(second.read(), to_tensor(CAT[..., 1]))
    file = BytesIO()
    Image.fromarray(y).save(file, "JPEG", quality=20)
    assert torch.equal(first.read_critical(), to_tensor(np.asarray(Image.open(file))))


def test_studio_luma_spans_16_to_235() -> None:
    colors = torch.tensor([[0.0, 0, 0], [1, 1, 1], [1, 0, 0]]).T.reshape(1, 3, 1, 3)
    assert (studio_luma(colors) * 255).round().flatten().tolist() == [16, 235, 81]  # BT.601


def test_published_jpeg_row_of_classic5() -> None:
    from imgredux.metrics import psnr

    items = jpeg_pairs(shared("data/test/classic5"), 10, "y")
    mean = np.mean([psnr(item.read_critical(), item.read()).item() for item in items])
    assert mean == pytest.approx(27.82, abs=0.005)  # Dong et al. 2015 and every table since


def test_live1_gray_is_the_studio_luma_of_live1() -> None:
    color = jpeg_pairs(shared("data/test/live1"), 50, "y").items[0]
    gray = next(item for item in folder(shared("data/test/live1_gray")) if item.stem == color.stem)
    assert (color.read() - gray.read()).abs().max() <= 1 / 255 + 1e-6
    assert (color.read() != gray.read()).float().mean() < 1e-4


@pytest.mark.parametrize(("quality", "mode"), [(0, "y"), (101, "y"), (10, "gray")])
def test_bad_jpeg_pairs(tmp_path: Path, quality: int, mode: str) -> None:
    with pytest.raises(ImgreduxError, match=r"quality is|mode is"):
        jpeg_pairs(save(tmp_path / "a.png").parent, quality, mode)  # pyright: ignore[reportArgumentType]


def test_listing_imports_no_torch(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    code = "import sys; from imgredux.datasets import folder; folder(sys.argv[1]); assert 'torch' not in sys.modules"
    run_python(code, str(tmp_path))
