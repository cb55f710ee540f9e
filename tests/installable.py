"""Writes imgredux/installable.json: what to install for each method of ours, read off the plugins' own metadata.

python -m tests.installable
"""

import json
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FILE = REPOSITORY / "imgredux" / "installable.json"


def installable() -> dict[str, str]:
    """Method to distribution."""
    found: dict[str, str] = {}
    for file in sorted(REPOSITORY.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        for entries in project["entry-points"].values():
            found.update(dict.fromkeys(entries, project["name"]))
    return dict(sorted(found.items()))


if __name__ == "__main__":
    FILE.write_text(json.dumps(installable(), indent=2) + "\n", "utf-8")
