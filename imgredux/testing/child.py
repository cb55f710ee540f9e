"""Decode streams in a process of their own: `python -m imgredux.testing.child FOLDER THREADS`.

For each `NAME.stream` in the folder, one of: `NAME.npy`, the image; `NAME.refused`, a StreamError's reason;
`NAME.error`, any other error. `specs.json` holds declarations to register first, for methods that are not installed.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from imgredux import registry
from imgredux.dispatch import decode
from imgredux.errors import StreamError
from imgredux.methods.spec import Spec


def main(folder: Path, threads: int) -> None:
    """Decode every stream of the folder with this many threads."""
    torch.set_num_threads(threads)
    for fields in json.loads((folder / "specs.json").read_text("utf-8")):
        registry.register(Spec(**{**fields, "channels": tuple(fields["channels"])}))
    for path in sorted(folder.glob("*.stream")):
        try:
            np.save(path.with_suffix(".npy"), np.asarray(decode(path.read_bytes())))
        except StreamError as error:
            path.with_suffix(".refused").write_text(error.reason, "utf-8")
        except Exception as error:
            path.with_suffix(".error").write_text(repr(error), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
