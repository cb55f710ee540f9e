"""The training loop: steps, schedule, averaged weights, validation, checkpoints that survive a kill."""

import copy
import hashlib
import importlib
import logging
import math
import time
from collections.abc import Callable, Iterable
from itertools import compress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from imgredux import registry
from imgredux.methods.base import Method
from imgredux.training import checkpoint
from imgredux.training.checkpoint import Row, Run, TrainingError, write_log
from imgredux.training.crops import Images, load, split
from imgredux.training.optimizers import optimizer_of
from imgredux.training.recipe import Batch, Recipe
from imgredux.training.settings import changed

if TYPE_CHECKING:
    from lightning_fabric import Fabric

FLOOR = 1e-3  # of the learning rate, at the end of a cosine
SPEED_STEPS = (5, 25)  # without a number of steps, the speed between these two decides how many fit
RESERVE = 0.05  # of the time, for validation and checkpoints
VALIDATING = 0.03  # of the time, at most
EARLY = 0.1  # of the run: a network that gains nothing by then has something wrong
PATIENCE = 3  # validations without progress
BAD_STEPS = 20  # so many gradients in a row that are not finite end the run
LOGGED = 200  # lines of the log in a run
CHECKPOINT_SECONDS = 180.0
LEAST_HELD = 16  # smallest side of a held-out image
_LOG = logging.getLogger("imgredux")


class _Objective(nn.Module):
    """The recipe's loss as a module, so that Fabric's wrapper sees the whole forward pass."""

    def __init__(self, recipe: Recipe, method: Method) -> None:
        super().__init__()
        self.recipe, self.method = recipe, method

    def forward(self, exact: "_Exact") -> tuple[Tensor, dict[str, Tensor]]:
        return self.recipe.loss(self.method, exact.batch)


