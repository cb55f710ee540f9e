"""What JPEG did to an image, from its file or from its pixels: `docs/how-to/real-jpegs.md`."""

from typing import TYPE_CHECKING

from imgredux._lazy import resolver

if TYPE_CHECKING:
    from imgredux.forensics import content as content
    from imgredux.forensics import examine as examine
    from imgredux.forensics import lattice as lattice
    from imgredux.forensics import traces as traces

__getattr__, __dir__ = resolver(__name__, {}, ("content", "examine", "lattice", "traces"))
