"""A running controller: the real application behind a real socket, on a fresh database."""

import asyncio
import itertools
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from cli.local.ports import free_port
from controller.app import create_app
from controller.auth.service import ensure_local_principal
from controller.serve import serve
from controller.wiring import ControllerWiring, EffectExecutor, Pace, RemoteRefs, SurveyStarter
from pipeline.access import Role, new_token
from pipeline.adapters.forges.local import LocalForge
from pipeline.adapters.signing import Ed25519Verifier
from pipeline.change_request import ForgeKind
from pipeline.effects.kinds import EffectKind
from pipeline.ports import KeyStore, TenantBell, Webhooks
from pipeline.settings.process import ControllerSettings, ProcessSettings
from pipeline.store.engine import Database
from pipeline.store.principals import Principals
from pipeline.testing import MemoryKeyStore
from tests.clean_slate import CleanSlate, kept
from tests.controller.fakes import ScriptedDiffs, ScriptedInspector, ScriptedLauncher
from tests.database import TestDatabase, TestServer

PACE = Pace(
    events_s=0.5, dispatch_s=0.25, reaper_s=0.25, outbox_s=0.25, timers_s=0.25, announcer_s=0.25, heartbeat_s=0.5,
    client_stall_s=2.0,
)  # fmt: skip
"""As rare as a test can wait for: each look costs two processes a transaction, whether or not anything happened."""


