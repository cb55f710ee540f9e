"""The command line as a user sees it: output, exit codes, one line for every error."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.io import imread
from typer.testing import CliRunner

import imgredux
from imgredux import Spec, registry
from imgredux.batch.record import RECORD
from imgredux.cli import app
from imgredux.maps import read_map
from imgredux.testing.inputs import as_jpeg, sample_image
from imgredux.testing.process import run_python

TOYS = """
import time
from imgredux.methods.base import Estimator
from imgredux.methods.restorer import Restorer


class PerChannel(Estimator):
    def forward(self, x):
        return x / 10 + 1 / 255


class Negative(Restorer):
    def forward(self, x, *, qtable=None):
        return 1 - x


class Faulty(Estimator):
    def forward(self, x):
        raise RuntimeError("out of\\nmemory")
"""


@pytest.fixture(scope="module", autouse=True)
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Methods that no distribution has: a map of every channel, a restorer, a codec, and one that raises."""
    package = tmp_path_factory.mktemp("toys") / "imgredux_cli_toys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "method.py").write_text(TOYS)
    kinds = {"PerChannel": "estimator", "Negative": "restorer", "Faulty": "estimator", "Squeeze": "codec"}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(package.parent)
        for cls, kind in kinds.items():
            target = f"imgredux_cli_toys.method:{cls}"
            spec = Spec(
                name=f"toy-{cls.lower()}",
                kind=kind,  # pyright: ignore[reportArgumentType]
                target=target,
                title="a toy",
                paper="none",
                license="Apache-2.0",
                context=0,
                exceptions={"batch": "a reason"},
            )
            patch.setitem(registry._plugins.known["method"], spec.name, spec)
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with three photographs in it."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.astronaut()[:60, :80]).save("astronaut.png")
    (tmp_path / "holiday").mkdir()
    Image.fromarray(data.chelsea()[:60, :80]).save("holiday/a cat.jpg")
    Image.fromarray(data.camera()[:60, :80]).save("holiday/camera.png")
    return tmp_path


def made(folder: str) -> set[str]:
    """The files of a folder, its record and lock left out."""
    return {path.name for path in Path(folder).iterdir() if RECORD not in path.name}


def imgredux_(*arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command prints on stdout and stderr, its exit code being `code`."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result.stdout, result.stderr


def process(*arguments: str | bytes, code: int = 0, **environment: str) -> tuple[str, str]:
    """The same as a process of its own."""
    path = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-m", "imgredux", *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def test_version_and_help() -> None:
    assert imgredux_("--version") == (f"imgredux {imgredux.__version__}\n", "")
    out, _ = imgredux_("--help")
    assert all(f"  {command}  " in out for command in ("list", "info", "run"))
    assert "imgredux run wei2009 photo.jpg -o photo.jnd.png --heatmap" in out
    assert "Exit codes: 0 all done, 2 wrong usage, 3 some files failed" in imgredux_("run", "--help")[0]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list"], ["info", "flat"], ["run", "--help"]])
def test_what_computes_nothing_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom imgredux.cli import app\n"
        "try:\n    app(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'numpy', 'PIL', 'kornia', 'scipy'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    assert run_python(code, *arguments).splitlines()[-1] == "heavy: []"


def test_list_names_what_is_installed() -> None:
    names = imgredux_("list", "-q")[0].split()
    assert {"flat", "localstd", "toy-negative"} <= set(names)
    assert names == sorted(names)
    assert imgredux_("-q", "list")[0].split() == names
    estimators = imgredux_("list", "-q", "--kind", "estimator")[0].split()
    assert "flat" in estimators
    assert "toy-negative" not in estimators
    _, err = imgredux_("list", "--kind", "sculpture", code=2)
    assert "sculpture" in err


def broken_plugin(folder: Path, name: str, code: str, *, installs: int = 1) -> None:
    """Distributions as pip leaves them, one module between them."""
    (folder / f"broken_{name}.py").write_text(code)
    for index in range(installs):
        metadata = folder / f"dist_{name}{index}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{name}{index}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[imgredux.estimators]\n{name} = broken_{name}\n")


