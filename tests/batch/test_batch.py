"""Many files through one method: names, whole files or none, and one bad file that stops nobody."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms
from skimage import data
from skimage.io import imread

import imgredux
from imgredux import Estimator, ImageError, ImgreduxError, Restorer, Spec
from imgredux.batch.run import plan, run
from imgredux.io.files import atomic, write_image
from imgredux.io.finding import find_images
from imgredux.maps import read_map, write_map
from imgredux.testing.inputs import as_jpeg, sample_image
from imgredux.testing.process import run_python


class PerChannel(Estimator):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 10 + 1 / 255


class Negative(Restorer):
    def forward(self, x: torch.Tensor, *, qtable: torch.Tensor | None = None) -> torch.Tensor:
        return 1 - x


def toy(kind: str) -> imgredux.Method:
    method = PerChannel() if kind == "estimator" else Negative()
    method.spec = Spec(
        name=f"toy-{kind}", kind=kind, target="none:None", title="a toy", paper="none", license="Apache-2.0", context=0
    )
    return method


def half_written(path: Path, fault: BaseException) -> None:
    with atomic(path) as temporary:
        temporary.write_text("half")
        raise fault


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
    (job,) = plan([folder / "a.JPG"], folder / "map.tiff", "flat", heatmap=True, overlay=True, inject_mse=26.8)
    names = ["map.tiff", "map.heatmap.png", "map.overlay.png", "map.mse26.8.png"]
    assert [path.name for path in job.outputs] == names
    (job,) = plan([folder / "a.JPG"], folder, "flat")  # an existing folder, for one file too
    assert job.output == folder / "a.flat.png"


def test_several_files_make_a_folder(folder: Path) -> None:
    jobs = plan([folder], folder / "maps", "wei2009", format="npy", heatmap=True)
    assert [[path.name for path in job.outputs] for job in jobs] == [
        ["a.wei2009.npy", "a.wei2009.heatmap.png"],
        ["b cat.wei2009.npy", "b cat.wei2009.heatmap.png"],
    ]


@pytest.mark.parametrize(
    ("inputs", "out", "options", "message"),
    [
        (["x/a.png", "y/a.jpg"], "maps", {}, "x/a.png and y/a.jpg would both be written to maps/a.flat.png"),
        (["a.png", "a.png"], "maps", {}, "would both be written"),
        (["a.png"], "a.png", {}, "is an input: it would be overwritten"),
        (["map.heatmap.png"], "map.png", {"heatmap": True}, "is an input"),
        ([], "maps", {}, "no input"),
        (["a.png"], "map.jpg", {}, "must end in one of .png, .npy, .tif, .tiff"),
        (["a.png"], "map", {}, "must end in one of"),
        (["a.png"], "map.png", {"format": "npy"}, "is not of the format npy"),
        (["a.png", "b.png"], "maps.png", {}, "named like a file"),
        (["a.png"], "map.png", {"inject_mse": 0.0}, "give a number above 0"),
        (["a.png"], "map.png", {"inject_mse": float("nan")}, "give a number above 0"),
        (["a.png"], "map.png", {"kind": "codec"}, "run takes estimators and restorers"),
        (["a.png"], "out.png", {"kind": "restorer", "heatmap": True}, "no maps to show"),
        (["a.png", "b.png"], "out", {"kind": "restorer", "format": "npy"}, "no arrays"),
        (["a.png"], "out.npy", {"kind": "restorer"}, "must end in one of .png, .jpg"),
    ],
)
def test_wrong_plans_are_refused(inputs: list[str], out: str, options: dict, message: str) -> None:
    with pytest.raises(ImgreduxError, match=message):
        plan(inputs, out, "flat", **options)


def test_a_folder_is_not_read_and_written(folder: Path) -> None:
    with pytest.raises(ImgreduxError, match="the folder that is read"):
        plan([folder], folder, "flat")
    with pytest.raises(ImgreduxError, match="is a file"):
        plan([folder], folder / "notes.txt", "flat")


def test_a_bad_file_stops_nobody(folder: Path) -> None:
    (folder / "text.png").write_text("no image")
    whole = (folder / "b cat.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    jobs = plan([folder, folder / "missing.png", folder / "notes.txt"], folder / "maps", "flat", inject_mse=100)
    done = list(run(imgredux.get("flat"), jobs))
    failed = {result.input.name: result.error for result in done if result.error}
    assert set(failed) == {"text.png", "truncated.png", "missing.png", "notes.txt"}
    assert all("cannot be read as an image" in error for error in failed.values())
    good = {path for result in done if not result.error for path in result.outputs}
    assert set((folder / "maps").iterdir()) == good
    assert len(good) == 4
    alone = plan([folder / "b cat.png"], folder / "alone.png", "flat", inject_mse=100)
    list(run(imgredux.get("flat"), alone))
    assert (folder / "alone.png").read_bytes() == (folder / "maps" / "b cat.flat.png").read_bytes()
    assert (folder / "alone.mse100.png").read_bytes() == (folder / "maps" / "b cat.flat.mse100.png").read_bytes()


def test_existing_files_need_force(folder: Path) -> None:
    target = folder / "map.png"
    target.write_text("precious")
    jobs = plan([folder / "a.JPG"], target, "flat")
    (done,) = run(imgredux.get("flat"), jobs)
    assert done.error is not None
    assert "exists already" in done.error
    assert target.read_text() == "precious"
    (done,) = run(imgredux.get("flat"), jobs, force=True)
    assert done.error is None
    assert (read_map(target) == 1).all()


def test_the_map_written_is_the_map(folder: Path) -> None:
    jnd = imgredux.get("localstd")(folder / "b cat.png")
    for suffix, tolerance in ((".png", 1 / 512), (".npy", 0), (".tiff", 0)):
        list(run(imgredux.get("localstd"), plan([folder / "b cat.png"], folder / f"map{suffix}", "localstd")))
        assert np.abs(read_map(folder / f"map{suffix}") - jnd).max() <= tolerance
    with Image.open(folder / "map.png") as image:
        text = image.info
    assert (text["imgredux:method"], text["imgredux:version"]) == ("localstd", imgredux.__version__)


def test_the_injected_image_is_what_inject_gives(folder: Path) -> None:
    source = folder / "b cat.png"
    (done,) = run(imgredux.get("localstd"), plan([source], folder / "m.png", "localstd", inject_mse=26.8), seed=7)
    expected = imgredux.inject(source, imgredux.get("localstd")(source), 26.8, seed=7)
    assert np.array_equal(imread(folder / "m.mse26.8.png"), np.asarray(expected.image))
    assert tuple(done.facts[key] for key in ("phi", "mse", "reached")) == expected[1:]


def test_a_map_of_channels_needs_npy_or_tiff(folder: Path) -> None:
    method, source = toy("estimator"), folder / "b cat.png"
    (done,) = run(method, plan([source], folder / "map.png", "toy", heatmap=True))
    assert done.error == "a map of 3 channels does not fit a PNG: use .npy or .tiff"
    assert not (folder / "map.png").exists()
    assert not (folder / "map.heatmap.png").exists()
    for suffix in (".npy", ".tiff"):
        (done,) = run(method, plan([source], folder / f"map{suffix}", "toy", heatmap=True), force=True)
        assert done.error is None
        assert np.array_equal(read_map(folder / f"map{suffix}"), method(source))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp", ".bmp"])
def test_a_restorer_writes_images(folder: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a cat"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(data.chelsea()[:64, :80]).save(folder / "old.jpg", quality=20, exif=exif, icc_profile=profile)
    pixels = imread(folder / "old.jpg")
    (done,) = run(toy("restorer"), plan([folder / "old.jpg"], folder / f"new{suffix}", "toy", kind="restorer"))
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
    jobs = plan([folder], folder / "out", "toy", kind="restorer")
    done = {result.input.name: result for result in run(toy("restorer"), jobs)}
    cure = "PIL mode 'CMYK': convert it first: image.convert('RGB')"
    assert {name: result.error for name, result in done.items() if result.error} == {"print.jpg": cure}
    for name, touched in {"a.JPG": True, "b cat.png": False, "fine.jpg": False}.items():
        before, after = imread(folder / name), imread(done[name].outputs[0])
        assert np.array_equal(after, 255 - before if touched else before)
    (again,) = run(toy("restorer"), plan([folder / "b cat.png"], folder / "o.png", "toy", kind="restorer"), quality=20)
    assert np.array_equal(imread(folder / "o.png"), 255 - imread(again.input))


def test_what_a_format_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="JPEG does not hold PIL mode 'RGBA'"):
        write_image(tmp_path / "a.jpg", Image.new("RGBA", (4, 4)))
    with pytest.raises(ImageError, match=r"not written as \.xyz: use \.png"):
        write_image(tmp_path / "a.xyz", Image.new("RGB", (4, 4)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(1)])
def test_a_write_that_fails_midway_leaves_nothing(folder: Path, fault: BaseException) -> None:
    before = set(folder.iterdir())
    (folder / "old.png").write_text("old")
    for name in ("new.png", "old.png"):
        with pytest.raises(type(fault)):
            half_written(folder / name, fault)
    assert set(folder.iterdir()) == before | {folder / "old.png"}
    assert (folder / "old.png").read_text() == "old"


def test_a_full_disk_is_an_error_of_that_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Image.Image.save

    def save(self: Image.Image, file: object, *args: object, **options: object) -> None:
        if self.width == 56 and self.mode == "I;16":
            file.write(b"half of a PNG")  # pyright: ignore[reportAttributeAccessIssue]
            raise OSError(28, "No space left on device")
        original(self, file, *args, **options)  # pyright: ignore[reportArgumentType]

    Image.fromarray(data.coins()[:30, :30]).save(folder / "c.png")
    monkeypatch.setattr(Image.Image, "save", save)
    errors = [done.error for done in run(imgredux.get("flat"), plan([folder], folder / "maps", "flat"))]
    assert errors == ["[Errno 28] No space left on device"] * 2 + [None]
    assert [path.name for path in (folder / "maps").iterdir()] == ["c.flat.png"]


def test_an_interrupt_ends_the_run_without_a_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(self: Image.Image, file: object, *_: object, **__: object) -> None:
        file.write(b"half of a PNG")  # pyright: ignore[reportAttributeAccessIssue]
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(KeyboardInterrupt):
        list(run(imgredux.get("flat"), plan([folder], folder / "maps", "flat")))
    assert not list((folder / "maps").iterdir())


def test_a_killed_process_leaves_no_file_under_the_final_name(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from imgredux.io.files import atomic\n"
        "with atomic(sys.argv[1]) as temporary:\n"
        "    temporary.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with pytest.raises(AssertionError, match="signal 9"):
        run_python(code, str(tmp_path / "map.png"))
    assert not (tmp_path / "map.png").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="file names are not bytes on this platform")
@pytest.mark.parametrize("name", [b"two words.png", b"line\nbreak.png", b"\xff\xfe.png", "tärä.png".encode()])
def test_any_file_name_is_done(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    Image.fromarray(sample_image(9, 12)).save(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(path)
    (done,) = run(imgredux.get("flat"), plan([tmp_path], tmp_path / "maps", "flat", heatmap=True))
    assert done.error is None
    assert all(output.exists() for output in done.outputs)


def test_results_come_one_by_one(folder: Path) -> None:
    results = run(imgredux.get("flat"), plan([folder], folder / "maps", "flat"))
    assert isinstance(results, Iterator)
    assert next(results).error is None
    assert len(list((folder / "maps").iterdir())) == 1


@pytest.mark.parametrize("top", [200.0, 255.9, 5000.0, 1e-3, 0.0])
def test_a_png_map_is_as_exact_as_it_says(tmp_path: Path, top: float) -> None:
    jnd = (np.random.default_rng(0).random((20, 30)) * top).astype(np.float32)
    write_map(tmp_path / "m.png", jnd)
    with Image.open(tmp_path / "m.png") as image:
        scale, counts = float(image.info["imgredux:scale"]), np.asarray(image)
    assert scale == (1 / 256 if top < 256 else jnd.max() / 65535)
    assert np.abs(counts * scale - jnd).max() <= scale / 2 * 1.001
    assert np.abs(read_map(tmp_path / "m.png") - jnd).max() <= scale / 2 * 1.001


def test_a_tiff_map_is_read_by_others(tmp_path: Path) -> None:
    jnd = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    write_map(tmp_path / "m.tiff", jnd, method="flat")
    assert np.array_equal(tifffile.imread(tmp_path / "m.tiff"), jnd.transpose(2, 0, 1))
    write_map(tmp_path / "m.tiff", jnd[..., 0], method="flat")
    assert np.array_equal(tifffile.imread(tmp_path / "m.tiff"), jnd[..., 0])
    with tifffile.TiffFile(tmp_path / "m.tiff") as file:
        assert file.pages[0].description == "JND map, grey levels, flat"


def test_what_is_no_map_is_not_read_as_one(tmp_path: Path) -> None:
    Image.fromarray(sample_image(8, 9)).save(tmp_path / "photo.png")
    np.save(tmp_path / "counts.npy", np.ones((3, 3), int))
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "text.tiff").write_text("no map")
    for name, message in (
        ("photo.png", "no entry imgredux:scale"),
        ("counts.npy", "holds int64"),
        ("objects.npy", "allow_pickle"),
        ("text.tiff", "cannot identify"),
    ):
        with pytest.raises(ImageError, match=message):
            read_map(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_map(tmp_path / "missing.npy")


@pytest.mark.parametrize(
    ("jnd", "name", "message"),
    [
        (np.ones((3, 3)), "m.jpg", "not written as .jpg: use .png, .npy, .tif, .tiff"),
        (np.ones((3, 3)), "m", "a file without suffix"),
        (np.ones((3, 3, 3)), "m.png", "3 channels does not fit a PNG"),
        (-np.ones((3, 3)), "m.png", "not negative"),
        (np.full((3, 3), np.nan), "m.npy", "not negative"),
        (np.ones(3), "m.npy", r"shape \(3,\)"),
    ],
)
def test_bad_maps_are_not_written(tmp_path: Path, jnd: np.ndarray, name: str, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        write_map(tmp_path / name, jnd)
    assert not list(tmp_path.iterdir())


def test_planning_and_maps_need_no_torch() -> None:
    code = "import sys, imgredux.batch, imgredux.maps; print('torch' in sys.modules)"
    assert run_python(code).strip() == "False"