PATIENT: dict[str, Any] = {"timeout": 90, "trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
"""Of every client of a test: a busy machine answers late, and plain HTTP needs none of the authorities of the machine,
which each client would read anew."""
_NUMBERS = itertools.count()


@dataclass
class Controller:
    """One running controller and a client that is signed in as the local principal."""

    url: str
    token: str
    database: TestDatabase
    inspector: ScriptedInspector
    launcher: Any
    diffs: ScriptedDiffs
    clients: list[httpx2.Client] = field(default_factory=list)

    def client(self, token: str | None = "", **headers: str) -> httpx2.Client:
        made = httpx2.Client(base_url=self.url, headers={**self._bearer(token), **headers}, **PATIENT)
        self.clients.append(made)
        return made

    def async_client(self, token: str | None = "", **headers: str) -> httpx2.AsyncClient:
        """Closed by the caller's `async with`."""
        return httpx2.AsyncClient(base_url=self.url, headers={**self._bearer(token), **headers}, **PATIENT)

    def _bearer(self, token: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {token or self.token}"} if token is not None else {}

    def count(self, *tables: str) -> list[int]:
        with psycopg.connect(self.database.superuser_url) as connection:
            counted = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables]  # noqa: S608 - table names of this suite
        return [row[0] for row in counted if row]

    def submit(self, **fields: Any) -> dict[str, Any]:
        answer = self.client().post("/api/v1/change-requests", json=submission(**fields))
        assert answer.status_code == 202, answer.text
        return dict(answer.json())


def submission(**fields: Any) -> dict[str, Any]:
    return {"title": "Add a greeting", "body": "Say hello.", "repositories": ["/srv/sample"], **fields}


@dataclass
class Starter:
    """Starts controllers of one test on one database."""

    database: TestDatabase

    @contextmanager
    def running(
        self,
        *,
        launcher: Any = None,
        executors: Mapping[EffectKind, EffectExecutor] | None = None,
        pace: Pace = PACE,
        dashboard: Path | None = None,
        alone: bool = False,
        redis_url: str | None = None,
        webhooks: Webhooks | None = None,
        groups: Mapping[str, Any] | None = None,
        bell: TenantBell | None = None,
        remote_refs: RemoteRefs | None = None,
        inspector: Any = None,
        surveys: SurveyStarter | None = None,
        keys: KeyStore | None = None,
        **door: Any,
    ) -> Iterator[Controller]:
        """`groups` are further groups of process settings; `door` is what the group `controller` has beside its port."""
        settings = ProcessSettings(_env_file=None, controller=ControllerSettings(port=0, **door), **(groups or {}))
        inspector, diffs = inspector or ScriptedInspector(), ScriptedDiffs()
        launcher = launcher or ScriptedLauncher()
        wiring = ControllerWiring(
            settings=settings, database_url=self.database.app_url, inspector=inspector, diffs=diffs, launcher=launcher, keys=keys or MemoryKeyStore(), signatures=Ed25519Verifier(),
            executors=executors or {}, forges={ForgeKind.LOCAL: LocalForge()}, webhooks=webhooks, pace=pace, dashboard=dashboard, alone=alone, redis_url=redis_url,
            bell=bell, remote_refs=remote_refs, surveys=surveys,
        )  # fmt: skip
        with _served(wiring, self.database) as (url, token):
            controller = Controller(url, token, self.database, inspector, launcher, diffs)
            try:
                yield controller
            finally:
                for client in controller.clients:
                    client.close()


class _Thread(threading.Thread):
    """Serves one controller on an event loop of its own, as its process would."""

    def __init__(self, wiring: ControllerWiring, database: TestDatabase) -> None:
        super().__init__(name="controller")
        self.answers, self.failure = threading.Event(), list[BaseException]()
        self.url, self.token = "", ""
        self._wiring, self._database, self._asked_to_stop = wiring, database, asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            self.failure.append(error)
        finally:
            self.answers.set()

    def stop(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._asked_to_stop.set)
        self.join()
        if self.failure:
            raise self.failure[0]

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.token = await _local_token(self._database)
        app = create_app(self._wiring)
        await serve(app, self._wiring.settings, on_ready=self._answered, stop=self._asked_to_stop, set_up_logs=False)

    def _answered(self, url: str) -> None:
        self.url = url
        self.answers.set()


@contextmanager
def _served(wiring: ControllerWiring, database: TestDatabase) -> Iterator[tuple[str, str]]:
    thread = _Thread(wiring, database)
    thread.start()
    thread.answers.wait()
    try:
        if not thread.failure:
            yield thread.url, thread.token
    finally:
        thread.stop()


@dataclass(frozen=True)
class Lent:
    """One controller that the tests of a module use in turn, each on a clean slate."""

    controller: Controller
    slate: CleanSlate

    def clean(self) -> TestDatabase:
        """What the test before left is gone; what stands in for the outside remembers nothing."""
        self.slate.restore()
        for fake in (self.controller.inspector, self.controller.launcher, self.controller.diffs):
            fake.forget()
        return self.slate.database

    @contextmanager
    def out(self) -> Iterator[Controller]:
        """Lend it to one test, whose clients are gone afterwards."""
        try:
            yield self.controller
        finally:
            while self.controller.clients:
                self.controller.clients.pop().close()


@contextmanager
def lending(postgres: TestServer, **given: Any) -> Iterator[Lent]:
    """Start a controller to be lent; `given` is what `Starter.running` takes."""
    database = postgres.create(f"lent_{next(_NUMBERS)}", template="template_changeline")
    with Starter(database).running(**given) as running, kept(database) as slate:
        yield Lent(running, slate)
    postgres.drop(database.name)


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    """The controller of a module's tests that need nothing of their own."""
    with lending(postgres) as one:
        yield one


@pytest.fixture
def database(request: pytest.FixtureRequest) -> TestDatabase:
    """That of the lent controller for a test that asks for `controller` and starts none itself; else a fresh one."""
    if {"controller", "start"} & set(request.fixturenames) == {"controller"}:
        lent: Lent = request.getfixturevalue("lent")
        return lent.clean()
    fresh: TestDatabase = request.getfixturevalue("fresh_database")
    return fresh


@pytest.fixture
def start(database: TestDatabase) -> Starter:
    return Starter(database)


@pytest.fixture
def controller(database: TestDatabase, lent: Lent) -> Iterator[Controller]:
    """The lent one; one of the test's own beside a `start` of the test's own."""
    with lent.out() if database is lent.slate.database else Starter(database).running() as running:
        yield running


@pytest.fixture
async def store(database: TestDatabase) -> AsyncIterator[Database]:
    opened = Database(database.app_url, tenant="default")
    yield opened
    await opened.close()


@pytest.fixture
def token_of(database: TestDatabase) -> Callable[..., str]:
    """Makes a principal with roles and returns its token."""

    def make(name: str, *roles: Role, tenant: str = "default") -> str:
        return asyncio.run(_principal_token(database, name, roles, tenant))

    return make


async def eventually(holds: Callable[[], Awaitable[object]] | Callable[[], object]) -> None:
    """Wait until something holds; the suite's timeout is the only clock."""
    while True:
        answer = holds()
        if await answer if isinstance(answer, Awaitable) else answer:
            return
        await asyncio.sleep(0.05)


async def _local_token(database: TestDatabase) -> str:
    store = Database(database.app_url, tenant="default")
    try:
        return await ensure_local_principal(store)
    finally:
        await store.close()


async def _principal_token(database: TestDatabase, name: str, roles: tuple[Role, ...], tenant: str) -> str:
    store, token = Database(database.app_url, tenant=tenant), new_token(tenant)
    try:
        async with store.transaction() as connection:
            await Principals(connection).ensure(name, name=name, roles=roles)
            await Principals(connection).add_token(name, token)
    finally:
        await store.close()
    return token


@pytest.fixture
def free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on, for processes that have to come back where they were."""
    return free_port(), free_port()
