"""Bodies of requests that submit a task, by chance."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

QUEUES = ("default", "bulk", "slow")
TYPES = ("sleep", "sleep", "http", "greet", "count_to")

Body = dict[str, Any]


def random_task(dice: random.Random, callback_url: str) -> Body:
    """Return a valid body with a random choice of members."""
    do = dice.choices(["sleep", "report", "fail"], [8, 1, 1])[0]
    body: Body = {"task_name": "soak ü \U0001f41f", "queue": dice.choice(QUEUES)}
    body["labels"] = {"do": do, "ms": str(dice.randint(0, 200)), "team": dice.choice("abc")}
    body |= _work(dice, callback_url)
    optional: Body = {
        "priority": dice.randint(0, 9),
        "timeout": dice.randint(5, 60),
        "retry": {"max_attempts": dice.randint(1, 3), "initial_delay": 0.5, "max_delay": 2},
        "callback_url": callback_url,
        "run_at": moment(dice.uniform(-2, 5)),
        "expires_at": moment(dice.uniform(6, 20)),
    }
    names = dice.sample(sorted(optional), dice.randint(0, len(optional)))
    return body | {name: optional[name] for name in names}


def moment(seconds: float) -> str:
    """Return the time in so many seconds, as requests have it."""
    then = datetime.now(UTC) + timedelta(seconds=seconds)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _work(dice: random.Random, callback_url: str) -> Body:
    """Return the members of a random type of task."""
    match dice.choice(TYPES):
        case "http":
            return {"type": "http", "payload": {"url": callback_url, "json": {"n": dice.random()}}}
        case "greet":
            return {"type": "greet", "payload": {"name": "Ada", "times": dice.randint(1, 3)}}
        case "count_to":
            return {"type": "count_to", "payload": {"number": dice.randint(1, 20)}}
    return {"duration": 1}
