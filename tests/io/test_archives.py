"""Archives that unpack to far more than they are, and those that do not."""

import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

import imgredux
from imgredux.errors import WeightsError
from imgredux.io import archives
from imgredux.io.archives import AT_LEAST, TooLarge, read_matlab, read_torch

COUNT = AT_LEAST // 4 + 1000  # numbers


def packed(path: Path) -> Path:
    """A file of `torch.save`, its parts deflated, which torch reads as well."""
    with zipfile.ZipFile(path) as whole:
        parts = {one.filename: whole.read(one) for one in whole.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as small:
        for name, content in parts.items():
            small.writestr(name, content)
    return path


def test_torch_files_are_measured(tmp_path: Path) -> None:
    torch.save({"0.weight": torch.zeros(COUNT)}, tmp_path / "a.pth")
    assert read_torch(tmp_path / "a.pth")["0.weight"].shape == (COUNT,)  # as long as the file is
    bomb = packed(tmp_path / "a.pth")
    assert bomb.stat().st_size < AT_LEAST / 100
    with pytest.raises(TooLarge, match=r"unpacks to more than 64 MiB"):
        read_torch(bomb)
    for name in ("dncnn", "jiang2024", "jndlc"):
        with pytest.raises(WeightsError, match="unpacks to more"):
            imgredux.get(name, weights=bomb)


def test_a_packed_torch_file_of_a_usual_size_is_read(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(5)}, tmp_path / "a.pth")
    assert torch.equal(read_torch(packed(tmp_path / "a.pth"))["a"], torch.arange(5))


@pytest.mark.parametrize("order", ["<", ">"])
def test_matlab_files_are_measured(order: str, tmp_path: Path) -> None:
    savemat(tmp_path / "sound.mat", {"a": np.arange(6.0)}, do_compression=True)
    assert np.array_equal(read_matlab(tmp_path / "sound.mat")["a"].ravel(), np.arange(6.0))
    body = zlib.compress(bytes(2 * AT_LEAST), 9)
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x0100) + (b"IM" if order == "<" else b"MI")
    (tmp_path / "bomb.mat").write_bytes(head + struct.pack(f"{order}II", 15, len(body)) + body)
    with pytest.raises(TooLarge, match="unpacks to more"):
        read_matlab(tmp_path / "bomb.mat")
    with pytest.raises(WeightsError, match="unpacks to more"):
        imgredux.get("arcnn", weights=tmp_path / "bomb.mat")
    with pytest.raises(WeightsError, match="unpacks to more"):
        imgredux.get("ki2018", weights=tmp_path / "bomb.mat")


def test_options_of_a_file_make_no_giant(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, tmp_path / "a.safetensors", {"imgredux.options": '{"width": 60000}'})
    with pytest.raises(WeightsError, match=r"make a network of \d+ numbers, and the file holds 3"):
        imgredux.get("ddjnd", weights=tmp_path / "a.safetensors")


class Canary:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


METHODS = ["dncnn", "jiang2024", "jndlc", "arcnn", "ki2018", "d2lnet", "ddjnd", "fbcnn", "mwcnn", "qgac", "spandrel"]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("suffix", [".pth", ".mat", ".safetensors", ".tar"])
@pytest.mark.parametrize("kind", ["pickle", "zip", "html", "empty", "half"])
def test_no_code_of_a_file_is_run(name: str, suffix: str, kind: str, tmp_path: Path) -> None:
    canary, file = tmp_path / "canary", tmp_path / f"weights{suffix}"
    code = pickle.dumps({"0.weight": Canary(canary)})
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("weights/data.pkl", code)
            archive.writestr("weights/version", "3\n")
            archive.writestr("weights/byteorder", "little")
    else:
        whole = io.BytesIO()
        torch.save({"0.weight": torch.zeros(9)}, whole)
        contents = {
            "pickle": code,
            "html": b"<!DOCTYPE html><h1>404</h1>",
            "empty": b"",
            "half": whole.getvalue()[:300],
        }
        file.write_bytes(contents[kind])
    with pytest.raises(WeightsError) as found:
        imgredux.get(name, weights=file)
    assert str(file) in str(found.value)
    assert not canary.exists()


def test_a_state_is_found_in_the_containers_of_trainers(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}
    prefixed = {f"module.{key}": value for key, value in state.items()}
    contents = {
        "plain": state,
        "params": {"params": state, "epoch": 3},
        "ema": {"params": {"x": torch.ones(1)}, "params_ema": state},
        "deep": {"model": {"state_dict": prefixed}},
        "module": prefixed,
        "mixed": {**state, "epoch": 3},
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / f"{name}.pth")
        found = archives.read_state(tmp_path / f"{name}.pth")
        assert found.keys() == state.keys(), name
        assert all(torch.equal(found[key], state[key]) for key in state)
    save_file(state, tmp_path / "a.safetensors")
    assert archives.read_state(tmp_path / "a.safetensors").keys() == state.keys()
    for nothing in ({"epoch": 3}, [1, 2], {"model": {"epoch": 3}}):
        torch.save(nothing, tmp_path / "none.pth")
        with pytest.raises(ValueError, match="holds no state dict"):
            archives.read_state(tmp_path / "none.pth")
