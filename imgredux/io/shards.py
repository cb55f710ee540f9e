"""Parts of a job for several machines: which files are whose, and records that are written apart and read together.

Of a job in n parts, part i takes the files whose names have the hash i - 1 modulo n. So every machine finds its own
files by itself, whatever is added meanwhile. Its rows go into a file of its own, `record.3-of-16.jsonl` beside
`record.jsonl`, which the next run without parts takes in.
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from imgredux.errors import ImgreduxError


class Shard(NamedTuple):
    """Part `number`, from 1 on, of `parts`."""

    number: int
    parts: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Of "3/16". Raises ImgreduxError."""
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise ImgreduxError(f"shard {text!r}: give part and number of parts, as 3/16")
        return cls(int(found[1]), int(found[2]))

    def has(self, name: str) -> bool:
        """Whether a file belongs to this part. name: the same on all machines."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.parts == self.number - 1

    def beside(self, path: Path) -> Path:
        """The file of this part's rows, of those in `path`."""
        return path.with_name(f"{path.stem}.{self.number}-of-{self.parts}{path.suffix}")


def parts_of(path: Path) -> list[Path]:
    """The files of parts beside a file of rows, the one written to last at the end."""
    named = re.compile(re.escape(path.stem) + r"\.\d+-of-\d+" + re.escape(path.suffix))
    found = [one for one in path.parent.glob("*-of-*") if named.fullmatch(one.name)]
    return sorted(found, key=lambda one: (one.stat().st_mtime_ns, one.name))
