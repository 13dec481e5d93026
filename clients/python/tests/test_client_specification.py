"""The client has each operation, parameter and member of the specification, and no others."""

import dataclasses
import inspect
import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from client_calls import CALLS
from client_forms import FORMS

import task_manager_client
from task_manager_client import (
    AsyncClient,
    Client,
    bodies,
    errors,
    history_calls,
    history_models,
    key_models,
    key_operations,
    models,
    operations,
    schedule_models,
    schedule_operations,
    service_models,
)
from task_manager_client.reading import sent_name

ROOT = Path(__file__).parents[3]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
FOR_BROWSERS = {"openSession", "endSession"}
SPECIFIED = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if method != "parameters" and operation["operationId"] not in FOR_BROWSERS
}
EXCEPTIONS = {("getTask", "Prefer")}  # another way to send the parameter `wait`
RESPONSES = {
    "TaskAnswer": models.Task,
    "SubmittedAnswer": models.Task,
    "TaskErrorAnswer": models.TaskError,
    "ProgressAnswer": models.Progress,
    "RetryAnswer": models.RetryPolicy,
    "LinksAnswer": models.Links,
    "WarningAnswer": models.SubmitWarning,
    "PaginationAnswer": models.Pagination,
    "TaskListAnswer": models.Page,
    "BatchAnswer": models.Batch,
    "ActionAnswer": models.ActionResult,
    "AttemptsAnswer": models.Attempts,
    "AttemptAnswer": models.Attempt,
    "HistoryAnswer": history_models.History,
    "HistoryEntryAnswer": history_models.HistoryEntry,
    "MemberChangeAnswer": history_models.MemberChange,
    "ActorAnswer": history_models.Actor,
    "LogAnswer": models.Log,
    "LogLineAnswer": models.LogLine,
    "DeliveriesAnswer": models.Deliveries,
    "DeliveryAnswer": models.Delivery,
    "LoggedDeliveryAnswer": models.LoggedDelivery,
    "DeliveryListAnswer": models.DeliveryPage,
    "ScheduleSlotAnswer": models.ScheduleSlot,
    "ScheduleAnswer": schedule_models.Schedule,
    "ScheduledTaskAnswer": schedule_models.ScheduledTask,
    "LastRunAnswer": schedule_models.LastRun,
    "LastSkipAnswer": schedule_models.LastSkip,
    "ScheduleListAnswer": schedule_models.SchedulePage,
    "PreviewAnswer": schedule_models.Preview,
    "TaskCountsAnswer": service_models.TaskCounts,
    "SeriesAnswer": service_models.Series,
    "TimeSeriesAnswer": service_models.TimeSeries,
    "QueueListAnswer": service_models.Queues,
    "QueueAnswer": service_models.Queue,
    "ScalingAnswer": service_models.Scaling,
    "WorkerListAnswer": service_models.Workers,
    "WorkerAnswer": service_models.Worker,
    "TypeListAnswer": service_models.TaskTypes,
    "TypeAnswer": service_models.TaskType,
    "StatsAnswer": service_models.Statistics,
    "StoreAnswer": service_models.StoreUse,
    "MinuteAnswer": service_models.Minute,
    "PercentilesAnswer": service_models.Percentiles,
    "ProbeAnswer": service_models.Probe,
    "KeyListAnswer": key_models.Keys,
    "ListedKeyAnswer": key_models.ListedKey,
    "IssuedKeyAnswer": key_models.IssuedKey,
    "SessionAnswer": key_models.Session,
    "LinkAnswer": key_models.Link,
    "LinkUrlsAnswer": key_models.LinkUrls,
    "Problem": errors.ProblemDetails,
    "ProblemError": errors.FieldProblem,
}
BODIES = {
    "RetryBody": bodies.RetrySettings,
    "SleepTaskBody": bodies.NewTask,
    "PayloadTaskBody": bodies.NewTask,
    "RetryPatchBody": bodies.RetryChanges,
    "TaskPatchBody": bodies.TaskChanges,
    "FilterBody": bodies.Filter,
    "CronPreviewBody": bodies.ScheduleTimes,
    "EveryPreviewBody": bodies.ScheduleTimes,
    "CronScheduleBody": bodies.ScheduleSettings,
    "EveryScheduleBody": bodies.ScheduleSettings,
    "SchedulePatchBody": bodies.ScheduleChanges,
}
SENT_BY_OPERATIONS = {
    "BatchBody",
    "ActionOnIdsBody",
    "ActionOnFilterBody",
    "KeyBody",
    "RotationBody",
    "LinkBody",
}
CHOICES = {"TaskBody", "ActionBody", "ScheduleBody", "PreviewBody"}
FROM_HEADERS = {"raw", "etag", "replayed"}


def members(names: Any) -> set[str]:
    return {sent_name(name) for name in names}


