"""What crosses which wall: read from the very bytes that the model received and from everything that was kept."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from cli.scenario import role_of, text_of
from pipeline.gates.gate import Decision
from tests.line import scenarios
from tests.line.harness import API_KEY, LineRun
from tests.line.savepoints import Savepoint, begins_at
from tests.line.scenarios import bash, part, submit_code, turn
from tests.line.test_releasing import THEIRS, resolver

RAW = "canary-of-the-ticket-5d41"
CONVENTIONS = "canary-of-the-conventions-8a2e"
COMMIT = "canary-of-a-commit-message-77c0"
ENVIRONMENT = "canary-of-the-environment-c3f9"
WRITERS = {"test_writer", "code_writer", "conflict_resolver"}
FENCED = re.compile(r'<untrusted id="([0-9a-f]{16})" label="[^"]*">\n.*?\n</untrusted id="\1">', re.DOTALL)
PRYING = (
    "python3 -c \"import os; print(dict(os.environ))\"; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; "
    "cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '; ls -la ..; true"
)


async def start(line: LineRun, *parts: scenarios.Part) -> None:
    line.repository({**scenarios.FILES, "AGENTS.md": f"Write plain functions. {CONVENTIONS}\n"})
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=f"{scenarios.BODY}\n\nInternal remark: {RAW}.")


def shown(request: dict[str, Any]) -> str:
    return text_of([request.get("system"), request["messages"]])


async def _resolved(line: LineRun) -> None:
    await start(line, resolver())
    await line.to_the_gate()
    line.sums.commit({"calc.py": THEIRS}, f"Negate. {COMMIT}")
    await line.approve()
    await line.to_the_gate()


RESOLVED = Savepoint("canaries in all that comes from outside, conflicts resolved", _resolved)


@begins_at(RESOLVED)
async def test_the_raw_request_never_reaches_a_role_that_writes_code(line: LineRun) -> None:
    assert set(line.asked_roles()) >= WRITERS
    readers = {role_of(request) for request in line.asked() if RAW in shown(request)}
    assert readers == {"request_parser", "input_screener"}
    await line.decide(Decision.SEND_BACK, "Please reconsider.")
    await line.to_the_gate()
    assert not any(RAW in shown(request) for request in line.asked(*WRITERS))


@begins_at(RESOLVED)
async def test_text_from_outside_is_marked_wherever_it_enters(line: LineRun) -> None:
    for canary, seen_by in (
        (RAW, {"request_parser", "input_screener"}),
        (CONVENTIONS, {"spec_writer", "test_writer", "code_writer", "quality_reviewer"}),
        (COMMIT, {"conflict_resolver"}),
    ):
        carrying = [request for request in line.asked() if canary in shown(request)]
        assert {role_of(request) for request in carrying} >= seen_by
        for request in carrying:
            assert canary not in FENCED.sub("", shown(request)), f"{role_of(request)} reads it outside of its fence"


async def test_no_secret_reaches_a_tool_a_prompt_a_row_a_log_or_a_commit(
    line: LineRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", ENVIRONMENT)
    prying = [
        part("requirements_analyst", turn(bash(PRYING)), *_after_one_turn("requirements_analyst")),
        part(
            "code_writer",
            turn(bash(PRYING)),
            turn(bash(f"cat > calc.py <<'END'\n{scenarios.CODE}END")),
            turn(submit_code()),
        ),
        part("security_reviewer", turn(bash(PRYING)), *_after_one_turn("security_reviewer")),
    ]
    await start(line, *prying)
    await line.to_the_gate()
    await line.decide_and_finish()
    password = psycopg.conninfo.conninfo_to_dict(line.database.app_url)["password"]
    places = {
        "requests": "".join(shown(request) for request in line.asked()),
        "database": "".join(_everything_stored(line.database.superuser_url)),
        "logs": "".join(capsys.readouterr()),
        "commits": line.repositories["sums"].git("log", "--all", "-p", "--format=%B%an%ae"),
    }
    assert "PATH" in places["requests"], "the tools did look around"
    for name, kept in places.items():
        for secret in (API_KEY, str(password), ENVIRONMENT):
            assert secret not in kept, f"a secret is in the {name}"


def _after_one_turn(role: str) -> list[scenarios.Turn]:
    (found,) = [one for one in scenarios.DEFAULTS if one["role"] == role]
    last: scenarios.Turn = found["turns"][-1]
    return [last]


def _everything_stored(url: str) -> Iterator[str]:
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert {"journal", "events", "blobs", "checkpoint_writes"} <= {name for (name,) in tables}
        for (name,) in tables:
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))):
                for value in row:
                    yield value.decode(errors="replace") if isinstance(value, bytes) else str(value)
