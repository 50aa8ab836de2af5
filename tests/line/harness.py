"""A change request driven through the real line in this process: real PostgreSQL, git, sandbox and SDK; only the model
is scripted. One `LineRun` plays submitter, dispatcher, outbox, reaper and the people, one worker epoch at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from langgraph.runtime import RunControl

from cli import own_processes
from cli.scenario import role_of
from controller.app import create_app
from controller.context import ControllerContext
from controller.gates import service as gates
from controller.gates.schemas import DecisionRequest
from controller.interventions import service as interventions
from controller.interventions.actions import available
from controller.interventions.schemas import AvailableAction, InterventionRequest, Receipt
from controller.process import wiring
from controller.signers.schemas import SignerList
from controller.wiring import LaunchObserver
from pipeline.access import Principal, Role
from pipeline.adapters.git.commit_reader import GitCommitReader
from pipeline.adapters.signing import Ed25519Verifier
from pipeline.change_request import Reach, RepositoryTarget, Stage, Status
from pipeline.concurrency.cancellation import ended as cancelled
from pipeline.concurrency.cancellation import until_set
from pipeline.effects.effect import Effect
from pipeline.errors import DatabaseAway
from pipeline.evidence import gathering
from pipeline.evidence.bundle_verification import verify_bundle
from pipeline.evidence.signer_trust import named
from pipeline.gates.gate import Decision, Gate
from pipeline.interventions.intervention import Action, Intervention, RerunMode
from pipeline.ports import Isolation
from pipeline.records import ChangeRequest, NewChangeRequest, StoredEvent
from pipeline.settings.process import ProcessSettings
from pipeline.settings.runtime import RuntimeSettings
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.dispatching import Dispatched, Limit, dispatch_next
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.interventions import Interventions
from pipeline.store.leases import Leases
from pipeline.store.work import Work
from pipeline.store.worker_deaths import worker_died
from pipeline.worker_loss import LossKind, WorkerLoss
from tests.database import TestDatabase
from tests.line import scenarios
from tests.line.remembered_proofs import Proofs
from tests.line.repositories import SampleRepository
from tests.scripted import ScriptedServer
from worker.loop import execute
from worker.main import stop_wanted
from worker.order import Order
from worker.wiring import Hands, hands

TENANT = "default"
EPOCHS_MAX = 120
IDLE_S, IDLE_MAX_S = 0.2, 3.0
STUCK_S = 540.0
"""Says where a test hangs, before the test's own limit does; no claim about time."""
API_KEY = "sk-test-canary-0123456789abcdef"
LOST_AFTER = timedelta(seconds=90)
OPERATOR = Principal(id="operator", tenant=TENANT, name="Olga", kind="user", roles=frozenset({Role.ADMIN}))
Prepare = Callable[["LineRun", Hands], Hands]
"""Changes what a worker works with before it starts, such as where it dies."""


