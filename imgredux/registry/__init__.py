"""Names to methods, metrics and protocols. Only the plugin asked for is imported; a broken one hurts nobody else."""

import json
import logging
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, overload

from imgredux.errors import ImgreduxError, PluginError, UnknownMethod, UnknownName, WeightsError
from imgredux.methods.declarations import MetricSpec, ProtocolSpec
from imgredux.methods.spec import Kind, Spec
from imgredux.methods.weights import read_manifest
from imgredux.registry.building import attribute, build, load_weights
from imgredux.registry.listing import Listing, entry, own_metric
from imgredux.registry.metadata import FAMILIES, Family, family_of, installed, the_one
from imgredux.registry.plugins import Declared, Plugins, kind_of
from imgredux.registry.showing import facts, table

if TYPE_CHECKING:
    from os import PathLike

    import torch

    from imgredux.methods.base import Estimator, Method
    from imgredux.methods.codec import Codec
    from imgredux.methods.restorer import Restorer
    from imgredux.metrics import Metric
    from imgredux.registry.names import (  # pyright: ignore[reportMissingModuleSource] - a stub alone
        CodecName,
        CodecTag,
        EstimatorName,
        EstimatorTag,
        RestorerName,
        RestorerTag,
    )

__all__ = [
    "Info",
    "Listing",
    "create",
    "get",
    "info",
    "list_entries",
    "list_methods",
    "list_metrics",
    "list_protocols",
    "listed",
    "metric",
    "origin",
    "protocol",
    "register",
    "registered",
]


@dataclass(frozen=True)
class Info:
    """A method's declaration with where it comes from: distribution and version (None when registered at run time)."""

    spec: Spec
    distribution: str | None
    version: str | None
    weights: Mapping[str, Mapping[str, Any]]

    @property
    def untrained(self) -> bool:
        """Whether the method is of no use yet: it must learn, or be given weights, and none of its own ship."""
        return (self.spec.recipes is not None or self.spec.user_weights) and not self.weights

    @property
    def origin(self) -> str:
        """Distribution and version in words."""
        return f"{self.distribution} {self.version}" if self.distribution else "registered at run time"

    @property
    def facts(self) -> dict[str, str]:
        """What `imgredux info` prints above the weights, by what it is called."""
        return facts(self.spec, self.origin, "" if self.weights else self._without_weights)

    @property
    def _without_weights(self) -> str:
        if self.spec.user_weights:
            return "the user's: give a file"
        return "none yet: it must be trained" if self.untrained else "none"

    def _repr_html_(self) -> str:
        return table({**self.facts, **({"weights": ", ".join(self.weights)} if self.weights else {})})


@dataclass(frozen=True)
class Origin:
    """What a name is, as "estimator" or "metric"; its distribution with the version, None if registered at run time."""

    kind: str
    distribution: str | None


_plugins = Plugins()
_log = logging.getLogger(__name__)


def register(declared: Declared) -> None:
    """Make a method, a metric or a protocol known for the life of this process: for notebooks and tests.

    declared: a Spec, a MetricSpec or a ProtocolSpec. Raises ValueError when the name is taken by another.
    """
    family = family_of(kind_of(declared))
    known, name = _plugins.known[family], declared.name
    if known.get(name, declared) != declared or name in installed(family) or (family == "metric" and name in _own()):
        raise ValueError(f"a {family} named {name!r} exists already")
    known[name] = declared


def registered(names: Iterable[str]) -> list[Declared]:
    """What was registered at run time under these names: what another process must be told of, to know it too."""
    wanted = {*names}
    return [
        declared
        for family in FAMILIES
        for name, declared in _plugins.known[family].items()
        if name in wanted and name not in installed(family)
    ]


def list_methods(kind: Kind | None = None) -> list[str]:
    """Names of the methods at hand, sorted.

    Without `kind` only distribution metadata is read. With it the declarations of that kind are imported (no torch);
    a plugin that cannot be loaded is left out with a warning.
    """
    names = _names("method", kind)
    if kind is None:
        return names
    return [name for name in names if _loads(name)]


def list_metrics() -> list[str]:
    """Names of the metrics at hand, those of imgredux itself among them, sorted."""
    return sorted({*_own(), *_names("metric")})


