"""The resources of the API. Importing the package adds the routes of each to its blueprint."""

from entrypoints.api.resources import (  # noqa: I001 - the specification lists the routes in this order
    tasks as tasks,
    counts as counts,
    state_changes as state_changes,
    attempts as attempts,
    history as history,
    logs as logs,
    deliveries as deliveries,
    links as links,
    batch as batch,
    actions as actions,
    events as events,
    schedules as schedules,
    queues as queues,
    workers as workers,
    types as types,
    stats as stats,
    session as session,
    keys as keys,
    probes as probes,
    metrics as metrics,
)
