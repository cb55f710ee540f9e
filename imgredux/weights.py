"""Weights: the manifest beside a plugin's safetensors files, and verified loading. Imports torch only to load."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgredux.errors import WeightsError
from imgredux.spec import Spec, check_gains

if TYPE_CHECKING:
    import torch

    from imgredux.method import Method

REQUIRED = ("file", "sha256", "bytes", "license", "training")


@dataclass(frozen=True)
class Manifest:
    """`weights.toml`: the default tag, and for each tag its file, digest, licence, options, provenance and gains."""

    default: str = ""
    tags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_manifest(spec: Spec) -> Manifest:
    """The manifest in the package that holds the method; an empty one when the method has no weights.

    Raises WeightsError when it is damaged or a tag lacks one of `REQUIRED`, or states gains not as `Spec` has them.
    """
    path = _beside(spec, "weights.toml")
    if path is None or not path.is_file():
        return Manifest()
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        manifest = Manifest(table["default"], table["tags"])
        lacking = [f"{tag}: {key}" for tag, entry in manifest.tags.items() for key in REQUIRED if key not in entry]
        for entry in manifest.tags.values():
            check_gains(entry.get("gains", {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # no TOML is a ValueError
        raise WeightsError(f"{spec.name}: weights.toml is damaged: {error!r}. Reinstall the plugin") from error
    if lacking or manifest.default not in manifest.tags:
        raise WeightsError(f"{spec.name}: weights.toml lacks {', '.join(lacking) or 'its default tag'}")
    return manifest


def load_weights(spec: Spec, tag: str = "", path: "str | PathLike[str] | None" = None) -> "Method":
    """Build the method with the weights of `tag` (empty: the default one), or with those of a user's file.

    Sets `method.tag` and `method.digest`, the first 8 bytes of the file's SHA-256. A method that does not learn is
    built as it is. Raises WeightsError: no weights yet, unknown tag, missing or altered file, another architecture.
    """
    from imgredux import registry

    manifest = read_manifest(spec)
    if path is not None:
        if tag:
            raise WeightsError(f"{spec.name}.{tag}: give a tag or a file of weights, not both")
        return _build(spec, "", Path(path), _read(Path(path)))
    if not tag and not manifest.default:
        if spec.recipes is not None:
            cure = f"give weights=FILE, or train some: imgredux train {spec.name} --images DIR"
            raise WeightsError(f"{spec.name} ships no weights yet, and has learnt nothing without: {cure}")
        return registry.create(spec.name)
    tag = tag or manifest.default
    if tag not in manifest.tags:
        raise WeightsError(f"{spec.name} has no weights {tag!r}. Tags: {', '.join(manifest.tags) or 'none'}")
    entry = manifest.tags[tag]
    file = Path(str(_beside(spec, entry["file"])))
    content = _read(file)
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise WeightsError(f"{file} does not have the digest of its manifest. Reinstall the plugin of {spec.name!r}")
    return _build(spec, tag, file, content, entry.get("options", {}))


def _beside(spec: Spec, name: str) -> Path | None:
    """A file of the package that holds the method; None where there is no package: a notebook, a single module."""
    try:
        return Path(str(files(spec.target.partition(":")[0].partition(".")[0]) / name))
    except (ImportError, AttributeError, TypeError, ValueError):
        return None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read weights: {error}") from error


def _build(spec: Spec, tag: str, file: Path, content: bytes, options: Mapping[str, Any] | None = None) -> "Method":
    """The method with these weights in it; without `options` the file says how the method is built."""
    from imgredux import registry

    try:
        found, state = registry.method_class(spec).read_weights(file)
        method = registry.create(spec.name, **(found if options is None else options))
        method.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(f"{file} does not hold weights of {spec.name!r}: {error}") from error
    method.tag, method.digest = tag, hashlib.sha256(content).digest()[:8]
    return method


def read_safetensors(file: Path) -> tuple[dict[str, Any], "dict[str, torch.Tensor]"]:
    """Constructor options (JSON under the metadata key `imgredux.options`, else none) and tensors of a file."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as archive:
        options = json.loads((archive.metadata() or {}).get("imgredux.options", "{}"))
        return options, {key: archive.get_tensor(key) for key in archive.keys()}  # noqa: SIM118