def test_each_operation_has_a_function_and_no_function_lacks_an_operation() -> None:
    functions = {
        name
        for module in (operations, key_operations, history_calls, schedule_operations)
        for name, each in inspect.getmembers(module, inspect.isfunction)
        if each.__module__ == module.__name__ and not name.startswith("_")
    }
    expected = {re.sub("([A-Z])", r"_\1", name).lower() for name in SPECIFIED}

    assert functions - {"get_task_if_changed"} == expected
    assert CALLS.keys() == SPECIFIED.keys()


@pytest.mark.parametrize("name", SPECIFIED)
def test_the_calls_of_an_operation_have_its_method_path_and_all_of_its_parameters(
    name: str,
) -> None:
    method, path, operation = SPECIFIED[name]
    declared = {
        (each["in"], each["name"]) for each in operation.get("parameters", []) if "in" in each
    }
    sent: set[tuple[str, str]] = set()
    for call in CALLS[name]:
        assert call.method == method
        assert re.fullmatch(re.sub(r"\{\w+\}", "(id|1)", path), call.path)
        sent |= {("query", key) for key, _ in call.query}
        sent |= {("header", key) for key in call.headers}
        content = operation.get("requestBody", {}).get("content", {})
        assert call.headers.get("Content-Type") in {*content} or (not content and not call.body)

    assert sent - {("header", "Content-Type"), ("header", "Accept")} == {
        (where, key) for where, key in declared if (name, key) not in EXCEPTIONS
    }


@pytest.mark.parametrize("name", RESPONSES)
def test_a_model_has_the_members_of_its_schema(name: str) -> None:
    model = RESPONSES[name]
    fields = {each.name: each for each in dataclasses.fields(model)}
    names = members(fields.keys() - FROM_HEADERS)
    required = members(
        name
        for name, each in fields.items()
        if each.default is each.default_factory is dataclasses.MISSING
    )
    if name == "TaskAnswer":
        names -= {"warnings"}  # SubmittedAnswer has them

    assert names == set(SCHEMAS[name]["properties"])
    assert required == set(SCHEMAS[name].get("required", []))


def test_each_schema_has_its_place_in_the_client() -> None:
    assert SCHEMAS.keys() == {*RESPONSES, *BODIES, *SENT_BY_OPERATIONS, *CHOICES}


def test_the_bodies_have_the_members_of_their_schemas() -> None:
    specified: dict[Any, set[str]] = {}
    for name, body in BODIES.items():
        specified.setdefault(body, set()).update(SCHEMAS[name]["properties"])

    assert {body: set(get_type_hints(body)) for body in specified} == specified


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("ActionOnIdsBody", "actOnTasks"),
        ("ActionOnFilterBody", "actOnTasks"),
        ("KeyBody", "createKey"),
        ("RotationBody", "rotateKey"),
        ("LinkBody", "createLink"),
    ],
)
def test_an_operation_sends_the_members_of_its_schema(name: str, operation: str) -> None:
    sent = [set(json.loads(call.body or b"{}")) for call in CALLS[operation]]

    assert set(SCHEMAS[name]["properties"]) in sent


def test_the_choices_are_those_of_the_specification() -> None:
    task = SCHEMAS["TaskAnswer"]["properties"]
    sort = next(
        each for each in SPECIFIED["listTasks"][2]["parameters"] if each.get("name") == "sort"
    )

    assert list(get_args(models.StatusName)) == task["status"]["enum"]
    outcomes = SCHEMAS["DeliveryAnswer"]["properties"]["outcome"]["enum"]
    assert list(get_args(models.OutcomeName)) == outcomes
    spans, kinds = (
        next(
            each["schema"]["enum"]
            for each in SPECIFIED["getStatisticsSeries"][2]["parameters"]
            if each.get("name") == name
        )
        for name in ("span", "by")
    )
    assert list(get_args(service_models.SpanName)) == spans
    assert list(get_args(service_models.SeriesName)) == kinds
    actions = SCHEMAS["ActionOnIdsBody"]["properties"]["action"]["enum"]
    assert list(get_args(models.ActionName)) == actions
    overlaps = SCHEMAS["CronScheduleBody"]["properties"]["overlap"]["enum"]
    assert list(get_args(models.OverlapName)) == overlaps
    roles = SCHEMAS["KeyBody"]["properties"]["role"]["enum"]
    assert list(get_args(key_models.RoleName)) == roles
    assert list(get_args(models.SortName)) == sort["schema"]["enum"]


def test_each_kind_of_problem_has_an_exception() -> None:
    page = (ROOT / "docs" / "problems.md").read_text()

    assert errors.Problem.known.keys() == set(re.findall(r"^## (\w+)$", page, re.MULTILINE))


def test_both_clients_have_the_same_methods_and_parameters() -> None:
    def signatures(kind: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        return {
            name.replace("__a", "__"): [
                str(each) for each in inspect.signature(it).parameters.values()
            ]
            for name, it in methods
            if name != "__init__"
        }

    assert signatures(Client) == signatures(AsyncClient)
    assert {*FORMS} == {"sync", "async"}


def test_the_version_and_the_licence_are_those_of_the_distribution() -> None:
    folder = ROOT / "clients" / "python"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]

    assert task_manager_client.__version__ == project["version"]
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
