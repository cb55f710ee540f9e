"""How a benchmark row is measured: 1 and 2 threads, CPU time of the process and wall time, peers in the same run."""

import functools
import time
from collections.abc import Callable, Iterator

import pytest
import torch
from skimage import data
from skimage.transform import resize

SIZES = {"512x512": (512, 512), "1 MP": (1000, 1000), "1080p": (1080, 1920), "12 MP": (3000, 4000)}


@pytest.fixture(params=[1, 2], ids=["1-thread", "2-threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(
    params=[
        pytest.param("wall", marks=pytest.mark.benchmark(timer=time.perf_counter)),
        pytest.param("cpu", marks=pytest.mark.benchmark(timer=time.process_time)),
    ]
)
def clock(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def measure(benchmark, threads: int, clock: str) -> Callable[..., None]:
    """measure(function, task=, row=, pixels=, rounds=): one row of the report; rows of a task are compared."""

    def measure(function: Callable[[], object], *, task: str, row: str, pixels: int, rounds: int = 5) -> None:
        benchmark.group = f"{task}, {threads} thread(s), {clock}"
        benchmark.extra_info.update(task=task, row=row, pixels=pixels, threads=threads, clock=clock)
        benchmark.pedantic(function, rounds=rounds, warmup_rounds=1)

    return measure


@pytest.fixture(scope="session")
def luma() -> Callable[[str], torch.Tensor]:
    """luma("1080p"): a photograph's luma (1, 1, H, W) in grey levels: scikit-image's `motorcycle_left`, resized."""
    photograph = data.stereo_motorcycle()[0].mean(-1)

    @functools.cache
    def make(size: str) -> torch.Tensor:
        array = resize(photograph, SIZES[size], order=3, preserve_range=True, anti_aliasing=True)
        return torch.from_numpy(array).clamp(0, 255).round().float()[None, None]

    return make
