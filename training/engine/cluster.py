"""Train a run as a job of a SLURM cluster with submitit (`pip install personality[cluster]`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.runs.run import NO_PROCESS, Run

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

LAUNCHERS = ("slurm", "local")  # local: processes on this machine, to test a job without a cluster
JOB_PARAMETERS = ("nodes", "tasks_per_node", "gpus_per_node", "cpus_per_task", "mem_gb", "timeout_min")
SLURM_PREFIX = "slurm_"  # prefix of parameters that are passed to SLURM
JOB_LOGS_FOLDER = ".jobs"
_submitted_jobs: list[Any] = []  # keeps references, because Python warns if a process object is deleted while it runs


@dataclass(frozen=True)
class TrainingJob:
    """The work of each process of a job: train a run, or resume it if the job was interrupted."""

    folder: Path

    def __call__(self) -> str:
        """Train to the end and return the final state."""
        from submitit.helpers import TorchDistributedEnvironment

        from training import distributed
        from training.engine.process_memory import keep_freed_memory
        from training.engine.train_run import train_run

        TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
        keep_freed_memory()
        with distributed.process_group():
            train_run(Run(self.folder))
        return Run(self.folder).status()["state"]

    def checkpoint(self) -> DelayedSubmission:
        """Queue the job again to resume the run; submitit calls this before the time limit or a preemption."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def make_executor(runs: Path, launcher: str, parameters: Sequence[str]) -> Any:
    """Return the submitit executor; the logs of its jobs are written to `.jobs` in the folder of the runs.

    Parameters
    ----------
    runs : Path
        Folder of the runs.
    launcher : {"slurm", "local"}
        Where the jobs run.
    parameters : sequence of str
        NAME=VALUE, names from JOB_PARAMETERS, or of SLURM with SLURM_PREFIX, such as `slurm_partition=gpu`.

    Raises
    ------
    ValueError
        Submitit or SLURM is missing, or a parameter is unknown.
    """
    values = parse_parameters(parameters)
    try:
        import submitit

        executor = submitit.AutoExecutor(folder=runs.resolve() / JOB_LOGS_FOLDER, cluster=launcher)
        executor.update_parameters(**values)
    except ImportError as error:
        raise ValueError("--launcher requires submitit; install it with `pip install submitit`") from error
    except RuntimeError as error:
        raise ValueError(f"--launcher {launcher} is not available on this machine: {error}") from error
    except (NameError, TypeError, ValueError) as error:  # raised by submitit for unknown names and invalid values
        raise ValueError(f"--job: {error}") from error
    return executor


def submit_run(run: Run, executor: Any) -> str:
    """Submit a run that was created, and return the identifier of the job."""
    job = executor.submit(TrainingJob(run.folder.resolve()))
    _submitted_jobs.append(job)
    run.write_status("queued", pid=NO_PROCESS, why="submitted as a job", job=str(job.job_id))
    return str(job.job_id)


def parse_parameters(words: Sequence[str]) -> dict[str, str | int]:
    """Parse NAME=VALUE to a dict; integers are converted. Raises ValueError for another format or an unknown name."""
    pairs = [word.partition("=") for word in words]
    for name, equals, _ in pairs:
        if not equals:
            raise ValueError(f"--job {name} is not NAME=VALUE, for example timeout_min=600")
        if name not in JOB_PARAMETERS and not name.startswith(SLURM_PREFIX):
            known = ", ".join(JOB_PARAMETERS)
            raise ValueError(f"--job {name} is unknown; expected {known}, or {SLURM_PREFIX}NAME, as slurm_partition")
    return {name: int(value) if value.isdecimal() else value for name, _, value in pairs}
