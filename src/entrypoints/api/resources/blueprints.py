"""The blueprints of the resources. The specification has a tag for each."""

from entrypoints.api.resources.strict_blueprint import StrictBlueprint

tasks = StrictBlueprint(
    "tasks", __name__, description="Submit, read, change and delete single tasks."
)
bulk = StrictBlueprint("bulk", __name__, description="Many tasks with one request.")
events = StrictBlueprint(
    "events", __name__, description="Streams of events: what happens to tasks, as it happens."
)
overview = StrictBlueprint(
    "overview", __name__, description="Queues, workers, types of tasks and statistics."
)
schedules = StrictBlueprint(
    "schedules", __name__, description="Schedules, which submit tasks at their times."
)
probes = StrictBlueprint(
    "probes", __name__, description="Health checks for load balancers and supervisors."
)
metrics = StrictBlueprint("metrics", __name__, description="Numbers for monitoring.")
access = StrictBlueprint(
    "access", __name__, description="Keys of callers, and sessions of browsers."
)
BLUEPRINTS = (tasks, bulk, events, schedules, overview, access, probes, metrics)