def test_list_check_shows_what_is_broken_and_why(tmp_path: Path) -> None:
    out, _ = process("list", "--check")
    assert "flat             estimator  imgredux-baselines" in out
    broken_plugin(tmp_path, "cracked", "import nothing_of_this_name")
    broken_plugin(tmp_path, "twice", "", installs=2)
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    out, err = process("list", "--check", code=3, PYTHONPATH=path)
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["flat"].endswith("ok")
    assert "broken: the plugin for 'cracked' is installed but cannot be loaded: ModuleNotFoundError" in lines["cracked"]
    assert "broken: two distributions provide the method 'twice': dist-twice0 1.0 and dist-twice1 1.0" in lines["twice"]
    assert not err
    out, err = process("list", "--kind", "estimator", PYTHONPATH=path)
    assert "flat" in out.split()
    assert "cracked" not in out.split()
    assert err.splitlines()[0].startswith("imgredux: warning: the plugin for 'cracked'")
    _, err = process("info", "cracked", code=3, PYTHONPATH=path)
    assert err.startswith("imgredux: the plugin for 'cracked'")


def test_info_shows_the_declaration() -> None:
    lines = dict(line.split(None, 1) for line in imgredux_("info", "localstd")[0].splitlines())
    spec = imgredux.info("localstd").spec
    assert lines["name"] == "localstd"
    assert lines["kind"] == "estimator"
    assert lines["title"] == spec.title
    assert lines["distribution"].startswith("imgredux-baselines ")
    assert lines["gradients"] == "yes"
    assert lines["weights"] == "none"
    out, _ = imgredux_("info", "toy-negative")
    assert "registered at run time" in out
    assert "exception     batch: a reason" in out
    _, err = imgredux_("info", "localst", code=2)
    assert err.startswith("imgredux: no method named 'localst'. Did you mean localstd? Installed: ")


def test_one_image_makes_one_file(folder: Path) -> None:
    assert imgredux_("run", "localstd", "astronaut.png", "-o", "map.png") == ("", "")
    assert {path.name for path in folder.iterdir()} == {"astronaut.png", "holiday", "map.png"}
    assert np.abs(read_map("map.png") - imgredux.get("localstd")("astronaut.png")).max() <= 1 / 512


def test_companions_stand_beside_the_map(folder: Path) -> None:
    arguments = ("--heatmap", "--overlay", "--inject-mse", "26.8", "--seed", "3")
    out, err = imgredux_("run", "localstd", "astronaut.png", "-o", "maps/a.npy", *arguments)
    names = {"a.npy", "a.heatmap.png", "a.overlay.png", "a.mse26.8.png"}
    assert {path.name for path in (folder / "maps").iterdir()} == names
    pixels, noisy = imread("astronaut.png"), imread("maps/a.mse26.8.png")
    expected = imgredux.inject(pixels, read_map("maps/a.npy"), 26.8, seed=3)
    assert np.array_equal(noisy, expected.image)
    assert out == f"astronaut.png: phi {expected.phi:.4g}, MSE {expected.mse:.4g}\n"
    assert not err


def test_a_target_that_is_missed_is_said(folder: Path) -> None:
    Image.new("L", (64, 64), 128).save("grey.png")
    out, _ = imgredux_("run", "flat", "grey.png", "-o", "map.png", "--inject-mse", "16.121")
    assert out.startswith("grey.png: phi 4.015, MSE 16, not the 16.121 asked for")


def test_folders_make_folders(folder: Path) -> None:
    imgredux_("run", "flat", "holiday", "astronaut.png", "-o", "maps", "--format", "tiff", "--heatmap")
    stems = ("a cat", "astronaut", "camera")
    expected = {f"{stem}.flat.{end}" for stem in stems for end in ("tiff", "heatmap.png")}
    assert made("maps") == expected


def test_a_bad_file_stops_nobody(folder: Path) -> None:
    Path("holiday/text.png").write_text("no image")
    Path("holiday/cut.png").write_bytes(Path("astronaut.png").read_bytes()[:2000])
    out, err = imgredux_("run", "flat", "holiday", "missing.png", "-o", "maps", code=3)
    lines = err.splitlines()
    assert [line.rpartition(": ")[0].partition(": cannot")[0] for line in lines[:-1]] == [
        f"imgredux: {name}"
        for name in (
            Path("holiday/cut.png"),
            Path("holiday/text.png"),
            "missing.png: [Errno 2] No such file or directory",
        )
    ]
    assert lines[-1] == "imgredux: 5 files: 2 done, 3 failed"
    assert not out
    assert made("maps") == {"a cat.flat.png", "camera.flat.png"}