def list_protocols() -> list[str]:
    """Names of the protocols at hand, sorted; from distribution metadata alone."""
    return _names("protocol")


def list_entries() -> list[tuple[Family, str]]:
    """Whatever plugins bring and whatever was registered: family and name, methods first."""
    return [(family, name) for family in FAMILIES for name in _names(family)]


def listed(family: Family, kind: str | None = None) -> list[Listing]:
    """All names of a family, of one kind where it is given, with what each declares; sorted. Loads declarations.

    What cannot be loaded is there with its error, unless a kind is asked for that its entry point does not name.
    """
    own = {name: own_metric(name, one.label) for name, one in _own().items()} if family == "metric" else {}
    found = {name: _listing(family, name) for name in _names(family, kind)}
    return [one for _, one in sorted({**found, **own}.items())]


def _listing(family: Family, name: str) -> Listing:
    try:
        declared = _declared(family, name)
        tags = tuple(read_manifest(declared).tags) if isinstance(declared, Spec) else ()
        found = the_one(family, name)
        return entry(declared, found.distribution if found else (None, None), tags)
    except (PluginError, WeightsError) as error:
        return Listing(name, error=str(error))


def origin(family: Family, name: str) -> Origin:
    """What a name is and where it comes from; loads its declaration. Raises UnknownName, PluginError, WeightsError."""
    declared = _declared(family, name)
    if isinstance(declared, Spec):
        read_manifest(declared)
    found = the_one(family, name)
    return Origin(kind_of(declared), " ".join(found.distribution) if found else None)


def info(name: str) -> Info:
    """Declaration, distribution and weights manifest of a method; imports no torch.

    Raises UnknownMethod, PluginError, or WeightsError when the manifest is damaged.
    """
    spec = _find(name)
    found = installed("method").get(name)
    distribution, version = found[0].distribution if found else (None, None)
    return Info(spec, distribution, version, read_manifest(spec).tags)


def metric(name: str) -> "Metric":
    """A metric: its function, direction, label and digits. Raises UnknownName, PluginError."""
    own, entry = _own(), the_one("metric", name)
    if name in own:
        if entry is not None:
            other = " ".join(entry.distribution)
            raise PluginError(f"{other} provides a metric {name!r}, which is one of imgredux itself. Uninstall {other}")
        return own[name]
    from imgredux.metrics import Metric

    spec = _declared("metric", name)
    assert isinstance(spec, MetricSpec)  # the family says so
    return Metric(attribute(spec), spec.higher_is_better, spec.label, spec.digits)


def protocol(name: str) -> ProtocolSpec:
    """What a protocol declares, without torch; `imgredux.protocols.load` makes one. Raises UnknownName, PluginError."""
    spec = _declared("protocol", name)
    assert isinstance(spec, ProtocolSpec)  # the family says so
    return spec


@overload
def create(name: "EstimatorName", **options: Any) -> "Estimator": ...
@overload
def create(name: "RestorerName", **options: Any) -> "Restorer": ...
@overload
def create(name: "CodecName", **options: Any) -> "Codec": ...
@overload
def create(name: str, **options: Any) -> "Method": ...
def create(name: str, **options: Any) -> "Method":
    """Build a fresh, trainable method; `options` are its constructor's keywords.

    Raises UnknownMethod, PluginError, or TypeError for a keyword that the constructor does not have.
    """
    return build(_find(name), options)


