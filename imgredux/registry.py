"""Names to methods. Only the plugin asked for is imported; a broken one hurts nobody else."""

import hashlib
import importlib
import importlib.metadata
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from imgredux.errors import PluginError, UnknownMethod, WeightsError
from imgredux.methods import hooks
from imgredux.methods.spec import Kind, Spec
from imgredux.methods.weights import beside, read_file, read_manifest

if TYPE_CHECKING:
    from os import PathLike

    import torch

    from imgredux.methods.base import Method

GROUP = hooks.PROJECT
# Methods of the project's own distributions: what to install when one is asked for and absent.
FIRST_PARTY = {
    "arcnn": "imgredux-arcnn",
    "avif": "imgredux-formats",
    "chou1995": "imgredux-chou1995",
    "concentrated": "imgredux-baselines",
    "d2lnet": "imgredux-d2lnet",
    "ddjnd": "imgredux-ddjnd",
    "dncnn": "imgredux-dncnn",
    "flat": "imgredux-baselines",
    "jiang2022": "imgredux-jiang2022",
    "jiang2024": "imgredux-jiang2024",
    "jndjpeg": "imgredux-jndjpeg",
    "jndlc": "imgredux-jndlc",
    "jndsearch": "imgredux-jndsearch",
    "jpeg420": "imgredux-formats",
    "jpeg444": "imgredux-formats",
    "jxl": "imgredux-formats",
    "ki2018": "imgredux-ki2018",
    "liu2010": "imgredux-liu2010",
    "localstd": "imgredux-baselines",
    "localstd15": "imgredux-baselines",
    "shen2020": "imgredux-shen2020",
    "slidingdct": "imgredux-slidingdct",
    "webp": "imgredux-formats",
    "wei2009": "imgredux-wei2009",
    "wu2013": "imgredux-wu2013",
    "wu2017": "imgredux-wu2017",
    "yang2005": "imgredux-yang2005",
    "zhang2005": "imgredux-zhang2005",
}


@dataclass(frozen=True)
class Info:
    """A method's declaration with where it comes from: distribution and version (None when registered at run time)."""

    spec: Spec
    distribution: str | None
    version: str | None
    weights: Mapping[str, Mapping[str, Any]]

    @property
    def untrained(self) -> bool:
        """Whether the method must learn before it is of use, and no weights of its own ship yet."""
        return self.spec.recipes is not None and not self.weights


