"""Workers hear the database alone, so a stop that rings only Redis would wait for their next look."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from pipeline.store.bell import CHANNEL
from tests.controller.conftest import Starter


class BellOfSomewhereElse:
    """Implements `pipeline.ports.TenantBell` as Redis does for a worker: it rings, and the database hears nothing."""

    async def ring(self, tenant: str, topic: str) -> None:
        """Ring where no worker listens."""

    async def listen(self) -> AsyncIterator[tuple[str, str]]:
        """Hear nothing, for ever."""
        await asyncio.Event().wait()
        yield "", ""

    async def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("action", ["pause", "abort", "cancel"])
def test_a_stop_rings_the_database_whatever_bell_the_controller_has(start: Starter, action: str) -> None:
    with (
        start.running(bell=BellOfSomewhereElse()) as controller,
        psycopg.connect(controller.database.superuser_url, autocommit=True) as worker,
    ):
        cr_id = controller.submit()["id"]
        worker.execute(f"LISTEN {CHANNEL}")
        asked = controller.client().post(f"/api/v1/change-requests/{cr_id}/interventions", json={"action": action})
        assert asked.status_code == 202, asked.text
        assert any(ring.payload == f"default/cr:{cr_id}" for ring in worker.notifies())
