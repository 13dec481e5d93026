"""Build the I/O pool, in the process that a worker forks for it."""

from collections.abc import Sequence

from adapters.io_pool.board import Board
from adapters.io_pool.clerk import Clerk
from adapters.io_pool.host_limits import HostLimits
from adapters.io_pool.lease_alarm import KernelLeaseAlarm
from adapters.io_pool.process import IoPool, IoProcess
from adapters.io_pool.runner import Runner
from adapters.io_pool.watch import Watch
from adapters.supervision.lease_timer import RENEWALS_PER_LEASE, SELF_KILL_SHARE
from adapters.supervision.task_process import TaskProcess
from application.use_cases.worker.run_together import RunTogether
from entrypoints.container.use_cases import Container
from entrypoints.settings import Settings


def build_io_process(
    settings: Settings,
    container: Container,
    process: TaskProcess,
    *,
    name: str,
    board: Board,
    wake_descriptor: int,
    barred_types: Sequence[str],
) -> IoProcess:
    """`container` is one for this process; `name` is <worker>:<pid>. See IoSupervisor.RunPool."""
    lease = settings.lease.total_seconds()
    runner = Runner(
        handlers=container.handlers(),
        outcomes=container.handler_outcomes(),
        trace_run=container.trace_run(),
        run_log=container.run_log(),
        host_limits=HostLimits(settings.max_io_runs_per_host),
        board=board,
        process=process,
        barred_types=barred_types,
    )
    together = RunTogether(
        leases=container.leases(),
        finish_run=container.finish_run(),
        alarm=KernelLeaseAlarm(lease * SELF_KILL_SHARE),
        clock=container.clock(),
        process=name,
        slots=board.slots,
        queues=settings.queues,
    )
    clerk = Clerk(
        together=together,
        runner=runner,
        run_log=container.run_log(),
        trace_run=container.trace_run(),
        board=board,
        renew_seconds=lease / RENEWALS_PER_LEASE,
    )
    return IoProcess(IoPool(runner, clerk, Watch(runner, board)), wake_descriptor)
