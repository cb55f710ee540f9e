"""Links that leave docs/ lead to the file in the repository; a link to nothing fails the build."""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

HOME = "https://github.com/imgredux/imgredux"
LINK = re.compile(r"(?<=\]\()((?:\.\./)+[^)\s#]*)(?=[#)])")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    docs = Path(config.docs_dir)
    here = (docs / page.file.src_uri).parent

    def outside(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(here / found[1]))
        if target.is_relative_to(docs):
            return found[1]
        if not target.exists():
            raise PluginError(f"{page.file.src_uri}: nothing is at {found[1]}")
        return f"{HOME}/{'tree' if target.is_dir() else 'blob'}/main/{target.relative_to(docs.parent).as_posix()}"

    return LINK.sub(outside, markdown)
