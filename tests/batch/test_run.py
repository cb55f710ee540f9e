"""Many files through one method: names, whole files or none, and one bad file that stops nobody."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from skimage import data
from skimage.io import imread

import imgredux
from imgredux import Estimator, ImgreduxError, Restorer, Spec, registry
from imgredux.batch import engine
from imgredux.batch.outputs import FileResult
from imgredux.batch.record import RECORD
from imgredux.batch.run import Run
from imgredux.io.finding import find_images
from imgredux.maps import read_map
from imgredux.testing.inputs import as_jpeg, sample_image
from imgredux.testing.process import run_python


class PerChannel(Estimator):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 10 + 1 / 255


class Negative(Restorer):
    def forward(self, x: torch.Tensor, *, qtable: torch.Tensor | None = None) -> torch.Tensor:
        return 1 - x


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """An estimator with a map of every channel, and a restorer."""
    for name, kind, cls in (("toy-estimator", "estimator", "PerChannel"), ("toy-restorer", "restorer", "Negative")):
        about = {"title": "a toy", "paper": "none", "license": "Apache-2.0", "context": 0}
        spec = Spec(name=name, kind=kind, target=f"{__name__}:{cls}", **about)  # pyright: ignore[reportArgumentType]
        monkeypatch.setitem(registry._plugins.known["method"], name, spec)


def run(name: str, inputs: list[Path], out: Path, *, force: bool = False, **options: Any) -> list[FileResult]:
    """What comes of each input, in this process; what is left out is not among it."""
    results = engine.run(Run(name, **options), inputs, out, jobs=1, force=force)
    return [result for result in results if result.left_out is None]


def made(folder: Path) -> set[str]:
    """The files of a folder, its record and lock left out."""
    return {path.name for path in folder.iterdir() if RECORD not in path.name}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photographs, and what a folder holds besides."""
    Image.fromarray(data.chelsea()[:40, :56]).save(tmp_path / "b cat.png")
    Image.fromarray(data.camera()[:40, :56]).save(tmp_path / "a.JPG")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    (tmp_path / "sub.png").mkdir()
    return tmp_path


def test_a_folder_stands_for_its_image_files(folder: Path) -> None:
    assert [path.name for path in find_images([folder])] == ["a.JPG", "b cat.png"]
    assert find_images([folder / "notes.txt", folder])[0].name == "notes.txt"
    with pytest.raises(ImgreduxError, match="holds no image file"):
        find_images([folder / "sub.png"])


def test_one_file_makes_the_file_named(folder: Path) -> None:
    (done,) = run("flat", [folder / "a.JPG"], folder / "map.tiff", heatmap=True, overlay=True, inject_mse=26.8)
    names = ["map.tiff", "map.heatmap.png", "map.overlay.png", "map.mse26.8.png"]
    assert [path.name for path in done.outputs] == names
    assert all(path.exists() for path in done.outputs)
    (done,) = run("flat", [folder / "a.JPG"], folder)  # an existing folder, for one file too
    assert done.outputs == (folder / "a.flat.png",)


def test_several_files_make_a_folder(folder: Path) -> None:
    done = run("wei2009", [folder], folder / "maps", format="npy", heatmap=True)
    assert [[path.name for path in one.outputs] for one in done] == [
        ["a.wei2009.npy", "a.wei2009.heatmap.png"],
        ["b cat.wei2009.npy", "b cat.wei2009.heatmap.png"],
    ]


