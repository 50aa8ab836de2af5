"""`db upgrade` and `db check`: the schema, for operators who run their own PostgreSQL and for tests of an installation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer

from cli.exits import CHECK_FAILED
from cli.local.servers import LocalServers, running_urls
from cli.options import Json
from cli.session import Session, begin
from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings, RedisSettings
from pipeline.store import bootstrap, migrations

app = typer.Typer()
group = typer.Typer(no_args_is_help=True)
app.add_typer(group, name="db")


@dataclass(frozen=True, slots=True)
class _Addresses:
    application: str = field(repr=False)
    owner: str | None = field(repr=False)


@group.callback()
def _group() -> None:
    """Migrate or check the database.

    The one that is configured, else the one that runs on the data directory, else that one is started for the moment.
    """


@group.command()
def upgrade(*, as_json: Json = False) -> None:
    """Bring the database to the schema of this version. `up` does it by itself."""
    with begin(as_json=as_json) as session:
        with _database(session) as urls:
            if urls.owner is None:
                raise CallerError(
                    "The configured role may not migrate.",
                    field="CHANGELINE_DATABASE__OWNER_URL",
                    remedy="Set it to an address of the role that owns the tables.",
                )
            state = migrations.upgrade(urls.owner, app_role=bootstrap.APPLICATION_ROLE, tenant=session.settings.tenant)
        if as_json:
            session.out.value({"schema": state.current})
        session.out.line(f"The database has schema {state.current}.")


@group.command()
def check(*, as_json: Json = False) -> None:
    """Check schema, drift and the rights of the application's role.

    Exit 0 when everything is right, 1 when something is not, 2 or 5 when the database cannot be asked.
    """
    with begin(as_json=as_json) as session:
        with _database(session) as urls:
            problems, facts = _problems(urls)
        if as_json:
            session.out.value({"ok": not problems, "problems": problems, **facts})
        for name, value in facts.items():
            session.out.line(f"{name}: {value}")
        for problem in problems:
            session.out.line(problem, "red")
        session.out.line("The database is right." if not problems else "The database is NOT right.", "bold")
        raise typer.Exit(CHECK_FAILED if problems else 0)


def _problems(urls: _Addresses) -> tuple[list[str], dict[str, str]]:
    state = migrations.schema_state(urls.application)
    rights = bootstrap.role_rights(urls.application)
    facts = {"schema": state.current or "none", "needed": state.head, "role": rights.name}
    problems = []
    if state.ahead:
        problems.append("The database was migrated by a newer Changeline: install that version.")
    elif not state.up_to_date:
        problems.append("Migrations are missing: run `changeline db upgrade`.")
    elif urls.owner is not None:
        problems += [
            f"The tables differ from this version: {difference}" for difference in migrations.drift(urls.owner)
        ]
    if rights.superuser:
        problems.append(f"The role {rights.name} is a superuser: row-level security does not hold for it.")
    if rights.bypass_rls:
        problems.append(f"The role {rights.name} is exempt from row-level security.")
    if urls.owner is not None and bootstrap.role_rights(urls.owner).name == rights.name:
        problems.append(f"The role {rights.name} owns the tables: it could switch row-level security off.")
    return problems, facts


@contextmanager
def _database(session: Session) -> Iterator[_Addresses]:
    settings = session.settings
    running = running_urls(settings)
    if running is not None:
        yield _Addresses(running.application, running.owner)
    elif settings.database.url is not None:
        # Checking must not create roles, so nothing is prepared here.
        owner = settings.database.owner_url
        yield _Addresses(settings.database.url.get_secret_value(), owner.get_secret_value() if owner else None)
    else:
        with _embedded_servers(settings, session.out.note) as servers:
            yield _Addresses(servers.app_url, servers.owner_url)


def _embedded_servers(settings: ProcessSettings, report: Callable[[str], None]) -> LocalServers:
    alone = settings.model_copy(update={"redis": RedisSettings(embedded=False)})
    return LocalServers(alone, report=report)
