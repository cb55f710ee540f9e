"""Faults in the middle of a run: kills, a full disk, limits, folders that vanish. Nothing is lost or half-written.

    python -m tests.campaigns.faults [--times 20] [--files 24] [--only REGEX] [--jobs N]

Each fault strikes `imgredux run wei2009 IN -o OUT --heatmap --inject-mse 26.8` at random moments. Right after it, every
file under a final name must be what an unbroken run makes, byte for byte, and the inputs what they were. Then the
same command, without the fault, must end with exit code 0, make what is missing, and leave no temporary file. Where the
record itself was lost, it may say that files are there which it does not know; --force must then do.
Tracebacks, signals that nobody sent, and exit codes beyond 0, 1, 2, 3 and 128 + signal are counted as well.
Mounts need the right to make a mount namespace (`unshare -m`); where it is missing, those faults are left out and said.
Prints a Markdown table, and ends with exit code 1 where something does not hold. Linux.
"""

import argparse
import contextlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.many_files import RECORD, digests, done, make

METHOD = "wei2009"
OPTIONS = ("--heatmap", "--inject-mse", "26.8")
GIB = 2**30
Process = subprocess.Popen[str]


@dataclass
class Trial:
    """One run with a fault. source, out: its folders. strike: done while it runs. limit: set in its process before."""

    draw: random.Random
    source: Path
    out: Path
    jobs: int
    count: int
    limits: dict[int, int] = field(default_factory=dict)
    before: tuple[str, ...] = ()  # words that start the command in another way
    force: bool = False
    said: str = ""
    code: int = 0

    def begin(self) -> Process:
        def limit() -> None:
            for kind, value in self.limits.items():
                resource.setrlimit(kind, (value, value))

        line = [sys.executable, "-m", "imgredux", "run", METHOD, str(self.source), "-o", str(self.out), *OPTIONS]
        line = [*self.before, *line, "--jobs", str(self.jobs), *(["--force"] if self.force else [])]
        return subprocess.Popen(
            line,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=limit,
        )

    def end(self, process: Process) -> None:
        said = process.communicate(timeout=600)[1]
        self.said, self.code = self.said + said, process.returncode

    def wait_for_a_moment(self, process: Process) -> None:
        """Until a random number of files is done."""
        moment = self.draw.randrange(self.count)
        while process.poll() is None and done(self.out) < moment:
            time.sleep(0.01)

    def an_input(self) -> Path:
        return self.draw.choice(sorted(self.source.rglob("*.jpg")))


Fault = Callable[[Trial], None]
FAULTS: dict[str, Fault] = {}
# After these the record may not name what is there: a run says so, and writes over it with --force alone.
UNKNOWN = ("the record is cut short", "the output folder is deleted")
MOUNTS = ("a full disk", "a read-only folder for outputs")


def fault(name: str) -> Callable[[Fault], Fault]:
    def remember(strike: Fault) -> Fault:
        FAULTS[name] = strike
        return strike

    return remember


def by_signal(number: int) -> Fault:
    def strike(trial: Trial) -> None:
        process = trial.begin()
        trial.wait_for_a_moment(process)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        trial.end(process)

    return strike


for _name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"):
    FAULTS[f"{_name} of the command"] = by_signal(getattr(signal, _name))


@fault("SIGKILL of a worker")
def _(trial: Trial) -> None:
    trial.jobs = 2
    process = trial.begin()
    trial.wait_for_a_moment(process)
    workers = list(_children(process.pid))
    for pid in workers[-1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    trial.end(process)


def _children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())


@fault("SIGKILL of all of its processes")
def _(trial: Trial) -> None:
    process = trial.begin()
    trial.wait_for_a_moment(process)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    trial.end(process)


def _mounted(trial: Trial, mount: str) -> None:
    """The command where something is mounted on its output folder; what lies there comes back."""
    kept = trial.out.with_name("kept")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    trial.out.mkdir(exist_ok=True)
    script = f'{mount}\n"$@"\ncode=$?\ncp -a "{trial.out}/." "{kept}/"\nexit $code'
    trial.before = ("unshare", "-m", "sh", "-c", script, "sh")
    trial.end(trial.begin())
    trial.before = ()
    shutil.rmtree(trial.out)
    kept.rename(trial.out)


@fault("a full disk")
def _(trial: Trial) -> None:
    size = 66_000 + trial.draw.randrange(2000, 14_000)  # KiB: a run begins with 64 MiB free, and not with less
    filler = f'dd if=/dev/zero of="{trial.out}/filler" bs=1024 count={65_536 - 1024} 2>/dev/null'
    _mounted(
        trial, f'mount -t tmpfs -o size={size}k none "{trial.out}"\n(sleep {trial.draw.uniform(3, 5)}; {filler}) &'
    )
    (trial.out / "filler").unlink(missing_ok=True)


@fault("a read-only folder for outputs")
def _(trial: Trial) -> None:
    _mounted(trial, f'mount --bind "{trial.out}" "{trial.out}" && mount -o remount,ro,bind "{trial.out}"')


@fault("the output folder is deleted")
def _(trial: Trial) -> None:
    process = trial.begin()
    trial.wait_for_a_moment(process)
    shutil.rmtree(trial.out, ignore_errors=True)
    trial.end(process)


