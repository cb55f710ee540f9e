"""The recipe of estimators that learn from critical images: what it finds, how it splits, what it judges by."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from skimage import data
from torch import Tensor

from imgredux.errors import ImageError, ImgreduxError
from imgredux.training import Images, PairRecipe, split, train

TOYS = Path(__file__).with_name("toys")


class Nothing(PairRecipe):
    """Predicts what it is given: no change."""

    def predict(self, method, reference: Tensor) -> Tensor:
        return reference if self.target == "image" else torch.zeros_like(reference)


def picture(index: int) -> Image.Image:
    """48x40 pixels of a photograph, another one for each index."""
    photo = (data.astronaut, data.coffee, data.rocket)[index % 3]()
    top, left = 30 + 17 * (index // 3), 100 + 29 * (index // 3)
    return Image.fromarray(photo[top : top + 40, left : left + 48])


def make(folder: Path, indices, distort) -> Path:
    for part in ("ref", "jnd"):
        (folder / part).mkdir(parents=True)
    for index in indices:
        picture(index).save(folder / "ref" / f"p{index}.png")
        distort(picture(index)).save(folder / "jnd" / f"p{index}.png")
    return folder


def blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.BoxBlur(1))


def darker(image: Image.Image) -> Image.Image:
    return image.point(lambda level: level * 0.9)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs by two codecs, of 22 images and of 17 of them."""
    root = tmp_path_factory.mktemp("made")
    make(root / "blur", range(22), blurred)
    make(root / "dark", range(17), darker)
    return root


def test_a_pair_is_read_as_one_picture_of_six_planes(made: Path) -> None:
    recipe = Nothing()
    (paths,) = recipe.find([made]).values()
    assert len(paths) == 22 + 17
    for path in (made / "blur" / "ref" / "p3.png", made / "dark" / "ref" / "p3.png"):
        planes = recipe.read(path)
        assert planes.dtype == np.uint8
        assert np.array_equal(planes[:3], np.asarray(picture(3)).transpose(2, 0, 1))
        critical = (blurred if "blur" in path.parts else darker)(picture(3))
        assert np.array_equal(planes[3:], np.asarray(critical).transpose(2, 0, 1))
    with pytest.raises(ImgreduxError, match="pristine image of no pair"):
        recipe.read(made / "blur" / "jnd" / "p3.png")


def test_all_codecs_of_a_picture_are_on_one_side(made: Path) -> None:
    for folders in ([made], [made / "dark", made / "blur"]):
        kept, held = split(Nothing().find(folders))
        assert len({path.stem for path in held}) == 3
        assert not {path.stem for path in held} & {path.stem for path in kept}
        assert len(kept) + len(held) == 39


def test_crops_of_both_images_are_of_one_place(made: Path) -> None:
    recipe = Nothing(crop=16)
    recipe.find([made / "dark"])
    images = Images([recipe.read(made / "dark" / "ref" / f"p{index}.png") for index in range(3)])
    crops = images.crops(20, 16, torch.Generator().manual_seed(0))
    reference, critical = recipe.sample(crops, torch.Generator())
    assert reference.shape == critical.shape == (20, 3, 16, 16)
    assert (critical - 0.9 * reference).abs().max() <= 1.01 / 255


def test_what_the_data_sets_of_others_hold_is_found(tmp_path: Path) -> None:
    sources, coded = tmp_path / "konjnd" / "source_image", tmp_path / "konjnd" / "jpeg"
    sources.mkdir(parents=True)
    coded.mkdir()
    picture(0).save(sources / "SRC1.png")
    picture(0).save(coded / "SRC1_JPEG_060.jpg", quality=41)
    rows = [["image_id", "Compression type", "mean"], ["SRC1.png", "JPEG", "60.2"]]
    with (tmp_path / "konjnd" / "subjective_ratings.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    split_layout = tmp_path / "more" / "test"
    make(split_layout, [4], blurred)
    (split_layout / "jnd").rename(split_layout / "JND1")
    recipe = Nothing()
    (paths,) = recipe.find([tmp_path]).values()
    assert [path.name for path in paths] == ["SRC1.png", "p4.png"]
    assert recipe.read(paths[0]).shape == (6, 40, 48)


def test_what_is_no_pair_is_left_out_and_told(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "blur", tmp_path / "some")
    (tmp_path / "some" / "jnd" / "p5.png").unlink()
    picture(6).resize((20, 20)).save(tmp_path / "some" / "jnd" / "p6.png")
    with pytest.warns(UserWarning, match="some: 2 left out, as .*p5.png has no partner"):
        (paths,) = Nothing().find([tmp_path]).values()
    assert {"p5", "p6"}.isdisjoint(path.stem for path in paths)
    (tmp_path / "plain").mkdir()
    picture(0).save(tmp_path / "plain" / "p.png")
    with pytest.raises(ImgreduxError, match=r"no pairs in .*imgredux make-pairs"):
        Nothing().find([tmp_path / "plain"])
    with pytest.raises(ImgreduxError, match="is no folder"):
        Nothing().find([tmp_path / "nowhere"])


def test_a_pair_that_changes_its_size_before_it_is_read_is_refused(tmp_path: Path) -> None:
    make(tmp_path, [0, 1], blurred)
    recipe = Nothing()
    (paths,) = recipe.find([tmp_path]).values()
    picture(0).resize((20, 20)).save(tmp_path / "jnd" / "p0.png")
    with pytest.raises(ImageError, match="not a pair"):
        recipe.read(paths[0])


@pytest.mark.parametrize("target", ["image", "map"])
def test_no_change_has_no_gain(made: Path, target) -> None:
    recipe = Nothing(target=target)
    recipe.find([made / "dark"])
    planes = [recipe.read(made / "dark" / "ref" / f"p{index}.png") for index in range(3)]
    figures = recipe.validate(None, Images(planes))  # pyright: ignore[reportArgumentType]
    center = [p[:, :32].astype(float) for p in planes]
    expected = np.mean([((p[3:] - p[:3]) ** 2).mean() for p in center])
    assert figures == pytest.approx({"gain": 0, "mse": expected, "mse_identity": expected}, abs=1e-3)


@pytest.mark.filterwarnings("ignore::Warning:lightning_fabric.*", "ignore::UserWarning:torch.*")
@pytest.mark.parametrize("tag", ["image", "map"])
def test_a_run_learns_what_the_pairs_show(twin: str, tag: str, made: Path, tmp_path: Path) -> None:
    assert train(f"{twin}.{tag}", [made / "dark"], tmp_path) == tmp_path / f"{tag}.safetensors"
    rows = [row for row in csv.DictReader((tmp_path / "log.csv").read_text("utf-8").splitlines()) if row["gain"]]
    assert float(rows[-1]["gain"]) > 3
    assert float(rows[-1]["mse"]) < float(rows[-1]["mse_identity"])
