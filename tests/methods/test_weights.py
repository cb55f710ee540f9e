"""Weights are verified on every load; a damaged or foreign file gives one clear message and runs nothing."""

import hashlib
import pickle
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import imgredux
from imgredux.methods.weights import read_manifest

MODULE = """
import torch
import imgredux

class Scaled(imgredux.Estimator):
    def __init__(self, width: int = 1) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
        return (x[:, :1] * self.gain.mean()).abs()
"""


class Plugin:
    """A package with a method `scaled` and two tags: `small` of width 1 and `wide` of width 3."""

    def __init__(self, root: Path, name: str) -> None:
        self.folder = root / name
        self.folder.mkdir()
        (self.folder / "__init__.py").write_text("")
        (self.folder / "method.py").write_text(MODULE)
        self.spec = imgredux.Spec(
            name=name,
            kind="estimator",
            target=f"{name}.method:Scaled",
            title="a toy",
            paper="none",
            license="Apache-2.0",
            differentiable=True,
        )
        text = 'default = "small"\n'
        for tag, width in (("small", 1), ("wide", 3)):
            file = self.folder / f"{tag}.safetensors"
            save_file({"gain": torch.full((width,), 2.0 * width).half()}, file)
            content = file.read_bytes()
            text += f'[tags.{tag}]\nfile = "{file.name}"\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
            text += f'bytes = {len(content)}\nlicense = "Apache-2.0"\noptions = {{ width = {width} }}\n'
            text += f'[tags.{tag}.training]\nrecipe = "none"\n'
        (self.folder / "weights.toml").write_text(text)
        imgredux.register(self.spec)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Plugin:
    monkeypatch.syspath_prepend(tmp_path)
    name = "scaled_" + hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    yield Plugin(tmp_path, name)  # pyright: ignore[reportReturnType]
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def gain(method: imgredux.Method) -> float:
    return float(method(torch.full((1, 1, 2, 2), 0.25))[0, 0, 0, 0] * 4)


def test_tags_choose_weights_and_options(plugin: Plugin) -> None:
    name = plugin.spec.name
    assert gain(imgredux.get(name)) == 2
    assert gain(imgredux.get(f"{name}.wide")) == 6
    assert imgredux.get(f"{name}.wide").tag == "wide"
    assert set(imgredux.info(name).weights) == {"small", "wide"}
    with pytest.raises(imgredux.WeightsError, match=r"has no weights 'huge'\. Tags: small, wide"):
        imgredux.get(f"{name}.huge")


def test_weights_in_float16_are_computed_with_in_float32(plugin: Plugin) -> None:
    assert next(imgredux.get(plugin.spec.name).parameters()).dtype == torch.float32


def test_the_digest_names_the_weights(plugin: Plugin) -> None:
    small, wide = (imgredux.get(f"{plugin.spec.name}.{tag}") for tag in ("small", "wide"))
    content = (plugin.folder / "small.safetensors").read_bytes()
    assert small.digest == hashlib.sha256(content).digest()[:8]
    assert small.digest != wide.digest
    assert imgredux.get("flat").digest == bytes(8)


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda _: b""])
def test_an_altered_file_is_refused(plugin: Plugin, damage: object) -> None:
    file = plugin.folder / "small.safetensors"
    file.write_bytes(damage(file.read_bytes()))  # pyright: ignore[reportCallIssue]
    with pytest.raises(imgredux.WeightsError, match=r"does not have the digest of its manifest\. Reinstall"):
        imgredux.get(plugin.spec.name)


def test_a_missing_file_is_named(plugin: Plugin) -> None:
    (plugin.folder / "small.safetensors").unlink()
    with pytest.raises(imgredux.WeightsError, match=r"small\.safetensors"):
        imgredux.get(plugin.spec.name)


@pytest.mark.parametrize("text", ["default = ", 'default = "x"', 'default = "x"\n[tags.x]\nfile = "a"', "tags = 3"])
def test_a_damaged_manifest_is_refused(plugin: Plugin, text: str) -> None:
    (plugin.folder / "weights.toml").write_text(text)
    with pytest.raises(imgredux.WeightsError, match=r"weights\.toml"):
        read_manifest(plugin.spec)


def test_a_users_file_is_loaded_with_the_options_it_names(plugin: Plugin, tmp_path: Path) -> None:
    save_file({"gain": torch.tensor([1.0, 8.0])}, tmp_path / "u.safetensors", {"imgredux.options": '{"width": 2}'})
    method = imgredux.get(plugin.spec.name, weights=tmp_path / "u.safetensors")
    assert gain(method) == 4.5
    assert method.digest == hashlib.sha256((tmp_path / "u.safetensors").read_bytes()).digest()[:8]
    with pytest.raises(imgredux.WeightsError, match="a tag or a file of weights, not both"):
        imgredux.get(f"{plugin.spec.name}.wide", weights=tmp_path / "u.safetensors")


def test_weights_of_another_shape_are_refused(plugin: Plugin, tmp_path: Path) -> None:
    save_file({"gain": torch.ones(5)}, tmp_path / "u.safetensors")
    with pytest.raises(imgredux.WeightsError, match=r"'gain' is \(5,\), not \(1,\)"):
        imgredux.get(plugin.spec.name, weights=tmp_path / "u.safetensors")


class Canary:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_a_pickle_is_never_run(plugin: Plugin, tmp_path: Path) -> None:
    file, canary = tmp_path / "evil.safetensors", tmp_path / "canary"
    file.write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(imgredux.WeightsError, match="does not hold weights"):
        imgredux.get(plugin.spec.name, weights=file)
    assert not canary.exists()
