"""What several tests build on."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import imgredux
from imgredux import registry

Install = Callable[..., Path]

PAINT = """
import torch
from imgredux import Restorer

class Paint(Restorer):
    guarded = False

    def __init__(self):
        super().__init__()
        self.level = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x, *, qtable=None):
        return 0 * x + self.level
"""


@pytest.fixture(scope="session")
def install() -> Install:
    """`install(site, name, entry_points, files)` puts a distribution into the folder `site` as pip would, and gives it.

    entry_points: name to package, in the group of `kind`. files: path to text or bytes.
    """

    def write(
        site: Path,
        name: str,
        entry_points: Mapping[str, str],
        files: Mapping[str, str | bytes],
        kind: str = "estimator",
    ) -> Path:
        info = f"{name.replace('-', '_')}-0.1.0.dist-info"
        points = "\n".join(f"{method} = {package}" for method, package in entry_points.items())
        metadata = {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n",
            f"{info}/entry_points.txt": f"[imgredux.{kind}s]\n{points}\n",
        }
        for path, content in {**metadata, **files}.items():
            file = site / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return site

    return write


@pytest.fixture
def only_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """No method is installed, and none is registered but by the test."""
    monkeypatch.setitem(registry._plugins.known, "method", {})
    monkeypatch.setattr(registry, "installed", lambda family: {})
    monkeypatch.setattr(registry, "the_one", lambda family, name: None)


@pytest.fixture
def paint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., imgredux.Spec]]:
    """`paint(name, {tag: gains})` registers a restorer for the test, whose tags paint the image in levels 10, 20, ...

    gains: as in TOML; None: the tag states none. The first tag is the default.
    """
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def register(name: str, tags: Mapping[str, str | None], **declared: Any) -> imgredux.Spec:
        from safetensors.torch import save
        from torch import tensor

        made.append(name)
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "method.py").write_text(PAINT)
        text = f'default = "{next(iter(tags))}"\n'
        for index, (tag, gains) in enumerate(tags.items(), 1):
            content = save({"level": tensor(index * 10 / 255)})
            (folder / f"{tag}.safetensors").write_bytes(content)
            text += f'[tags.{tag}]\nfile = "{tag}.safetensors"\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
            text += f'bytes = {len(content)}\nlicense = "Apache-2.0"\ntraining = "none"\n'
            text += f"[tags.{tag}.gains]\n{gains}\n" if gains else ""
        (folder / "weights.toml").write_text(text)
        about = {"title": "a toy", "paper": "none", "license": "Apache-2.0", "context": 0, **declared}
        spec = imgredux.Spec(name=name, kind="restorer", target=f"{name}.method:Paint", **about)
        monkeypatch.setitem(registry._plugins.known["method"], name, spec)
        return spec

    yield register
    for name in made:
        sys.modules.pop(name, None)
        sys.modules.pop(f"{name}.method", None)
