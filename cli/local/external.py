"""A PostgreSQL server that somebody else runs.

Problem: people put the address of an all-powerful role into one setting, and row-level security does nothing for such a
role. Choice: an address that may create roles is taken as the owner's; the application gets a role of its own with a
random password. Invariant: the application's address never belongs to a superuser or to a role exempt from row-level
security, whoever made it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

from pipeline.errors import CallerError
from pipeline.store import bootstrap

_URL_FIELD = "CHANGELINE_DATABASE__URL"
_OWNER_FIELD = "CHANGELINE_DATABASE__OWNER_URL"


@dataclass(frozen=True, slots=True)
class ExternalDatabase:
    """Both addresses hold secrets. Without an owner's address migrations can be checked, not run."""

    application_url: str = field(repr=False)
    owner_url: str | None = field(repr=False)


def prepare_external_database(
    url: str, owner_url: str | None, *, password: str, report: Callable[[str], None] = lambda _step: None
) -> ExternalDatabase:
    """Check the roles of the configured addresses and make the application role if that is ours to do. Idempotent.

    Args:
        url: what `CHANGELINE_DATABASE__URL` says.
        owner_url: what `CHANGELINE_DATABASE__OWNER_URL` says.
        password: this installation's own for `changeline_app`, used where that role is made here.
        report: gets one sentence when a role is made.

    Raises:
        CallerError: not reachable, or a role with too many or too few rights; it names the setting to change.
    """
    url, owner_url = _plain(url), _plain(owner_url) if owner_url else None
    rights = _rights(url, _URL_FIELD)
    if owner_url is not None:
        owner = _rights(owner_url, _OWNER_FIELD)
        _require_application(rights, owner_name=owner.name)
        return ExternalDatabase(url, owner_url)
    if rights.superuser or (rights.create_role and not rights.is_application):
        return ExternalDatabase(_own_application_role(url, password, report), url)
    if rights.is_application:
        _require_application(rights, owner_name=None)
        return ExternalDatabase(url, None)
    raise CallerError(
        f"The role {rights.name!r} of {_URL_FIELD} is neither {bootstrap.APPLICATION_ROLE!r}"
        " nor may it create roles, so the application would run as the owner of its tables.",
        field=_OWNER_FIELD,
        remedy=f"Set {_OWNER_FIELD} to this address, and {_URL_FIELD} to one of the role {bootstrap.APPLICATION_ROLE}.",
    )


def address_of(url: str) -> str:
    """`host:port/database`, without user and password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def with_application_login(url: str, password: str) -> str:
    """The same database, as `changeline_app`."""
    parts = urlsplit(_plain(url))
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{bootstrap.APPLICATION_ROLE}:{quote(password, safe='')}@{place}"))


def _own_application_role(url: str, password: str, report: Callable[[str], None]) -> str:
    application_url = with_application_login(url, password)
    if not bootstrap.answers(application_url):
        report(f"Creating the role {bootstrap.APPLICATION_ROLE} on {address_of(url)}")
        try:
            bootstrap.ensure_application_role(url, password)
        except bootstrap.RoleOfAnother as error:
            raise CallerError(
                f"The role {bootstrap.APPLICATION_ROLE} exists on {address_of(url)} and may not be changed by the role"
                f" of {_URL_FIELD}.",
                field=_OWNER_FIELD,
                remedy=f"Set {_OWNER_FIELD} to this address, and {_URL_FIELD} to one of {bootstrap.APPLICATION_ROLE}.",
            ) from error
    _require_application(_rights(application_url, _URL_FIELD), owner_name=None)
    return application_url


def _require_application(rights: bootstrap.RoleRights, *, owner_name: str | None) -> None:
    too_much = [
        word
        for word, given in (
            ("is a superuser", rights.superuser),
            ("is exempt from row-level security", rights.bypass_rls),
            ("owns the tables", rights.name == owner_name),
        )
        if given
    ]
    if too_much:
        raise CallerError(
            f"The application's role {rights.name!r} {' and '.join(too_much)}, so tenants would not be kept apart.",
            field=_URL_FIELD,
            remedy=f"Set {_URL_FIELD} to an address of the role {bootstrap.APPLICATION_ROLE} without such rights.",
        )
    if not rights.is_application:
        raise CallerError(
            f"The migrations give their rights to {bootstrap.APPLICATION_ROLE!r}, which {rights.name!r} is not.",
            field=_URL_FIELD,
            remedy=f"Name the role {bootstrap.APPLICATION_ROLE}, or run"
            f" `GRANT {bootstrap.APPLICATION_ROLE} TO {rights.name}`.",
        )


def _rights(url: str, field_name: str) -> bootstrap.RoleRights:
    try:
        return bootstrap.role_rights(url)
    except bootstrap.LoginRefused as error:
        raise CallerError(
            f"The database of {field_name} at {address_of(url)} does not accept the connection: {error.message}",
            field=field_name,
            remedy="Check that the server runs, and host, port, database, user and password.",
        ) from error


def _plain(url: str) -> str:
    """SQLAlchemy's spelling of the driver is accepted too."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