@dataclass(slots=True)
class LineRun:
    """One change request and everything around it."""

    database: TestDatabase
    model: ScriptedServer
    root: Path
    settings: ProcessSettings
    controller: ControllerContext
    repositories: dict[str, SampleRepository] = field(default_factory=dict)
    cr_id: str = "cr-1"
    epoch: int = 0
    isolation: Isolation | None = None
    """What is known of this machine's sandbox; None lets every worker look for itself."""
    deaths_max: int = 5
    """Deaths in a row without progress after which a person is asked."""
    proofs: Proofs | None = None
    """Test runs that are not run again; None runs all."""

    @property
    def store(self) -> Database:
        return self.controller.database

    @property
    def sums(self) -> SampleRepository:
        """The repository of most tests."""
        return self.repositories["sums"]

    def plays(self, *parts: scenarios.Part) -> None:
        """Let the model play these parts from now on, and remember what it was asked."""
        self.model.model.scenario = scenarios.parsed(scenarios.scenario(*parts))

    # submitting

    def repository(self, files: Mapping[str, str], name: str = "sums") -> SampleRepository:
        """Make a repository of these files with one commit on main."""
        made = SampleRepository.create(self.root / "remotes" / name, files)
        self.repositories[name] = made
        return made

    async def submit(
        self,
        *,
        title: str,
        body: str,
        limits: Mapping[str, Any] | None = None,
        addresses: Mapping[str, str] | None = None,
        **sections: Mapping[str, Any],
    ) -> None:
        """Store a change request over all repositories made so far, at their paths or these addresses.

        Without mutants, which only their own tests are about.
        """
        given = {"pipeline": {"mutants_max": 0, "neutral_calls": False, **(limits or {})}, **sections}
        snapshot = RuntimeSettings.model_validate(given).snapshot()
        targets = [
            RepositoryTarget(
                name=name, remote=(addresses or {}).get(name, str(made.path)), base_branch="main", reach=Reach.PRIVATE
            )
            for name, made in self.repositories.items()
        ]
        new = NewChangeRequest(
            id=self.cr_id, title=title, body=body, created_by="requester", repositories=tuple(targets),
            settings_snapshot=snapshot,
        )  # fmt: skip
        async with self.store.transaction() as connection:
            await ChangeRequests(connection).create(new)

    # working

    async def work(self, prepare: Prepare | None = None, drain: RunControl | None = None) -> ChangeRequest:
        """Dispatch once and let one worker run until it leaves the change request; returns how it stands then."""
        limit = Limit(workers_max=1, tenant_workers_max=1)
        async with self.store.transaction() as connection:
            sent = await dispatch_next(connection, owner="test", limit=limit, lost_after=LOST_AFTER)
        assert sent is not None, f"nothing is queued: {await self.read()}"
        self.epoch = sent.epoch
        order = Order(tenant=sent.tenant, cr_id=sent.cr_id, attempt=sent.attempt, epoch=sent.epoch)
        async with self._outbox(), hands(order, self.settings, self.isolation) as held:
            knows = self._knowing(held)
            worker = prepare(self, knows) if prepare else knows
            await execute(worker, lambda: stop_wanted(worker), drain or RunControl())
        return await self.read()

    def _knowing(self, held: Hands) -> Hands:
        if self.proofs is None:
            return held
        return with_context(held, sandbox=self.proofs.remembering(held.context.sandbox, self.root))

    async def work_through_crashes(self, prepare: Prepare) -> ChangeRequest:
        """Let epoch after epoch work as the reaper would, until the change request is left by a worker of its own will."""
        for _ in range(EPOCHS_MAX):
            cr = await self.work(prepare)
            if cr.status is not Status.RUNNING:
                return cr
            await self.bury()
        raise AssertionError(f"still running after {EPOCHS_MAX} epochs")

    async def to_the_gate(self) -> Gate:
        """Work until the release gate opens."""
        cr = await self.work()
        assert cr.status is Status.WAITING, (cr.status, cr.pause_reason, cr.pause_message, cr.pause_facts)
        return await self.open_gate()

    async def to_the_end(self) -> ChangeRequest:
        """Work, approve what is asked, and work on, until the change request pauses or is finished."""
        for _ in range(EPOCHS_MAX):
            cr = await self.work()
            if cr.status is not Status.WAITING:
                return cr
            await self.decide(Decision.APPROVE)
        raise AssertionError("the gates do not end")

    async def fence_out(self) -> None:
        """Give the lease to a new epoch, so that nothing the present worker still does becomes durable."""
        async with self.store.transaction() as connection:
            self.epoch = await Leases(connection).take(self.cr_id, "usurper", lost_after=LOST_AFTER)

    async def bury(self) -> None:
        """Notice that the worker is gone, as the launcher or the reaper does."""
        async with self.store.transaction() as connection:
            await worker_died(
                connection,
                self.cr_id,
                self.epoch,
                WorkerLoss(kind=LossKind.KILLED, cause="test"),
                deaths_max=self.deaths_max,
            )

    # people, through the door's own services

    async def say(self, action: Action, **asked: Any) -> Receipt:
        """Intervene."""
        return await interventions.intervene(
            self.controller, OPERATOR, self.cr_id, InterventionRequest(action=action, **asked)
        )

    async def resume(self, instructions: str = "") -> Receipt:
        """Let a paused change request go on."""
        return await self.say(Action.RESUME, instructions=instructions)

    async def restart(self, stage: Stage, instructions: str = "") -> Receipt:
        """Run a paused change request again from a stage, within its attempt."""
        return await self.say(Action.RERUN, mode=RerunMode.STAGE, stage=stage, instructions=instructions)

    async def raise_budget(self, usd: str) -> Receipt:
        return await self.say(Action.BUDGET, budget_usd=Decimal(usd))

    async def decide(self, decision: Decision, comment: str = "") -> None:
        """Decide the open gate on what it shows."""
        gate = await self.open_gate()
        asked = DecisionRequest(decision=decision, content_hash=gate.content_hash, comment=comment)
        await gates.decide(self.controller, OPERATOR, gate.id, asked)

    async def approve(self) -> None:
        """Approve the open gate."""
        await self.decide(Decision.APPROVE)

    async def decide_and_finish(self) -> None:
        """Approve the open gate and work to the end."""
        await self.approve()
        cr = await self.work()
        assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
        await self.check_evidence()

    async def again(self, instructions: str = "") -> Receipt:
        """Begin another attempt from scratch."""
        return await self.say(Action.RERUN, mode=RerunMode.SCRATCH, instructions=instructions)

    # looking

    async def open_gate(self) -> Gate:
        async with self.store.transaction() as connection:
            (gate,) = await Gates(connection).inbox(cr_id=self.cr_id)
        return gate

    async def ways(self) -> list[AvailableAction]:
        """Return what a person can do now."""
        async with self.store.transaction() as connection:
            return available(await self.read(), await Gates(connection).inbox(cr_id=self.cr_id))

    async def read(self) -> ChangeRequest:
        async with self.store.transaction() as connection:
            return await ChangeRequests(connection).get(self.cr_id)

    async def said(self) -> list[Intervention]:
        """Return everything that people said, oldest first."""
        async with self.store.transaction() as connection:
            return await Interventions(connection).of(self.cr_id)

    async def events(self, *kinds: str) -> list[StoredEvent]:
        """Return events in their public order, all or those of some types."""
        async with self.store.transaction() as connection:
            await Events(connection).number()
        async with self.store.transaction() as connection:
            found = await Events(connection).read(after=0, cr_id=self.cr_id, limit=5_000)
        return [event for event in found if not kinds or event.type in kinds]

    async def effects(self) -> list[Effect]:
        async with self.store.transaction() as connection:
            return await Effects(connection).of(self.cr_id)

    def asked(self, *roles: str) -> list[dict[str, Any]]:
        """Return the requests that the model received, all or those of some roles."""
        return [request for request in self.model.requests if not roles or role_of(request) in roles]

    async def evidence(self) -> bytes:
        """Return the signed bundle as it was kept last."""
        async with self.store.transaction() as connection:
            work = Work(connection, cr_id=self.cr_id, attempt=(await self.read()).attempt)
            return await work.artifact(gathering.BUNDLE.kind, gathering.NAME)

    async def check_evidence(self) -> None:
        """Verify the kept bundle as a stranger would, against each repository."""
        result = verify_bundle(
            await self.evidence(),
            open_repository=lambda name: GitCommitReader(self.repositories[name].path),
            verifier=Ed25519Verifier(),
            trusted=[named(key.fingerprint) for key in SignerList.of(self.controller.wiring.keys).items],
        )
        assert result.ok, result.failures

    async def until_asked(self, role: str, times: int = 1) -> None:
        """Wait until a role has asked this often."""
        async with asyncio.timeout(STUCK_S):
            while len(self.asked(role)) < times:
                await asyncio.sleep(0.01)

    def asked_roles(self) -> list[str]:
        """Return the roles in the order in which they asked."""
        return [role_of(request) for request in self.model.requests]

    # the outbox

    @asynccontextmanager
    async def _outbox(self) -> AsyncIterator[None]:
        ended = asyncio.Event()
        carrying = asyncio.create_task(self._carry_out_effects(ended))
        try:
            yield
        finally:
            ended.set()
            await carrying

    async def carry_out(self) -> None:
        """Carry out what is due now, as the controller does while no worker runs."""
        await next(loop for loop in self.controller.loops if loop.name == "outbox").tick()

    async def _carry_out_effects(self, ended: asyncio.Event) -> None:
        """Carry out effects until told; what is begun is finished, for a worker's death is not the controller's."""
        outbox = next(loop for loop in self.controller.loops if loop.name == "outbox")
        hearing = asyncio.create_task(self.controller.bells.hear())
        finishing = asyncio.create_task(_set_after(ended, outbox.wake))
        idle_s = IDLE_S
        try:
            while not ended.is_set():
                outbox.wake.clear()
                try:
                    await outbox.tick()
                except* DatabaseAway:
                    pass  # the supervisor of a real controller tries again, too
                if not ended.is_set():
                    await until_set(outbox.wake, idle_s)
                # The bell tells; looking without it is for what it cannot tell: a ring before it was heard, and what is due later.
                idle_s = IDLE_S if outbox.wake.is_set() else min(2 * idle_s, IDLE_MAX_S)
        finally:
            await cancelled(hearing, finishing)


