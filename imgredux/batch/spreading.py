"""Work on many files spread out: in this process, on processes of this machine, on a Ray cluster.

Each of `here`, `there` and `by_ray` takes what is to be done one by one, passes on what needs no work, and gives every
outcome as it comes. A worker that dies costs no other file: what was under way is tried again by itself.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from typing import Any

from imgredux.batch.on_ray import on_ray
from imgredux.batch.outputs import FileResult
from imgredux.batch.processes import ENDED, one_thread, pool
from imgredux.batch.work import Outcome, Task, Work, attempt
from imgredux.registry import registered

AHEAD = 2  # inputs in hand for each process


def here(work: Work, items: Iterator[Task | FileResult]) -> Iterator[Outcome | FileResult]:
    """In this process, on one thread, as a process among several has it: so outputs do not depend on their number."""
    started = False
    for item in items:
        if isinstance(item, FileResult):
            yield item
            continue
        if not started:
            work.start()
            started = True
        with one_thread():
            outcome = attempt(work, item)
        yield outcome


def there(
    work: Work, items: Iterator[Task | FileResult], jobs: int, renewed: Callable[[Task], Task]
) -> Iterator[Outcome | FileResult]:
    """On other processes. What was under way when one died is tried again, each input by itself."""
    for item in items:  # processes are begun when there is something to do
        if isinstance(item, Task):
            items = chain([item], items)
            break
        yield item
    else:
        return
    work.start()  # what is wrong with the method shows here, once
    specs = registered(work.methods)
    broken = True
    while broken:
        broken, futures = False, {}
        try:
            with pool(jobs, specs, _started, work) as executor:
                for item in items:
                    if isinstance(item, FileResult):
                        yield item
                        continue
                    try:
                        futures[executor.submit(_attempted, item)] = item
                    except BrokenProcessPool:
                        futures[Future()] = item  # it has not been begun
                        raise
                    if len(futures) >= AHEAD * jobs:
                        yield from _collected(futures, FIRST_COMPLETED)
                while futures:
                    yield from _collected(futures, FIRST_COMPLETED)
        except BrokenProcessPool:
            broken = True
        for task in futures.values():
            yield _by_itself(work, renewed(task), specs)


def by_ray(
    work: Work, items: Iterator[Task | FileResult], jobs: int | None, renewed: Callable[[Task], Task]
) -> Iterator[Outcome | FileResult]:
    """On a Ray cluster. What ended its worker there is tried once more, here and by itself."""
    tasks: list[Task] = []
    for item in items:
        if isinstance(item, FileResult):
            yield item
        else:
            tasks.append(item)
    if not tasks:
        return
    work.start()  # what is wrong with the method shows here, once
    specs = registered(work.methods)
    for number, outcome in on_ray(_attempted, tasks, jobs, specs, _started, work):
        yield outcome or _by_itself(work, renewed(tasks[number]), specs)


def _collected(futures: dict[Future[Outcome], Task], when: str) -> Iterator[Outcome]:
    """What is done, once something is. Raises BrokenProcessPool, the futures without a result left where they are."""
    done, _ = wait(futures, return_when=when)
    for future in sorted(done, key=lambda one: one.exception() is not None):
        outcome = future.result()
        del futures[future]
        yield outcome


def _by_itself(work: Work, task: Task, specs: Sequence[Any]) -> Outcome:
    try:
        with pool(1, specs, _started, work) as executor:
            return executor.submit(_attempted, task).result()
    except BrokenProcessPool:
        return Outcome(task, FileResult(task.path, error=ENDED, reason="memory"))


_work: Work  # of a worker process


def _started(work: Work) -> None:
    global _work
    _work = work
    work.start()


def _attempted(task: Task) -> Outcome:
    return attempt(_work, task)
