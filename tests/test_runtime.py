"""What is global to the process stays as it was, unless the process is set up; and how a lack of memory is reported."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from laborllm.panel import Panel
from laborllm.runtime import is_out_of_memory, seeded, set_up_process


def test_what_the_allocator_says() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**50)
    assert is_out_of_memory(refused.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("could not create a primitive"), True),  # seen under a limit of address space
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_what_else_is_said(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected


def test_seeded_numbers_repeat_and_leave_the_generator_where_it_was() -> None:
    before = torch.get_rng_state()
    with seeded(3):
        first = torch.rand(4)
    with seeded(3):
        assert torch.equal(torch.rand(4), first)
    assert torch.equal(torch.get_rng_state(), before)


def test_seeded_numbers_are_those_of_torch() -> None:
    with seeded(3):
        found = torch.rand(4)
    assert torch.equal(found, torch.rand(4, generator=torch.Generator().manual_seed(3)))


def test_a_seed_leaves_nothing_behind_for_devices_that_are_not_in_use() -> None:
    """Each step of training sets one."""
    before = len(torch.cuda._queued_calls)
    with seeded(3):
        pass
    assert len(torch.cuda._queued_calls) == before


WAITING_THREADS = """
import time
from laborllm.runtime import set_up_process
set_up_process()
import torch
numbers = torch.rand(300_000)
numbers.exp()  # starts the threads
used, began = time.process_time(), time.monotonic()
for _ in range(200):
    numbers.exp()
    time.sleep(0.004)
print((time.process_time() - used) / (time.monotonic() - began))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="torch brings the OpenMP of GNU")
def test_threads_that_wait_leave_the_cores_to_others() -> None:
    """A thread that waits awake through every pause would use a core; so would it with a policy of the user's own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, "-c", WAITING_THREADS]
    run = subprocess.run(
        command, env=environment | {"OMP_NUM_THREADS": "2"}, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 0.3


MANY_THREADS = """
import threading
from pathlib import Path
from laborllm.runtime import set_up_process
set_up_process()
import numpy as np
turns = [threading.Event() for _ in range(9)]
def work(turn):
    turns[turn].wait()
    [np.ones(125_000) for _ in range(20)]  # 20 MB, freed at once
    turns[turn + 1].set()
    turns[-1].wait()  # while its memory could be its own
def held():  # MB
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
threads = [threading.Thread(target=work, args=(turn,)) for turn in range(8)]
for thread in threads:
    thread.start()
before = held()
turns[0].set()
for thread in threads:
    thread.join()
print(held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="an allocator of its own")
def test_threads_reuse_what_others_freed() -> None:
    """Eight threads need 20 MB one after the other: each with memory of its own would come to 160 MB."""
    run = subprocess.run([sys.executable, "-c", MANY_THREADS], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 80


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_how_threads_wait_is_left_to_who_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "7")
    set_up_process()
    assert os.environ[name] == "7"
    assert ("GOMP_SPINCOUNT" in os.environ) == (name == "GOMP_SPINCOUNT")


def test_a_library_call_changes_nothing_global(panel: Panel, base_folder: Path, tmp_path: Path) -> None:
    """Logs, warnings, the allocator, attention of transformers, random numbers, in a process of its own."""
    panel.save(tmp_path / "panel.parquet")
    script = Path(__file__).with_name("process_globals.py")
    command = [sys.executable, str(script), str(base_folder), str(tmp_path / "panel.parquet")]
    run = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == {}
