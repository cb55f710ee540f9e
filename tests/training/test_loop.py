"""A run: what it leaves, that it goes on after any death as if nothing had been, and what it refuses."""

import csv
import logging
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import imgredux
from imgredux.cli import app
from imgredux.errors import UnknownSetting
from imgredux.methods.weights import REQUIRED
from imgredux.training import TrainingError, checkpoint, loop, train
from imgredux.training.loop import fast_precision, recipes
from imgredux.training.optimizers import optimizer_of

SCRIPT = Path(__file__).parent / "toys" / "imgredux_pupil.py"
pytestmark = pytest.mark.filterwarnings("ignore::Warning:lightning_fabric.*", "ignore::UserWarning:torch.*")


@pytest.fixture(autouse=True, scope="module")
def every_validation() -> Iterator[None]:
    """A step of the pupil takes less time than a validation, and would leave none of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "VALIDATING", 1e9)
        yield


def log(out: Path) -> list[dict[str, str]]:
    """The log without the clock."""
    rows = list(csv.DictReader((out / "log.csv").read_text("utf-8").splitlines()))
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def start(*arguments: object) -> subprocess.Popen:
    path = os.pathsep.join([str(SCRIPT.parent), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def finish(*arguments: object) -> None:
    with start(*arguments) as child:
        output, _ = child.communicate()
    assert child.returncode == 0, output


@pytest.fixture(scope="module")
def unbroken(pupil: str, photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken")
    assert train(f"{pupil}.y", [photographs], out) == out / "y.safetensors"
    return out


def test_validations_come_at_their_own_steps_whatever_the_lines_of_the_log(
    photographs: Path, tmp_path: Path, pupil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LOGGED", 5)
    rows: list[dict] = []
    train(pupil, [photographs], tmp_path, steps=23, changes={"validations": 3}, progress=rows.append)
    assert [row["step"] for row in rows if "gain" in row] == [7, 14, 21, 23]
    assert [row["step"] for row in rows if "gain" not in row] == [4, 8, 12, 16, 20]


def test_a_run_leaves_its_log_its_curve_and_weights_that_load(unbroken: Path, pupil: str) -> None:
    rows = log(unbroken)
    assert [int(row["step"]) for row in rows] == list(range(1, 25))
    judged = [row for row in rows if row["gain"]]
    assert [int(row["step"]) for row in judged] == [6, 12, 18, 24]
    assert float(judged[-1]["gain"]) > float(judged[0]["gain"])
    with Image.open(unbroken / "curve.png") as curve:
        assert curve.width > 400
    method = imgredux.get(pupil, weights=unbroken / "y.safetensors")
    saved = torch.load(unbroken / "checkpoint.pt", weights_only=True)
    assert torch.equal(method.state_dict()["network.weight"], saved["average"]["network.weight"].half().float())


def test_the_text_for_the_manifest_says_where_the_weights_come_from(unbroken: Path) -> None:
    entry = tomllib.loads((unbroken / "y.toml").read_text("utf-8"))["tags"]["y"]
    assert set(REQUIRED) <= set(entry)
    assert entry["bytes"] == (unbroken / "y.safetensors").stat().st_size
    origin = entry["training"]
    assert origin["steps"] == 24
    assert origin["seed"] == 0
    assert "10 images" in origin["data"]
    assert origin["held_out"]["gain"] == pytest.approx(float(log(unbroken)[-1]["gain"]), abs=1e-3)
    assert {"commit", "hardware", "minutes", "date"} <= set(origin)


def test_the_text_for_the_manifest_has_the_settings_as_they_were_used(
    pupil: str, photographs: Path, tmp_path: Path
) -> None:
    changes = {"lr": 5e-3, "judged": (10, 40), "options": {"side": 5}}
    train(f"{pupil}.y", [photographs], tmp_path, steps=2, changes=changes)
    entry = tomllib.loads((tmp_path / "y.toml").read_text("utf-8"))["tags"]["y"]
    recipe = entry["training"]["recipe"]
    assert recipe["class"] == "JpegRecipe"
    assert (recipe["lr"], recipe["judged"], recipe["betas"], recipe["monitor"]) == (
        5e-3,
        [10, 40],
        [0.9, 0.999],
        "gain",
    )
    assert (recipe["crop"], recipe["even"], recipe["schedule"]) == (16, False, "cosine")
    # What stands elsewhere in the entry is not said twice.
    assert entry["options"] == {"side": 5}
    assert entry["training"]["steps"] == 2
    assert not {"options", "steps"} & set(recipe)


@pytest.mark.parametrize(
    "value",
    [1, -0.5, 1e-5, float("inf"), True, 'a "b" \\ ü', [1, 2.5], {}, {"a": {"b": [1, [2]]}}],
    ids=repr,
)
def test_values_survive_the_manifest(value: object) -> None:
    assert tomllib.loads(f"x = {checkpoint._toml(value)}")["x"] == value


SHIPPED = [
    (name, tag)
    for name in imgredux.list_methods()
    if imgredux.info(name).spec.recipes
    for tag in imgredux.info(name).weights
]


@pytest.mark.parametrize(("name", "tag"), SHIPPED)
def test_a_shipped_manifest_has_its_settings_as_a_table(name: str, tag: str) -> None:
    recipe = imgredux.info(name).weights[tag]["training"]["recipe"]
    (cls,) = {type(known) for known in recipes(name).values() if type(known).__name__ == recipe["class"]}
    assert {*recipe} - {"class"} <= {field.name for field in fields(cls)} - {"options", "steps"}


def test_the_same_seed_gives_the_same_run_and_another_another(
    unbroken: Path, pupil: str, photographs: Path, tmp_path: Path
) -> None:
    train(f"{pupil}.y", [photographs], tmp_path / "again")
    assert log(tmp_path / "again") == log(unbroken)
    for seed in (1, 2):  # the same weights to start from: only the crops differ
        options = {"steps": 1, "init": unbroken / "y.safetensors", "seed": seed}
        train(f"{pupil}.y", [photographs], tmp_path / str(seed), **options)
    assert log(tmp_path / "1")[0]["loss"] != log(tmp_path / "2")[0]["loss"]


def test_a_killed_run_goes_on_with_the_same_losses(photographs: Path, tmp_path: Path) -> None:
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for after in (3, 11):
        with start(photographs, broken, "steps=24", "resume=1") as child:
            assert child.stdout is not None
            while int(child.stdout.readline() or 99) < after:
                pass
            child.send_signal(signal.SIGKILL)
    assert len(log(broken)) < 24
    finish(photographs, broken, "steps=24", "resume=1")
    finish(photographs, whole, "steps=24")
    assert log(broken) == log(whole)
    assert (broken / "y.safetensors").read_bytes() == (whole / "y.safetensors").read_bytes()
    assert not list(broken.glob(".*.tmp"))


def test_time_ends_a_run_and_resume_goes_on_with_its_schedule(
    unbroken: Path, pupil: str, photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "slices"
    slices = 0
    while train(f"{pupil}.y", [photographs], out, steps=24, max_minutes=1e-9, resume=True) is None:
        slices += 1
        so_far = imgredux.get(pupil, weights=out / "y.safetensors")  # the averaged weights, after each slice
        assert so_far.digest
    slices += 1
    assert slices == 24
    assert log(out) == log(unbroken)


def test_without_steps_the_time_decides_how_many(pupil: str, photographs: Path, tmp_path: Path) -> None:
    minutes = 3 / 60
    done = train(f"{pupil}.y", [photographs], tmp_path, max_minutes=minutes)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]
    assert saved["total"] > loop.SPEED_STEPS[1]
    assert saved["seconds"] < 3 * 60 * minutes
    assert done is not None or saved["step"] < saved["total"]


def test_a_run_is_stopped_after_a_step_and_goes_on(
    unbroken: Path, pupil: str, photographs: Path, tmp_path: Path
) -> None:
    asked = iter([False] * 9 + [True])
    assert train(f"{pupil}.y", [photographs], tmp_path, steps=24, ended=lambda: next(asked)) is None
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]
    assert saved["step"] == 10
    assert (tmp_path / "y.safetensors").exists()
    train(f"{pupil}.y", [photographs], tmp_path, steps=24, resume=True)
    assert log(tmp_path) == log(unbroken)
    assert (tmp_path / "y.safetensors").read_bytes() == (unbroken / "y.safetensors").read_bytes()


def test_validations_take_a_small_share_of_the_time(
    pupil: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "VALIDATING", 0.0)
    rows: list[dict] = []
    train(pupil, [photographs], tmp_path, steps=40, changes={"validations": 20}, progress=rows.append)
    # The first one shows what one costs; then the tenth part of the run and its end remain.
    assert [row["step"] for row in rows if "gain" in row] == [2, 4, 40]


def test_harm_is_told_after_a_tenth(
    pupil: str, photographs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "imgredux"):
        train(f"{pupil}.fixed", [photographs], tmp_path, steps=20, changes={"lr": 0.001})
    assert "worse than no network" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, "imgredux"):
        train(f"{pupil}.fixed", [photographs], tmp_path / "well", steps=20, changes={"lr": 0.009})
    assert not caplog.text


def test_crops_grow(pupil: str, photographs: Path, tmp_path: Path) -> None:
    import imgredux_pupil

    imgredux_pupil.SHAPES.clear()
    train(f"{pupil}.grown", [photographs], tmp_path, steps=8)
    assert imgredux_pupil.SHAPES == [(4, 1, 16, 16)] * 4 + [(2, 1, 24, 24)] * 4


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch before 2.9 has no Muon")
def test_muon_moves_kernels_and_goes_on(pupil: str, photographs: Path, tmp_path: Path) -> None:
    name, broken, whole = f"{pupil}.muon", tmp_path / "broken", tmp_path / "whole"
    train(name, [photographs], whole)
    while train(name, [photographs], broken, steps=24, max_minutes=1e-9, resume=True) is None:
        pass
    assert log(broken) == log(whole)
    assert (broken / "muon.safetensors").read_bytes() == (whole / "muon.safetensors").read_bytes()
    train(name, [photographs], tmp_path / "long", steps=300)
    assert float(log(tmp_path / "long")[-1]["gain"]) > 0


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch before 2.9 has no Muon")
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_step_of_muon_is_that_on_the_kernel_as_a_matrix(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(20, 24, 3).to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    kernel, before = conv.weight, conv.weight.detach().clone()
    optimizer = optimizer_of(conv, 1e-3, (0.9, 0.999), 2e-2)
    conv(torch.randn(2, 20, 8, 8)).square().sum().backward()
    assert kernel.grad is not None
    assert conv.bias is not None
    gradient, old_bias = kernel.grad.clone(), conv.bias.detach().clone()
    optimizer.step()
    moved = (before - kernel.detach()).reshape(24, -1) / 2e-2
    # The orthogonal factor of the gradient, by another way, at the size of `match_rms_adamw`. Newton and Schulz's five
    # steps, in bfloat16, leave singular values between 0.7 and 1.2.
    u, _, v = torch.linalg.svd(gradient.reshape(24, -1), full_matrices=False)
    size = 0.2 * max(24, 180) ** 0.5
    assert torch.nn.functional.cosine_similarity(moved.flatten(), (u @ v).flatten(), dim=0) > 0.97
    values = torch.linalg.svdvals(moved / size)
    assert values.min() > 0.6
    assert values.max() < 1.3
    assert torch.allclose(
        (old_bias - conv.bias.detach()).abs(), torch.full((24,), 1e-3), rtol=1e-3
    )  # Adam's first step


def test_kernels_next_to_an_image_are_left_to_adam() -> None:
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 24, 3), torch.nn.Conv2d(24, 24, 3), torch.nn.Conv2d(24, 3, 3))
    optimizer = optimizer_of(layers, 1e-3, (0.9, 0.999), 2e-2)
    (kernels, rest) = optimizer.param_groups
    assert [kernel.shape for kernel in kernels["params"]] == [(24, 24, 3, 3)]
    assert len(rest["params"]) == 5


def test_a_plateau_halves_the_rate(pupil: str, photographs: Path, tmp_path: Path) -> None:
    train(f"{pupil}.plateau", [photographs], tmp_path, changes={"lr": 1e-9, "steps": 40, "validations": 20})
    rates = [float(row["lr"]) for row in log(tmp_path)]
    assert rates[5] == pytest.approx(1e-9)
    assert rates[-1] < 0.3e-9  # nothing moves, so that no validation is better than the first


def test_weights_to_start_from(unbroken: Path, pupil: str, photographs: Path, tmp_path: Path) -> None:
    first = unbroken / "y.safetensors"
    train(f"{pupil}.y", [photographs], tmp_path / "a", steps=1, init=first, changes={"lr": 0.0})
    given = imgredux.get(pupil, weights=first).state_dict()
    taken = imgredux.get(pupil, weights=tmp_path / "a" / "y.safetensors").state_dict()
    assert torch.equal(given["network.weight"], taken["network.weight"])
    origin = tomllib.loads((tmp_path / "a" / "y.toml").read_text("utf-8"))["tags"]["y"]["training"]
    assert origin["init"] == f"y.safetensors, sha256 {imgredux.get(pupil, weights=first).digest.hex()}"
    with pytest.raises(TrainingError, match="does not fit the network"):
        train(f"{pupil}.wide", [photographs], tmp_path / "b", init=first)


@pytest.mark.parametrize(("units", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_precision_is_what_the_processor_is_fast_at(
    units: bool, expected: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: units)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert fast_precision("cpu") == expected
    assert fast_precision("mps") == "32-true"
    with caplog.at_level(logging.WARNING, "imgredux"):
        assert loop._precision("bf16-mixed", "cpu") == "bf16-mixed"
    assert ("no units" in caplog.text) != units


def test_mixed_precision_leaves_targets_and_tables_as_they_are(pupil: str, photographs: Path, tmp_path: Path) -> None:
    import imgredux_pupil  # pyright: ignore[reportMissingImports]

    imgredux_pupil.SEEN.clear()
    train(f"{pupil}.recording", [photographs], tmp_path, steps=2, precision="bf16-mixed")
    assert len(imgredux_pupil.SEEN) == 2
    assert {dtype for given in imgredux_pupil.SEEN for dtype in given} == {torch.float32}


def test_two_processes_share_the_work(photographs: Path, tmp_path: Path) -> None:
    finish(photographs, tmp_path / "two", "devices=2", "steps=6")
    finish(photographs, tmp_path / "one", "steps=6")
    two, one = log(tmp_path / "two"), log(tmp_path / "one")
    assert len(two) == 6
    assert two[0]["loss"] == one[0]["loss"]  # the first process draws what one alone would
    assert two[0]["gradient"] != one[0]["gradient"]  # the mean of both


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_weights(
    pupil: str, photographs: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="not finite for 20 steps"):
        train(f"{pupil}.broken", [photographs], tmp_path)


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("pupil.nosuch", {}, "has no recipe 'nosuch'. Recipes: y, wide"),
        ("flat", {}, "flat has no recipe"),
        ("pupil.y", {"changes": {"nosuch": 1}}, "nosuch"),
    ],
)
def test_what_cannot_be_trained(
    pupil: str, name: str, keywords: dict, message: str, photographs: Path, tmp_path: Path
) -> None:
    with pytest.raises((TrainingError, UnknownSetting), match=message):
        train(name, [photographs], tmp_path, **keywords)


def test_another_run_is_not_written_over(unbroken: Path, pupil: str, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(unbroken, out)
    with pytest.raises(TrainingError, match="holds a run already"):
        train(f"{pupil}.y", [photographs], out)
    with pytest.raises(TrainingError, match="is of another run: seed was 0, is 5"):
        train(f"{pupil}.y", [photographs], out, resume=True, seed=5)
    assert log(out) == log(unbroken)


def test_the_command(pupil: str, photographs: Path, tmp_path: Path) -> None:
    command = ["train", f"{pupil}.y", "--images", str(photographs), "-o", str(tmp_path / "run"), "--steps", "2"]
    done = CliRunner().invoke(app, [*command, "--set", "lr=1e-3"])
    assert done.exit_code == 0, done.output
    assert "step 2" in done.output
    assert "y.safetensors" in done.output
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 3
    assert "take it up with --resume" in again.output
    wrong = CliRunner().invoke(app, [*command, "--set", "lr=1e--3"])
    assert wrong.exit_code == 2
    assert "no TOML value" in wrong.output
    empty = CliRunner().invoke(app, ["train", pupil, "--images", str(tmp_path / "no"), "-o", str(tmp_path / "x")])
    assert empty.exit_code == 3
    assert "is no folder" in empty.output


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on the CPU")
def test_a_compiled_run_has_the_same_losses(unbroken: Path, photographs: Path, tmp_path: Path) -> None:
    finish(photographs, tmp_path / "compiled", "steps=24", "compiled=1")
    for ours, theirs in zip(log(tmp_path / "compiled"), log(unbroken), strict=True):
        assert float(ours["loss"]) == pytest.approx(float(theirs["loss"]), rel=1e-3)
