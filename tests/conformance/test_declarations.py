"""The suites' checks on packages: entry points, what a declaration imports, weights and their manifest."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors.torch import save
from torch import ones

from imgredux.registry import _plugins
from imgredux.testing import EstimatorConformance

DECLARATION = """
from imgredux import Spec, hookimpl

@hookimpl
def imgredux_methods():
    target = "{package}.method:Scaled"
    about = dict(kind="estimator", title="toy", paper="none", license="Apache-2.0", context=0, differentiable=True)
    return [Spec(name=name, target=target, **about) for name in {names}]
"""
METHOD = """
import torch
from imgredux import Estimator, ops

class Scaled(Estimator):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return (0.05 * self.scale).expand(len(x), 1, *x.shape[-2:]) + 0 * ops.luma(x)
"""
WEIGHTS = save({"scale": 2 * ones(1)})
MANIFEST = f"""
default = "base"
[tags.base]
file = "base.safetensors"
sha256 = "{hashlib.sha256(WEIGHTS).hexdigest()}"
bytes = {len(WEIGHTS)}
license = "Apache-2.0"
training = "none"
"""
FAILS = (AssertionError, pytest.fail.Exception)


@pytest.fixture
def plugin(
    install: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Path]]:
    """Install a plugin with weights, changed by `files`, and give its package's folder."""

    def write(package: str, names: tuple[str, ...] = (), files: dict[str, str | bytes] | None = None) -> Path:
        method = package.removeprefix("imgredux_")
        sound = {
            "__init__.py": DECLARATION.format(package=package, names=names or (method,)),
            "method.py": METHOD,
            "weights.toml": MANIFEST,
            "base.safetensors": WEIGHTS,
        }
        held = {f"{package}/{path}": content for path, content in {**sound, **(files or {})}.items()}
        root = install(tmp_path, f"imgredux-{method}", {method: package}, held)
        monkeypatch.syspath_prepend(root)
        return root / package

    yield write
    for plugin in [plugin for plugin in _plugins.manager.get_plugins() if "imgredux_decl" in str(plugin)]:
        _plugins.manager.unregister(plugin)


def suite(name: str) -> EstimatorConformance:
    return type("TestDeclared", (EstimatorConformance,), {"name": name})()


def test_a_sound_package_passes(plugin: Callable[..., Path]) -> None:
    plugin("imgredux_decl_sound")
    declared = suite("decl_sound")
    declared.test_declaration_imports_no_torch()
    declared.test_entry_point_is_the_name()
    declared.test_exceptions_name_checks()
    declared.test_weights_match_the_manifest()


def test_a_declaration_that_imports_torch_is_caught(plugin: Callable[..., Path]) -> None:
    package = "imgredux_decl_heavy"
    text = "import torch\n" + DECLARATION.format(package=package, names=("decl_heavy",))
    plugin(package, files={"__init__.py": text})
    with pytest.raises(FAILS, match="imports torch: keep it out"):
        suite("decl_heavy").test_declaration_imports_no_torch()


def test_an_entry_point_of_another_name_is_caught(plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = plugin("imgredux_decl_renamed")
    declared = suite("decl_renamed")
    entry = declared._entry_point()
    monkeypatch.setattr(declared, "_entry_point", lambda: entry)
    (folder / "__init__.py").write_text("def imgredux_methods():\n    return []\n")
    with pytest.raises(FAILS, match="leads to the methods none"):
        _fresh(folder.name, declared.test_entry_point_is_the_name)


def _fresh(package: str, check: Callable[[], None]) -> None:
    """Run a check that imports `package` anew."""
    import importlib
    import sys

    importlib.invalidate_caches()
    sys.modules.pop(package, None)
    check()


@pytest.mark.parametrize(
    ("label", "file", "content", "says"),
    [
        ("altered", "base.safetensors", save({"scale": 3 * ones(1)}), "another sha256"),
        ("longer", "base.safetensors", WEIGHTS + b"\0", "bytes"),
        ("unlisted", "more.safetensors", WEIGHTS, "does not list more.safetensors"),
        ("pickled", "notes/old.pth", b"\x80\x04.", r"old\.pth: ship safetensors"),
    ],
)
def test_weights_that_break_the_manifest_are_caught(
    label: str, file: str, content: bytes, says: str, plugin: Callable[..., Path]
) -> None:
    plugin(f"imgredux_decl_{label}", files={file: content})
    with pytest.raises(FAILS, match=says):
        suite(f"decl_{label}").test_weights_match_the_manifest()


def test_a_missing_weight_file_is_caught(plugin: Callable[..., Path]) -> None:
    (plugin("imgredux_decl_missing") / "base.safetensors").unlink()
    with pytest.raises(FAILS, match=r"base\.safetensors is missing"):
        suite("decl_missing").test_weights_match_the_manifest()


def test_weights_beyond_4_mib_together_are_caught(plugin: Callable[..., Path]) -> None:
    base, other = (MANIFEST.replace(f"= {len(WEIGHTS)}", f"= {2 * 2**20 + over}") for over in (0, 1))
    other = other.replace('default = "base"', "").replace("base", "other")
    plugin("imgredux_decl_large", files={"weights.toml": base + other, "other.safetensors": WEIGHTS})
    with pytest.raises(FAILS, match="4194305 bytes together, a method may ship 4194304"):
        suite("decl_large").test_weights_match_the_manifest()
