"""Judge facts about the store: one function for each check, none of which looks anything up."""

from datetime import timedelta

from application.finding import Finding, failure, ok, warning
from application.ports.store_inspection import ConnectionFault, ScriptFault, ServerFacts
from application.ports.store_probe import StoreCapacity, StoreSettings
from application.store_layout import PRESENT_LAYOUT, Layout, StoreTooNew, is_readable
from application.store_rules import MAX_MEMORY_SHARE, is_disk_full, is_memory_full, store_warnings

OLDEST_VERSION = (7, 2)
"""The version whose commands the service needs; docs/operations.md has a list of them."""
MEMORY_SHARE_WARNED = 0.8
CLOCK_WARNED = timedelta(seconds=2)
CLOCK_FAILED = timedelta(seconds=60)
MEBIBYTE = 2**20

CONNECTION_ADVICE = {
    ConnectionFault.UNKNOWN_HOST: "Correct the host name in TASKS_REDIS_URL, or the name service.",
    ConnectionFault.NOTHING_LISTENS: (
        "Start Redis, or correct the host, the port or the path in TASKS_REDIS_URL."
    ),
    ConnectionFault.NO_REPLY: (
        "Look whether a firewall or the network drops the connection, and whether Redis is busy "
        "or suspended."
    ),
    ConnectionFault.LOGIN_REFUSED: (
        "Correct the user and the password in TASKS_REDIS_URL, or in the file that "
        "TASKS_REDIS_URL_FILE names. Characters such as @ and / need percent encoding there."
    ),
    ConnectionFault.LOGIN_MISSING: (
        "Put the password into TASKS_REDIS_URL: redis://:password@host:port/database"
    ),
    ConnectionFault.NO_TLS_THERE: (
        "This address has no TLS. Use redis:// instead of rediss://, or the port on which Redis "
        "speaks TLS (tls-port)."
    ),
    ConnectionFault.TLS_WANTED: (
        "This address speaks TLS. Use rediss:// instead of redis://, with "
        "?ssl_ca_certs=/path if a private authority signed its certificate."
    ),
    ConnectionFault.CERTIFICATE_REFUSED: (
        "Add ?ssl_ca_certs=/path with the authority that signed the certificate of Redis, and use "
        "the host name that the certificate names."
    ),
    ConnectionFault.LOADING: "Wait until Redis has read its files, then repeat this command.",
    ConnectionFault.WRONG_DATABASE: "Correct the number of the database in TASKS_REDIS_URL.",
    ConnectionFault.NO_MASTER: (
        "Start the sentinels, or correct their addresses and the name of the service in "
        "TASKS_REDIS_URL. During a failover, wait some seconds."
    ),
    ConnectionFault.OTHER: "Look into the log of Redis.",
}

SCRIPT_ADVICE = {
    ScriptFault.FORBIDDEN: (
        "Give the user of TASKS_REDIS_URL the rule in docs/operations.md. ACL LOG of Redis names "
        "what it refused."
    ),
    ScriptFault.DISK: (
        "Free space on the disk of Redis, or make its folder writable. Redis accepts writes again "
        "by itself."
    ),
    ScriptFault.MEMORY: "Raise maxmemory, or delete tasks that nobody needs.",
    ScriptFault.READ_ONLY: "Let TASKS_REDIS_URL name the primary, not a replica.",
    ScriptFault.OTHER: "Look into the log of Redis.",
}


def judge_connection(url: str, fault: ConnectionFault | None, reason: str) -> Finding:
    """`url` is shown, and must have no secrets."""
    if fault is None:
        return ok("redis", f"Redis replies at {url}.")
    return failure("redis", f"Redis cannot be used at {url}: {reason}", CONNECTION_ADVICE[fault])


def judge_version(server: ServerFacts) -> Finding:
    shown, oldest = (".".join(map(str, each)) for each in (server.version, OLDEST_VERSION))
    if server.version < OLDEST_VERSION:
        return failure(
            "version",
            f"The server is {server.product}, compatible with Redis {shown}. This service needs "
            f"{oldest} or newer.",
            "Update Redis, for instance to redis:8-alpine.",
        )
    return ok("version", f"The server is {server.product}, compatible with Redis {shown}.")


def judge_role(server: ServerFacts) -> Finding:
    if server.is_replica:
        return failure(
            "role",
            "The server is a replica, which refuses writes.",
            SCRIPT_ADVICE[ScriptFault.READ_ONLY],
        )
    return ok("role", "The server is no replica.")