@fault("outputs are deleted")
def _(trial: Trial) -> None:
    process = trial.begin()
    trial.wait_for_a_moment(process)
    for path in trial.draw.sample(found := sorted(trial.out.rglob("*.png")), len(found) // 2):
        path.unlink(missing_ok=True)
    trial.end(process)


@fault("an input is deleted")
def _(trial: Trial) -> None:
    process, path = trial.begin(), trial.an_input()
    content = path.read_bytes()
    trial.wait_for_a_moment(process)
    path.unlink()
    trial.end(process)
    path.write_bytes(content)


@fault("an input is replaced by half of itself")
def _(trial: Trial) -> None:
    process, path = trial.begin(), trial.an_input()
    content = path.read_bytes()
    trial.wait_for_a_moment(process)
    path.write_bytes(content[: len(content) // 2])
    trial.end(process)
    path.write_bytes(content)


@fault("an input becomes a pipe")
def _(trial: Trial) -> None:
    path = trial.an_input()
    content = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    trial.end(trial.begin())
    path.unlink()
    path.write_bytes(content)


@fault("a limit of 64 open files")
def _(trial: Trial) -> None:
    trial.limits = {resource.RLIMIT_NOFILE: trial.draw.choice((24, 32, 48, 64))}
    trial.end(trial.begin())


@fault("a limit of memory")
def _(trial: Trial) -> None:
    trial.limits = {resource.RLIMIT_AS: int(trial.draw.uniform(0.5, 6) * GIB)}
    trial.end(trial.begin())


@fault("a limit of the size of files")
def _(trial: Trial) -> None:
    trial.limits = {resource.RLIMIT_FSIZE: trial.draw.randrange(100, 200_000)}
    trial.end(trial.begin())


@fault("two runs into one folder")
def _(trial: Trial) -> None:
    first = trial.begin()
    if trial.draw.random() < 0.5:
        trial.wait_for_a_moment(first)
    second = trial.begin()
    trial.end(second)
    trial.end(first)


@fault("the record is cut short")
def _(trial: Trial) -> None:
    process = trial.begin()
    trial.wait_for_a_moment(process)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    record = trial.out / RECORD
    if record.exists():
        content = record.read_bytes()
        record.write_bytes(content[: trial.draw.randrange(len(content) + 1)])


def struck(name: str, trial: Trial, expected: dict[str, bytes], inputs: dict[str, bytes]) -> list[str]:
    """One fault, and what does not hold afterwards."""
    FAULTS[name](trial)
    problems = []
    if "Traceback" in trial.said:
        problems.append(f"a traceback: {trial.said[-500:]}")
    sent = -trial.code in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    if trial.code not in (0, 1, 2, 3, 129, 130, 143) and not sent:
        problems.append(f"exit code {trial.code}: {trial.said[-300:]}")
    there = digests(trial.out) if trial.out.exists() else {}
    wrong = [one for one, content in there.items() if ".imgredux-" not in one and expected.get(one) != content]
    problems += [f"half-written, or not as it should be: {one}" for one in wrong[:3]]
    if digests(trial.source) != inputs:
        problems.append("an input was changed")
    trial.limits, trial.said, faulty = {}, "", trial.code
    trial.end(trial.begin())
    if name in UNKNOWN and trial.code == 3 and "was not made here: only --force" in trial.said:
        trial.force = True
        trial.end(trial.begin())
    if trial.code != 0:
        problems.append(f"after it the command ends with {trial.code}: {trial.said[-300:]}")
    after = digests(trial.out)
    if after != expected:
        lacking, more = sorted(expected.keys() - after.keys())[:3], sorted(after.keys() - expected.keys())[:3]
        problems.append(f"after it: lacking {lacking}, too many {more}, others differ")
    return [f"{name} (exit code {faulty}): {one}" for one in problems]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.faults")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--only", default="", help="a regular expression that a fault's name matches")
    parser.add_argument("--jobs", type=int, help="[default: one or two, at random]")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    mounts = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    problems: list[str] = []
    lines, total = [], 0
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        root = Path(name)
        make(root / "in", chosen.files)
        draw = random.Random(chosen.seed)
        unbroken = Trial(draw, root / "in", root / "expected", 1, chosen.files)
        unbroken.end(unbroken.begin())
        if unbroken.code:
            raise SystemExit(f"without a fault the command ends with {unbroken.code}: {unbroken.said}")
        expected, inputs = digests(root / "expected"), digests(root / "in")
        for fault_name in (one for one in FAULTS if re.search(chosen.only, one)):
            if fault_name in MOUNTS and not mounts:
                lines.append(f"| {fault_name} | 0: no right to mount | | |")
                continue
            codes: Counter[int] = Counter()
            found: list[str] = []
            for _ in range(chosen.times):
                trial = Trial(draw, root / "in", root / "out", chosen.jobs or draw.choice((1, 2)), chosen.files)
                found += struck(fault_name, trial, expected, inputs)
                codes[trial.code] += 1
                shutil.rmtree(root / "out", ignore_errors=True)
            total += chosen.times
            problems += found
            lines.append(f"| {fault_name} | {chosen.times} | {len(found)} |")
            print(lines[-1], *found[:3], sep="\n", file=sys.stderr, flush=True)
    print("| fault | times | what did not hold |\n|---|---|---|", *lines, sep="\n")
    print(f"| all | {total} | {len(problems)} |")
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
