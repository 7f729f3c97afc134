"""The template for SLURM: killed without warning and queued again with another number of processes, it ends as one that
went through. srun runs its command here, and scontrol names this machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import laborllm as ll
from laborllm.panel import Panel

TEMPLATE = Path(__file__).parents[2] / "examples" / "train.slurm"
SIZE = "--epochs 2 --batch-size 4 --careers 24 --validate-every 4 --valid-careers 8"
OPTIONS = f"{SIZE} --learning-rate 1e-3 --live-log tensorboard"


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """The environment of a job."""
    commands = tmp_path / "bin"
    commands.mkdir()
    python = Path(sys.executable).parent
    for name, script in {
        "srun": 'exec "$@"',
        "scontrol": f'if [ "$1" = show ]; then echo 127.0.0.1; else echo "$@" >> {tmp_path}/scontrol; fi',
        "torchrun": f'exec {sys.executable} -m torch.distributed.run "$@"',
        "laborllm": f'exec {sys.executable} -m laborllm "$@"',
    }.items():
        (commands / name).write_text(f"#!/bin/bash\n{script}\n")
        (commands / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    job = {"SLURM_JOB_ID": "1", "SLURM_NNODES": "1", "SLURM_JOB_NODELIST": "here", "PORT": port}
    return os.environ | job | {"PATH": f"{commands}:{python}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def start(folder: Path, base: Path, cluster: dict[str, str], processes: int) -> subprocess.Popen[bytes]:
    job = cluster | {"BASE": str(base), "PROCESSES": str(processes), "OPTIONS": OPTIONS}
    command = ["bash", str(TEMPLATE), str(folder / "panel.parquet"), str(folder / "run")]
    return subprocess.Popen(command, env=job, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.slow
def test_a_killed_job_resumes_with_fewer_processes(
    base_folder: Path, panel: Panel, cluster: dict[str, str], tmp_path: Path
) -> None:
    panel.save(tmp_path / "panel.parquet")
    job = start(tmp_path, base_folder, cluster, 2)
    while not [*(tmp_path / "run.training").glob("step-*")]:
        assert job.poll() is None, job.stdout and job.stdout.read()
        time.sleep(0.02)
    for process in (*psutil.Process(job.pid).children(recursive=True), job):  # a node that fails takes all with it
        process.kill()
    job.wait()
    assert not (tmp_path / "run").exists()
    again = start(tmp_path, base_folder, cluster, 1)
    said, _ = again.communicate()
    assert again.returncode == 0, said
    tuning = ll.TuningConfig(
        method="full", epochs=2, batch_size=4, learning_rate=1e-3, validate_every=4, shard=True, live_log="tensorboard"
    )
    spec = ll.LanguageModel(base=str(base_folder), valid_careers=8, training=tuning)
    whole = ll.fit(spec, panel, careers=24, out=tmp_path / "whole")
    test = panel.subset("test")
    assert ll.load(tmp_path / "run").log_likelihood(test) == pytest.approx(whole.log_likelihood(test), abs=0.02)


def test_a_job_that_has_ended_has_nothing_to_do(cluster: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "complete.json").touch()
    job = start(tmp_path, tmp_path, cluster, 1)
    assert job.wait() == 0


def test_a_job_whose_time_is_up_is_queued_again(cluster: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin" / "torchrun").write_text("#!/bin/bash\nexec sleep 60\n")
    job = start(tmp_path, tmp_path, cluster, 1)
    try:
        time.sleep(1)
        job.send_signal(signal.SIGUSR1)  # to the script alone, as `--signal=B:` does
        assert job.wait(timeout=30) == 0
    finally:
        os.killpg(job.pid, signal.SIGKILL)
    assert (tmp_path / "scontrol").read_text() == "requeue 1\n"


def test_the_template_is_shell_that_can_be_read() -> None:
    assert shutil.which("bash")
    subprocess.run(["bash", "-n", str(TEMPLATE)], check=True)
