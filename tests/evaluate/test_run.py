"""Results that survive a kill at any moment, protocols that give the published figures, and means over images."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.metrics import structural_similarity

import imgredux
from imgredux import ImgreduxError, Spec, registry
from imgredux.datasets import Dataset, Item, folder
from imgredux.evaluate import evaluate, paired, read_rows, summarize
from imgredux.evaluate.results import KEY, appending, key
from imgredux.io.shards import Shard
from imgredux.maps import concentration, peak
from imgredux.metrics import METRICS
from imgredux.ops.color import luma
from imgredux.protocols import load
from imgredux.testing.shared import shared

TOYS = '''
import time
from imgredux.methods.base import Estimator
from imgredux.methods.restorer import Restorer


class Zero(Estimator):
    def forward(self, x):
        return x[:, :1] * 0


class Faulty(Estimator):
    """Fails on grey images."""

    def forward(self, x):
        if x.shape[1] == 1:
            raise RuntimeError("too grey")
        return x[:, :1] * 0 + 1 / 255


class Half(Restorer):
    """Half way from the image to grey; the tables of the file must be there."""

    def forward(self, x, *, qtable=None):
        assert qtable.shape == (1, 2, 8, 8)
        return (x + 0.5) / 2


def beat(path):
    while True:
        with open(path, "a") as file:
            file.write(".")
        time.sleep(0.01)
'''
CHEAP = ["ssim", "ssimulacra2"]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Methods that no distribution has; the folder that holds their package."""
    package = tmp_path_factory.mktemp("toys") / "imgredux_evaluation_toys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "method.py").write_text(TOYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(package.parent)
        for cls, kind in {"Zero": "estimator", "Faulty": "estimator", "Half": "restorer"}.items():
            spec = Spec(
                name=f"toy-{cls.lower()}",
                kind=kind,  # pyright: ignore[reportArgumentType]
                target=f"imgredux_evaluation_toys.method:{cls}",
                title="a toy",
                paper="none",
                license="Apache-2.0",
            )
            patch.setitem(registry._plugins.known["method"], spec.name, spec)
        yield package.parent


@pytest.fixture
def photos(tmp_path: Path) -> Dataset:
    """Three photographs, the last in grey."""
    path = tmp_path / "photos"
    path.mkdir()
    Image.fromarray(data.astronaut()[:96, 150:260]).save(path / "astronaut.png")
    Image.fromarray(data.chelsea()[60:160, 90:220]).save(path / "chelsea.png")
    Image.fromarray(data.camera()[:96, :128]).save(path / "sky.png")
    return folder(path)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def measured(rows: list[dict]) -> dict[tuple, dict]:
    return {key(row): row["values"] for row in rows}


# What a run leaves behind


def test_a_row_says_what_was_measured_and_with_what(photos: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "results.jsonl"
    assert evaluate("jnd-equal-mse", ["flat"], [photos], out, levels=[16], metrics=CHEAP) == []
    rows = lines(out)
    assert [row["image"] for row in rows] == ["astronaut", "chelsea", "sky"]
    assert {(row["protocol"], row["method"], row["weights"], row["dataset"], row["level"]) for row in rows} == {
        ("jnd-equal-mse", "flat", "", "photos", 16)
    }
    info = registry.info("flat")
    for row in rows:
        assert set(row["values"]) == {*CHEAP, "concentration", "phi", "mse", "reached", "peak", "on_edges"}
        assert row["distribution"] == f"{info.distribution} {info.version}"
        assert row["version"] == imgredux.__version__
        assert row["commit"]
        assert 0 < row["seconds"] < 60
    assert read_rows(out) == rows


RUN = """
import sys
from imgredux.datasets import folder
from imgredux.evaluate import evaluate
evaluate("jnd-equal-mse", ["flat", "localstd"], [folder(sys.argv[1])], sys.argv[2], levels=[16.121, 100],
         seeds=[0, 1], metrics=["ssim", "ssimulacra2"], workers=int(sys.argv[3]))
"""


def start(code: str, *arguments: object) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=environment)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_loses_no_row_and_writes_none_twice(photos: Dataset, tmp_path: Path, workers: int) -> None:
    out, whole = tmp_path / "killed.jsonl", tmp_path / "whole.jsonl"
    source = photos.items[0].path.parent
    for _ in range(2):
        before = out.stat().st_size if out.exists() else 0
        child = start(RUN, source, out, workers)
        while (out.stat().st_size if out.exists() else 0) <= before and child.poll() is None:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
        if child.returncode == 0:
            break
    first = out.read_bytes()
    assert first.count(b"\n") > 0
    assert start(RUN, source, out, workers).wait() == 0
    assert start(RUN, source, whole, 1).wait() == 0
    assert out.read_bytes().startswith(first[: first.rfind(b"\n") + 1])
    rows = lines(out)
    assert len(rows) == len(measured(rows)) == 3 * 2 * 2 * 2
    assert measured(rows) == measured(lines(whole))


