"""The OTEL_ variables of the environment decide whether there are traces."""

import os
import subprocess
import sys

import pytest

from adapters.tracing.untraced import Untraced
from entrypoints.container import build_container
from entrypoints.environment import read_trace_settings
from tests.unit.entrypoints.conftest import SETTINGS

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "orders", "OTEL_TRACES_SAMPLER": "always_on"}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, False),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
        (
            {
                **ENDPOINT,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            },
            True,
        ),
    ],
)
def test_traces_are_made_if_the_variables_ask_for_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: bool
) -> None:
    set_all(monkeypatch, variables)

    assert read_trace_settings() == (wanted, "")
    assert build_container(SETTINGS, traced_as="api").tracer().is_on is wanted


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin', and only otlp"),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc', and only http/protobuf",
        ),
    ],
)
def test_what_cannot_be_used_is_a_warning_and_stops_no_start(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
    said: str,
) -> None:
    set_all(monkeypatch, variables)

    assert isinstance(build_container(SETTINGS, traced_as="api").tracer(), Untraced)

    assert said in caplog.text


def test_a_failure_of_the_library_stops_no_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("no")

    set_all(monkeypatch, ENDPOINT)
    monkeypatch.setattr("adapters.tracing.otlp_tracer.QuietExporter", fail)

    assert isinstance(build_container(SETTINGS, traced_as="api").tracer(), Untraced)

    assert "Traces are off. ValueError: no." in caplog.text


def test_without_the_extra_a_warning_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_all(monkeypatch, ENDPOINT)
    monkeypatch.setitem(sys.modules, "adapters.tracing.otlp_tracer", None)

    assert isinstance(build_container(SETTINGS, traced_as="worker").tracer(), Untraced)

    assert "The extra otel is not installed; see docs/tracing.md" in caplog.text


def test_a_process_that_makes_no_traces_imports_nothing_of_opentelemetry() -> None:
    program = (
        "import sys; import entrypoints.api.server, entrypoints.maintenance.process;"
        "from tests.unit.entrypoints.conftest import SETTINGS;"
        "from entrypoints.container import build_container;"
        "from entrypoints.container.worker import build_worker;"
        "build_container(SETTINGS, traced_as='api').tracer(); build_worker(SETTINGS);"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
