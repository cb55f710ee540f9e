"""Runs each docs/tutorial/*.py as a notebook and makes a page of it, with what it printed and drew.

A cell that fails ends the build. The executed notebook lies beside its page.
"""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jupytext
import nbformat
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import MarkdownExporter

FOLDER = "tutorial/"
AT_ONCE = 2
SECONDS = 120  # a cell may take
PLAIN = "import os\nos.environ.pop('FORCE_COLOR'), os.environ.pop('CLICOLOR_FORCE')"  # no colors, no progress bars
DRAWN = "What the code above draws"
BADGE = "*This page is a notebook that ran when the site was built: [{name}]({name}).*\n\n"


class Ran(NamedTuple):
    """A page's text and the files beside it, by name."""

    text: str
    beside: dict[str, bytes]


def on_files(files: Any, *, config: Any, **_: Any) -> Any:
    scripts = [file for file in files if file.src_uri.startswith(FOLDER) and file.src_uri.endswith(".py")]
    os.environ.update(NO_COLOR="1", TERM="dumb", OMP_NUM_THREADS="1", COLUMNS="110")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pages = list(pool.map(_run, [Path(file.abs_src_path) for file in scripts]))
    for file, page in zip(scripts, pages, strict=True):
        files.remove(file)
        files.append(File.generated(config, str(Path(file.src_uri).with_suffix(".md")), content=page.text))
        for name, content in page.beside.items():
            files.append(File.generated(config, FOLDER + name, content=content))
    return files


def _run(script: Path) -> Ran:
    notebook = jupytext.read(script, fmt="py:percent")
    notebook.cells.insert(0, nbformat.v4.new_code_cell(PLAIN))
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=40"],
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise PluginError(f"{script.name} failed:\n{error}") from error
    del notebook.cells[0]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _tidy(cell.outputs)
    return _page(script.stem, notebook)


def _tidy(outputs: list[Any]) -> list[Any]:
    """What was printed as one text, then what was drawn, as PNG alone."""
    said = "".join(output.text for output in outputs if output.output_type == "stream")
    drawn = [output for output in outputs if output.output_type != "stream"]
    for output in drawn:
        output.data.pop("image/jpeg", None)
    return [nbformat.v4.new_output("stream", text=said), *drawn] if said else drawn


def _page(stem: str, notebook: Any) -> Ran:
    text, resources = MarkdownExporter().from_notebook_node(
        notebook, resources={"unique_key": stem, "output_files_dir": f"{stem}_files"}
    )
    text = re.sub(r"^```\w+\n%%bash\n", "```bash\n", text, flags=re.MULTILINE).replace("![png](", f"![{DRAWN}](")
    title, _, rest = text.lstrip().partition("\n")
    name = f"{stem}.ipynb"
    badge = BADGE.format(name=name)
    return Ran(f"{title}\n\n{badge}{rest}", {name: nbformat.writes(notebook).encode(), **resources["outputs"]})