@overload
def get(
    name: "EstimatorName | EstimatorTag",
    device: "torch.device | str | None" = None,
    weights: "str | PathLike[str] | None" = None,
    *,
    ppd: float | None = None,
    peak: float | None = None,
) -> "Estimator": ...
@overload
def get(
    name: "RestorerName | RestorerTag",
    device: "torch.device | str | None" = None,
    weights: "str | PathLike[str] | None" = None,
) -> "Restorer": ...
@overload
def get(
    name: "CodecName | CodecTag",
    device: "torch.device | str | None" = None,
    weights: "str | PathLike[str] | None" = None,
) -> "Codec": ...
@overload
def get(
    name: str,
    device: "torch.device | str | None" = None,
    weights: "str | PathLike[str] | None" = None,
    *,
    ppd: float | None = None,
    peak: float | None = None,
) -> "Method": ...
def get(
    name: str,
    device: "torch.device | str | None" = None,
    weights: "str | PathLike[str] | None" = None,
    *,
    ppd: float | None = None,
    peak: float | None = None,
) -> "Method":
    """A method ready to use: weights loaded and verified, eval mode, parameters frozen.

    name: `"wei2009"`, or `"method.tag"` for a tag of its weights manifest. A restorer without a tag takes for each
        image the tag that gains most at its JPEG quality.
    device: where its parameters lie; None leaves them on the CPU. Inputs other than tensors are moved there.
    weights: a file to load in place of the shipped weights, in a format the method reads. A method that learns and
    ships none yet needs one.
    ppd, peak: of an estimator: its maps are in just-objectionable differences of who looks at the image at so many
    pixels per degree, and so many cd/m2 of white; see `Estimator.calibrate`. One of them alone takes 37.8 or 200 for
    the other. Without both, maps are as the method has them.

    Raises UnknownMethod, PluginError, WeightsError; ImgreduxError for viewing conditions of a method that is no
    estimator, is not calibrated, or at which nobody measured.
    """
    base, _, tag = name.partition(".")
    method = load_weights(_find(base), tag, weights)
    method.chooses = not tag and weights is None
    method.other_tag = partial(_tagged, base)
    method.eval().requires_grad_(False)
    _log.debug("%s: %s", method.label, f"weights {method.digest.hex()}" if any(method.digest) else "no weights")
    if ppd is not None or peak is not None:
        _calibrate(method, ppd, peak)
    return method.to(device) if device is not None else method


def _calibrate(method: "Method", ppd: float | None, peak: float | None) -> None:
    from imgredux.methods.base import Estimator
    from imgredux.methods.viewing import REFERENCE

    if not isinstance(method, Estimator):
        raise ImgreduxError(f"ppd and peak are of an estimator: {method.label} is a {method.spec.kind}")
    method.calibrate(REFERENCE.ppd if ppd is None else ppd, REFERENCE.peak if peak is None else peak)


def _tagged(name: str, tag: str) -> "Method":
    return get(f"{name}.{tag}")


def _find(name: str) -> Spec:
    """The Spec of a method, registered or installed. Raises UnknownMethod or PluginError."""
    spec = _declared("method", name)
    assert isinstance(spec, Spec)  # the family says so
    return spec


def _declared(family: Family, name: str) -> Declared:
    """What is declared under a name. Conflicts are found first, in the metadata; then what is known counts."""
    found, known = the_one(family, name), _plugins.known[family]
    if name in known:
        return known[name]
    if found is None:
        raise _unknown(family, name)
    return _plugins.load(family, found)


def _names(family: Family, kind: str | None = None) -> list[str]:
    """Registered and installed names, of a kind where one is given, sorted."""
    known = (one.name for one in _plugins.known[family].values() if kind in (None, kind_of(one)))
    found = (name for name, all_ in installed(family).items() if any(kind in (None, one.kind) for one in all_))
    return sorted({*known, *found})


def _loads(name: str) -> bool:
    try:
        _find(name)
    except PluginError as error:
        warnings.warn(str(error), stacklevel=3)
        return False
    return True


def _own() -> "Mapping[str, Metric]":
    from imgredux.metrics import METRICS

    return METRICS


def default(kind: Kind) -> str:
    """The name of the method that a command takes where none is named: the best of its kind, by our measurements."""
    return _written()["default"][kind]


def _written() -> dict[str, dict[str, str]]:
    """What the core says of our methods, metrics and protocols: `tests/installable.py` writes it."""
    return json.loads((files("imgredux") / "installable.json").read_text("utf-8"))


def _unknown(family: Family, name: str) -> UnknownName:
    installable = _written()[family]
    error = UnknownMethod if family == "method" else UnknownName
    if name in installable:
        return error(f"no {family} named {name!r}. Install it with: pip install {installable[name]}")
    names = list_metrics() if family == "metric" else _names(family)
    close = get_close_matches(name, [*names, *installable], n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return error(f"no {family} named {name!r}.{hint} Installed: {', '.join(names) or 'none'}")
