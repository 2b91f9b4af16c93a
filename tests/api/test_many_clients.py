"""Many clients at once: nothing is staged twice, nothing is lost, and each gets a correct answer."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from groundswell.api.app import create_app
from support.fioctl import F, FioctlError
from support.wave_factories import MATCHING

if TYPE_CHECKING:
    from api.conftest import Acme


def test_fifty_clients_roll_out_the_same_wave(acme: Acme) -> None:
    fioctl = acme.user()
    fioctl.waves_init("w", 42, "main", acme.keys)

    def one(number: int) -> tuple[int, list[str]]:
        try:
            result = fioctl.rollout("w", limit=1, return_uuids=True, headers={"Idempotency-Key": f"call-{number}"})
        except FioctlError as error:
            return error.status, []
        return 200, result["device-uuids"]

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    # 18 devices match: so many calls get one, and the others get none. Overload is the only other answer.
    assert {status for status, _ in answers} <= {200, 503}
    picked = [uuid for _, uuids in answers for uuid in uuids]
    assert len(picked) == len(set(picked))
    staged = sum(len(rollout.devices) for rollout in acme.factory.waves.history("w"))
    assert staged == len(picked) <= len(MATCHING)
    assert [rollout.number for rollout in acme.factory.waves.history("w")] == list(range(1, staged + 1))


def test_health_is_answered_while_requests_wait(acme: Acme) -> None:
    token = acme.user().token
    held, entered = threading.Event(), threading.Semaphore(0)
    app = create_app({"acme": acme.factory}, max_waiting=2)

    @app.get("/held")
    def wait() -> dict[str, Any]:
        entered.release()
        held.wait(60)
        return {}

    with TestClient(app) as http, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(http.get, "/held") for _ in range(2)]
        for _ in waiting:
            assert entered.acquire(timeout=60)
        refused = http.get(f"{F}/waves/", headers={"OSF-TOKEN": token})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["code"] == "too-many-requests"
        assert http.get("/healthz").status_code == http.get("/readyz").status_code == 200
        held.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
        assert http.get(f"{F}/waves/", headers={"OSF-TOKEN": token}).status_code == 200


def test_a_bug_is_500_without_a_word_of_it(acme: Acme) -> None:
    app = create_app({"acme": acme.factory})

    @app.get("/bug")
    def bug() -> None:
        raise ValueError("secret")

    answer = TestClient(app, raise_server_exceptions=False).get("/bug")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["code"] == "bug"


def test_nothing_reads_the_store_for_health() -> None:
    async def call() -> int:
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            messages.append(message)

        scope = {"type": "http", "method": "GET", "path": "/healthz", "headers": [], "query_string": b""}
        await create_app({})(scope, receive, send)
        return int(messages[0]["status"])

    assert asyncio.run(call()) == 200
