"""The core knows no method, and no protocol by name: what a stranger adds is treated as ours is."""

import ast
import json
from pathlib import Path

import pytest

from imgredux import registry

PACKAGE = Path(__file__).parents[1] / "imgredux"
OURS = json.loads((PACKAGE / "installable.json").read_text("utf-8"))
METHODS = set(OURS["method"])
PROTOCOLS = {"jnd-equal-mse", "jnd-konjnd", "jpeg-y", "jpeg-rgb", "jpeg-double", "rd", *OURS["protocol"]}
# Where protocols are declared, their baselines are named.
DECLARED = {PACKAGE / "protocols" / "declared.py"}
FILES = sorted({*PACKAGE.rglob("*.py")} - DECLARED)


def constants(file: Path) -> list[tuple[int, str]]:
    """Strings of the code that are a name and nothing else; docstrings are prose."""
    tree = ast.parse(file.read_text("utf-8"))
    return [(n.lineno, n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_the_names_are_those_at_hand() -> None:
    assert set(registry.list_protocols()) >= PROTOCOLS
    assert set(registry.list_methods()) >= METHODS - {"compressai"}  # which has an environment of its own


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_name_of_a_method_or_a_protocol_stands_in_code(file: Path) -> None:
    formats, data_sets = {"png", "webp", "avif", "jxl"}, {"shen2020"}  # that have the name of a method
    found = [(line, name) for line, name in constants(file) if name in (METHODS - formats - data_sets) | PROTOCOLS]
    assert not found, f"{file}: {found}"


def test_the_templates_compare_none() -> None:
    for file in PACKAGE.rglob("*.jinja"):
        text = file.read_text("utf-8")
        assert not [name for name in METHODS | PROTOCOLS if f'"{name}"' in text or f"'{name}'" in text]
