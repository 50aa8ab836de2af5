"""Interventions: what people said, as rows that nobody overwrites, each with how far it got."""

from collections.abc import Collection

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import NotFound
from pipeline.identifiers import new_id
from pipeline.interventions.intervention import (
    Action,
    Intervention,
    InterventionStatus,
    Notice,
    RerunMode,
    Said,
    stored_intervention,
)
from pipeline.store.tables import interventions

_MODE = interventions.c.body["mode"].astext
LETS_GO_ON = or_(
    interventions.c.action.in_([Action.RESUME, Action.BUDGET]),
    (interventions.c.action == Action.RERUN) & (_MODE == RerunMode.CHECKPOINT),
)
"""What ends a pause where it stands. A rerun from a stage or from scratch begins another thread instead."""
BEGINS_ANEW = or_(
    (interventions.c.action == Action.RERUN) & _MODE.in_([RerunMode.STAGE, RerunMode.SCRATCH]),
    interventions.c.action.in_([Action.HANDBACK, Action.EDIT, Action.ADOPT]),
)
TELLS = interventions.c.action == Action.REDIRECT
STOPS = interventions.c.action.in_([Action.PAUSE, Action.ABORT, Action.TAKEOVER, Notice.SOURCE_CHANGED])
SKIPS = interventions.c.action == Action.SKIP
_asked_stage = interventions.c.body["stage"].astext
_INSTRUCTIONS = func.coalesce(interventions.c.body["instructions"].astext, "")
_UNANSWERED = interventions.c.status.in_([InterventionStatus.QUEUED, InterventionStatus.DELIVERED])


