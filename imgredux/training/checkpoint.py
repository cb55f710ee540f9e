"""What a run leaves on the disk: checkpoints, whole or not there; its log; the weights with their origin."""

import csv
import hashlib
import io
import json
import pickle
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imgredux import registry
from imgredux._version import commit
from imgredux.errors import ImgreduxError
from imgredux.io import archives
from imgredux.io.files import atomic, sweep
from imgredux.methods.base import Method
from imgredux.training.recipe import Recipe

Row = dict[str, float]
CHECKPOINT, LOG, CURVE = "checkpoint.pt", "log.csv", "curve.png"


class TrainingError(ImgreduxError):
    """A run that cannot begin, be taken up again, or go on."""


@dataclass(frozen=True)
class Run:
    """What one run is: all that must be the same for it to be taken up again. data: digest of the images' names."""

    method: str
    tag: str
    options: dict[str, Any]
    recipe: str
    seed: int
    devices: int
    data: str

    @classmethod
    def of(cls, method: str, tag: str, recipe: Recipe, seed: int, devices: int, kept: Sequence[Path]) -> "Run":
        names = "\n".join(f"{path.parent.name}/{path.name}" for path in kept)
        data = f"{len(kept)} images, {hashlib.sha256(names.encode()).hexdigest()[:16]}"
        return cls(method, tag, dict(recipe.options), repr(recipe), seed, devices, data)