@pytest.mark.parametrize("left", [1, 14, 200, -1])
def test_half_a_line_is_dropped_and_measured_again(photos: Dataset, tmp_path: Path, left: int) -> None:
    out = tmp_path / "results.jsonl"

    def run() -> None:
        evaluate("jnd-equal-mse", ["flat", "localstd"], [photos], out, levels=[16], metrics=["ssim"])

    run()
    complete = lines(out)
    *kept, last = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(kept) + last[:left])  # -1: only the line's end is missing
    if left > 0:
        assert measured(read_rows(out)) == measured(complete[:-1])
    run()
    assert out.read_bytes().startswith(b"".join(kept))
    assert len(lines(out)) == len(complete)
    assert measured(lines(out)) == measured(complete)


@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_parts_of_a_run_measure_what_the_whole_measures(photos: Dataset, tmp_path: Path, engine) -> None:
    if engine == "ray":
        pytest.importorskip("ray.data", reason="Ray is not installed")
    whole, out = tmp_path / "whole.jsonl", tmp_path / "results.jsonl"
    how = {"levels": [16], "metrics": CHEAP}
    assert evaluate("jnd-equal-mse", ["flat", "localstd"], [photos], whole, **how) == []
    for shard in (Shard(2, 2), Shard(1, 2)):
        assert evaluate("jnd-equal-mse", ["flat", "localstd"], [photos], out, shard=shard, engine=engine, **how) == []
    assert not out.exists()
    found, expected = measured(read_rows(out)), measured(read_rows(whole))
    assert found.keys() == expected.keys()
    for one, values in expected.items():
        assert found[one] == pytest.approx(values, rel=1e-9)
    steps: list = []
    assert evaluate("jnd-equal-mse", ["flat", "localstd"], [photos], out, progress=steps.append, **how) == []
    assert not steps
    assert {path.name for path in tmp_path.glob("results*")} == {"results.jsonl"}
    assert measured(lines(out)) == found


