"""A queue: every run is taken up where it stopped, in its order; a failed one stops no other."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import imgredux
from imgredux import ImgreduxError
from imgredux.cli import app
from imgredux.io.jsonl import locked
from imgredux.training import queue as module
from imgredux.training.loop import recipes
from imgredux.training.queue import read_queue, run_queue

pytestmark = pytest.mark.filterwarnings("ignore::Warning:lightning_fabric.*", "ignore::UserWarning:torch.*")


@pytest.fixture(autouse=True)
def polite(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests after this one keep their priority and their threads."""
    monkeypatch.setattr(module.os, "nice", lambda _: 0, raising=False)
    monkeypatch.setattr(module.torch, "set_num_threads", lambda _: None)


def write(folder: Path, *tables: str) -> Path:
    path = folder / "queue.toml"
    path.write_text("".join(f"[[runs]]\n{table}\n" for table in tables), "utf-8")
    return path


def run_of(name: str, images: Path, more: str = "") -> str:
    return f"name = '{name}'\nimages = ['{images}']\nminutes = 0.02\n{more}"


def test_a_queue_is_worked_through_in_parts(pupil: str, photographs: Path, tmp_path: Path) -> None:
    path = write(
        tmp_path, run_of(f"{pupil}.y", photographs), run_of(f"{pupil}.y", photographs, "seed = 1\nfolder = 'second'")
    )
    runs, sessions, ended = tmp_path / "runs", 0, []
    while len([one for one in ended if one.weights]) < 2:
        asked = itertools.count()
        ended = list(run_queue(path, runs, ended=lambda count=asked: next(count) > 60))
        sessions += 1
        assert sessions < 200
    assert sessions > 1
    assert [one.run.folder for one in ended] == [f"{pupil}.y", "second"]
    first, second = (torch.load(runs / one.run.folder / "checkpoint.pt")["state"] for one in ended)
    assert first["step"] == first["total"] > 25
    assert second["step"] == second["total"] > 25
    assert imgredux.get(pupil, weights=ended[1].weights).digest

    stamp = (runs / "second" / "checkpoint.pt").stat().st_mtime_ns
    again = list(run_queue(path, runs))
    assert all(one.before and one.weights for one in again)
    assert (runs / "second" / "checkpoint.pt").stat().st_mtime_ns == stamp


def test_a_failed_run_stops_no_other(pupil: str, photographs: Path, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        run_of(f"{pupil}.broken", photographs),
        run_of(f"{pupil}.unknown", photographs),
        run_of(f"{pupil}.y", tmp_path / "nowhere", "folder = 'images'"),
        run_of(f"{pupil}.y", photographs),
    )
    (tmp_path / "runs" / f"{pupil}.y").mkdir(parents=True)
    ended = list(run_queue(path, tmp_path / "runs"))
    assert ["not finite" in one.error for one in ended] == [True, False, False, False]
    assert "has no recipe 'unknown'" in ended[1].error
    assert "nowhere" in ended[2].error
    assert ended[3].weights
    result = CliRunner().invoke(app, ["train", "--queue", str(path), "-o", str(tmp_path / "runs")])
    assert result.exit_code == 3, result.output
    assert "done before" in result.output


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "tables [[runs]]"),
        ("[[runs", "no queue can be read"),
        ("runs = 3", "tables [[runs]]"),
        ("other = 1\n[[runs]]\nname='a'", "tables [[runs]]"),
        ("[[runs]]\nname = 'a.b'", "images, minutes is missing"),
        ("[[runs]]\nname='a'\nimages=['x']\nminutes=1\nhours=2", "hours is not known"),
        ("[[runs]]\nname='a'\nimages='x'\nminutes=1", "a list of folders"),
        ("[[runs]]\nname='a'\nimages=[]\nminutes=1", "a list of folders"),
        ("[[runs]]\nname='a'\nimages=['x']\nminutes=0", "above 0"),
        ("[[runs]]\nname='a'\nimages=['x']\nminutes=true", "above 0"),
        ("[[runs]]\nname='a'\nimages=['x']\nminutes=1\nseed='0'", "seed must be"),
        ("[[runs]]\nname='a'\nimages=['x']\nminutes=1\nfolder='../up'", "one plain name"),
        ("[[runs]]\nname='a'\nimages=['$NO_SUCH_NAME/x']\nminutes=1", "NO_SUCH_NAME is not set"),
        (2 * "[[runs]]\nname='a'\nimages=['x']\nminutes=1\n", "two runs have the folder 'a'"),
    ],
)
def test_what_is_no_queue_is_refused(text: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "queue.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ImgreduxError, match=r"queue\.toml") as told:
        read_queue(path)
    assert word in str(told.value)


def test_folders_of_images_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PHOTOS", str(tmp_path / "far"))
    path = write(tmp_path, "name = 'a.b'\nimages = ['near', '$SOME_PHOTOS/x']\nminutes = 1")
    assert read_queue(path)[0].images == (tmp_path / "near", tmp_path / "far" / "x")


def test_the_queue_of_the_shipped_weights_names_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("IMGREDUX_SHARED", "IMGREDUX_PAIRS"):
        monkeypatch.setenv(folder, str(tmp_path))
    for run in read_queue(Path(__file__).parents[2] / "examples" / "queue.toml"):
        method, _, tag = run.name.partition(".")
        assert tag in recipes(method)


def test_two_queues_do_not_share_a_folder(pupil: str, photographs: Path, tmp_path: Path) -> None:
    path = write(tmp_path, run_of(f"{pupil}.y", photographs))
    (tmp_path / "runs").mkdir()
    command = [sys.executable, "-m", "imgredux", "train", "--queue", str(path), "-o", str(tmp_path / "runs")]
    with locked(tmp_path / "runs" / "queue"):
        other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert other.returncode == 3
    assert "another process" in other.stderr


@pytest.mark.parametrize("arguments", [["arcnn.q10", "--queue", "q.toml", "-o", "x"], ["--queue", "q.toml"], ["arcnn"]])
def test_wrong_usage(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMGREDUX_RUNS", raising=False)
    assert CliRunner().invoke(app, ["train", *arguments]).exit_code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_a_queue_with_a_checkpoint(number: int, photographs: Path, tmp_path: Path) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("this process ignores the signal, and so do the processes that it starts")
    path = write(tmp_path, run_of("arcnn.q10", photographs.resolve()).replace("0.02", "5"))
    command = [sys.executable, "-m", "imgredux", "train", "--queue", str(path)]
    environment = {**os.environ, "IMGREDUX_RUNS": str(tmp_path / "runs")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("arcnn.q10  step")
        child.send_signal(number)
        left = child.stdout.read()
    assert child.returncode == 130, left
    assert "ended: go on with the same command" in left
    state = torch.load(tmp_path / "runs" / "arcnn.q10" / "checkpoint.pt")["state"]
    assert 0 < state["step"] < state["total"]
    assert imgredux.get("arcnn", weights=tmp_path / "runs" / "arcnn.q10" / "q10.safetensors").digest
