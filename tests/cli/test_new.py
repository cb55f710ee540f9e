"""`imgredux new`: a plugin that keeps the contract as it is written."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imgredux.cli import app
from imgredux.cli.skeleton import class_name

KINDS = ("estimator", "restorer", "codec")


def new(*arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command prints on stdout and stderr, its exit code being `code`."""
    result = CliRunner().invoke(app, ["new", *arguments])
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result.stdout, result.stderr


def installed(folder: Path) -> dict[str, str]:
    """The environment of a process in which the plugin is installed, by what its pyproject.toml says."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(points))
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize(("kind", "name"), [*zip(KINDS, ("fresh", "two-words", "under_score"), strict=True)])
def test_a_new_plugin_passes_its_own_suite(kind: str, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    out, err = new(kind, name, "-o", str(folder))
    assert not err
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    package = f"imgredux_{name.replace('-', '_')}"
    code = {f"{package}/__init__.py", f"{package}/method.py"}
    assert written == {"pyproject.toml", "README.md", "tests/test_conformance.py", *code}
    assert [Path(line) for line in out.splitlines()[:-1]] == [folder / path for path in written_in_order(out, folder)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(
        command, env=installed(folder), cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


def written_in_order(out: str, folder: Path) -> list[str]:
    return [Path(line).relative_to(folder).as_posix() for line in out.splitlines()[:-1]]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_in_style(kind: str, tmp_path: Path) -> None:
    new(kind, "fresh", "-o", str(tmp_path / "made"))
    for command in (
        ["check", "--isolated", "--line-length=120"],
        ["format", "--check", "--isolated", "--line-length=120"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."],
            cwd=tmp_path / "made",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    new("estimator", "fresh")
    assert (tmp_path / "fresh" / "pyproject.toml").is_file()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    _, err = new("codec", "fresh", code=2)
    assert "pyproject.toml exists already" in err
    Path("file").write_text("precious")
    _, err = new("codec", "other", "-o", "file", code=2)
    assert err == "imgredux: file exists already: choose another folder with -o\n"
    Path("kept").mkdir()
    Path("kept/notes.txt").write_text("mine")
    new("codec", "other", "-o", "kept")
    assert Path("kept/notes.txt").read_text() == "mine"
    assert all(path.read_bytes() == data for path, data in before.items())


@pytest.mark.parametrize("name", ["Upper", "1st", "a.b", "a b", "../up", "", "dash-", "auto", "wörter"])
def test_a_name_that_is_none_is_wrong_usage(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, err = new("estimator", name, code=2)
    assert err.startswith("imgredux: NAME ")
    assert not [*tmp_path.iterdir()]


def test_an_installed_name_and_another_kind_are_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, err = new("estimator", "flat", code=2)
    assert err == "imgredux: a method named 'flat' is installed already: choose another name\n"
    _, err = new("metric", "mine", code=2)
    assert "metric" in err
    assert not [*tmp_path.iterdir()]


def test_classes_have_names_of_their_own() -> None:
    assert class_name("two_words") == "TwoWords"
    assert class_name("none") == "NoneMethod"
    assert class_name("tensor") == "TensorMethod"
