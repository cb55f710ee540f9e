"""Writes what the core says of our methods, metrics and protocols, read off the plugins' own metadata.

imgredux/installable.json: what to install for each. imgredux/registry/names.pyi: of which kind each method is, for type
checkers and editors; nothing imports it.

python -m tests.installable
"""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FILE = REPOSITORY / "imgredux" / "installable.json"
NAMES = REPOSITORY / "imgredux" / "registry" / "names.pyi"
KINDS = ("Estimator", "Restorer", "Codec")
HEAD = '''"""The names of our methods and of their weights, by kind: written by `make installable`."""

from typing import Literal, TypeAlias
'''


DEFAULT = {"estimator": "ddjnd.hiding"}  # what commands take where no method is named: docs/results/estimators.md


def installable() -> dict[str, dict[str, str]]:
    """By family, name to distribution; and by kind, the method that is taken where none is named."""
    found: dict[str, dict[str, str]] = {"method": {}, "metric": {}, "protocol": {}}
    for group, name, _, project in sorted(_entries(), key=lambda entry: entry[:2]):
        found[_family(group)][name] = project["name"]
    return {**{family: dict(sorted(names.items())) for family, names in found.items()}, "default": DEFAULT}


def names() -> str:
    """The text of names.pyi."""
    found: dict[str, list[str]] = {f"{kind}{what}": [] for kind in KINDS for what in ("Name", "Tag")}
    for group, name, folder, _ in sorted(_entries(), key=lambda entry: entry[:2]):
        if _family(group) != "method":
            continue
        kind = group.removeprefix("imgredux.").removesuffix("s").capitalize()
        found[f"{kind}Name"].append(name)
        found[f"{kind}Tag"] += [f"{name}.{tag}" for tag in _tags(folder)]
    return HEAD + "".join(f"\n{alias}: TypeAlias = {_literal(sorted(all_))}\n" for alias, all_ in found.items())


def _entries() -> Iterator[tuple[str, str, Path, dict]]:
    """Group, name, folder of the package and project of each entry point."""
    for file in REPOSITORY.glob("plugins/*/pyproject.toml"):
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        for group, entries in project["entry-points"].items():
            for name, package in entries.items():
                yield group, name, file.parent / package, project


def _family(group: str) -> str:
    return {"imgredux.metrics": "metric", "imgredux.protocols": "protocol"}.get(group, "method")


def _tags(package: Path) -> list[str]:
    manifest = package / "weights.toml"
    return list(tomllib.loads(manifest.read_text("utf-8"))["tags"]) if manifest.exists() else []


def _literal(all_: list[str]) -> str:
    return "Literal[\n" + "".join(f'    "{name}",\n' for name in all_) + "]" if all_ else "Never"


if __name__ == "__main__":
    FILE.write_text(json.dumps(installable(), indent=2) + "\n", "utf-8")
    NAMES.write_text(names(), "utf-8")
