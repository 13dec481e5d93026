"""Write the report in Markdown, with the facts of the machine on which its figures depend."""

import os
import platform
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.plan import Plan
from benchmarks.redis_commands import SUBMITS, SubmitCommands
from benchmarks.rows import Growth, Row, table
from benchmarks.scale import Scale, scale_table
from benchmarks.scenarios import CONNECTIONS
from benchmarks.streams import Streams, streams_table
from benchmarks.subjects import HTTP_WORKERS, Store

LIBRARIES = (
    "celery",
    "flask",
    "flask-smorest",
    "gevent",
    "gunicorn",
    "hiredis",
    "kombu",
    "marshmallow",
    "redis",
)
COMPARED = ("", "ours", "plain", "ours is better by", "in the rounds")

HEAD = """\
# This service and plain Flask + Celery + Redis

{facts}

Only the factors mean something elsewhere: the services took turns on one machine, which also ran
the load and Redis.
A factor is the median of the factors of {rounds} rounds; above 1, ours is better.

"""
HTTP = """\
## HTTP

{connections} keep-alive connections, as many on each worker process of gunicorn; {tasks:,} final
tasks stored during the GETs; no Celery worker running; a round takes {seconds:g} s.

{http}

## A page with few and with many tasks stored

p50 in ms of the page of 10 in the middle of the list, over one connection.

{growth}

"""
WORKER = """\
## A worker

{worker_tasks:,} empty tasks a round; one worker each. Ours with leases, events and records, the
plain one with `acks_late` and the Redis result backend.

{worker}

"""
REST = """\
## Redis

Memory: `used_memory` without buffers, over {memory_tasks:,} tasks. Commands: seen with MONITOR over
{submits} submits.

{redis}

Commands per submit of ours: {our_commands}.
Commands per submit of the plain one: {plain_commands}.

## Open event streams

{streams_table}

## Filters with very many tasks stored

Ours alone; {scale_bytes:,.0f} bytes in Redis per task. The last five look at more than one index or
at the tasks themselves: 50,000 a call at most, so that they cost more and say where to go on.

{scale_table}

"""


@dataclass(frozen=True)
class Findings:
    http: Sequence[Row]
    growth: Sequence[Growth]
    worker: Sequence[Row]
    memory: Sequence[Row]
    our_commands: SubmitCommands
    plain_commands: SubmitCommands
    streams: Streams
    scale: Scale

    @property
    def redis(self) -> list[Row]:
        ours, plain = self.our_commands.per_submit, self.plain_commands.per_submit
        return [Row("Redis commands sent per submit", [ours], [plain]), *self.memory]


def report(findings: Findings, plan: Plan, facts: str) -> str:
    growth_heads = ("", f"{plan.few:,} tasks", f"{plan.many:,} tasks", "grows by", "in the rounds")
    return (HEAD + HTTP + WORKER + REST).format(
        facts=facts,
        **vars(plan),
        connections=CONNECTIONS,
        submits=SUBMITS,
        http=table(COMPARED, findings.http),
        growth=table(growth_heads, findings.growth),
        worker=table(COMPARED, findings.worker),
        redis=table(COMPARED, findings.redis),
        streams_table=streams_table(findings.streams),
        scale_table=scale_table(findings.scale),
        scale_bytes=findings.scale.bytes_per_task,
        our_commands=findings.our_commands,
        plain_commands=findings.plain_commands,
    )


def worker_report(rows: Sequence[Row], plan: Plan, facts: str) -> str:
    return (HEAD + WORKER).format(facts=facts, **vars(plan), worker=table(COMPARED, rows))


def machine_facts(store: Store) -> str:
    info = store.client.info("server")
    server = (
        f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}"
    )
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}",
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{'' if optimised else 'not '}built with PGO",
        f"{server} with an append-only file, one server for each service",
        f"gunicorn with {HTTP_WORKERS} gevent workers for each service",
        ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    ]
    return "\n".join(f"- {line}" for line in lines)