@dataclass
class State:
    """How far a run is. total: steps of the schedule, 0 while unknown; factor: on the learning rate; bad: gradients
    in a row that were not finite; sums, count: of what the next line of the log is the mean; validations: how
    many the run has, 0 while unknown; init: what the weights began as, in words."""

    step: int = 0
    total: int = 0
    seconds: float = 0.0
    factor: float = 1.0
    bad: int = 0
    count: int = 0
    validations: int = 0
    init: str = ""
    sums: dict[str, Tensor] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)

    def add(self, figures: dict[str, Tensor]) -> None:
        """Count the figures of one step in, without waiting for the device."""
        for key, value in figures.items():
            self.sums[key] = self.sums.get(key, 0) + value.double()
        self.count += 1

    def means(self) -> Row:
        """The means since the last time, which starts them anew."""
        found = {key: (total / self.count).item() for key, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return found


def find(out: Path, run: Run, resume: bool) -> dict[str, Any]:
    """The checkpoint in `out`, empty when there is none.

    Raises TrainingError for one that is not to be taken up, or of another run.
    """
    path = out / CHECKPOINT
    sweep([out])
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        return {}
    if not resume:
        raise TrainingError(f"{out} holds a run already: take it up with --resume, or choose another folder")
    saved = archives.read_torch(path)
    other = [f.name for f in fields(run) if saved["run"].get(f.name) != getattr(run, f.name)]
    if other:
        what = ", ".join(f"{name} was {saved['run'].get(name)}, is {getattr(run, name)}" for name in other)
        raise TrainingError(f"{path} is of another run: {what}")
    return saved


@dataclass(frozen=True)
class Far:
    """How far the run in a folder is: steps done and in all, 0 while unknown; its weights, where there are any."""

    step: int = 0
    total: int = 0
    weights: Path | None = None

    @property
    def done(self) -> bool:
        return 0 < self.total <= self.step


def how_far(out: Path) -> Far:
    """How far the run in a folder is. Raises TrainingError for a checkpoint that cannot be read."""
    path = out / CHECKPOINT
    if not path.exists():
        return Far()
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        state, weights = saved["state"], weights_file(out, saved["run"]["tag"])
        return Far(state["step"], state["total"], weights if weights.exists() else None)
    except (OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path}: cannot be read: {error}") from error


def save(out: Path, run: Run, state: State, **parts: dict[str, Any]) -> None:
    """Write the checkpoint, which takes the old one's place when it is whole. parts: state dicts, by name."""
    content = {"run": asdict(run), "state": {f.name: getattr(state, f.name) for f in fields(State)}, **parts}
    with atomic(out / CHECKPOINT) as temporary:
        torch.save(content, temporary)


def start_from(method: Method, init: str | PathLike) -> str:
    """The weights of a file, or of a `method.tag` that ships, in a fresh method. Returns which, with their digest."""
    text = fspath(init)
    if Path(text).exists():
        given, digest = method.read_weights(text)[1], hashlib.sha256(Path(text).read_bytes()).digest()
    else:
        shipped = registry.get(text)
        given, digest = shipped.state_dict(), shipped.digest
    try:
        method.load_state_dict({key: value.float() for key, value in given.items()})
    except RuntimeError as error:
        raise TrainingError(f"{text} does not fit the network that is trained: {error}") from error
    return f"{Path(text).name}, sha256 {digest[:8].hex()}"


def write_log(out: Path, history: Sequence[Row]) -> None:
    """The log as CSV, and its curves as an image."""
    names = list(dict.fromkeys(key for row in history for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(history)
    with atomic(out / LOG) as temporary:
        temporary.write_text(text.getvalue(), "utf-8")
    judged = [name for name in names if any(name not in row for row in history)]
    if judged and judged[0] in history[-1]:
        _draw(out / CURVE, history, judged[0])


def _draw(path: Path, history: Sequence[Row], judged: str) -> None:
    """Loss and the first judged figure over the steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    left = figure.add_subplot(xlabel="step", ylabel="loss", yscale="log")
    left.plot([row["step"] for row in history], [row["loss"] for row in history], color="tab:blue")
    right = left.twinx()
    points = [row for row in history if judged in row]
    right.plot([row["step"] for row in points], [row[judged] for row in points], "o-", color="tab:orange")
    right.set_ylabel(f"{judged}, held-out images")
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def weights_file(out: Path, tag: str) -> Path:
    """Where the averaged weights of a run are."""
    return out / f"{tag}.safetensors"


def export(out: Path, run: Run, state: State, recipe: Recipe, average: Method, data: str, device: torch.device) -> Path:
    """The averaged weights in float16, and what a plugin's `weights.toml` says of them.

    average: is changed to what is written. data: names of the folders. device: that trained.
    """
    from safetensors.torch import save_file

    path = weights_file(out, run.tag)
    with torch.no_grad():
        for parameter in average.parameters():
            parameter.copy_(parameter.half())
        recipe.finish(average)
    tensors = {
        key: value.half().contiguous().cpu() if value.is_floating_point() else value.cpu()
        for key, value in average.state_dict().items()
    }
    with atomic(path) as temporary:
        save_file(tensors, temporary, {"imgredux.options": json.dumps(run.options)})
    content = path.read_bytes()
    judged = next((row for row in reversed(state.history) if recipe.monitor in row), {})
    training = {
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "seed": run.seed,
        **({"init": state.init} if state.init else {}),
        "steps": state.step,
        "minutes": round(state.seconds / 60, 1),
        "hardware": hardware(device, run.devices),
        "data": f"{data}: {run.data}",
        "held_out": {key: round(value, 3) for key, value in judged.items() if key.startswith(("psnr", recipe.monitor))},
    }
    lines = [
        f"[tags.{run.tag}]",
        f'file = "{path.name}"',
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        f"bytes = {len(content)}",
        'license = ""',
        f"options = {_toml(run.options)}",
        f"[tags.{run.tag}.training]",
        *(f"{key} = {_toml(value)}" for key, value in training.items()),
        f"[tags.{run.tag}.training.recipe]",
        *(f"{key} = {_toml(value)}" for key, value in _settings(recipe).items()),
    ]
    with atomic(path.with_suffix(".toml")) as temporary:
        temporary.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def hardware(device: torch.device, count: int) -> str:
    """The device that trained, in words."""
    if device.type == "cuda":
        return f"{count} x {torch.cuda.get_device_name(device)}"
    return f"{platform.machine()} CPU, {count} process(es) of {torch.get_num_threads()} threads"


def _settings(recipe: Recipe) -> dict[str, Any]:
    """A recipe's class and fields, but for what the manifest says elsewhere: the options, the number of steps run."""
    names = [f.name for f in fields(recipe) if f.repr and f.name not in ("options", "steps")]
    settings = {name: getattr(recipe, name) for name in names}
    return {"class": type(recipe).__name__, **{key: value for key, value in settings.items() if value is not None}}


def _toml(value: Any) -> str:
    """A value in TOML: strings, numbers, flags, arrays and tables of them; of anything else its repr."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(float(value))  # nan and inf are numbers in TOML
    return json.dumps(value if isinstance(value, bool | int | str) else repr(value), ensure_ascii=False)
