"""Weights: the manifest beside a plugin's safetensors files, and how files are read. Imports torch only for tensors."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgredux.errors import WeightsError
from imgredux.methods.spec import Spec, check_gains

if TYPE_CHECKING:
    import torch

REQUIRED = ("file", "sha256", "bytes", "license", "training")


@dataclass(frozen=True)
class Manifest:
    """`weights.toml`: the default tag, and for each tag its file, digest, licence, options, provenance and gains."""

    default: str = ""
    tags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_manifest(spec: Spec) -> Manifest:
    """The manifest in the package that holds the method; an empty one when the method has no weights.

    Raises WeightsError when it is damaged, a tag lacks one of `REQUIRED`, or gains are not of the form of `Spec.gains`.
    """
    path = beside(spec, "weights.toml")
    if path is None or not path.is_file():
        return Manifest()
    try:
        table = _table(path, path.stat().st_mtime_ns)
        manifest = Manifest(table["default"], table["tags"])
        lacking = [f"{tag}: {key}" for tag, entry in manifest.tags.items() for key in REQUIRED if key not in entry]
        for entry in manifest.tags.values():
            check_gains(entry.get("gains", {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # no TOML is a ValueError
        raise WeightsError(f"{spec.name}: weights.toml is damaged: {error!r}. Reinstall the plugin") from error
    if lacking or manifest.default not in manifest.tags:
        raise WeightsError(f"{spec.name}: weights.toml lacks {', '.join(lacking) or 'its default tag'}")
    return manifest


@lru_cache
def _table(path: Path, modified: int) -> Mapping[str, Any]:
    """What a TOML file of this state holds: a call of `restore` asks for every restorer's."""
    return tomllib.loads(path.read_text("utf-8"))


def beside(spec: Spec, name: str) -> Path | None:
    """A file of the package that holds the method; None where there is no package: a notebook, a single module."""
    try:
        return Path(str(files(spec.target.partition(":")[0].partition(".")[0]) / name))
    except (ImportError, AttributeError, TypeError, ValueError):
        return None


def read_file(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read weights: {error}") from error


def is_checkpoint(path: str | PathLike[str]) -> bool:
    """Whether a file's name is one that torch's checkpoints have."""
    return Path(path).suffix in (".pth", ".pt", ".ckpt", ".bin")


def read_checkpoint(path: str | PathLike[str]) -> "dict[str, torch.Tensor]":
    """The tensors of authors' checkpoint by name, as `io.archives.read_state`; no code of the file is run.

    Raises WeightsError.
    """
    from imgredux.io import archives

    try:
        return archives.read_state(path)
    except Exception as error:  # what torch raises depends on how the file is broken
        raise WeightsError(f"{path} is no checkpoint of torch's: {error}") from error


def read_safetensors(file: Path) -> tuple[dict[str, Any], "dict[str, torch.Tensor]"]:
    """Constructor options (JSON under the metadata key `imgredux.options`, else none) and tensors of a file."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as archive:
        options = json.loads((archive.metadata() or {}).get("imgredux.options", "{}"))
        return options, {key: archive.get_tensor(key) for key in archive.keys()}  # noqa: SIM118
