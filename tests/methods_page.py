"""Writes docs/reference/methods.md from what the methods, metrics and protocols of this repository declare.

python -m tests.methods_page
"""

import json
import runpy
from collections.abc import Iterable, Sequence
from pathlib import Path

from imgredux import registry
from imgredux.methods.spec import KINDS
from imgredux.methods.weights import read_manifest
from imgredux.metrics import METRICS
from imgredux.registry import Info

REPOSITORY = Path(__file__).parents[1]
FILE = REPOSITORY / "docs" / "reference" / "methods.md"
OURS: dict[str, dict[str, str]] = json.loads((REPOSITORY / "imgredux" / "installable.json").read_text("utf-8"))
INSTALLABLE = OURS["method"]

HEAD = """# Methods, metrics and protocols

`make methods` writes this page from the declarations of the methods, metrics and protocols in this repository.
Do not edit it by hand.

- **name**: what `imgredux.get(name)` takes. The link leads to the plugin. `imgredux info NAME` prints the whole
  declaration.
- **weights**: the tags that `imgredux.get("name.tag")` takes, each with its licence. The default tag is in bold.
- **gradients**: whether the method has gradients with respect to the image.
- **context**: how many pixels away a pixel of the result looks. With a number, `imgredux.tiled` gives the same result
  as the call. With "whole image", it refuses.
- **knob**: the keyword that trades size for quality, and some values of it, from the smallest files to the best images.
"""
TRAINED = ("weights", "trained", "on", "steps", "minutes", "bytes", "on what was held out")
TRAINED_HEAD = """As `weights.toml` of each plugin says, with the recipe, the commit and the data.
`gain` is in the units of the recipe: dB over the JPEG, dB over no change, points of SSIMULACRA 2, or a loss.
[Training](../how-to/training.md) says what was tried, and what did not help.
"""
METRICS_HEAD = "Each gives one value per image. [Metrics](metrics.md) says what each is calibrated against.\n"
PROTOCOLS_HEAD = "[Protocols](protocols.md) says exactly what is done.\n"
COMMON = ("name", "what it is", "paper", "licence of the code", "weights", "gradients")


def page() -> str:
    """The text of docs/reference/methods.md."""
    parts = [HEAD]
    known = known_methods()
    for kind in KINDS:
        head = (*COMMON, "knob" if kind == "codec" else "context")
        rows = [_method(known[name]) for name in sorted(known) if known[name].spec.kind == kind]
        parts += [f"## {kind.capitalize()}s\n", _table(head, rows)]
    trained = [row for name in sorted(known) for row in _trained(known[name])]
    parts += ["## What the shipped weights cost and gave\n", TRAINED_HEAD, _table(TRAINED, trained)]
    metrics = [*METRICS, *OURS["metric"]]
    parts += ["## Metrics\n", METRICS_HEAD, _table(("name", "label", "better"), map(_metric, metrics))]
    core = [name for name in registry.list_protocols() if _distribution(name) == "imgredux"]
    ours = sorted([*core, *OURS["protocol"]])
    head = ("name", "what it measures", "kind", "levels", "column that counts", "baselines")
    parts += ["## Protocols\n", PROTOCOLS_HEAD, _table(head, map(_protocol, ours))]
    return "\n".join(parts)


def known_methods() -> dict[str, Info]:
    """The methods of this repository, by name."""
    return {name: registry.info(name) for name in registry.list_methods() if name in INSTALLABLE} | _apart()


def _apart() -> dict[str, Info]:
    """What is not in this environment: plugins that have one of their own, by name."""
    found = {}
    for name in INSTALLABLE.keys() - registry.list_methods():
        (file,) = (REPOSITORY / "plugins" / name).glob("imgredux_*/__init__.py")
        spec = runpy.run_path(str(file))["SPEC"]
        found[name] = Info(spec=spec, distribution=None, version=None, weights={})
    return found


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([_row(head), "|" + "---|" * len(head), *map(_row, rows)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _method(found: Info) -> Sequence[str]:
    spec = found.spec
    name = f"[`{spec.name}`](../../plugins/{INSTALLABLE[spec.name].removeprefix('imgredux-')})"
    gradients = "yes" if spec.differentiable else "no"
    last = "whole image" if spec.context is None else f"{spec.context} pixels"
    if spec.kind == "codec":
        last = f"`{spec.knob[0]}`: {', '.join(map(str, spec.knob[1]))}" if spec.knob else "none"
    return name, spec.title, spec.paper, spec.license, _weights(found), gradients, last


def _weights(found: Info) -> str:
    if not found.weights:
        if found.spec.user_weights:
            return "the user's"
        return "none yet: train it" if found.untrained else "none"
    default = read_manifest(found.spec).default
    names = {tag: f"**`{tag}`**" if tag == default else f"`{tag}`" for tag in found.weights}
    return "; ".join(f"{names[tag]} {entry['license']}" for tag, entry in found.weights.items())


def _trained(found: Info) -> Iterable[Sequence[str]]:
    for tag, entry in found.weights.items():
        about = entry["training"]
        figures = ", ".join(f"{key} {value:g}" for key, value in about.get("held_out", {}).items())
        cost = (str(about.get(key, "")) for key in ("date", "hardware", "steps", "minutes"))
        yield f"`{found.spec.name}.{tag}`", *cost, str(entry["bytes"]), figures


def _metric(name: str) -> Sequence[str]:
    metric = registry.metric(name)
    better = {True: "higher", False: "lower", None: "neither"}
    return _linked(name, "metric"), metric.label, better[metric.higher_is_better]


def _protocol(name: str) -> Sequence[str]:
    spec = registry.protocol(name)
    levels = f"{spec.level}: {', '.join(map(str, spec.levels))}" if spec.level else "one"
    baselines = ", ".join(f"`{baseline}`" for baseline in spec.baselines) or "none"
    return _linked(name, "protocol"), spec.title, spec.kind, levels, f"`{spec.counts}`", baselines


def _linked(name: str, family: str) -> str:
    plugin = OURS[family].get(name, "").removeprefix("imgredux-")
    return f"[`{name}`](../../plugins/{plugin})" if plugin else f"`{name}`"


def _distribution(protocol: str) -> str:
    return (registry.origin("protocol", protocol).distribution or "").partition(" ")[0]


if __name__ == "__main__":
    FILE.write_text(page(), "utf-8")
