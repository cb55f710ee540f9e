"""What is installed, one entry for each name: what `imgredux list` shows."""

from typing import NamedTuple

from imgredux._version import __version__
from imgredux.methods.declarations import MetricSpec
from imgredux.methods.spec import Spec
from imgredux.registry.plugins import Declared, kind_of


class Listing(NamedTuple):
    """A name with what its plugin declares. error: why it cannot be loaded; then there is no more than the name.

    distribution, version: None for what was registered at run time. tags: of a method's weights.
    """

    name: str
    kind: str | None = None
    title: str | None = None
    paper: str | None = None
    license: str | None = None
    distribution: str | None = None
    version: str | None = None
    tags: tuple[str, ...] = ()
    error: str | None = None


def entry(declared: Declared, distribution: tuple[str, str] | tuple[None, None], tags: tuple[str, ...] = ()) -> Listing:
    """The entry of a declaration. A metric's title is what tables show."""
    title = declared.label if isinstance(declared, MetricSpec) else declared.title
    paper, license_ = (declared.paper, declared.license) if isinstance(declared, Spec) else (None, None)
    return Listing(declared.name, kind_of(declared), title, paper, license_, *distribution, tags)


def own_metric(name: str, label: str) -> Listing:
    """The entry of a metric of imgredux itself."""
    return Listing(name, "metric", label, distribution="imgredux", version=__version__)
