"""Writes what the core says of our methods, read off the plugins' own metadata.

imgredux/installable.json: what to install for each. imgredux/registry/names.pyi: of which kind each is, for type
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


def installable() -> dict[str, str]:
    """Method to distribution."""
    return {name: project["name"] for name, _, project in sorted(_methods(), key=lambda found: found[0])}


def names() -> str:
    """The text of names.pyi."""
    found: dict[str, list[str]] = {f"{kind}{what}": [] for kind in KINDS for what in ("Name", "Tag")}
    for name, folder, project in _methods():
        (kind,) = (kind for kind in KINDS if name in project["entry-points"].get(f"imgredux.{kind.lower()}s", ()))
        found[f"{kind}Name"].append(name)
        found[f"{kind}Tag"] += [f"{name}.{tag}" for tag in _tags(folder)]
    return HEAD + "".join(f"\n{alias}: TypeAlias = {_literal(sorted(all_))}\n" for alias, all_ in found.items())


def _methods() -> Iterator[tuple[str, Path, dict]]:
    """Name, folder of the package and project of each method."""
    for file in REPOSITORY.glob("plugins/*/pyproject.toml"):
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        for entries in project["entry-points"].values():
            for name, package in entries.items():
                yield name, file.parent / package, project


def _tags(package: Path) -> list[str]:
    manifest = package / "weights.toml"
    return list(tomllib.loads(manifest.read_text("utf-8"))["tags"]) if manifest.exists() else []


def _literal(all_: list[str]) -> str:
    return "Literal[\n" + "".join(f'    "{name}",\n' for name in all_) + "]" if all_ else "Never"


if __name__ == "__main__":
    FILE.write_text(json.dumps(installable(), indent=2) + "\n", "utf-8")
    NAMES.write_text(names(), "utf-8")