def test_existing_files_are_kept_without_force(folder: Path) -> None:
    Path("map.png").write_text("precious")
    _, err = imgredux_("run", "flat", "astronaut.png", "-o", "map.png", code=3)
    assert err == (
        "imgredux: astronaut.png: map.png exists already, and was not made here: "
        "only --force (force=True) overwrites it\n"
    )
    assert Path("map.png").read_text() == "precious"
    imgredux_("run", "flat", "astronaut.png", "-o", "map.png", "--force")
    assert (read_map("map.png") == 1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flat", "holiday", "-o", "holiday"], "is the folder that is read"),
        (["flat", "astronaut.png", "-o", "map.jpg"], "must end in one of .png, .npy, .tif, .tiff"),
        (["flat", "astronaut.png", "-o", "map.png", "--inject-mse", "0"], "give a number above 0"),
        (["flat", "empty", "-o", "maps"], "holds no image file"),
        (["flat", "astronaut.png", "-o", "map.png", "--device", "abacus"], "the device 'abacus' cannot be used"),
        (["nosuch", "astronaut.png", "-o", "map.png"], "no method named 'nosuch'"),
        (["toy-squeeze", "astronaut.png", "-o", "map.png"], "run takes estimators and restorers"),
        (["toy-negative", "astronaut.png", "-o", "out.png", "--heatmap"], "a restorer gives images"),
        (
            ["flat", "astronaut.png", "-o", "map.png", "--quality", "20"],
            "a quality is of the JPEG that a restorer undoes",
        ),
    ],
)
def test_wrong_usage_writes_nothing(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "empty").mkdir()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    out, err = imgredux_("run", *arguments, code=2)
    assert err.startswith("imgredux: ")
    assert message in err
    assert err.count("\n") == 1
    assert not out
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    "arguments", [["flat"], ["flat", "astronaut.png"], ["flat", "x", "-o", "y", "--seed", "z"], []]
)
def test_missing_arguments_are_wrong_usage(arguments: list[str]) -> None:
    _, err = imgredux_("run", *arguments, code=2)
    assert "Error" in err


def test_restorers_write_images_and_say_what_they_did(folder: Path) -> None:
    out, err = imgredux_("run", "toy-negative", "holiday/a cat.jpg", "-o", "restored.png")
    cat, camera = Path("holiday/a cat.jpg"), Path("holiday/camera.png")
    assert (out, err) == (f"{cat}: JPEG quality 75 (file, 4:2:0); toy-negative\n", "")
    assert np.array_equal(imread("restored.png"), 255 - imread(cat))
    out, _ = imgredux_("run", "toy-negative", "holiday", "-o", "restored")
    assert made("restored") == {"a cat.toy-negative.png", "camera.toy-negative.png"}
    assert out.splitlines()[1] == f"{camera}: no trace of JPEG; untouched"
    assert np.array_equal(imread("restored/camera.toy-negative.png"), imread(camera))
    assert not logging.getLogger("imgredux").handlers


def test_a_quality_may_be_forced(folder: Path) -> None:
    out, _ = imgredux_("run", "toy-negative", "astronaut.png", "-o", "restored.png", "--quality", "20")
    assert out == "astronaut.png: taken for JPEG quality 20; toy-negative\n"
    assert np.array_equal(imread("restored.png"), 255 - imread("astronaut.png"))
    _, err = imgredux_("run", "toy-negative", "a.png", "-o", "b.png", "--quality", "101", code=2)
    assert "--quality" in err


