"""Who gets in, and from where."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from controller.auth.service import ensure_local_principal, token_works
from controller.binding import check_binding
from pipeline.access import Role, new_token
from pipeline.errors import CallerError
from pipeline.settings.process import ControllerSettings, ProcessSettings
from pipeline.store.engine import Database
from tests.controller.conftest import Controller, Starter, submission
from tests.controller.published_schema import published_schema
from tests.database import TestDatabase

OPEN = {"/healthz", "/readyz", "/metrics", "/login"}
METHODS = {"get", "post", "put", "patch", "delete"}


def test_every_route_but_the_open_ones_refuses_without_a_token(controller: Controller) -> None:
    client = controller.client(token=None)
    asked = 0
    for path, operations in published_schema()["paths"].items():
        for method in METHODS & set(operations):
            address = path.replace("{version}", "1").replace("{", "").replace("}", "")
            answer = client.request(method, address)
            assert (answer.status_code == 401) is (path not in OPEN), (method, path)
            if path not in OPEN:
                asked += 1
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                assert answer.headers["content-type"] == "application/problem+json"
    assert asked > 30


@pytest.mark.parametrize(
    "header",
    ["Bearer nonsense", f"Bearer {new_token('default')}", f"Bearer {new_token('nobody')}", "Basic bWU6bWU=", "Bearer"],
    ids=["nonsense", "unknown token", "unknown tenant", "another scheme", "no token"],
)
def test_a_wrong_token_is_refused(controller: Controller, header: str) -> None:
    answer = controller.client(token=None, Authorization=header).get("/api/v1/me")
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:changeline:problem:not-authenticated")


def test_a_role_opens_what_it_includes_and_nothing_more(controller: Controller, token_of: Callable[..., str]) -> None:
    viewer = controller.client(token_of("vera", Role.VIEWER))
    assert viewer.get("/api/v1/change-requests").status_code == 200
    refused = viewer.post("/api/v1/change-requests", json=submission())
    assert (refused.status_code, refused.json()["facts"]["roles"]) == (403, ["viewer"])
    controller.submit()
    operator = controller.client(token_of("olga", Role.OPERATOR))
    created = operator.post("/api/v1/change-requests", json=submission())
    assert created.status_code == 202
    decision = {"decision": "approve", "content_hash": "h"}
    assert operator.post("/api/v1/gates/gate-1/decision", json=decision).status_code == 403
    assert operator.put("/api/v1/settings/pipeline", json={"value": {}, "version": 0}).status_code == 403
    approver = controller.client(token_of("anna", Role.APPROVER))
    assert approver.post("/api/v1/gates/gate-1/decision", json=decision).status_code == 404
    assert approver.post("/api/v1/repositories", json={"remote": "/srv/x"}).status_code == 403


def test_tenants_see_nothing_of_each_other(controller: Controller, token_of: Callable[..., str]) -> None:
    with psycopg.connect(controller.database.superuser_url) as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('other', 'Other')")
    ours = controller.submit(source="jira", external_id="X-1")["id"]
    other = controller.client(token_of("theirs", Role.ADMIN, tenant="other"))
    assert other.get("/api/v1/change-requests").json()["items"] == []
    assert other.get("/api/v1/repositories").json()["items"] == []
    assert other.get("/api/v1/events", headers={"Accept": "application/json"}).json()["items"] == []
    for view in ("", "/spec", "/diff", "/tests", "/findings", "/cost", "/conversation", "/evidence", "/events"):
        assert other.get(f"/api/v1/change-requests/{ours}{view}").status_code == 404, view
    cancelled = other.post(f"/api/v1/change-requests/{ours}/interventions", json={"action": "cancel"})
    assert cancelled.status_code == 404
    same_issue = submission(repositories=["https://git.example/sample.git"], source="jira", external_id="X-1")
    assert other.post("/api/v1/change-requests", json=same_issue).status_code == 202
    assert controller.client().get(f"/api/v1/change-requests/{ours}").json()["status"] in {"queued", "running"}


def test_a_one_time_link_opens_one_session(controller: Controller) -> None:
    code = controller.client().post("/api/v1/login-codes").json()
    browser = controller.client(token=None)
    opened = browser.get(code["path"])
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and "Path=/" in cookie
    assert browser.get("/api/v1/me").json()["id"] == "local"
    assert controller.client(token=None).get(code["path"]).status_code == 401
    assert controller.client(code["code"]).get("/api/v1/me").status_code == 401
    session = browser.cookies["changeline_session"]
    assert controller.client(session).get("/api/v1/me").status_code == 401
    assert browser.post("/api/v1/logout", headers={"Origin": controller.url}).status_code == 204
    assert browser.get("/api/v1/me", headers={"Cookie": f"changeline_session={session}"}).status_code == 401


async def test_of_many_who_open_a_link_at_once_one_gets_in(controller: Controller) -> None:
    code = controller.client().post("/api/v1/login-codes").json()["path"]
    async with controller.async_client(None) as client:
        answers = await asyncio.gather(*(client.get(code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303, *[401] * 7]


def cookie_of(controller: Controller) -> dict[str, str]:
    """Sign in and return the cookie as a header: a client would not send one that is `Secure` in the clear."""
    path = controller.client().post("/api/v1/login-codes").json()["path"]
    opened = controller.client(token=None).get(path).headers["set-cookie"]
    return {"Cookie": opened.partition(";")[0]}


def test_a_foreign_page_cannot_make_a_signed_in_browser_act(controller: Controller) -> None:
    browser, cookie = controller.client(token=None), cookie_of(controller)
    port = controller.url.rsplit(":", 1)[1]
    own = f"http://127.0.0.1:{port}"
    foreign = [
        "https://evil.example", "null", "", "http://127.0.0.1:1", "http://127.0.0.1", f"https://127.0.0.1:{port}",
        f"http://localhost:{port}", f"http://127.0.0.1.:{port}", f"http://[::1]:{port}", f"127.0.0.1:{port}",
        f"ws://127.0.0.1:{port}", f"{own}/", f"{own} {own}", f"{own}, https://evil.example", f"http://evil@127.0.0.1:{port}",
        f"{own}.evil.example", f"http://127.0.0.1:{port}0", f"file://127.0.0.1:{port}",
    ]  # fmt: skip
    attempts: list[dict[str, str]] = [{"Origin": one} for one in foreign]
    attempts += [{}, {"Referer": f"{own}/"}, {"Sec-Fetch-Site": "same-origin"}]
    attempts += [{"Origin": own, "Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "none")]
    for headers in attempts:
        answer = browser.post("/api/v1/change-requests", json=submission(), headers={**cookie, **headers})
        assert (answer.status_code, answer.json()["field"]) == (403, "Origin"), headers
    twice = [*cookie.items(), ("Origin", own), ("Origin", "https://evil.example")]
    assert browser.post("/api/v1/change-requests", json=submission(), headers=twice).status_code == 400
    assert controller.count("change_requests") == [0]
    for headers in ({"Origin": own}, {"Origin": own.upper()}, {"Origin": own, "Sec-Fetch-Site": "same-origin"}):
        answer = browser.post("/api/v1/change-requests", json=submission(), headers={**cookie, **headers})
        assert answer.status_code == 202, headers
    for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert controller.client().post("/api/v1/login-codes", headers=headers).status_code == 201, headers


@pytest.mark.parametrize(
    ("host", "own", "foreign"),
    [
        ("Changeline.example", ["https://changeline.example", "https://changeline.example:443"],
         ["http://changeline.example", "https://changeline.example.", "https://changeline.example:80"]),
        ("changeline.example:443", ["https://changeline.example"], ["http://changeline.example:443"]),
        ("changeline.example:8443", ["https://changeline.example:8443"], ["https://changeline.example"]),
        ("[::1]:8443", ["https://[::1]:8443", "https://[0:0:0:0:0:0:0:1]:8443"],
         ["http://[::1]:8443", "https://[::1]", "https://::1:8443", "https://[::2]:8443", "https://[::1%25lo]:8443"]),
    ],
)  # fmt: skip
def test_behind_a_proxy_that_terminates_tls_the_scheme_is_https(
    start: Starter, host: str, own: list[str], foreign: list[str]
) -> None:
    with start.running(behind_proxy=True, allowed_hosts=("changeline.example",)) as controller:
        headers = {**cookie_of(controller), "Host": host}
        browser = controller.client(token=None)

        def status(origin: str, **more: str) -> int:
            return browser.post("/api/v1/login-codes", headers={**headers, "Origin": origin, **more}).status_code

        assert [status(one) for one in own] == [201] * len(own)
        assert [status(one) for one in foreign] == [403] * len(foreign)
        # What a client says about the scheme changes nothing, whoever passes it on.
        assert status(own[0].replace("https", "http"), **{"X-Forwarded-Proto": "http"}) == 403


def test_a_name_that_was_rebound_to_this_machine_is_not_answered(controller: Controller, start: Starter) -> None:
    port = controller.url.rsplit(":", 1)[1]
    client = controller.client()
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "[::1", ""):
        answer = client.get("/api/v1/me", headers={"Host": host})
        assert answer.status_code == (400 if host == "[::1" else 421), host
    for host in (f"localhost:{port}", "127.0.0.1", f"[::1]:{port}"):
        assert client.get("/api/v1/me", headers={"Host": host}).status_code == 200, host
    assert client.get("/healthz", headers={"Host": "10.0.0.7:8321"}).status_code == 200
    with start.running(allowed_hosts=("changeline.example",)) as named:
        assert named.client().get("/api/v1/me", headers={"Host": "changeline.example"}).status_code == 200


def test_only_loopback_is_offered_in_the_clear() -> None:
    def settings(**door: object) -> ProcessSettings:
        return ProcessSettings(_env_file=None, controller=ControllerSettings.model_validate(door))

    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        check_binding(settings(host=host))
    check_binding(settings(host="0.0.0.0", behind_proxy=True))  # noqa: S104 - what is being tested
    check_binding(settings(host="10.0.0.1", tls_certificate="/c", tls_key="/k"))
    for refused in ({"host": "0.0.0.0"}, {"host": "::"}, {"host": ""}, {"host": "myhost"}, {"tls_key": "/k"}):  # noqa: S104 - what is being tested
        with pytest.raises(CallerError):
            check_binding(settings(**refused))


async def test_a_kept_token_is_known_to_work_or_not(database: TestDatabase, store: Database) -> None:
    token = await ensure_local_principal(store)
    assert await token_works(store, token)
    assert await ensure_local_principal(store) != token
    assert await token_works(store, token)
    assert not await token_works(store, "nonsense")
    assert not await token_works(store, new_token("default"))
