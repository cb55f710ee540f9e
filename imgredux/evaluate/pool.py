"""Work spread over processes of one thread each, none of which outlives the one that started it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import TypeVar

from imgredux import registry
from imgredux.errors import ImgreduxError
from imgredux.registry.plugins import Declared

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Task], Result], tasks: Sequence[Task], workers: int, specs: Sequence[Declared] = ()
) -> Iterator[tuple[Task, Result]]:
    """Each task with what `work` makes of it, as they are done, on so many processes.

    specs: declarations to register there, which no distribution brings. Work, tasks and results must be picklable.
    What `work` raises is raised here, ImgreduxError when a process dies; no further task is begun then.
    """
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    with theirs, ours:
        pool = ProcessPoolExecutor(workers, context, _begin, (theirs, specs))
        try:
            futures = {pool.submit(work, task): task for task in tasks}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise ImgreduxError(
                "a worker process was ended from outside, for want of memory perhaps. Start again: what is done is kept"
            ) from error
        except BaseException:
            ours.close()  # no waiting for what nobody will read
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(parent: Connection, specs: Sequence[Declared]) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent deals with it
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    for spec in specs:
        registry.register(spec)
    import torch

    torch.set_num_threads(1)


def _end_with(parent: Connection) -> None:
    """End this process when the other end of the pipe is closed, as it is by any death of the parent."""
    parent.poll(None)
    os._exit(1)
