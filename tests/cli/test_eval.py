"""`imgredux eval` as a user sees it: the file, the table, exit codes, one line for every error."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from skimage import data
from typer.testing import CliRunner

import imgredux
from imgredux import registry
from imgredux.cli import app
from imgredux.testing.process import run_python
from imgredux.testing.shared import shared


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a folder of two photographs in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    Image.fromarray(data.astronaut()[:96, 150:260]).save("photos/astronaut.png")
    Image.fromarray(data.chelsea()[60:160, 90:220]).save("photos/chelsea.png")
    return tmp_path


def eval_(*arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command prints on stdout and stderr, its exit code being `code`."""
    result = CliRunner().invoke(app, ["eval", *arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result.stdout, result.stderr


def rows(path: str = "results.jsonl") -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


JND = ("--protocol", "jnd-equal-mse", "--data", "photos", "-o", "results.jsonl", "--metrics", "ssim,ssimulacra2")


def test_help_says_how_and_imports_nothing_heavy() -> None:
    out, _ = eval_("--help")
    assert "imgredux eval all --protocol jnd-equal-mse --data kodak" in out
    assert "Exit codes: 0 all done, 2 wrong usage, 3 something failed" in out
    code = (
        "import sys\nfrom imgredux.cli import app\n"
        "try:\n    app(['eval', '--help'])\nexcept SystemExit:\n    pass\n"
        "print('heavy:', sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert run_python(code).splitlines()[-1] == "heavy: []"


def test_a_run_ends_with_a_table_the_best_first(folder: Path) -> None:
    out, err = eval_("flat", "localstd", *JND, "--levels", "16.121,100", "--seeds", "0,1")
    assert err == ""
    assert len(rows()) == 2 * 2 * 2 * 2
    tables = [text.splitlines() for text in out.strip().split("\n\n")]
    assert [table[0] for table in tables] == ["photos, target MSE 16.121", "photos, target MSE 100"]
    for level, table in zip((16.121, 100), tables, strict=True):
        assert table[1].split() == [
            "method",
            "n",
            "ssim",
            "^",
            "ssimulacra2",
            "^",
            "concentration",
            "phi",
            "mse",
            "reached",
            "peak",
            "on_edges",
        ]
        assert [line.split()[:2] for line in table[2:]] == [["localstd", "2"], ["flat", "2"]]
        scores = [row["values"]["ssimulacra2"] for row in rows() if (row["method"], row["level"]) == ("flat", level)]
        assert f"{np.mean(scores):.2f} ±" in table[3]


def test_the_same_command_again_takes_a_run_up(folder: Path) -> None:
    first, _ = eval_("flat", *JND, "--levels", "16", "--limit", "1")
    assert [row["image"] for row in rows()] == ["astronaut"]
    eval_("flat", *JND, "--levels", "16", "--workers", "2")
    assert [row["image"] for row in rows()] == ["astronaut", "chelsea"]
    before = Path("results.jsonl").read_bytes()
    again, _ = eval_("flat", *JND, "--levels", "16")
    assert Path("results.jsonl").read_bytes() == before
    assert again != first
    assert "flat    2  " in again


def test_all_are_the_installed_methods_of_the_kind_and_the_jpeg_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What other tests registered in this process is not installed.
    known, installed = registry._plugins.known["method"], registry.installed("method")
    installed_only = {name: known[name] for name in known if name in installed}
    monkeypatch.setitem(registry._plugins.known, "method", installed_only)
    eval_("all", *JND, "--levels", "16", "--limit", "1", "--metrics", "ssim")
    assert {"flat", "localstd", "wei2009", "wu2013"} <= {row["method"] for row in rows()}
    options = ("--protocol", "jpeg-rgb", "--data", "photos", "-o", "jpeg.jsonl", "--levels", "10")
    out, _ = eval_("all", *options)
    assert "jpeg" in {row["method"] for row in rows("jpeg.jsonl")}
    assert "photos, JPEG quality 10" in out


def test_a_downscaled_folder_is_another_data_set(folder: Path) -> None:
    eval_("flat", *JND, "--data", "photos:downscale=2", "--levels", "16")
    assert [row["dataset"] for row in rows()] == ["photos", "photos", "photos/2", "photos/2"]


def test_what_cannot_be_read_is_said_and_the_rest_is_measured(folder: Path) -> None:
    (folder / "photos" / "broken.png").write_bytes(b"no image")
    whole = (folder / "photos" / "chelsea.png").read_bytes()
    (folder / "photos" / "cut.png").write_bytes(whole[: len(whole) // 2])
    out, err = eval_("flat", *JND, "--levels", "16", code=3)
    assert [line.partition(": ")[0] for line in err.splitlines()] == ["imgredux", "imgredux"]
    assert "broken.png" in err
    assert "flat, photos, cut: " in err
    assert "flat    2  " in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flat", *JND, "--protocol", "jnd"], "no protocol named 'jnd'."),
        (["flat", *JND, "--data", "nowhere"], "nowhere is no folder"),
        (["flat", *JND, "--data", "photos:downscale=x"], "downscale is a whole number, as in photos:downscale=2"),
        (["flat", *JND, "--levels", "16;100"], "--levels 16;100: give numbers joined by commas"),
        (["flat", *JND, "--seeds", "0.5"], "--seeds 0.5: give numbers joined by commas"),
        (["flta", *JND], "no method named 'flta'. Did you mean flat?"),
        (["flat", *JND, "--levels", "0"], "jnd-equal-mse has no target MSE 0"),
        (
            ["flat", *JND, "--metrics", "vmaf"],
            "jnd-equal-mse has no metric vmaf. Choose from: ssim, lpips, ssimulacra2",
        ),
        (["flat", *JND, "--protocol", "jpeg-y"], "flat is of the kind estimator: jpeg-y measures restorers"),
        (["flat", *JND, "--data", "photos"], "two data sets are named photos"),
    ],
)
def test_wrong_usage(folder: Path, arguments: list[str], message: str) -> None:
    _, err = eval_(*arguments, code=2)
    assert err.count("\n") == 1
    assert message in err
    assert not Path("results.jsonl").exists() or not Path("results.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flat", *JND, "--device", "cuda:99"], "the device 'cuda:99' cannot be used"),
        (["flat", *JND, "-o", "photos"], "cannot write the results: "),
        (["flat", *JND, "-o", "photos/astronaut.png"], "photos/astronaut.png, line 1: no result of imgredux eval"),
    ],
)
def test_what_cannot_be_done(folder: Path, arguments: list[str], message: str) -> None:
    _, err = eval_(*arguments, code=3)
    assert err.count("\n") == 1
    assert message in err


