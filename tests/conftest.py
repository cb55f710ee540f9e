"""What several tests build on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Install = Callable[[Path, str, Mapping[str, str], Mapping[str, str | bytes]], Path]


@pytest.fixture(scope="session")
def install() -> Install:
    """`install(site, name, entry_points, files)` puts a distribution into the folder `site` as pip would, and gives it.

    entry_points: method name to package. files: path to text or bytes.
    """

    def write(site: Path, name: str, entry_points: Mapping[str, str], files: Mapping[str, str | bytes]) -> Path:
        info = f"{name.replace('-', '_')}-0.1.0.dist-info"
        points = "\n".join(f"{method} = {package}" for method, package in entry_points.items())
        metadata = {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n",
            f"{info}/entry_points.txt": f"[imgredux]\n{points}\n",
        }
        for path, content in {**metadata, **files}.items():
            file = site / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return site

    return write
