"""Methods as graphs: files that other runtimes read, checked against the method."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from typer.testing import CliRunner

import imgredux
from imgredux.cli import app
from imgredux.errors import ImgreduxError
from imgredux.export import export, traced
from imgredux.ops import ijg_tables, jpeg


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return torch.from_numpy(data.chelsea()[40:240, 60:332].copy()).permute(2, 0, 1)[None].float() / 255


def run(path: Path, **given: torch.Tensor) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {key: value.numpy() for key, value in given.items()})[0]


def test_an_estimator_in_onnx_takes_any_size(photo: torch.Tensor, tmp_path: Path) -> None:
    method, path = imgredux.get("wei2009"), tmp_path / "wei2009.onnx"
    found = export(method, path)
    assert found.size is None
    for x in (photo, photo[..., :104, :96]):
        difference = np.abs(run(path, image=x) - method(x).numpy())
        assert (difference > 1e-4).mean() < 0.01  # the detector's edges, at a few pixels


def test_a_restorer_in_onnx_takes_the_steps_of_the_file(photo: torch.Tensor, tmp_path: Path) -> None:
    method, path = imgredux.get("arcnn"), tmp_path / "arcnn.onnx"
    assert export(method, path).inputs == ("image", "qtable")
    for quality, x in ((10, photo[..., :192, :256]), (40, photo[..., :112, :96])):
        x, steps = jpeg(x, quality), ijg_tables(quality)[None]
        assert np.abs(run(path, image=x, qtable=steps) - method(x, qtable=steps).detach().numpy()).max() < 1e-4


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    export("flat", tmp_path / "flat.onnx")
    export("flat", tmp_path / "flat.pt2")
    said = {one.key: one.value for one in onnx.load(tmp_path / "flat.onnx").metadata_props}
    assert (said["imgredux:method"], said["imgredux:license"]) == ("flat", "Apache-2.0")
    extra = {"imgredux.json": ""}
    program = torch.export.load(tmp_path / "flat.pt2", extra_files=extra)
    assert json.loads(extra["imgredux.json"])["version"] == imgredux.__version__
    assert torch.equal(program.module()(torch.rand(1, 3, 40, 56)), torch.full((1, 1, 40, 56), 1 / 255))


def test_a_size_that_crept_in_as_a_number_is_found() -> None:
    method = imgredux.create("shen2020", width=4).eval()  # where its patches lie depends on the size
    assert traced(method).size == (192, 256)
    assert traced("localstd").size is None


def test_what_cannot_be_said_is_said(tmp_path: Path) -> None:
    with pytest.raises(ImgreduxError, match="jiang2022 cannot be exported: how many components"):
        export("jiang2022", tmp_path / "jiang2022.onnx")
    with pytest.raises(ImgreduxError, match=r"ends in \.onnx or \.pt2"):
        export("flat", tmp_path / "flat.txt")
    (tmp_path / "flat.pt2").write_text("mine")
    with pytest.raises(ImgreduxError, match="exists"):
        export("flat", tmp_path / "flat.pt2")
    assert (tmp_path / "flat.pt2").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["flat.pt2"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["chou1995", "-o", "chou.pt2"], 0, "image to map, 3 channels, any size in steps of 1 from 16"),
        (["flat", "-o", "flat.pt2", "--size", "40x56"], 0, "40x56 pixels"),
        (["flat", "-o", "flat.pt2", "--size", "40"], 2, "give height and width"),
        (["flat", "-o", "flat.txt"], 2, "ends in .onnx or .pt2"),
        (["flatzone", "-o", "flatzone.pt2"], 3, "cannot be exported: zones"),
        (["nothing", "-o", "nothing.pt2"], 2, "no method named"),
    ],
)
def test_the_command(
    arguments: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", *arguments])
    assert (done.exit_code, said in done.output) == (code, True), done.output