def test_two_processes_do_not_write_one_file(photos: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    with appending(out), pytest.raises(ImgreduxError, match=r"results.jsonl: another process writes to it"):
        evaluate("jnd-equal-mse", ["flat"], [photos], out, metrics=[])
    assert evaluate("jnd-equal-mse", ["flat"], [photos], out, metrics=[]) == []


@pytest.mark.parametrize(
    "content", [b"notes", b"notes\n", b'{"a": 1}\n', b'{"protocol": 1, "values": {}}', b"\x89PNG\r\n\x1a\n\0\0"]
)
def test_a_file_of_something_else_is_left_alone(photos: Dataset, tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "notes.txt"
    out.write_bytes(content)
    with pytest.raises(ImgreduxError, match="line 1: no result of imgredux eval"):
        evaluate("jnd-equal-mse", ["flat"], [photos], out, metrics=[])
    assert out.read_bytes() == content


def test_what_is_there_is_not_measured_again(photos: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    steps = []

    def run(**options: object) -> list[dict]:
        steps.clear()
        options = {"levels": [16], "metrics": ["ssim"], **options}
        evaluate("jnd-equal-mse", ["flat"], [photos], out, progress=steps.append, **options)  # pyright: ignore
        return lines(out)

    assert len(run()) == 3
    assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert len(run()) == 3
    assert not steps
    assert len(run(seeds=[0, 1, 1])) == 6
    assert len(run(levels=[16, 100])) == 9
    # A column more: the new row has the old one's too, and takes its place.
    assert len(run(metrics=["ssimulacra2"])) == 12
    assert len(read_rows(out)) == 9
    both = [row for row in read_rows(out) if {"ssim", "ssimulacra2"} <= row["values"].keys()]
    assert [(row["level"], row["seed"]) for row in both] == [(16, 0)] * 3
    assert len(run(metrics=["ssim", "ssimulacra2"])) == 12


@pytest.mark.parametrize("field", ["version", "distribution", "digest"])
def test_rows_of_other_code_or_weights_are_measured_again(photos: Dataset, tmp_path: Path, field: str) -> None:
    out = tmp_path / "results.jsonl"

    def run() -> int:
        steps = []
        evaluate("jnd-equal-mse", ["flat"], [photos], out, levels=[16], metrics=["ssim"], progress=steps.append)
        return len(steps)

    run()
    first, *others = lines(out)
    out.write_text("".join(json.dumps(row) + "\n" for row in [{**first, field: "0.0.9"}, *others]))
    assert run() == 1
    assert len(lines(out)) == 4
    assert [row[field] for row in read_rows(out)] == [others[0][field]] * 3
    assert run() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_method_that_fails_hurts_nobody_and_is_tried_again(
    photos: Dataset, tmp_path: Path, toys: Path, workers: int
) -> None:
    out = tmp_path / "results.jsonl"
    for total in (12, 2):
        steps = []
        failed = evaluate(
            "jnd-equal-mse",
            ["toy-faulty", "flat"],
            [photos],
            out,
            levels=[16, 36],
            metrics=["ssim"],
            workers=workers,
            progress=steps.append,
        )
        assert [(step.what, step.error) for step in failed] == [("toy-faulty, photos, sky", "RuntimeError: too grey")]
        assert steps[-1].done == steps[-1].total == total
        assert len(lines(out)) == 10


def test_no_process_outlives_a_killed_run(tmp_path: Path, toys: Path) -> None:
    code = (
        "import sys\nfrom imgredux.batch.processes import in_processes\n"
        "from imgredux_evaluation_toys.method import beat\n"
        "list(in_processes(beat, sys.argv[1:], 2))"
    )
    beats = [tmp_path / "one", tmp_path / "two"]
    child = start(code, *beats)
    while not all(path.exists() for path in beats):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    for _ in range(100):
        before = [path.stat().st_size for path in beats]
        time.sleep(0.2)
        if [path.stat().st_size for path in beats] == before:
            return
    pytest.fail("the workers of a killed run go on")


def test_what_is_wrong_from_the_start_is_said_at_once(photos: Dataset, tmp_path: Path, toys: Path) -> None:
    out = tmp_path / "results.jsonl"

    def refused(match: str, protocol: str = "jnd-equal-mse", methods: tuple = ("flat",), **options: object) -> None:
        sets = options.pop("datasets", [photos])
        with pytest.raises(ImgreduxError, match=match):
            evaluate(protocol, methods, sets, out, **{"metrics": [], **options})  # pyright: ignore

    refused("no protocol named 'jnd'. Installed: .*jnd-equal-mse, jnd-konjnd, .*jpeg-double, jpeg-rgb, jpeg-y", "jnd")
    refused("no method: name one", methods=())
    refused("no method named 'flta'. Did you mean flat", methods=("flta",))
    refused("flat is of the kind estimator: jpeg-y measures restorers", "jpeg-y")
    refused("flat has no weights 'v2'", methods=("flat.v2",))
    refused("has no metric vmaf. Choose from: ssim, lpips, ssimulacra2, .*psnr_hvs", metrics=["vmaf"])
    refused("jnd-konjnd has no metric ssim. Choose from: it takes none", "jnd-konjnd", metrics=["ssim"])
    refused("has no target MSE 0 or -1", levels=[0, -1, 16])
    refused("has no JPEG quality 12.5 or 101", "jpeg-y", ("jpeg",), levels=[12.5, 101])
    refused("two data sets are named photos", datasets=[photos, photos])
    refused("the device 'cuda:99' cannot be used", device="cuda:99")
    assert not out.exists() or not out.read_bytes()


# Protocols


def row_of(name: str, directory: str, quality: int, count: int, *columns: str) -> list[str]:
    """Means over the images of the JPEG's own values, in as many digits as they are published."""
    protocol = load(name)
    items = folder(shared(directory)).items
    assert len(items) == count
    values = [protocol.begin(None, item, columns)(quality, 0).values for item in items]
    means = [np.mean([value[column] for value in values]) for column in columns]  # pyright: ignore
    return [f"{mean:.4f}" if column.startswith("ssim") else f"{mean:.3f}" for column, mean in zip(columns, means)]  # noqa: B905


# PSNR, SSIM with the Gaussian window, PSNR-B, SSIM with the 8x8 box: the JPEG rows of published tables (DnCNN, FBCNN,
# and AR-CNN for the last).
Y_ROWS = [
    ("classic5", 5, 10, "27.821 0.7595 25.209"),
    ("classic5", 5, 20, "30.123 0.8344 27.501"),
    ("classic5", 5, 30, "31.484 0.8666 28.939"),
    ("classic5", 5, 40, "32.428 0.8849 29.921"),
    ("live1_gray", 29, 10, "27.770 0.7730 25.333 0.7905"),
    ("live1_gray", 29, 20, "30.072 0.8512 27.566 0.8683"),
    ("live1_gray", 29, 30, "31.407 0.8851 28.923 0.9000"),
    ("live1_gray", 29, 40, "32.355 0.9041 29.957 0.9173"),
    ("bsds500", 200, 10, "27.800 0.7684 25.096"),
]


@pytest.mark.parametrize(("name", "count", "quality", "published"), Y_ROWS)
def test_luma_jpeg_has_its_published_figures(name: str, count: int, quality: int, published: str) -> None:
    figures = published.split()
    columns = ("psnr", "ssim", "psnr_b", "ssim_box8")[: len(figures)]
    assert row_of("jpeg-y", f"data/test/{name}", quality, count, *columns) == figures


# The same, and PSNR-B with red and blue exchanged, which is what tables print.
RGB_ROWS = [
    (10, "25.693 0.7433 24.201 24.204 0.7593"),
    (20, "28.061 0.8256 26.488 26.493 0.8409"),
    (30, "29.366 0.8615 27.838 27.842 0.8750"),
    (40, "30.280 0.8821 28.832 28.836 0.8942"),
]


@pytest.mark.parametrize(("quality", "published"), RGB_ROWS)
def test_color_jpeg_has_its_published_figures(quality: int, published: str) -> None:
    columns = ("psnr", "ssim", "psnr_b", "psnr_b_bgr", "ssim_box8")
    assert row_of("jpeg-rgb", "data/test/live1", quality, 29, *columns) == published.split()


# JPEG rows of the table of double compression of Jiang et al. (ICCV 2021), shift (4, 4).
DOUBLE_ROWS = [(3010, 27.49), (1030, 27.55), (5050, 31.58)]


@pytest.mark.parametrize(("level", "published"), DOUBLE_ROWS)
def test_double_jpeg_has_its_published_figures(level: int, published: float) -> None:
    (found,) = row_of("jpeg-double", "data/test/live1", level, 29, "psnr")
    assert round(float(found), 2) == published


def test_of_a_file_that_was_saved_twice_the_first_compression_is_found(photos: Dataset, tmp_path: Path) -> None:
    assert not evaluate("jpeg-double", ["jpeg", "slidingdct"], [photos], tmp_path / "rows", levels=[1050, 5010])
    gains = {}
    for level in (1050, 5010):
        found = {one.method: one for one in summarize(read_rows(tmp_path / "rows")) if one.level == level}
        gains[level] = found["slidingdct"].values["psnr"].mean - found["jpeg"].values["psnr"].mean
    assert min(gains.values()) > 0.3
    with pytest.raises(ImgreduxError, match="has no pair of qualities 10"):
        evaluate("jpeg-double", ["slidingdct"], [photos], tmp_path / "other", levels=[10])


def test_a_restorer_gets_the_jpeg_with_its_tables_and_is_rounded(photos: Dataset, tmp_path: Path, toys: Path) -> None:
    out = tmp_path / "results.jsonl"
    failed = evaluate("jpeg-rgb", ["jpeg", "toy-half"], [photos], out, levels=[20], metrics=["psnr"])
    assert [step.what for step in failed] == ["jpeg, photos, sky", "toy-half, photos, sky"]
    assert "greyscale" in str(failed[0].error)
    path = photos.items[0].path
    Image.open(path).save(tmp_path / "20.jpg", quality=20)
    original, decoded = (np.asarray(Image.open(file), float) for file in (path, tmp_path / "20.jpg"))
    found = {(row["method"], row["image"]): row["values"]["psnr"] for row in read_rows(out)}
    for method, image in {"jpeg": decoded, "toy-half": np.rint((decoded + 127.5) / 2)}.items():
        expected = 10 * np.log10(255**2 / np.square(image - original).mean())
        assert found[method, "astronaut"] == pytest.approx(expected, abs=1e-5)


def test_the_noise_has_the_level_and_is_judged_on_luma(photos: Dataset) -> None:
    item = photos.items[0]
    trial = load("jnd-equal-mse").begin(imgredux.get("localstd"), item, CHEAP)
    values = trial(100, 3).values
    x = item.read()
    noisy = imgredux.inject(x, imgredux.get("localstd")(x), 100, seed=3)
    assert values["mse"] == pytest.approx(100, rel=0.005)
    assert values["mse"] == pytest.approx(255**2 * (noisy.image - x).square().mean().item(), rel=1e-5)
    assert values["reached"] is True
    assert values["phi"] == float(noisy.phi)
    planes = [luma(image)[0, 0].double().numpy() for image in (noisy.image, x)]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    _, similarity = structural_similarity(*planes, full=True, **options)
    assert values["ssim"] == pytest.approx(similarity[5:-5, 5:-5].mean(), abs=1e-5)
    assert trial(100, 4).values["ssim"] != values["ssim"]
    assert trial(100, 3).values == values


def test_methods_share_the_noise_of_a_seed(photos: Dataset) -> None:
    signs = []
    for name in ("flat", "localstd"):
        x = photos.items[0].read()
        noisy = imgredux.inject(x, imgredux.get(name)(x), 100, seed=7).image
        signs.append(torch.sign(noisy - x))
    moved = (signs[0] != 0) & (signs[1] != 0)
    assert moved.double().mean() > 0.5
    assert (signs[0] == signs[1])[moved].all()


def test_concentration_and_peak_of_known_maps() -> None:
    flat, few = torch.ones(1, 1, 20, 50), torch.zeros(1, 3, 20, 50)
    few[:, :, 3, :20] = 0.25
    assert (concentration(flat).item(), peak(flat).item()) == (0.5, 1)
    assert concentration(few).item() == 0.01  # half of 20 pixels of 1000
    assert peak(few).item() == pytest.approx(50**0.5)
    both = torch.cat([flat.expand(1, 3, -1, -1), few])
    assert concentration(both).tolist() == [0.5, 0.01]
    assert concentration(0 * flat).isnan().all()


def test_a_map_of_zeros_has_a_row_without_values(photos: Dataset, tmp_path: Path, toys: Path) -> None:
    out = tmp_path / "results.jsonl"
    for _ in range(2):
        assert evaluate("jnd-equal-mse", ["toy-zero", "flat"], [photos], out, levels=[16], metrics=["ssim"]) == []
        assert len(lines(out)) == 6
    zero = [row for row in lines(out) if row["method"] == "toy-zero"]
    assert {row["problem"] for row in zero} == {"the map is zero everywhere"}
    assert {value for row in zero for value in row["values"].values()} == {None}
    assert {frozenset(row["values"]) for row in lines(out)} == {frozenset(zero[0]["values"])}
    summary = next(one for one in summarize(read_rows(out)) if one.method == "toy-zero")
    assert (summary.n, summary.missing) == (0, 3)
    assert np.isnan(summary.values["ssim"].mean)


# Measured with other code on luma: SSIM of each image, or the lowest, the highest and the mean.
SIX = ("kodim01", "kodim04", "kodim08", "kodim13", "kodim19", "kodim23")
THREE = ("kodim01", "kodim13", "kodim23")
PRINTED = [
    ("flat", SIX, 16.121, (0.855, 0.967, 0.921)),
    ("flat", SIX, 100, (0.51, 0.84, 0.703)),
    ("wei2009", SIX, 16.121, (0.866, 0.974, 0.931)),
    ("wei2009", SIX, 100, (0.53, 0.87, 0.726)),
    ("wu2013", THREE, 16.121, (0.963, 0.979, 0.870)),
    ("wu2013", THREE, 100, (0.825, 0.886, 0.546)),
]


@dataclass(frozen=True)
class Luma(Item):
    def read(self) -> torch.Tensor:
        return luma(super().read())


@pytest.mark.parametrize(("name", "stems", "level", "printed"), PRINTED)
def test_ssim_at_equal_noise_is_the_printed_one(
    name: str, stems: tuple[str, ...], level: float, printed: tuple[float, ...]
) -> None:
    kodak, method = shared("data/test/kodak"), imgredux.get(name)
    items = [Luma(stem, kodak / f"{stem}.png") for stem in stems]
    found = [load("jnd-equal-mse").begin(method, item, ["ssim"])(level, 0).values["ssim"] for item in items]
    figures = found if stems is THREE else [min(found), max(found), np.mean(found)]  # pyright: ignore
    np.testing.assert_allclose(figures, printed, atol=0.001 if level < 100 else 0.005)


# Means


def rows(values: dict[str, np.ndarray], **fields: object) -> list[dict]:
    """Rows of one method: `values[column][image, seed]`."""
    images, seeds = next(iter(values.values())).shape
    return [
        {
            **dict.fromkeys(KEY, ""),
            "level": 16,
            "image": f"{image:02}",
            "seed": seed,
            "values": {column: array[image, seed] for column, array in values.items()},
            "seconds": 1.0 + image,
            "commit": "abc",
            **fields,
        }
        for image in range(images)
        for seed in range(seeds)
    ]


def test_means_and_standard_errors_are_numpys() -> None:
    rng = np.random.default_rng(5)
    values = {"ssim": rng.random((7, 3)), "phi": rng.random((7, 3))}
    (found,) = summarize(rows(values, method="a", dataset="d"))
    assert (found.label, found.dataset, found.level, found.n, found.missing) == ("a", "d", 16, 7, 0)
    assert found.seeds == (0, 1, 2)
    assert found.seconds == 4
    for column, array in values.items():
        per_image = array.mean(1)
        assert found.values[column].mean == pytest.approx(per_image.mean(), rel=1e-12)
        assert found.values[column].error == pytest.approx(per_image.std(ddof=1) / 7**0.5, rel=1e-12)
        assert found.values[column].n == 7


def test_what_was_not_measured_is_left_out_and_counted() -> None:
    some = rows({"ssim": np.array([[0.5], [0.7]])}, method="a", commit="abc")
    none = rows({"ssim": np.array([[None]])}, method="a", image="9", commit="def")
    (found,) = summarize([*some, *none])
    assert (found.n, found.missing, found.commit) == (2, 1, "abc, def")
    assert found.values["ssim"].mean == pytest.approx(0.6)
    (single,) = summarize(some[:1])
    assert single.values["ssim"].mean == 0.5
    assert np.isnan(single.values["ssim"].error)


def test_methods_data_sets_levels_and_tags_have_a_summary_each() -> None:
    one = {"ssim": np.array([[0.5], [0.7]])}
    kinds = [{"method": "a"}, {"method": "b"}, {"weights": "v2"}, {"dataset": "d"}, {"level": None}, {"protocol": "p"}]
    found = summarize([row for fields in kinds for row in rows(one, **fields)])
    assert [one.n for one in found] == [2] * len(kinds)


def test_the_paired_difference_is_numpys() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.random((2, 6, 2, 3))  # image, level, seed
    every = []
    for name, array in (("a", a), ("b", b)):
        for number, level in enumerate((16, 100)):
            every += rows({"ssim": array[:, number]}, method=name, weights="v1" if name == "a" else "", level=level)
    expected = (a - b).mean((1, 2))
    found = paired(every, "a.v1", "b", "ssim")
    assert found.n == 6
    assert found.mean == pytest.approx(expected.mean(), rel=1e-12)
    assert found.error == pytest.approx(expected.std(ddof=1) / 6**0.5, rel=1e-12)
    fewer = [row for row in every if (row["method"], row["image"]) != ("b", "00")]
    assert paired(fewer, "a.v1", "b", "ssim").mean == pytest.approx(expected[1:].mean(), rel=1e-12)
    assert paired(every, "a.v1", "c", "ssim").n == 0


def test_reading_rows_and_means_imports_no_torch() -> None:
    code = "import sys, imgredux.evaluate; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert start(code).wait() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"level": "x"},
        {"seed": [1]},
        {"seed": "1"},
        {"method": 5},
        {"dataset": None},
        {"image": {"a": 1}},
        {"values": {"ssim": "x"}},
        {"values": {"ssim": [1]}},
        {"values": None},
        {"seconds": "long"},
        {"date": 5},
    ],
)
def test_a_row_of_another_kind_is_named_and_nothing_else(tmp_path: Path, change: dict) -> None:
    row = {
        "protocol": "jnd-equal-mse",
        "method": "wei2009",
        "weights": "",
        "dataset": "kodak",
        "image": "a",
        "level": 20,
        "seed": 0,
        "values": {"ssim": 0.9},
        "seconds": 0.1,
        "digest": "",
        "date": "d",
    }
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, "image": "b", **change}) + "\n")
    with pytest.raises(ImgreduxError, match="line 2: no result of imgredux eval"):
        read_rows(path)
    path.write_text("[" * 100_000 + "\n")
    with pytest.raises(ImgreduxError, match="line 1: no result"):
        read_rows(path)


