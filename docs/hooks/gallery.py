"""Makes the gallery that the site links to, from two photographs that are in the public domain (CC0)."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.structure.files import File
from skimage import data

from imgredux.gallery import gallery


def on_files(files: Any, *, config: Any, **_: Any) -> Any:
    with TemporaryDirectory() as folder:
        gallery([data.chelsea(), data.coffee()], folder, names=["chelsea", "coffee"])
        for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
            name = f"gallery/{path.relative_to(folder).as_posix()}"
            files.append(File.generated(config, name, content=path.read_bytes()))
    return files
