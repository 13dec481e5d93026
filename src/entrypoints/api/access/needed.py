"""The permission that each operation of the API needs."""

from collections.abc import Mapping

from domain.access import Permission

NEEDED: Mapping[str, Mapping[str, Permission | None]] = {
    "tasks.Tasks": {"GET": Permission.READ, "POST": Permission.SUBMIT},
    "tasks.OneTask": {
        "GET": Permission.READ,
        "PATCH": Permission.CHANGE,
        "PUT": Permission.CHANGE,
        "DELETE": Permission.DELETE,
    },
    "tasks.Links": {"POST": Permission.READ},
    "tasks.Counts": {"GET": Permission.READ},
    "tasks.Cancel": {"POST": Permission.CHANGE},
    "tasks.Retry": {"POST": Permission.CHANGE},
    "tasks.Attempts": {"GET": Permission.READ},
    "tasks.History": {"GET": Permission.READ},
    "tasks.Logs": {"GET": Permission.READ},
    "tasks.Deliveries": {"GET": Permission.READ},
    "tasks.Resend": {"POST": Permission.CHANGE},
    "bulk.Batch": {"POST": Permission.SUBMIT},
    "bulk.Actions": {"POST": Permission.CHANGE},
    "events.TaskEvents": {"GET": Permission.READ},
    "events.Events": {"GET": Permission.READ},
    "schedules.Schedules": {"GET": Permission.READ_SCHEDULES},
    "schedules.Preview": {"POST": Permission.READ_SCHEDULES},
    "schedules.OneSchedule": {
        "GET": Permission.READ_SCHEDULES,
        "PUT": Permission.OPERATE_SCHEDULES,
        "PATCH": Permission.OPERATE_SCHEDULES,
        "DELETE": Permission.OPERATE_SCHEDULES,
    },
    "schedules.RunNow": {"POST": Permission.OPERATE_SCHEDULES},
    "schedules.PauseSchedule": {"POST": Permission.OPERATE_SCHEDULES},
    "schedules.ResumeSchedule": {"POST": Permission.OPERATE_SCHEDULES},
    "overview.Queues": {"GET": Permission.OBSERVE_QUEUES},
    "overview.OneQueue": {"DELETE": Permission.OPERATE_QUEUES},
    "overview.Pause": {"POST": Permission.OPERATE_QUEUES},
    "overview.Resume": {"POST": Permission.OPERATE_QUEUES},
    "overview.Scaling": {"GET": Permission.READ_METRICS},
    "overview.Workers": {"GET": Permission.OBSERVE},
    "overview.Types": {"GET": Permission.READ},
    "overview.Stats": {"GET": Permission.OBSERVE},
    "overview.StatsSeries": {"GET": Permission.OBSERVE},
    "overview.AllDeliveries": {"GET": Permission.OBSERVE},
    "metrics.Metrics": {"GET": Permission.READ_METRICS},
    "access.Session": {"GET": None, "POST": None, "DELETE": None},
    "access.Keys": {"GET": Permission.MANAGE_KEYS, "POST": Permission.MANAGE_KEYS},
    "access.OneKey": {"DELETE": Permission.MANAGE_KEYS},
    "access.Rotate": {"POST": Permission.MANAGE_KEYS},
}
"""The permission by endpoint and method. None: any valid key will do."""
LINKED: Mapping[str, frozenset[str]] = {
    "tasks.OneTask": frozenset({"GET"}),
    "events.TaskEvents": frozenset({"GET"}),
    "tasks.Logs": frozenset({"GET"}),
    "tasks.Cancel": frozenset({"POST"}),
}
"""The endpoints and methods to which a link can lead."""
PUBLIC = frozenset({"probes.Livez", "probes.Readyz"})
"""Endpoints that need no key. The pages, which show no data, need none either."""