class _Exact:
    """A batch that Fabric does not look into: it would round targets and tables to the precision of the network."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch


def recipes(method: str) -> dict[str, Recipe]:
    """The recipes of a method, by tag. Raises TrainingError when it has none, UnknownMethod, PluginError."""
    spec = registry.info(method).spec
    if spec.recipes is None:
        raise TrainingError(f"{method} has no recipe: its plugin trains nothing")
    module, _, attribute = spec.recipes.partition(":")
    return getattr(importlib.import_module(module), attribute)


def train(
    name: str,
    folders: Iterable[str | PathLike],
    out: str | PathLike,
    *,
    steps: int | None = None,
    max_minutes: float | None = None,
    device: str = "cpu",
    devices: int = 1,
    nodes: int = 1,
    precision: str = "auto",
    seed: int = 0,
    resume: bool = False,
    init: str | PathLike | None = None,
    compiled: bool = False,
    changes: dict[str, Any] | None = None,
    progress: Callable[[Row], None] | None = None,
    ended: Callable[[], bool] | None = None,
) -> Path | None:
    """Train the weights `method.tag` on the images in folders, and write the results into the folder `out`.

    steps: length of the schedule; without it, as many as fit into `max_minutes`, or the recipe's own number.
    max_minutes: stop then, with a checkpoint; `resume` continues the run, with the same losses as if it had not been
    stopped. precision: as Fabric names it, or "auto", what the device is fast at (`fast_precision`). init: a file of
    weights, or a `method.tag`, to start from. changes: fields of the recipe to replace. progress: called with each line
    of the log. ended: asked after each step; True stops the run as the end of the time does.

    The averaged weights are written with every checkpoint. Returns their file when the schedule is done, None when the
    run was stopped before. Raises UnknownSetting for a name in `changes` that there is not; TrainingError for an
    unknown recipe, for another run in `out`, for a run there without `resume`, and for gradients that stay not finite;
    ImgreduxError for folders without images, and what `imgredux.create` raises.
    """
    from lightning_fabric import Fabric

    base, _, tag = name.partition(".")
    known = recipes(base)
    tag = tag or next(iter(known))
    if tag not in known:
        raise TrainingError(f"{base} has no recipe {tag!r}. Recipes: {', '.join(known)}")
    recipe = changed(base, tag, known[tag], changes or {})
    fabric = Fabric(
        accelerator="cuda" if device.startswith("cuda") else device,
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision=_precision(precision, device),  # pyright: ignore[reportArgumentType]
    )
    fabric.launch()
    kept, held = split(recipe.find(folders))
    run = Run.of(base, tag, recipe, seed, devices * nodes, kept)
    trainer = _Trainer(fabric, recipe, run, Path(out), resume)
    trainer.tell, trainer.ended = progress or trainer.tell, ended or trainer.ended
    trainer.data = ", ".join(Path(folder).name for folder in folders)
    trainer.begin(kept, held, init, compiled)
    if steps is not None or (max_minutes is None and not trainer.state.total):
        trainer.state.total = steps or recipe.steps
    done = trainer.go(math.inf if max_minutes is None else 60 * max_minutes)
    return checkpoint.weights_file(trainer.out, tag) if done and fabric.is_global_zero else None


def fast_precision(device: str) -> str:
    """The precision that a device computes fast in: "bf16-mixed" with units for bfloat16, "32-true" elsewhere.

    Without such units a step in bfloat16 takes many times as long.
    """
    return "bf16-mixed" if _has_bf16_units(device) else "32-true"


def _has_bf16_units(device: str) -> bool:
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # a torch or a processor may lack the question
    return device == "cpu" and any(getattr(torch.cpu, name, bool)() for name in asked)


def _precision(given: str, device: str) -> str:
    """What Fabric gets, with a warning for what this processor has no units for."""
    if given == "auto":
        return fast_precision(device)
    if given.startswith("bf16") and not _has_bf16_units(device):
        _LOG.warning("this processor has no units for %s: a step will take many times as long as in 32-true", given)
    return given


class _Trainer:
    """One process of a run."""

    def __init__(self, fabric: "Fabric", recipe: Recipe, run: Run, out: Path, resume: bool) -> None:
        self.fabric, self.recipe, self.run, self.out = fabric, recipe, run, out
        self.saved = checkpoint.find(out, run, resume)
        self.state = checkpoint.State(**self.saved["state"]) if self.saved else checkpoint.State()
        self.tell: Callable[[Row], None] = lambda row: None
        self.ended: Callable[[], bool] = lambda: False
        self.data = ""
        self.first: tuple[int, float] | None = None  # a step of this session, and when it was done
        self.drawn: tuple[int, Batch] | None = None  # the batch of a step to come

    def begin(self, kept: list[Path], held: list[Path], init: str | PathLike | None, compiled: bool) -> None:
        """Pictures, method, averaged copy and optimizer, as the checkpoint has them where there is one."""
        recipe, device = self.recipe, self.fabric.device
        self.stages = recipe.stages()
        least = max(stage.crop + stage.margin for _, stage in self.stages)
        self.images = load(kept, recipe.read, least, device)
        self.validation = load(held, recipe.read, LEAST_HELD, device) if held and self.fabric.is_global_zero else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.run.seed)
            self.method = registry.create(self.run.method, **self.run.options)
            with torch.no_grad():
                recipe.prepare(self.method)
        if init is not None and not self.saved:
            self.state.init = checkpoint.start_from(self.method, init)
        self.method.to(device).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
        self.average = copy.deepcopy(self.method).eval().requires_grad_(False)
        optimizer = optimizer_of(self.method, recipe.lr, recipe.betas, recipe.kernels_lr)
        if self.saved:
            self.method.load_state_dict(self.saved["method"])
            self.average.load_state_dict(self.saved["average"])
            optimizer.load_state_dict(self.saved["optimizer"])
        objective = _Objective(recipe, self.method)
        if compiled:
            objective.compile()
        self.objective, self.optimizer = self.fabric.setup(objective, optimizer)

    def go(self, limit: float) -> bool:
        """Steps until the schedule is done (True) or `limit` seconds are over (False); either way a checkpoint."""
        state, began = self.state, time.perf_counter()
        before, saved_at = state.seconds, began
        while not state.total or state.step < state.total:
            self._step()
            now = time.perf_counter()
            state.seconds = before + now - began
            if not state.total:
                self._fit(limit, now - began)
            if state.total and (self._due(LOGGED) or self._validation_due()):
                self._log()
            over, due = self._agreed(now - began > limit or self.ended(), now - saved_at > CHECKPOINT_SECONDS)
            if over or due:
                self._save()
                saved_at = now
            if over and state.step != state.total:
                return False
        self._save()
        return True

    def _save(self) -> None:
        """The checkpoint and the averaged weights, by the first process, when all have come as far."""
        self.fabric.barrier()
        if self.fabric.is_global_zero:
            parts = {"method": self.method, "average": self.average, "optimizer": self.optimizer}
            checkpoint.save(self.out, self.run, self.state, **{key: part.state_dict() for key, part in parts.items()})
            if self.state.total:
                average, device = copy.deepcopy(self.average), self.fabric.device
                checkpoint.export(self.out, self.run, self.state, self.recipe, average, self.data, device)

    def _step(self) -> None:
        """One batch forth and back, and a step of the optimizer."""
        recipe, state, fabric = self.recipe, self.state, self.fabric
        share = state.factor * self._schedule()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * share
        loss, parts = self.objective(_Exact(self._batch()))
        self.optimizer.zero_grad(set_to_none=True)
        fabric.backward(loss)
        norm = fabric.clip_gradients(self.objective, self.optimizer, max_norm=recipe.clip, error_if_nonfinite=False)
        assert norm is not None  # there are parameters
        state.step += 1
        state.add({"loss": loss.detach(), "gradient": norm, **{key: value.detach() for key, value in parts.items()}})
        if fabric.device.type != "cpu" and state.step < state.total:  # it works while the next line waits for it
            self.drawn = (state.step, self._draw())
        if not norm.isfinite():
            state.bad += 1
            if state.bad >= BAD_STEPS:
                raise TrainingError(f"the gradient was not finite for {BAD_STEPS} steps, up to {state.step}")
            return
        state.bad = 0
        self.optimizer.step()
        self._average()

    def _batch(self) -> Batch:
        """The batch of this step, which may have been drawn before."""
        step, batch = self.drawn or (-1, None)
        self.drawn = None
        return batch if batch is not None and step == self.state.step else self._draw()

    def _draw(self) -> Batch:
        """The batch of this step, the same whether or not the run was interrupted before it."""
        device, stage = self.fabric.device, self._stage()
        generator = torch.Generator(device)
        drawn = hashlib.sha256(f"{self.run.seed} {self.fabric.global_rank} {self.state.step}".encode()).digest()
        generator.manual_seed(int.from_bytes(drawn[:4]))  # the CPU's generator looks at 32 bits
        return stage.sample(self.images.crops(stage.batch, stage.crop + stage.margin, generator), generator)

    def _stage(self) -> Recipe:
        """The recipe with the crops and the batch of this part of the run."""
        share = self.state.step / self.state.total if self.state.total else 0.0
        return next(stage for start, stage in reversed(self.stages) if start <= share)

    def _schedule(self) -> float:
        """The learning rate's share of its peak: a linear rise, then a cosine, or level for a plateau schedule."""
        state, recipe = self.state, self.recipe
        if not state.total:  # the length is not known yet: still rising
            return (state.step + 1) / (10 * SPEED_STEPS[1])
        rise = max(recipe.warmup * state.total, 1)
        if state.step < rise:
            return (state.step + 1) / rise
        if recipe.schedule == "plateau":
            return 1.0
        share = (state.step - rise) / max(state.total - rise, 1)
        return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * share)) / 2

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averaged weights towards the current ones; quickly at first, when there is little to average."""
        span = self.recipe.ema * self.state.total
        keep = min(1 - 1 / span, self.state.step / (self.state.step + 10)) if span > 1 else 0.0
        means, values = (list(module.state_dict().values()) for module in (self.average, self.method))
        floating = [mean.is_floating_point() for mean in means]
        averages, currents = ([*compress(tensors, floating)] for tensors in (means, values))
        get_ema_multi_avg_fn(keep)(averages, currents, None)
        for mean, value, averaged in zip(means, values, floating, strict=True):
            if not averaged:
                mean.copy_(value)

    def _fit(self, limit: float, elapsed: float) -> None:
        """Once the speed is known, set the number of steps to what the time allows, and write it down."""
        first, last = SPEED_STEPS
        step = self.state.step
        if self.first is None:
            self.first = (step, elapsed) if step >= first else None
        elif step >= last:
            pace = (elapsed - self.first[1]) / (step - self.first[0])
            steps = step + (limit - elapsed) * (1 - RESERVE) / (pace * self._mean_cost())
            (self.state.total,) = self._agreed(max(int(steps), step + 1))
            self._save()

    def _mean_cost(self) -> float:
        """Pixels of a step, in the mean over the run, as a multiple of what they are at first."""
        starts = [start for start, _ in self.stages] + [1.0]
        pixels = [stage.batch * (stage.crop + stage.margin) ** 2 for _, stage in self.stages]
        return sum(n * (end - start) for n, start, end in zip(pixels, starts, starts[1:], strict=False)) / pixels[0]

    def _log(self) -> None:
        """A line of the log, with a validation when one is due."""
        state, recipe = self.state, self.recipe
        row: Row = {"step": state.step, "seconds": round(state.seconds, 1), "lr": self.optimizer.param_groups[0]["lr"]}
        row |= state.means()
        if self._validation_due():
            figures, times = self._validate(self.validation) if self.validation is not None else ({}, 0)
            row |= figures
            if not state.validations:
                (state.validations,) = self._agreed(times)
        if recipe.schedule == "plateau":
            (state.factor,) = self._agreed(self._after_plateau(row))
        state.history.append(row)
        if self.fabric.is_global_zero:
            write_log(self.out, state.history)
            self.tell(row)

    def _validate(self, validation: Images) -> tuple[dict[str, float], int]:
        """Figures, and how many validations the run can have for its share of the time."""
        recipe, state = self.recipe, self.state
        began = time.perf_counter()
        with torch.no_grad():
            figures = recipe.validate(self.average, validation)
        gain = figures.get("gain", 0.0)
        if gain < 0 and EARLY * state.total <= state.step < state.total:
            text = (
                "a gain of %.2f dB after %.0f %% of the run: worse than no network "
                "(docs/how-to/training.md, When a run fails)"
            )
            _LOG.warning(text, gain, 100 * state.step / state.total)
        whole = state.seconds * state.total / state.step
        fitting = int(VALIDATING * whole / (time.perf_counter() - began))
        # A plateau schedule is decided by validations, so it has all of them.
        fixed = recipe.schedule == "plateau"
        return figures, recipe.validations if fixed else min(recipe.validations, max(fitting, 1))

    def _validation_due(self) -> bool:
        """Whether this step is judged: as often as the time allows, and at any rate once it should have learned."""
        state, recipe = self.state, self.recipe
        fewer = 0 < state.validations < recipe.validations
        return self._due(state.validations or recipe.validations) or (
            fewer and state.step == math.ceil(EARLY * state.total)
        )

    def _after_plateau(self, row: Row) -> float:
        """The factor on the learning rate, halved when the best validation is `PATIENCE` validations old."""
        figures = [past[self.recipe.monitor] for past in [*self.state.history, row] if self.recipe.monitor in past]
        stale = self.recipe.monitor in row and len(figures) - 1 - figures.index(max(figures))
        return self.state.factor / 2 if stale and stale % PATIENCE == 0 else self.state.factor

    def _due(self, times: int) -> bool:
        """Whether this step is one of so many, spread over the run, or its last."""
        state = self.state
        return state.step % max(state.total // times, 1) == 0 or state.step == state.total

    def _agreed(self, *values: Any) -> tuple[Any, ...]:
        """What the first process says: clocks differ, and all must stop and save at the same step."""
        return self.fabric.broadcast(values) if self.fabric.world_size > 1 else values
