"""Who may name which repository, decided before anything is run, connected to or looked up on disk.

Problem: the controller reads repositories with its own rights, so whoever may name any address reads whatever this machine
can. Choice: registered repositories and public addresses are for operators; paths of this machine and private hosts are for
admins of the tenant that owns the installation, or for everybody where the installation opens them; never what another tenant
registered. Invariant: a refusal is the same whether something is there or not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from controller.context import ControllerContext
from pipeline.access import Principal, Role
from pipeline.change_request import Reach, RepositoryTarget
from pipeline.errors import CallerError
from pipeline.ports import NotPublic
from pipeline.repositories.local_places import LocalPlaces, overlap
from pipeline.repositories.remote_address import RemoteAddress
from pipeline.store.repositories import Repositories, paths_of_other_tenants


@dataclass(frozen=True, slots=True, kw_only=True)
class Namer:
    """Somebody who names repositories, and what counts for them."""

    principal: Principal
    places: LocalPlaces
    known: Sequence[RepositoryTarget]
    """Registered in the namer's tenant."""
    registered_elsewhere: Callable[[], Awaitable[Sequence[str]]]
    """Asks which paths other tenants registered."""

    @property
    def registers(self) -> bool:
        """Whether naming a repository registers it."""
        return self.principal.may(Role.ADMIN)

    @property
    def vouches(self) -> bool:
        """Whether this word opens private hosts and paths of the machine."""
        return self.registers and self.principal.tenant == self.places.owner

    def find_registered(self, address: RemoteAddress, base_branch: str | None = None) -> RepositoryTarget | None:
        """Return what is registered at an address; where several branches are, the one asked for comes first."""
        same = [one for one in self.known if _text(one.remote) == address.text]
        return next((one for one in same if one.base_branch == base_branch), same[0] if same else None)

    async def check_path(self, address: RemoteAddress, field: str) -> None:
        """Raise `NotPublic` unless a path that is not registered may be named."""
        path = address.path
        if not await asyncio.to_thread(self._may_name, path) or await asyncio.to_thread(
            overlap, path, await self.registered_elsewhere()
        ):
            raise NotPublic(
                "This path of the controller's machine may not be named here.", field=field,
                remedy="Ask an administrator of the installation to register it (`changeline repo add`), or to open its "
                "directory by CHANGELINE_GIT__LOCAL_PATHS. Changeline's own data and what another tenant registered are open "
                "to nobody.",
            )  # fmt: skip

    def _may_name(self, path: str) -> bool:
        return self.places.is_open(path) or (self.registers and self.places.may_use(path, self.principal.tenant))

    def first_reach(self, registered: RepositoryTarget | None, address: RemoteAddress) -> Reach:
        """Return how far a first look may go."""
        if registered is not None:
            return registered.reach
        return Reach.PRIVATE if address.is_local else Reach.PUBLIC


async def namer(context: ControllerContext, principal: Principal) -> Namer:
    """Read what counts for somebody."""

    async def registered_elsewhere() -> Sequence[str]:
        async with context.database.transaction(principal.tenant) as connection:
            return await paths_of_other_tenants(connection)

    async with context.database.transaction(principal.tenant) as connection:
        known = await Repositories(connection).all()
    return Namer(
        principal=principal,
        places=LocalPlaces.of(context.settings),
        known=known,
        registered_elsewhere=registered_elsewhere,
    )


def _text(stored: str) -> str:
    try:
        return RemoteAddress.parse(stored).text
    except CallerError:  # an older version accepted it; nothing new can be the same
        return stored