class _Registry:
    """The Specs known so far, and the plugin manager that loads one entry point at a time."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hooks)
        self.specs: dict[str, Spec] = {}
        self.broken: dict[str, Exception] = {}
        self._answer: list[Spec] = []
        # Historic: each plugin answers once, when it is registered.
        self.manager.hook.imgredux_methods.call_historic(result_callback=self._remember)

    def _remember(self, specs: Sequence[Spec]) -> None:
        self._answer.extend(specs)

    def load(self, entry: importlib.metadata.EntryPoint) -> Spec:
        """The Spec behind one entry point, imported if need be. Raises PluginError when its plugin is broken."""
        name = entry.name
        if name in self.broken:
            raise _unusable(name, self.broken[name])
        before = set(self.manager.get_plugins())
        self._answer.clear()
        try:
            self.manager.load_setuptools_entrypoints(GROUP, name=name)
            self.specs.update(self._checked(entry))
        except (Exception, SystemExit) as error:
            # A declaration that raises stays half-registered in pluggy: take it out, so that nothing else sees it.
            for plugin in set(self.manager.get_plugins()) - before:
                self.manager.unregister(plugin)
            cause = error if isinstance(error, Exception) else RuntimeError(f"it calls sys.exit({error})")
            self.broken[name] = cause
            raise _unusable(name, cause) from cause
        return self.specs[name]

    def _checked(self, entry: importlib.metadata.EntryPoint) -> dict[str, Spec]:
        """What the plugin answered, by name: Specs, each under an entry point on this same package."""
        own = {other.name for other in importlib.metadata.entry_points(group=GROUP) if other.value == entry.value}
        for spec in self._answer:
            if not isinstance(spec, Spec):
                raise TypeError(f"imgredux_methods() must return imgredux.Spec objects, not {spec!r}")
            if spec.name not in own:
                raise LookupError(f"it declares {spec.name!r}, which has no entry point on {entry.value!r}")
        answer = {spec.name: spec for spec in self._answer}
        if entry.name not in answer:
            raise LookupError(f"its imgredux_methods() declares no {entry.name!r}")
        return answer


_registry = _Registry()


def _unusable(name: str, error: BaseException) -> PluginError:
    return PluginError(f"the plugin for {name!r} is installed but cannot be loaded: {error!r}")


def _installed() -> dict[str, list[importlib.metadata.EntryPoint]]:
    """Entry points by method name, from distribution metadata alone."""
    found: dict[str, dict[str, importlib.metadata.EntryPoint]] = defaultdict(dict)
    for entry in importlib.metadata.entry_points(group=GROUP):
        # One distribution can stand twice on the path (an editable install, say); two distributions are a conflict.
        found[entry.name].setdefault(_distribution(entry)[0], entry)
    return {name: list(entries.values()) for name, entries in found.items()}


def _distribution(entry: importlib.metadata.EntryPoint) -> tuple[str, str]:
    return (entry.dist.name, entry.dist.version) if entry.dist else (entry.value, "unknown")


def _unknown(name: str, known: Sequence[str]) -> UnknownMethod:
    if name in FIRST_PARTY:
        return UnknownMethod(f"no method named {name!r}. Install it with: pip install {FIRST_PARTY[name]}")
    close = get_close_matches(name, [*known, *FIRST_PARTY], n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return UnknownMethod(f"no method named {name!r}.{hint} Installed: {', '.join(known) or 'none'}")


def _find(name: str) -> Spec:
    """The Spec of `name`, registered or installed. Raises UnknownMethod or PluginError."""
    if name in _registry.specs:
        return _registry.specs[name]
    installed = _installed()
    if name not in installed:
        raise _unknown(name, sorted({*_registry.specs, *installed}))
    if len(installed[name]) > 1:
        both = " and ".join(sorted(" ".join(_distribution(entry)) for entry in installed[name]))
        raise PluginError(f"two distributions provide the method {name!r}: {both}. Uninstall one of them")
    return _registry.load(installed[name][0])


def register(spec: Spec) -> None:
    """Make a method known for the life of this process: for notebooks and tests.

    Raises ValueError when the name is taken by another Spec.
    """
    if _registry.specs.get(spec.name, spec) != spec or spec.name in _installed():
        raise ValueError(f"a method named {spec.name!r} exists already")
    _registry.specs[spec.name] = spec


def list_methods(kind: Kind | None = None) -> list[str]:
    """Names of the methods at hand, sorted.

    Without `kind` only distribution metadata is read. With it the declarations are imported (no torch); a plugin
    that cannot be loaded is left out with a warning.
    """
    names = sorted({*_registry.specs, *_installed()})
    if kind is None:
        return names
    chosen = []
    for name in names:
        try:
            if _find(name).kind == kind:
                chosen.append(name)
        except PluginError as error:
            warnings.warn(str(error), stacklevel=2)
    return chosen


def info(name: str) -> Info:
    """Declaration, distribution and weights manifest of a method; imports no torch.

    Raises UnknownMethod, PluginError, or WeightsError when the manifest is damaged.
    """
    spec = _find(name)
    entries = _installed().get(name)
    distribution, version = _distribution(entries[0]) if entries else (None, None)
    return Info(spec, distribution, version, read_manifest(spec).tags)


def method_class(spec: Spec) -> "type[Method]":
    """The class a Spec points at; imports it. Raises PluginError when it is missing or of another kind."""
    from imgredux.methods.base import Estimator
    from imgredux.methods.codec import Codec
    from imgredux.methods.restorer import Restorer

    base = {"estimator": Estimator, "restorer": Restorer, "codec": Codec}[spec.kind]
    module, _, attribute = spec.target.partition(":")
    try:
        cls = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:
        raise _unusable(spec.name, error) from error
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise PluginError(f"{spec.target} is declared as {spec.kind}, but is no subclass of {base.__name__}")
    return cls


def create(name: str, **options: Any) -> "Method":
    """Build a fresh, trainable method; `options` are its constructor's keywords.

    Raises UnknownMethod, PluginError, or TypeError for a keyword that the constructor does not have.
    """
    spec = _find(name)
    method = method_class(spec)(**options)
    method.spec = spec
    return method


def get(
    name: str, device: "torch.device | str | None" = None, weights: "str | PathLike[str] | None" = None
) -> "Method":
    """A method ready to use: weights loaded and verified, eval mode, parameters frozen.

    name: `"wei2009"`, or `"method.tag"` for a tag of its weights manifest. A restorer without a tag takes for each
        image the tag that gains most at its JPEG quality.
    device: where its parameters lie; None leaves them on the CPU. Inputs other than tensors are moved there.
    weights: a file to load in place of the shipped weights, in a format the method reads. A method that learns and
    ships none yet needs one.

    Raises UnknownMethod, PluginError, WeightsError.
    """
    base, _, tag = name.partition(".")
    method = load_weights(_find(base), tag, weights)
    method.chooses = not tag and weights is None
    method.other_tag = partial(_tagged, base)
    method.eval().requires_grad_(False)
    return method.to(device) if device is not None else method


def _tagged(name: str, tag: str) -> "Method":
    return get(f"{name}.{tag}")


def load_weights(spec: Spec, tag: str = "", path: "str | PathLike[str] | None" = None) -> "Method":
    """Build the method with the weights of `tag` (empty: the default one), or with those of a user's file.

    Sets `method.tag` and `method.digest`, the first 8 bytes of the file's SHA-256. A method that does not learn is
    built as it is. Raises WeightsError: no weights yet, unknown tag, missing or altered file, another architecture.
    """
    manifest = read_manifest(spec)
    if path is not None:
        if tag:
            raise WeightsError(f"{spec.name}.{tag}: give a tag or a file of weights, not both")
        return _build(spec, "", Path(path), read_file(Path(path)))
    if not tag and not manifest.default:
        if spec.recipes is not None:
            cure = f"give weights=FILE, or train some: imgredux train {spec.name} --images DIR"
            raise WeightsError(f"{spec.name} ships no weights yet, and has learnt nothing without: {cure}")
        return create(spec.name)
    tag = tag or manifest.default
    if tag not in manifest.tags:
        raise WeightsError(f"{spec.name} has no weights {tag!r}. Tags: {', '.join(manifest.tags) or 'none'}")
    entry = manifest.tags[tag]
    file = Path(str(beside(spec, entry["file"])))
    content = read_file(file)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise WeightsError(f"{file} does not have the digest of its manifest. Reinstall the plugin of {spec.name!r}")
    return _build(spec, tag, file, content, entry.get("options", {}))


def _build(spec: Spec, tag: str, file: Path, content: bytes, options: Mapping[str, Any] | None = None) -> "Method":
    """The method with these weights in it; without `options` the file says how the method is built."""
    try:
        found, state = method_class(spec).read_weights(file)
        method = create(spec.name, **(found if options is None else options))
        method.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(f"{file} does not hold weights of {spec.name!r}: {error}") from error
    method.tag, method.digest = tag, hashlib.sha256(content).digest()[:8]
    return method