def test_observers_and_predictions_of_the_first_jnd(tmp_path: Path) -> None:
    ranges, results = shared("data/jnd/konjnd"), str(tmp_path / "results.jsonl")
    out, _ = eval_("ssimulacra2", "--protocol", "jnd-konjnd", "--data", str(ranges), "-o", results, "--limit", "1")
    assert "konjnd\nmethod" in out
    for row in rows(results):
        values = row["values"]
        assert row["level"] is None
        assert 1 <= values["low"] < values["high"] <= 100
        assert values["inside"] is (values["low"] <= values["quality"] <= values["high"])


def test_files_of_weights_are_measured_beside_one_another(folder: Path) -> None:
    for name, seed in (("first", 1), ("second", 2)):
        (folder / name).mkdir()
        torch.manual_seed(seed)
        method = imgredux.create("ki2018", form="cnn")
        metadata = {"imgredux.options": '{"form": "cnn"}'}
        save_file(
            {key: value.contiguous() for key, value in method.state_dict().items()}, f"{name}/a.safetensors", metadata
        )
    Path("second/b.safetensors").write_bytes(Path("second/a.safetensors").read_bytes())
    files = ["ki2018=first/a.safetensors", "ki2018=second/b.safetensors"]
    out, _ = eval_(*files, "ki2018", *JND, "--levels", "16", "--limit", "1", "--metrics", "ssim")
    digests = [hashlib.sha256(Path(file.partition("=")[2]).read_bytes()).hexdigest()[:16] for file in files]
    assert {(row["weights"], row["digest"]) for row in rows()} == {
        ("a.safetensors", digests[0]),
        ("b.safetensors", digests[1]),
        ("", ""),
    }
    assert "ki2018.a.safetensors  1  " in out
    _, err = eval_(files[0], "ki2018=second/a.safetensors", *JND, "--levels", "16", code=2)
    assert "two files of ki2018 are named a.safetensors: rows could not tell them apart" in err
    _, err = eval_("ki2018=nowhere.mat", *JND, "--levels", "16", code=3)
    assert "cannot read weights: " in err


@pytest.mark.filterwarnings("default")
def test_a_metric_that_cannot_be_had_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    monkeypatch.setattr(sys.modules["imgredux.metrics.lpips"], "_models", {})
    options = ("--protocol", "jnd-equal-mse", "--data", "photos", "-o", "results.jsonl", "--levels", "16")
    out, err = eval_("flat", "localstd", *options)
    assert err.startswith("imgredux: warning: lpips is left out: LPIPS needs a package that is missing")
    assert err.count("\n") == 1
    assert "ssimulacra2 ^" in out
    assert "lpips" not in out
    assert len(rows()) == 4
    _, err = eval_("flat", *options, "--metrics", "lpips", code=3)
    assert err.startswith("imgredux: lpips cannot be computed: LPIPS needs a package")
