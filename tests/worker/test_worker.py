"""What a worker process loads, and how it is started by a person."""

import os
import signal
import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "peft", "fastapi", "uvicorn", "celery", "obstore")


def test_a_cpu_worker_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import lorahub_worker.__main__\n"
        "from lorahub_worker import tasks\n"
        "tasks.load(frozenset({'cpu'}))\n"
        "from lorahub_server.jobs import registry\n"
        "assert 'inspect' in registry.kinds(['cpu'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


def test_a_gpu_worker_leaves_the_cpu_s_jobs() -> None:
    code = (
        "from lorahub_worker import tasks\n"
        "tasks.load(frozenset({'gpu'}))\n"
        "from lorahub_server.jobs import registry\n"
        "assert registry.find('inspect') is None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", ["lorahub_worker", "lorahub_server.cli"])
def test_a_worker_in_a_terminal_ends_on_ctrl_c(tmp_path, module) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("LORAHUB_")}
    env["LORAHUB_DATA"] = str(tmp_path)
    cli = [sys.executable, "-c", "from lorahub_server.cli import main; main()"]
    subprocess.run([*cli, "migrate"], env=env, check=True, stderr=subprocess.DEVNULL)
    command = [sys.executable, "-m", "lorahub_worker"]
    if module == "lorahub_server.cli":
        command = [*cli, "worker"]
    worker = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said = worker.stderr.readline()
    assert "worker_ready" in said
    worker.send_signal(signal.SIGINT)
    _, rest = worker.communicate(timeout=15)
    assert worker.returncode == 0
    assert "worker_ended" in rest
    assert "Traceback" not in rest