def judge_scripts(fault: ScriptFault | None, reason: str) -> Finding:
    if fault is None:
        return ok("scripts", "Redis runs the scripts of this release.")
    return failure(
        "scripts", f"Redis refuses the scripts of this release: {reason}", SCRIPT_ADVICE[fault]
    )


def judge_layout(stored: Layout | None) -> Finding:
    ours = PRESENT_LAYOUT.number
    if stored is not None and not is_readable(stored):
        return failure(
            "layout", str(StoreTooNew(stored)), "Install the newer release here as well."
        )
    if stored is None:
        return warning(
            "layout",
            "The store names no layout: it is empty, or only older releases have written into it. "
            "This release reads what they wrote.",
            "Start the API, a worker or maintenance of this release; each writes the layout.",
        )
    if stored.number < ours:
        return warning(
            "layout",
            f"Only older releases have written into the store, in layout {stored.number}; this one "
            f"writes layout {ours}, and reads theirs.",
            "Finish the upgrade: start the API, workers and maintenance of this release.",
        )
    if stored.number > ours:
        return warning(
            "layout",
            f"A newer release has written into the store, in layout {stored.number}. This one can "
            "read it.",
            "Finish the upgrade: install the newer release here as well.",
        )
    return ok("layout", f"The store has layout {ours}, which this release writes.")


def judge_clock(difference: timedelta) -> Finding:
    """`difference` is how far this host's clock is ahead of that of Redis."""
    seconds = difference.total_seconds()
    shown = f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} that of Redis"
    advice = "Let both hosts synchronise their clocks, for instance with chrony."
    if abs(difference) >= CLOCK_FAILED:
        return failure(
            "clock",
            f"The clock of this host is {shown}. Receivers refuse callbacks that are signed with a "
            "wrong time, and certificates may seem to be invalid.",
            advice,
        )
    if abs(difference) >= CLOCK_WARNED:
        return warning("clock", f"The clock of this host is {shown}.", advice)
    return ok("clock", "The clocks of this host and of Redis agree.")


def judge_eviction(settings: StoreSettings) -> Finding:
    return _judge_setting(
        "eviction", settings, "maxmemory-policy", "Redis evicts no tasks (noeviction)."
    )


def judge_persistence(settings: StoreSettings) -> Finding:
    return _judge_setting(
        "persistence", settings, "appendonly", "Redis writes tasks into a file (appendonly yes)."
    )


def _judge_setting(check: str, settings: StoreSettings, name: str, good: str) -> Finding:
    [*found] = [each for each in store_warnings(settings) if each.startswith(name)]
    if not found:
        return ok(check, good)
    problem, _, advice = found[0].partition(". ")
    return failure(check, f"{problem}.", f"{advice} Processes of a production refuse to start.")


def judge_disk(server: ServerFacts, capacity: StoreCapacity) -> Finding:
    if server.has_write_error:
        return failure(
            "disk",
            "The last write of Redis to its files failed. Redis refuses every write until one "
            "succeeds.",
            SCRIPT_ADVICE[ScriptFault.DISK],
        )
    free = capacity.free_disk
    if free is None:
        return ok("disk", "The last write of Redis to its files succeeded.")
    if is_disk_full(capacity):
        return failure(
            "disk",
            f"The disk of Redis has {free // MEBIBYTE:,} MiB left. New tasks are refused.",
            "Free some space on it.",
        )
    return ok("disk", f"The disk of Redis has {free // MEBIBYTE:,} MiB left.")


def judge_memory(capacity: StoreCapacity) -> Finding:
    used = f"{capacity.used_memory / MEBIBYTE:,.0f} MiB"
    if not capacity.max_memory:
        return ok("memory", f"Redis uses {used} of memory, without a limit (maxmemory 0).")
    share = capacity.used_memory / capacity.max_memory
    limit = f"{capacity.max_memory / MEBIBYTE:,.0f} MiB"
    message = f"Redis uses {used} of {limit} of memory ({share:.0%})."
    advice = (
        "Raise maxmemory, lower TASKS_RETENTION_SECONDS or TASKS_EVENTS_KEPT, or delete tasks that "
        "nobody needs: task-manager delete --status COMPLETED"
    )
    if is_memory_full(capacity):
        return failure("memory", f"{message} New tasks are refused.", advice)
    if share >= MEMORY_SHARE_WARNED:
        return warning(
            "memory", f"{message} New tasks are refused from {MAX_MEMORY_SHARE:.0%} on.", advice
        )
    return ok("memory", message)