class Interventions:
    """The interventions of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, cr_id: str, *, action: Action | Notice, body: Said, actor: str, repository: str | None = None
    ) -> Intervention:
        """Store what a person said, queued."""
        intervention_id = new_id("int")
        row = {"id": intervention_id, "cr_id": cr_id, "repository": repository, "action": action, "actor": actor}
        await self._connection.execute(
            insert(interventions).values(**row, body=body.model_dump(mode="json", exclude_unset=True))
        )
        return await self.get(intervention_id)

    async def get(self, intervention_id: str) -> Intervention:
        """Return it or raise `NotFound`."""
        query = select(interventions).where(interventions.c.id == intervention_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("intervention", intervention_id)
        return stored_intervention(row)

    async def of(self, cr_id: str, *, status: InterventionStatus | None = None) -> list[Intervention]:
        """Return those of a change request, oldest first; `queued` are those nobody took yet."""
        query = select(interventions).where(interventions.c.cr_id == cr_id)
        if status is not None:
            query = query.where(interventions.c.status == status)
        rows = await self._connection.execute(query.order_by(interventions.c.created_at, interventions.c.id))
        return [stored_intervention(row) for row in rows]

    async def delivered(self, intervention_id: str, *, role: str | None, turn: int | None) -> bool:
        """Mark the turn that saw it, once; returns False when somebody else took it."""
        values = {
            "status": InterventionStatus.DELIVERED,
            "delivered_at": func.now(),
            "delivered_turn": turn,
            "delivered_role": role,
        }
        where = (interventions.c.id == intervention_id) & (interventions.c.status == InterventionStatus.QUEUED)
        return bool((await self._connection.execute(update(interventions).where(where).values(**values))).rowcount)

    async def acted(self, intervention_id: str, *, note: str = "") -> None:
        """Mark it as acted on. Idempotent."""
        where = (interventions.c.id == intervention_id) & (
            interventions.c.status.in_([InterventionStatus.QUEUED, InterventionStatus.DELIVERED])
        )
        values = {"status": InterventionStatus.ACTED, "acted_at": func.now(), "note": note}
        await self._connection.execute(update(interventions).where(where).values(**values))

    async def refused(self, intervention_id: str, *, note: str) -> None:
        """Mark it as refused, and say why. Idempotent."""
        where = (interventions.c.id == intervention_id) & (interventions.c.status == InterventionStatus.QUEUED)
        values = {"status": InterventionStatus.REFUSED, "acted_at": func.now(), "note": note}
        await self._connection.execute(update(interventions).where(where).values(**values))

    async def overtake(
        self, cr_id: str, *, actions: Collection[Action | Notice] = (), but: Collection[Action | Notice] = (), note: str
    ) -> None:
        """Refuse what is still queued, all or these actions only (and not `but`), because something else came first."""
        where = (interventions.c.cr_id == cr_id) & (interventions.c.status == InterventionStatus.QUEUED)
        if actions:
            where &= interventions.c.action.in_(actions)
        if but:
            where &= interventions.c.action.not_in(but)
        values = {"status": InterventionStatus.REFUSED, "acted_at": func.now(), "note": note}
        await self._connection.execute(update(interventions).where(where).values(**values))

    async def taken_to_go_on(self, cr_id: str, activation: str) -> tuple[list[Intervention], list[Intervention]]:
        """Take everything that lets a stopped run go on; returns what this activation has (oldest first), and what is new.

        What else people told the agents stays for the agents.
        """
        values = {
            "status": InterventionStatus.ACTED,
            "acted_at": func.now(),
            "delivered_at": func.now(),
            "activation": activation,
        }
        waiting = (interventions.c.cr_id == cr_id) & (interventions.c.status == InterventionStatus.QUEUED) & LETS_GO_ON
        statement = update(interventions).where(waiting).values(**values).returning(interventions.c.id)
        fresh = set((await self._connection.execute(statement)).scalars())
        taken = [one for one in await self.of(cr_id) if one.activation == activation and one.action is not Action.SKIP]
        return taken, [one for one in taken if one.id in fresh]

    async def went_on(self, cr_id: str) -> None:
        """Settle words to go on that tell nobody anything, for a run that goes on in the middle of a stage."""
        where = (
            (interventions.c.cr_id == cr_id)
            & (interventions.c.status == InterventionStatus.QUEUED)
            & LETS_GO_ON
            & (_INSTRUCTIONS == "")
        )
        values = {"status": InterventionStatus.ACTED, "acted_at": func.now(), "note": "the run went on"}
        await self._connection.execute(update(interventions).where(where).values(**values))

    async def times_let_go_on(self, cr_id: str) -> int:
        """Return how often a person let this change request go on or begin anew; a word counts before the run has heard it."""
        said = (
            (interventions.c.cr_id == cr_id)
            & (interventions.c.status != InterventionStatus.REFUSED)
            & (LETS_GO_ON | BEGINS_ANEW)
        )
        query = select(func.count()).select_from(interventions).where(said)
        return int((await self._connection.execute(query)).scalar_one())

    async def settle_delivered(self, cr_id: str, repository: str | None) -> list[Intervention]:
        """Mark what agents were told as acted on: what was said for one repository, or for no one in particular (None)."""
        said_for = interventions.c.repository
        concerned = said_for.is_(None) if repository is None else said_for == repository
        where = (interventions.c.cr_id == cr_id) & (interventions.c.status == InterventionStatus.DELIVERED) & concerned
        values = {"status": InterventionStatus.ACTED, "acted_at": func.now()}
        settled = update(interventions).where(where).values(**values).returning(interventions)
        rows = await self._connection.execute(settled)
        return [stored_intervention(row) for row in rows]

    async def told(self, cr_id: str, *, repository: str | None) -> list[Intervention]:
        """Return what agents of a repository (or of none) should hear: instructions that no ended stage has heard."""
        concerns = or_(interventions.c.repository.is_(None), interventions.c.repository == repository)
        unheard = interventions.c.status.in_([InterventionStatus.QUEUED, InterventionStatus.DELIVERED])
        where = (interventions.c.cr_id == cr_id) & unheard & concerns & (_INSTRUCTIONS != "") & (TELLS | LETS_GO_ON)
        query = select(interventions).where(where).order_by(interventions.c.created_at, interventions.c.id)
        return [stored_intervention(row) for row in await self._connection.execute(query)]

    async def stopped(self, cr_id: str, *, role: str | None = None, turn: int | None = None) -> list[Intervention]:
        """Settle every request to stop, because the run has, at this turn of this role; returns them."""
        asked = (interventions.c.cr_id == cr_id) & (interventions.c.status == InterventionStatus.QUEUED) & STOPS
        seen = {"delivered_at": func.now(), "delivered_role": role, "delivered_turn": turn}
        values = {"status": InterventionStatus.ACTED, "acted_at": func.now(), **seen}
        statement = update(interventions).where(asked).values(**values).returning(interventions)
        return [stored_intervention(row) for row in await self._connection.execute(statement)]

    async def queued(self, cr_id: str, action: Action | Notice) -> list[Intervention]:
        """Return what of an action nobody has taken yet, oldest first."""
        return [one for one in await self.of(cr_id, status=InterventionStatus.QUEUED) if one.action is action]

    async def skip_of(
        self, cr_id: str, stage: str, repository: str | None, activation: str
    ) -> tuple[Intervention | None, bool]:
        """Return the newest wish to skip a stage (of a repository) and whether this delivered it; an activation keeps its."""
        concerns = or_(interventions.c.repository.is_(None), interventions.c.repository == repository)
        mine = or_(_UNANSWERED, interventions.c.activation == activation)
        where = (interventions.c.cr_id == cr_id) & SKIPS & (_asked_stage == stage) & concerns & mine
        query = select(interventions).where(where).order_by(interventions.c.created_at.desc()).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None, False
        return stored_intervention(row), await self.delivered(row.id, role=None, turn=None)

    async def skip_waiting(self, cr_id: str) -> str | None:
        """Return the stage of the newest unanswered wish to skip."""
        where = (interventions.c.cr_id == cr_id) & SKIPS & _UNANSWERED
        query = select(_asked_stage).where(where).order_by(interventions.c.created_at.desc()).limit(1)
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def settle_skips(self, cr_id: str, stage: str, *, happened: bool, activation: str) -> list[Intervention]:
        """Answer every unanswered wish to skip: this stage's by what happened, others' as too late. Returns them."""
        where = (interventions.c.cr_id == cr_id) & SKIPS & _UNANSWERED
        acted = {"status": InterventionStatus.ACTED, "acted_at": func.now(), "activation": activation}
        stopped = "What cannot be skipped in this stage stopped it."
        answers = [
            (
                _asked_stage == stage,
                acted if happened else {"status": InterventionStatus.REFUSED, "acted_at": func.now(), "note": stopped},
            ),
            (
                _asked_stage != stage,
                {"status": InterventionStatus.REFUSED, "acted_at": func.now(), "note": "The stage had ended before."},
            ),
        ]
        settled: list[Intervention] = []
        for which, values in answers:
            statement = update(interventions).where(where & which).values(**values).returning(interventions)
            settled += [stored_intervention(row) for row in await self._connection.execute(statement)]
        return settled