@pytest.mark.usefixtures("only_registered")
def test_auto_takes_the_best_restorer_for_each_file(folder: Path, paint: Callable[..., Spec]) -> None:
    _, err = imgredux_("run", "auto", "holiday", "-o", "restored", code=2)
    assert err == (
        "imgredux: no restorer that states its gains is installed. Install one with: pip install 'imgredux[all]'\n"
    )
    paint("painter", {"low": "y = { 10 = 2 }\nrgb = { 10 = 2 }"})
    paint("plumber", {"high": "y = { 10 = 1, 50 = 3 }"})
    Image.new("CMYK", (8, 8)).save("holiday/print.jpg")
    as_jpeg(data.coins()[:60, :80], 10).save("holiday/b.jpg", quality="keep")
    as_jpeg(data.coins()[:60, :80], 60).save("holiday/c.jpg", quality="keep")
    out, err = imgredux_("run", "auto", "holiday", "-o", "restored", code=3)
    assert [line.partition(": ")[2] for line in out.splitlines()] == [
        "JPEG quality 75 (file, 4:2:0); painter.low",
        "JPEG quality 10 (file), graphics; painter.low",  # coins on a dark ground
        "JPEG quality 60 (file); plumber.high",
        "no trace of JPEG; untouched",
    ]
    cmyk = "PIL mode 'CMYK': convert it first: image.convert('RGB')"
    assert err == f"imgredux: {Path('holiday/print.jpg')}: {cmyk}\nimgredux: 5 files: 4 done, 1 failed\n"
    names = {f"{stem}.auto.png" for stem in ("a cat", "b", "c", "camera")}
    assert made("restored") == names
    assert np.unique(imread("restored/c.auto.png")).tolist() == [10]
    _, err = imgredux_("run", "auto", "holiday", "-o", "x", "--device", "abacus", code=2)
    assert "the device 'abacus' cannot be used" in err


def test_a_map_of_channels_is_not_squeezed_into_a_png(folder: Path) -> None:
    _, err = imgredux_("run", "toy-perchannel", "astronaut.png", "-o", "map.png", code=3)
    assert err == "imgredux: astronaut.png: a map of 3 channels does not fit a PNG: use .npy or .tiff\n"
    imgredux_("run", "toy-perchannel", "astronaut.png", "-o", "map.npy")
    assert read_map("map.npy").shape == (60, 80, 3)


def test_what_a_method_raises_is_one_line(folder: Path) -> None:
    _, err = imgredux_("run", "toy-faulty", "astronaut.png", "-o", "map.png", code=3)
    assert err == "imgredux: astronaut.png: RuntimeError: out of\\nmemory\n"


@pytest.mark.filterwarnings("default")
def test_warnings_are_one_line(folder: Path) -> None:
    frames = [Image.fromarray(sample_image(20, 30, seed=i)) for i in range(3)]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    _, err = imgredux_("run", "flat", "moving.gif", "-o", "map.png")
    assert err == "imgredux: warning: moving.gif: holds 3 frames, the first is read\n"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text on this platform")
def test_any_file_name_is_done_and_named_on_one_line(folder: Path) -> None:
    names = [b"line\nbreak.png", b"two words.png", b"\xff\xfe.png"]
    Image.fromarray(sample_image(20, 30)).save("plain.png")
    for name in names:
        Path(os.fsdecode(name)).write_bytes(Path("plain.png").read_bytes())
    out, err = process("run", "localstd", *names, "-o", "maps", "--inject-mse", "50")
    labels = [line.partition(":")[0] for line in out.splitlines()]
    assert (labels, err) == (
        ["line\\nbreak.png", "two words.png", "\\udcff\\udcfe.png"],
        "imgredux: 3 files: 3 done\n",
    )
    written = {os.fsencode(name) for name in made("maps")}
    assert written == {name[:-4] + end for name in names for end in (b".localstd.png", b".localstd.mse50.png")}
    for name in names:
        Path(os.fsdecode(name)).write_text("no image")
    _, err = process("run", "localstd", *names, "-o", "maps", "--force", code=3)
    assert err.count("\n") == 4  # three files and the sum


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_terminated_run_leaves_no_partial_file(folder: Path) -> None:
    many = folder / "many"
    many.mkdir()
    for index in range(300):
        Image.fromarray(data.camera()[:300, :300]).save(many / f"{index:03}.png", compress_level=1)
    run = subprocess.Popen(
        [sys.executable, "-m", "imgredux", "run", "localstd", "many", "-o", "maps", "--heatmap"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stderr=subprocess.PIPE,
    )
    while not list(folder.glob("maps/*.png")) and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=60)
    assert run.returncode != 0
    assert b"Traceback" not in err
    written = [Path("maps", name) for name in made("maps")]
    assert 0 < len(written) < 600
    assert all(path.suffix == ".png" for path in written)
    for path in written:
        imread(path)
