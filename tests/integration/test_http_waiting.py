"""A request that waits until its task is final."""

import pytest

from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until


class TestWaiting:
    def test_a_wait_ends_when_the_task_is_final(self, api: Api, worker: ServiceProcess) -> None:
        wait_until(lambda: api.request("GET", "/workers").json()["workers"])
        task_id = api.submit(duration=2)

        response = api.request("GET", f"/tasks/{task_id}?wait=60")

        assert (response.status_code, response.json()["status"]) == (200, "COMPLETED")
        assert response.elapsed.total_seconds() < 60

    def test_a_wait_ends_after_its_seconds_with_the_task_as_it_is(self, api: Api) -> None:
        task_id = api.submit()

        response = api.request(
            "GET", f"/tasks/{task_id}", headers={"Prefer": "respond-async, wait=1"}
        )

        assert response.json()["status"] == "QUEUED"
        assert response.headers["Preference-Applied"] == "wait=1"
        assert response.elapsed.total_seconds() >= 1

    def test_a_wait_for_a_final_task_ends_at_once(self, api: Api) -> None:
        task_id = api.submit()
        api.request("POST", f"/tasks/{task_id}/cancel")

        assert api.request("GET", f"/tasks/{task_id}?wait=60").elapsed.total_seconds() < 60

    @pytest.mark.parametrize("wait", ["61", "-1", "x", "1.5", ""])
    def test_a_wrong_wait_is_refused(self, api: Api, wait: str) -> None:
        response = api.request("GET", f"/tasks/{api.submit()}?wait={wait}")

        assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "wait")

    @pytest.mark.parametrize(
        "preference",
        [
            *(
                "wait=soon",
                "wait",
                "wait=",
                "wait=-1",
                "wait=1.5",
                "wait=1 2",
                '"',
                "=;,",
                "\xff",
                "wait=x, wait=5",
            ),
            *(
                'note="a, wait=5"',
                "respond-async; wait=5",
                "return=minimal",
                ", , ;",
                'wait="5',
                "x" * 8_000,
            ),
        ],
    )
    def test_an_invalid_preference_is_ignored(self, api: Api, preference: str) -> None:
        response = api.request("GET", f"/tasks/{api.submit()}", headers={"Prefer": preference})

        assert (response.status_code, "Preference-Applied" in response.headers) == (200, False)

    @pytest.mark.parametrize(
        "preference", ["WAIT=0", 'wait="0"', "handling=lenient;x=1, wait = 0 ; y", "wait=0, wait=9"]
    )
    def test_the_first_wait_among_the_preferences_counts(self, api: Api, preference: str) -> None:
        response = api.request("GET", f"/tasks/{api.submit()}", headers={"Prefer": preference})

        assert response.headers["Preference-Applied"] == "wait=0"
