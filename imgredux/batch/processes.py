"""Work spread over processes of one thread each, none of which outlives the one that started it."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, TypeVar

from imgredux import registry
from imgredux.errors import ImgreduxError, reason_of
from imgredux.registry.plugins import Declared

Engine = Literal["processes", "ray"]  # what spreads work: this module, or `on_ray`
Task = TypeVar("Task")
Result = TypeVar("Result")
ENDED = "a worker process was ended from outside, for want of memory perhaps"
MOST_ON_WINDOWS = 61  # processes that its system call waits for
NEEDED = 1.5 * 2**30  # bytes that a process with torch and an image of some megapixels takes


@contextmanager
def pool(
    workers: int, specs: Sequence[Declared] = (), start: Callable[..., None] | None = None, *arguments: Any
) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each, which end with the block, whatever ends it, or with this process.

    specs: declarations to register there, which no distribution brings. start, arguments: called in each process first.
    Work, tasks, results and arguments must be picklable.
    """
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    with theirs, ours:
        workers = min(workers, MOST_ON_WINDOWS) if sys.platform == "win32" else workers
        executor = ProcessPoolExecutor(workers, context, _begin, (theirs, specs, start, arguments))
        try:
            yield executor
        except BaseException:
            ours.close()  # no waiting for what nobody will read
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int, specs: Sequence[Declared] = ()
) -> Iterator[tuple[Task, Result]]:
    """Each task with what `work` makes of it, as they are done, on so many processes.

    What `work` raises is raised here, ImgreduxError when a process dies; no further task is begun then.
    """
    try:
        with pool(workers, specs) as executor:
            futures = {executor.submit(work, task): task for task in tasks}
            for future in as_completed(futures):
                yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise ImgreduxError(f"{ENDED}. Start again: what is done is kept") from error


def jobs_that_fit(tasks: int) -> int:
    """As many processes of one thread as cores and free memory allow, and as there are tasks; at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(_free_memory() // NEEDED), tasks))


def _free_memory() -> float:
    """Bytes; unbounded where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(text.split()[1]) * 1024.0 for text in lines if text.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError, IndexError):
        return float("inf")


def _begin(
    parent: Connection, specs: Sequence[Declared], start: Callable[..., None] | None, arguments: Sequence[Any]
) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        signal.signal(number, signal.SIG_IGN)  # they reach the whole group; the parent deals with them
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    for spec in specs:
        registry.register(spec)
    try:
        import torch

        torch.set_num_threads(1)
        if start is not None:
            start(*arguments)
    except (MemoryError, ImportError) as error:
        if reason_of(error) != "memory":
            raise
        os._exit(1)  # the parent says what it means; nobody reads a traceback


def _end_with(parent: Connection) -> None:
    """End this process when the other end of the pipe is closed, as it is by any death of the parent."""
    with suppress(OSError):  # Windows raises where the other end is closed already
        parent.poll(None)
    os._exit(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """This process as one of several has it: several threads share out sums in another way, which rounds otherwise."""
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(threads)