async def _set_after(first: asyncio.Event, then: asyncio.Event) -> None:
    await first.wait()
    then.set()


class NoLauncher:
    """Implements `controller.wiring.Launcher` for a controller whose workers the test runs itself."""

    ready = False

    async def run(self, observer: LaunchObserver) -> None:
        """Launch nothing."""

    async def launch(self, order: Dispatched) -> None:
        """Launch nothing."""

    async def stop(self, cr_id: str, epoch: int) -> None:
        """There is nothing to stop."""

    async def close(self) -> None:
        """There is nothing to end."""


def controller_of(settings: ProcessSettings) -> ControllerContext:
    """Build the controller of this machine without serving it."""
    context: ControllerContext = create_app(
        replace(wiring(settings, own_processes.processes(), alone=True), launcher=NoLauncher())
    ).state.context
    return context


def settings_of(root: Path, database: TestDatabase, model: ScriptedServer) -> ProcessSettings:
    """Return what controller and worker are told."""
    return ProcessSettings.model_validate(
        {
            "data_dir": root / "data",
            "scenario": root / "scenario.yaml",
            "database": {"url": database.app_url},
            "anthropic": {"base_url": model.base_url, "api_key": API_KEY, "max_retries": 0},
            "environment": {"offline": True},
        }
    )


def with_context(held: Hands, **values: Any) -> Hands:
    """Return hands whose stages see other ports."""
    return replace(held, context=replace(held.context, **values))