# Metrics that this machine lacks


@pytest.fixture
def without_lpips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package lpips is not installed, and no network of it is remembered."""
    monkeypatch.setitem(sys.modules, "lpips", None)
    monkeypatch.setattr(sys.modules["imgredux.metrics.lpips"], "_models", {})


@pytest.mark.usefixtures("without_lpips")
def test_a_metric_that_cannot_be_had_is_left_out_until_it_can(
    photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results.jsonl"

    def run(**options: Any) -> list[dict]:
        assert evaluate("jnd-equal-mse", ["flat"], [photos], out, levels=[16], **options) == []
        return lines(out)

    with pytest.warns(UserWarning, match=r"^lpips is left out: LPIPS needs a package that is missing") as said:
        first = run()
    assert len(said) == 1
    assert all({*CHEAP} <= row["values"].keys() and "lpips" not in row["values"] for row in first)
    with pytest.warns(UserWarning, match="^lpips is left out"):
        assert run() == first  # complete, as far as this machine can
    function: Any = lambda image, reference: (image - reference).abs().mean((1, 2, 3))  # noqa: E731
    monkeypatch.setitem(METRICS, "lpips", METRICS["lpips"]._replace(function=function))
    run()
    held = {key(row): row["values"] for row in read_rows(out)}
    assert len(held) == len(first)
    assert all({*CHEAP, "lpips"} <= values.keys() for values in held.values())


@pytest.mark.usefixtures("without_lpips")
def test_a_metric_that_is_asked_for_is_an_error(photos: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ImgreduxError, match="lpips cannot be computed: LPIPS needs a package that is missing"):
        evaluate("jnd-equal-mse", ["flat"], [photos], tmp_path / "r.jsonl", levels=[16], metrics=["ssim", "lpips"])


def test_a_metric_that_fails_is_an_error_always(
    photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of order")

    monkeypatch.setitem(METRICS, "lpips", METRICS["lpips"]._replace(function=broken))
    with pytest.raises(ImgreduxError, match="lpips cannot be computed: RuntimeError: out of order"):
        evaluate("jnd-equal-mse", ["flat"], [photos], tmp_path / "r.jsonl", levels=[16])


def test_a_missing_backbone_is_left_out_too(photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lpips")

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("IMGREDUX_LPIPS_BACKBONES", str(tmp_path))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    monkeypatch.setattr(sys.modules["imgredux.metrics.lpips"], "_models", {})
    with pytest.warns(UserWarning, match=r"^lpips is left out: no ImageNet weights for LPIPS's alex: .*no network"):
        evaluate("jnd-equal-mse", ["flat"], [photos], tmp_path / "r.jsonl", levels=[16])