@pytest.mark.parametrize(
    ("name", "inputs", "out", "options", "message"),
    [
        ("flat", [], "maps", {}, "no input"),
        ("flat", ["a.JPG"], "map.jpg", {}, "must end in one of .png, .npy, .tif, .tiff"),
        ("flat", ["a.JPG"], "map", {}, "must end in one of"),
        ("flat", ["a.JPG"], "map.png", {"format": "npy"}, "must end in one of .npy"),
        ("flat", ["a.JPG", "b cat.png"], "maps.png", {}, "named like a file"),
        ("flat", ["a.JPG"], "map.png", {"inject_mse": 0.0}, "give a number above 0"),
        ("flat", ["a.JPG"], "map.png", {"inject_mse": float("nan")}, "give a number above 0"),
        ("flat", ["a.JPG"], "map.png", {"quality": 10}, "a quality is of the JPEG that a restorer undoes"),
        ("jpeg444", ["a.JPG"], "map.png", {}, "run takes estimators and restorers"),
        ("toy-restorer", ["a.JPG"], "out.png", {"heatmap": True}, "no maps to show"),
        ("toy-restorer", ["a.JPG", "b cat.png"], "out", {"format": "npy"}, "no arrays"),
        ("toy-restorer", ["a.JPG"], "out.npy", {}, "must end in one of .png, .jpg"),
        ("toy-restorer", ["a.JPG"], "out.jpg", {"max_growth": 0.5}, "give 1 or more"),
        ("flat", ["a.JPG"], "map.png", {"max_growth": 1.5}, "max_growth is of a restored JPEG"),
        ("flat", ["a.JPG"], "map.png", {"format": "jpg"}, "a map is written as"),
        ("auto", ["a.JPG"], "out.png", {"weights": "w.pth"}, "auto chooses among methods"),
        ("flat", ["."], ".", {}, "the folder that is read"),
        ("flat", ["."], "notes.txt", {}, "is a file"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    name: str, inputs: list[str], out: str, options: dict, message: str, folder: Path
) -> None:
    before = made(folder)
    with pytest.raises(ImgreduxError, match=message):
        run(name, [folder / one for one in inputs], folder / out, **options)
    assert made(folder) == before


def test_an_input_is_never_written_over(folder: Path) -> None:
    for force in (False, True):
        (done,) = run("flat", [folder / "b cat.png"], folder / "b cat.png", force=force)
        assert "is an input: it would be overwritten" in (done.error or "")
    (folder / "map.heatmap.png").write_bytes((folder / "b cat.png").read_bytes())
    (done,) = run("flat", [folder / "map.heatmap.png"], folder / "map.png", heatmap=True, force=True)
    assert "is an input" in (done.error or "")


def test_a_bad_file_stops_nobody(folder: Path) -> None:
    (folder / "text.png").write_text("no image")
    whole = (folder / "b cat.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    done = run("flat", [folder, folder / "missing.png", folder / "notes.txt"], folder / "maps", inject_mse=100)
    failed = {result.input.name: (result.error or "", result.reason) for result in done if result.error}
    assert {name: reason for name, (_, reason) in failed.items()} == {
        "text.png": "corrupt",
        "truncated.png": "corrupt",
        "missing.png": "missing",
        "notes.txt": "corrupt",
    }
    good = {path.name for result in done if not result.error for path in result.outputs}
    assert made(folder / "maps") == good
    assert len(good) == 4
    run("flat", [folder / "b cat.png"], folder / "alone.png", inject_mse=100)
    assert (folder / "alone.png").read_bytes() == (folder / "maps" / "b cat.flat.png").read_bytes()
    assert (folder / "alone.mse100.png").read_bytes() == (folder / "maps" / "b cat.flat.mse100.png").read_bytes()


def test_existing_files_need_force(folder: Path) -> None:
    target = folder / "map.png"
    target.write_text("precious")
    (done,) = run("flat", [folder / "a.JPG"], target)
    assert "exists already" in (done.error or "")
    assert target.read_text() == "precious"
    (done,) = run("flat", [folder / "a.JPG"], target, force=True)
    assert done.error is None
    assert (read_map(target) == 1).all()


def test_the_map_written_is_the_map(folder: Path) -> None:
    jnd = imgredux.get("localstd")(folder / "b cat.png")
    for suffix, tolerance in ((".png", 1 / 512), (".npy", 0), (".tiff", 0)):
        run("localstd", [folder / "b cat.png"], folder / f"map{suffix}")
        assert np.abs(read_map(folder / f"map{suffix}") - jnd).max() <= tolerance
    with Image.open(folder / "map.png") as image:
        text = image.info
    assert (text["imgredux:method"], text["imgredux:version"]) == ("localstd", imgredux.__version__)


def test_the_injected_image_is_what_inject_gives(folder: Path) -> None:
    source = folder / "b cat.png"
    (done,) = run("localstd", [source], folder / "m.png", inject_mse=26.8, seed=7)
    expected = imgredux.inject(source, imgredux.get("localstd")(source), 26.8, seed=7)
    assert np.array_equal(imread(folder / "m.mse26.8.png"), np.asarray(expected.image))
    assert tuple(done.facts[key] for key in ("phi", "mse", "reached")) == expected[1:]


def test_a_map_of_channels_needs_npy_or_tiff(folder: Path) -> None:
    source = folder / "b cat.png"
    (done,) = run("toy-estimator", [source], folder / "map.png", heatmap=True)
    assert done.error == "a map of 3 channels does not fit a PNG: use .npy or .tiff"
    assert not (folder / "map.png").exists()
    assert not (folder / "map.heatmap.png").exists()
    for suffix in (".npy", ".tiff"):
        (done,) = run("toy-estimator", [source], folder / f"map{suffix}", heatmap=True, force=True)
        assert done.error is None
        assert np.array_equal(read_map(folder / f"map{suffix}"), imgredux.get("toy-estimator")(source))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp", ".bmp"])
def test_a_restorer_writes_images(folder: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a cat"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(data.chelsea()[:64, :80]).save(folder / "old.jpg", quality=20, exif=exif, icc_profile=profile)
    pixels = imread(folder / "old.jpg")
    (done,) = run("toy-restorer", [folder / "old.jpg"], folder / f"new{suffix}")
    assert done.error is None
    with Image.open(folder / f"new{suffix}") as image:
        image.load()
    error = np.abs(np.asarray(image, int) - (255 - pixels.astype(int)))
    assert error.mean() < 2 if suffix == ".jpg" else not error.any()
    if suffix != ".bmp":  # which holds neither
        assert image.getexif()[0x010E] == "a cat"
        assert image.info["icc_profile"] == profile
    if suffix == ".jpg":
        assert image.layer == [(b, 1, 1, q) for b, q in ((1, 0), (2, 1), (3, 1))]  # 4:4:4


def test_a_folder_is_restored_file_by_file(folder: Path) -> None:
    as_jpeg(data.chelsea()[:40, :56], 97).save(folder / "fine.jpg", quality="keep")
    Image.new("CMYK", (8, 8)).save(folder / "print.jpg", quality=20)
    done = {result.input.name: result for result in run("toy-restorer", [folder], folder / "out")}
    cure = "PIL mode 'CMYK': convert it first: image.convert('RGB')"
    assert {name: result.error for name, result in done.items() if result.error} == {"print.jpg": cure}
    for name, touched in {"a.JPG": True, "b cat.png": False, "fine.jpg": False}.items():
        before, after = imread(folder / name), imread(done[name].outputs[0])
        assert np.array_equal(after, 255 - before if touched else before)
    (again,) = run("toy-restorer", [folder / "b cat.png"], folder / "o.png", quality=20)
    assert np.array_equal(imread(folder / "o.png"), 255 - imread(again.input))


def test_a_full_disk_is_an_error_of_that_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Image.Image.save

    def save(self: Image.Image, file: object, *args: object, **options: object) -> None:
        if self.width == 56 and self.mode == "I;16":
            file.write(b"half of a PNG")  # pyright: ignore[reportAttributeAccessIssue]
            raise OSError(28, "No space left on device")
        original(self, file, *args, **options)  # pyright: ignore[reportArgumentType]

    Image.fromarray(data.coins()[:30, :30]).save(folder / "c.png")
    monkeypatch.setattr(Image.Image, "save", save)
    done = run("flat", [folder], folder / "maps")
    assert [one.error for one in done] == ["[Errno 28] No space left on device"] * 2 + [None]
    assert [one.reason for one in done] == ["disk", "disk", None]
    assert made(folder / "maps") == {"c.flat.png"}


def test_an_interrupt_ends_the_run_without_a_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(self: Image.Image, file: object, *_: object, **__: object) -> None:
        file.write(b"half of a PNG")  # pyright: ignore[reportAttributeAccessIssue]
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(KeyboardInterrupt):
        run("flat", [folder], folder / "maps")
    assert made(folder / "maps") == set()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="file names are not bytes on this platform")
@pytest.mark.parametrize("name", [b"two words.png", b"line\nbreak.png", b"\xff\xfe.png", "tärä.png".encode()])
def test_any_file_name_is_done(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    Image.fromarray(sample_image(9, 12)).save(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(path)
    (done,) = run("flat", [tmp_path], tmp_path / "maps", heatmap=True)
    assert done.error is None
    assert all(output.exists() for output in done.outputs)
    (again,) = run("flat", [tmp_path], tmp_path / "maps", heatmap=True)
    assert not again.made


def test_results_come_one_by_one(folder: Path) -> None:
    results = engine.run(Run("flat"), [folder], folder / "maps", jobs=1)
    assert isinstance(results, Iterator)
    while next(results).left_out is not None:
        pass
    assert len(made(folder / "maps")) == 1


def test_planning_and_maps_need_no_torch() -> None:
    code = "import sys, imgredux.batch.engine, imgredux.batch.run, imgredux.maps; print('torch' in sys.modules)"
    assert run_python(code).strip() == "False"


def test_a_restored_jpeg_grows_no_more_than_allowed(tmp_path: Path) -> None:
    clean = Image.fromarray(data.astronaut()[:256, :256])
    exif = Image.Exif()
    exif[0x010E] = "a rocket"
    clean.save(tmp_path / "old.jpg", quality=20, exif=exif)
    clean.save(tmp_path / "fine.jpg", quality=98)
    before = (tmp_path / "old.jpg").stat().st_size
    survived = []
    for growth in (1.2, 2.0):
        (result,) = run("slidingdct", [tmp_path / "old.jpg"], tmp_path / f"{growth}.jpg", max_growth=growth)
        assert result.error is None
        size = (tmp_path / f"{growth}.jpg").stat().st_size
        assert before < size <= growth * before
        assert result.facts["growth"] == pytest.approx(size / before)
        survived.append(result.facts["survives"])
        with Image.open(tmp_path / f"{growth}.jpg") as image:
            assert image.size == (256, 256)
            assert image.getexif()[0x010E] == "a rocket"
    assert 0 < survived[0] < survived[1] < 1
    (result,) = run("slidingdct", [tmp_path / "fine.jpg"], tmp_path / "same.jpg", max_growth=1.5)
    assert (tmp_path / "same.jpg").read_bytes() == (tmp_path / "fine.jpg").read_bytes()
    (result,) = run("slidingdct", [tmp_path / "old.jpg"], tmp_path / "whole.png", max_growth=1.2)
    assert "growth" not in result.facts  # PNG has no cap
    results = run(
        "slidingdct", [tmp_path / "old.jpg", tmp_path / "fine.jpg"], tmp_path / "out", format="jpg", max_growth=2
    )
    assert {name for name in made(tmp_path / "out") if name.endswith(".jpg")} == {
        "old.slidingdct.jpg",
        "fine.slidingdct.jpg",
    }
    assert all(result.error is None for result in results)
