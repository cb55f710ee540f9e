"""Work spread over a Ray cluster by Ray Data, or over the cores of this machine where there is none.

Needs `pip install imgredux[ray]`. The machines of a cluster must see the same files at the same paths, and have the
same plugins. `RAY_ADDRESS` says which cluster, as Ray has it.
"""

import logging
import os
import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from imgredux import registry
from imgredux.batch.processes import jobs_that_fit
from imgredux.errors import ImgreduxError
from imgredux.registry.plugins import Declared

Task = TypeVar("Task")
Result = TypeVar("Result")
TOGETHER = 8  # tasks that a worker gets at a time, at most: each time costs Ray some hundredths of a second
ROUNDS = 8  # that each worker comes to get some, at least


def on_ray(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int | None = None,
    specs: Sequence[Declared] = (),
    start: Callable[..., None] | None = None,
    *arguments: Any,
) -> Iterator[tuple[int, Result | None]]:
    """The number of each task with what `work` makes of it, as they are done; None: a worker died of it.

    workers: processes of one thread; None: as many as the cluster has CPUs, on one machine as many as fit. specs,
    start, arguments: as of `processes.pool`. Ray begins a worker that died anew, and gives it the task that it died of
    again, and again: so what it got together with that task is not done there. Everything must be picklable.

    Raises ImgreduxError where Ray is not installed, cannot be started, or fails.
    """
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise ImgreduxError(f'the engine "ray" needs Ray Data: pip install imgredux[ray] ({error})') from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    count = len(tasks)
    ours = not ray.is_initialized()
    if ours:
        alone = "RAY_ADDRESS" not in os.environ
        workers = workers or (jobs_that_fit(count) if alone else None)
        _begun(ray, workers if alone else None)
    context = ray.data.DataContext.get_current()
    before, context.enable_progress_bars = context.enable_progress_bars, False
    for name in ("ray", "ray.data"):  # that a worker died is said by who misses its results
        logging.getLogger(name).setLevel(logging.CRITICAL)
    size = min(workers or max(int(ray.cluster_resources().get("CPU", 1)), 1), count)
    try:
        rows = [{"number": number, "task": pickle.dumps(task)} for number, task in enumerate(tasks)]
        together = min(max(count // (size * ROUNDS), 1), TOGETHER)
        data = ray.data.from_items(rows, override_num_blocks=-(-count // together)).map_batches(
            _Worker,
            batch_size=None,
            concurrency=size,
            num_cpus=1,
            fn_constructor_args=(pickle.dumps((work, specs, start, arguments)),),
        )
        for row in data.iter_rows():
            yield row["number"], pickle.loads(row["result"])
    except ray.exceptions.RayError as error:
        raise ImgreduxError(f"Ray failed: {str(error).strip().splitlines()[-1]}") from error
    finally:
        context.enable_progress_bars = before
        if ours:
            ray.shutdown()


def _begun(ray: Any, cpus: int | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own settings
        try:
            ray.init(num_cpus=cpus, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except (RuntimeError, ConnectionError, ValueError, OSError) as error:
            raise ImgreduxError(f"Ray cannot be started: {error}") from error


class _Worker:
    """What runs on the cluster: one process, one thread."""

    def __init__(self, about: bytes) -> None:
        os.environ["OMP_NUM_THREADS"] = "1"
        import ray
        import torch

        torch.set_num_threads(1)
        self._work, specs, start, arguments = pickle.loads(about)
        for spec in specs:
            registry.register(spec)
        if start is not None:
            start(*arguments)
        self._died = bool(ray.get_runtime_context().was_current_actor_reconstructed)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        died, self._died = self._died, False
        results = [None if died else self._work(pickle.loads(task)) for task in batch["task"]]
        return {"number": batch["number"], "result": [*map(pickle.dumps, results)]}
