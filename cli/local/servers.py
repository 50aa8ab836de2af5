"""What a caller opens to have PostgreSQL and Redis on this machine.

Choice: a context manager that owns the data directory's lock, a supervisor and both servers; a server with a
configured address is somebody else's and is not started. Invariant: leaving the block, by whatever way, leaves no
process behind.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

from pydantic import SecretStr

from cli.local import programs
from cli.local.credentials import Credentials, credentials_of
from cli.local.data_directory import DataDirectory, locate
from cli.local.external import ExternalDatabase, address_of, prepare_external_database, with_application_login
from cli.local.platform_check import check_platform
from cli.local.postgres import SUPERUSER, PostgresServer
from cli.local.processes import server_account
from cli.local.redis import RedisServer
from cli.local.runtime_state import RuntimeFile, Service, end_leftovers, read_runtime
from cli.local.supervisor import Supervisor
from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings
from pipeline.store import bootstrap


@dataclass(frozen=True, slots=True)
class Urls:
    """Addresses with their passwords, for other commands on this machine."""

    application: str = field(repr=False)
    owner: str | None = field(repr=False)
    redis: str | None = field(repr=False)
    superuser: str | None = field(default=None, repr=False)
    """Embedded servers only; for backups."""


class LocalServers:
    """`with LocalServers(settings, report=print) as servers:` gives running servers with roles and an empty database.

    `report` gets a sentence per step and per incident, the latter from the supervisor's thread. `durable=False` gives up
    fsync and is for tests only. `directory` replaces the settings' data directory.

    Raises on entering:
        CallerError: one sentence for whatever stands in the way (platform, directory, version, disk, programs, roles).
    """

    def __init__(
        self,
        settings: ProcessSettings,
        *,
        report: Callable[[str], None],
        durable: bool = True,
        directory: DataDirectory | None = None,
    ) -> None:
        self._settings = settings
        self._report = report
        self._durable = durable
        self.directory = directory or DataDirectory.at(locate(settings))
        self._exit = ExitStack()
        self.supervisor: Supervisor
        self.runtime: RuntimeFile
        self.postgres: PostgresServer | None = None
        """The embedded server; None with an external one."""
        self._urls: Urls | None = None
        self._services: tuple[Service, Service | None] | None = None

    @property
    def app_url(self) -> str:
        """`postgresql://…` of the role `changeline_app`."""
        return self._require_urls().application

    @property
    def owner_url(self) -> str | None:
        """Of the role that migrates; None when an external database was given with an application role only."""
        return self._require_urls().owner

    @property
    def redis_url(self) -> str | None:
        """None: PostgreSQL alone."""
        return self._require_urls().redis

    def describe(self) -> list[str]:
        """One sentence per server, without secrets."""
        if self._services is None:
            return []
        database, redis = self._services
        return [
            _sentence("PostgreSQL", database),
            _sentence("Redis", redis) if redis else "No Redis: live views read from PostgreSQL alone",
        ]

    def __enter__(self) -> Self:
        check_platform(self._settings)
        self.directory.prepare()
        with ExitStack() as stack:
            stack.enter_context(self.directory.locked())
            end_leftovers(self.directory, self._report)
            credentials = credentials_of(self.directory)
            self.runtime = RuntimeFile(self.directory)
            stack.callback(self.runtime.remove)
            self.supervisor = stack.enter_context(
                Supervisor(self.directory.logs, report=self._report, changed=self.runtime.children_changed)
            )
            database, database_service = self._database(credentials)
            redis_url, redis_service = self._redis(credentials)
            self.runtime.services(database_service, redis_service)
            self._urls = Urls(database.application_url, database.owner_url, redis_url)
            self._services = (database_service, redis_service)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._exit:
            self.runtime.phase("stopping")

    def _require_urls(self) -> Urls:
        if self._urls is None:
            raise CallerError("The servers are not running.", remedy="Enter the `with` block first.")
        return self._urls

    def _database(self, credentials: Credentials) -> tuple[ExternalDatabase, Service]:
        configured = self._settings.database
        if configured.url is not None:
            external = prepare_external_database(
                configured.url.get_secret_value(),
                _plain(configured.owner_url),
                password=credentials.external_application,
                report=self._report,
            )
            own_role = external.owner_url is not None and configured.owner_url is None
            address = address_of(external.application_url)
            return external, Service(kind="external", address=address, own_role=own_role)
        installation = programs.runnable_postgres(programs.find_postgres(), self.directory, server_account())
        self.postgres = PostgresServer(
            self.directory, installation, credentials, report=self._report, durable=self._durable
        )
        self.postgres.start(self.supervisor)
        return (
            ExternalDatabase(self.postgres.application_url, self.postgres.owner_url),
            Service(
                kind="embedded",
                address=address_of(self.postgres.application_url),
                version=self.postgres.version,
            ),
        )

    def _redis(self, credentials: Credentials) -> tuple[str | None, Service | None]:
        configured = self._settings.redis
        if configured.url is not None:
            url = configured.url.get_secret_value()
            return url, Service(kind="external", address=address_of(url))
        program = programs.find_redis() if configured.embedded else None
        if program is None:
            self._report("Running on PostgreSQL alone: no Redis was found or wanted")
            return None, None
        server = RedisServer(
            self.directory,
            programs.runnable_redis(program, self.directory, server_account()),
            credentials,
            report=self._report,
        )
        server.start(self.supervisor)
        return server.url, Service(kind="embedded", address=address_of(server.url), version=server.version)


def running_urls(settings: ProcessSettings, directory: DataDirectory | None = None) -> Urls | None:
    """Addresses of the servers that another process runs on this data directory; None when none runs.

    For commands beside a running `up` (`db check`, `worker`, `backup`). It connects to nothing.
    """
    directory = directory or DataDirectory.at(locate(settings))
    now = read_runtime(directory)
    if now is None or not now.alive or now.database is None:
        return None
    credentials = credentials_of(directory)
    redis = _plain(settings.redis.url)
    if now.redis is not None and now.redis.kind == "embedded":
        redis = f"redis://:{credentials.redis}@{now.redis.address}"
    if now.database.kind == "external":
        url = _plain(settings.database.url)
        if url is None:
            return None
        if now.database.own_role:
            return Urls(with_application_login(url, credentials.external_application), url, redis)
        return Urls(url, _plain(settings.database.owner_url), redis)
    login = "postgresql://{}:{}@" + now.database.address
    return Urls(
        login.format(bootstrap.APPLICATION_ROLE, credentials.application),
        login.format(bootstrap.OWNER_ROLE, credentials.owner),
        redis,
        login.format(SUPERUSER, credentials.superuser),
    )


def _sentence(name: str, service: Service) -> str:
    version = f" {service.version}" if service.version else ""
    whose = "" if service.kind == "embedded" else " (external)"
    return f"{name}{version} on {service.address}{whose}"


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
