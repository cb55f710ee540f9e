"""From a declaration to what it points at: classes, functions, methods with their weights in them."""

import hashlib
import importlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgredux.errors import PluginError, WeightsError
from imgredux.methods.spec import Spec
from imgredux.methods.weights import beside, read_file, read_manifest
from imgredux.registry.plugins import Declared, interruptions, unusable

SPARE = 10**7  # numbers that a method may have beyond those of its file

if TYPE_CHECKING:
    import torch

    from imgredux.methods.base import Method


def attribute(declared: Declared) -> Any:
    """What a declaration's target names; imports it. Raises PluginError when that fails."""
    module, _, name = declared.target.partition(":")
    with interruptions() as pressed:
        try:
            return getattr(importlib.import_module(module), name)
        except BaseException as error:
            if pressed():
                raise
            raise unusable(declared.name, error) from error


def method_class(spec: Spec) -> "type[Method]":
    """The class a Spec points at; imports it. Raises PluginError when it is missing or of another kind."""
    from imgredux.methods.base import Estimator
    from imgredux.methods.codec import Codec
    from imgredux.methods.restorer import Restorer

    base = {"estimator": Estimator, "restorer": Restorer, "codec": Codec}[spec.kind]
    cls = attribute(spec)
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise PluginError(f"{spec.target} is declared as {spec.kind}, but is no subclass of {base.__name__}")
    return cls


def build(spec: Spec, options: Mapping[str, Any]) -> "Method":
    """A fresh method. Raises PluginError, TypeError for a keyword that the constructor does not have."""
    method = method_class(spec)(**options)
    method.spec = spec
    return method


def load_weights(spec: Spec, tag: str = "", path: "str | PathLike[str] | None" = None) -> "Method":
    """Build the method with the weights of `tag` (empty: the default one), or with those of a user's file.

    Sets `method.tag` and `method.digest`, the first 8 bytes of the file's SHA-256. A method that does not learn is
    built as it is. Raises WeightsError: no weights yet, unknown tag, missing or altered file, another architecture.
    """
    manifest = read_manifest(spec)
    if path is not None:
        if tag:
            raise WeightsError(f"{spec.name}.{tag}: give a tag or a file of weights, not both")
        return _with_weights(spec, "", Path(path), read_file(Path(path)))
    if not tag and not manifest.default:
        if spec.user_weights:
            raise WeightsError(f"{spec.name} has no weights of its own: give weights=FILE")
        if spec.recipes is not None:
            cure = f"give weights=FILE, or train some: imgredux train {spec.name} --images DIR"
            raise WeightsError(f"{spec.name} ships no weights yet, and has learnt nothing without: {cure}")
        return build(spec, {})
    tag = tag or manifest.default
    if tag not in manifest.tags:
        raise WeightsError(f"{spec.name} has no weights {tag!r}. Tags: {', '.join(manifest.tags) or 'none'}")
    entry = manifest.tags[tag]
    file = Path(str(beside(spec, entry["file"])))
    content = read_file(file)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise WeightsError(f"{file} does not have the digest of its manifest. Reinstall the plugin of {spec.name!r}")
    return _with_weights(spec, tag, file, content, entry.get("options", {}))


def _with_weights(
    spec: Spec, tag: str, file: Path, content: bytes, options: Mapping[str, Any] | None = None
) -> "Method":
    """The method with these weights in it; without `options` the file says how the method is built."""
    try:
        found, state = method_class(spec).read_weights(file)
        options = found if options is None else options
        _check_size(spec, options, sum(tensor.numel() for tensor in state.values()))
        method = build(spec, options)
        try:
            method.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
        except RuntimeError:
            _compare(spec, file, state, method.state_dict())
            raise
    except WeightsError:
        raise
    except KeyError as error:
        raise WeightsError(f"{file} does not hold weights of {spec.name!r}: it has no {error}") from error
    except Exception as error:
        raise WeightsError(f"{file} does not hold weights of {spec.name!r}: {error}") from error
    method.tag, method.digest = tag, hashlib.sha256(content).digest()[:8]
    return method


def _compare(spec: Spec, file: Path, given: "Mapping[str, torch.Tensor]", wanted: "Mapping[str, torch.Tensor]") -> None:
    """Raise WeightsError, in few words, where a file has other tensors than a method: torch lists them all."""
    missing, more = ([key for key in a if key not in b] for a, b in ((wanted, given), (given, wanted)))
    wrong = [key for key, one in wanted.items() if key in given and given[key].shape != one.shape]
    if missing or more or wrong:
        said = [
            f"{what} {keys[0]!r}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
            for what, keys in (("it lacks", missing), ("it has, and the method has not,", more))
            if keys
        ]
        said += [f"{key!r} is {tuple(given[key].shape)}, not {tuple(wanted[key].shape)}" for key in wrong[:1]]
        raise WeightsError(f"{file} does not hold weights of {spec.name!r}: {'; '.join(said)}")


def _check_size(spec: Spec, options: Mapping[str, Any], numbers: int) -> None:
    """Before memory is taken: a file says how wide its network is, and may lie. numbers: that it holds."""
    import torch

    try:
        with torch.device("meta"):
            wanted = sum(tensor.numel() for tensor in method_class(spec)(**options).state_dict().values())
    except Exception:  # it cannot be built without numbers; what is wrong shows when it is
        return
    if wanted > 2 * numbers + SPARE:
        raise WeightsError(f"its options make a network of {wanted} numbers, and the file holds {numbers}")
