"""Any tasks that a record can hold, for hypothesis."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_error import TaskError
from domain.task_spec import TaskSpec, is_blank, is_printable
from domain.task_state import Progress, ScheduleSlot
from domain.trace_context import TraceContext
from tests.building import a_task

instants = st.datetimes(
    min_value=datetime(2000, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)
).map(lambda instant: instant - timedelta(microseconds=instant.microsecond % 1000))
text = st.text(min_size=1, max_size=200).filter(
    lambda text: is_printable(text) and not is_blank(text)
)
json_values = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text().filter(is_printable),
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
)
sleeping = st.fixed_dictionaries({"duration": st.integers(1, 86_400)})
calling = st.fixed_dictionaries(
    {"type": st.just("http"), "payload": st.dictionaries(text, json_values)}
)
specs = st.builds(
    lambda work, **members: TaskSpec(**work, **members),
    work=sleeping | calling,
    task_name=text,
    queue=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True),
    priority=st.integers(0, 9),
    run_at=st.none() | instants,
    timeout=st.none() | st.integers(1, 86_400),
    retry=st.builds(RetryPolicy, max_attempts=st.integers(1, 100), jitter=st.floats(0, 1)),
    labels=st.dictionaries(st.from_regex(r"[a-z0-9._-]{1,63}", fullmatch=True), text, max_size=16),
)

traces = st.builds(
    TraceContext,
    st.from_regex(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True),
    st.sampled_from(["", "a=1", "tenant@vendor=x y,b=2"]),
)

slots = st.builds(
    ScheduleSlot,
    name=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,99}", fullmatch=True),
    slot=st.none() | instants,
)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    status = draw(st.sampled_from(Status))
    return Task(
        task_id=a_task().task_id,
        spec=draw(specs),
        status=status,
        submitted_at=draw(instants),
        version=draw(st.integers(1, 2**53)),
        attempt=draw(st.integers(0, 99)),
        crashed_fencing_tokens=tuple(draw(st.lists(st.integers(0, 2**53), max_size=4))),
        cancel_requested=draw(st.booleans()),
        discarded=draw(st.booleans()),
        due_at=draw(instants) if status is Status.SCHEDULED else None,
        progress=draw(st.none() | st.builds(Progress, fraction=st.floats(0, 1), message=text)),
        fencing_token=draw(st.integers(0, 2**53)),
        owner=draw(text) if status is Status.PROCESSING else None,
        started_at=draw(st.none() | instants),
        finished_at=draw(instants) if status.is_final else None,
        result=draw(st.none() | json_values),
        error=draw(st.none() | st.builds(TaskError, code=text, message=text)),
        last_error=draw(st.none() | st.builds(TaskError, code=text, message=text)),
        trace=draw(st.none() | traces),
        schedule=draw(st.none() | slots),
    )
