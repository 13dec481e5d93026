"""Run the longest test files first, so that no process ends long after the others."""

from collections.abc import Sequence

import pytest

LONGEST_FIRST = (
    "test_docs_page.py",
    "test_one_request.py",
    "test_dashboard_access.py",
    "test_io_pool.py",
    "test_stuck_processes.py",
    "test_hostile_state.py",
    "test_fuzz.py",
    "test_hostile_processes.py",
    "test_http_keys.py",
    "test_worker_start_and_stop.py",
    "test_http_connections.py",
    "test_cli_commands.py",
    "test_local_stack.py",
    "test_compose_stack.py",
    "test_memory.py",
    "test_failover.py",
    "test_dashboard_live.py",
    "test_traces.py",
    "test_worker_tasks.py",
    "test_many_readers.py",
    "test_dashboard_tasks.py",
    "test_bulk_load.py",
    "test_maintenance.py",
    "test_worker_crashes.py",
    "test_dashboard_parts.py",
    "test_local_stack_start.py",
    "test_dashboard_views.py",
    "test_http_attempts.py",
    "test_guide.py",
    "test_http_series.py",
    "test_cli_batch.py",
    "test_dashboard_new.py",
    "test_planted_secrets.py",
    "test_docs.py",
    "test_http_queues.py",
    "test_dashboard_keys.py",
    "test_specification_tools.py",
    "test_cli_refusals.py",
    "test_http_tenants.py",
    "test_cli_output.py",
    "test_archive.py",
    "test_dashboard_log.py",
    "test_local_stack_terminal.py",
    "test_dashboard_task.py",
    "test_client_schedules.py",
    "test_http_events.py",
    "test_repair.py",
    "test_functions.py",
    "test_archive_commands.py",
    "test_callbacks.py",
    "test_shared_connection.py",
    "test_embedded_server.py",
    "test_http_api.py",
    "test_terminal.py",
    "test_io_pool_outages.py",
    "test_damaged_data.py",
    "test_browser.py",
    "test_origins.py",
)
"""Files by their seconds in the summary of a run. All others follow in any order."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files, each with its tests in the order that pytest-randomly gave them."""
    items.sort(key=lambda item: rank(item.path.name, LONGEST_FIRST))


def rank(name: str, first: Sequence[str]) -> int:
    return first.index(name) if name in first else len(first)
