"""Deliveries over real connections: signed, repeatable, and to no address behind our own walls."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from pipeline.adapters.network.webhooks import HttpWebhooks
from pipeline.adapters.settings_secrets import SettingsSecrets
from pipeline.errors import CallerError, ChangelineError, Conflict, TransientError
from pipeline.ports import Delivery
from tests.addresses import NEVER, ODD_SPELLINGS, OWN, PRIVATE
from tests.receiver import SECRET, Answer, Receiver, receiver

SECRETS = SettingsSecrets({"reports": SecretStr(SECRET)}, setting="CHANGELINE_WEBHOOK__SECRETS__")


@pytest.fixture
def far() -> Iterator[Receiver]:
    with receiver() as served:
        yield served


def webhooks(**given: object) -> HttpWebhooks:
    return HttpWebhooks(**{"secrets": SECRETS, "private_hosts": ("127.0.0.1",), **given})  # type: ignore[arg-type]  # a test's own defaults


def delivery(url: str) -> Delivery:
    return Delivery(id="eff-1", url=url, secret="reports", body='{"type":"é"}'.encode())


async def test_a_delivery_carries_its_key_and_a_signature_over_the_raw_body(far: Receiver) -> None:
    assert (await webhooks().deliver(delivery(far.url))).status == 204
    (got,) = far.received
    assert (got.delivery, got.signed, got.body) == ("eff-1", True, '{"type":"é"}'.encode())
    assert got.headers["changeline-timestamp"].isdecimal()
    assert SECRET not in str(got.headers)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 503])
async def test_what_may_pass_is_tried_again_when_the_receiver_wishes(far: Receiver, status: int) -> None:
    far.answers = [Answer(status, headers={"Retry-After": "120"})]
    with pytest.raises(TransientError) as later:
        await webhooks().deliver(delivery(far.url))
    assert later.value.retry_after_s == 120


async def test_a_wish_may_be_a_date_and_nonsense_is_none(far: Receiver) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    far.answers = [Answer(503, headers={"Retry-After": soon}), Answer(503, headers={"Retry-After": "when I like"})]
    wishes = []
    for _ in range(2):
        with pytest.raises(TransientError) as later:
            await webhooks().deliver(delivery(far.url))
        wishes.append(later.value.retry_after_s)
    assert wishes[0] is not None and 200 < wishes[0] <= 300
    assert wishes[1] is None


@pytest.mark.parametrize("status", [422, 503, 301])
async def test_a_receivers_words_reach_the_servers_log_only_cut_and_printable(far: Receiver, status: int) -> None:
    far.answers = [Answer(status, b"no such\x1b[31m issue\n" + b"x" * 100_000)]
    with capture_logs() as lines, pytest.raises(ChangelineError) as refused:
        await webhooks().deliver(delivery(far.url))
    (line,) = [line for line in lines if line["event"] == "receiver_refused"]
    assert line["untrusted_answer"].startswith("no such [31m issue x")
    assert len(line["untrusted_answer"]) <= 300
    assert str(status) in refused.value.message
    assert "no such" not in repr((refused.value.message, dict(refused.value.facts)))


async def test_a_redirect_is_not_followed(far: Receiver) -> None:
    far.answers = [Answer(307, headers={"Location": far.url})]
    with pytest.raises(Conflict, match="redirects are not followed"):
        await webhooks().deliver(delivery(far.url))
    assert len(far.received) == 1


async def test_a_lost_answer_and_an_absent_receiver_are_tried_again(far: Receiver) -> None:
    far.answers = [Answer(cut=True)]
    with pytest.raises(TransientError):
        await webhooks().deliver(delivery(far.url))
    assert len(far.received) == 1
    with pytest.raises(TransientError):
        await webhooks().deliver(delivery("http://127.0.0.1:1/hook"))


@pytest.mark.parametrize("address", [*PRIVATE, *OWN, *NEVER])
async def test_a_name_that_leads_behind_our_walls_is_refused_before_a_connection(far: Receiver, address: str) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["93.184.216.34", address]

    careful = HttpWebhooks(secrets=SECRETS, resolve=resolve)
    with pytest.raises(Conflict, match="not a public address"):
        await careful.deliver(delivery("http://receiver.example/hook"))
    assert far.received == []


async def test_a_listed_host_may_be_private_but_never_link_local(far: Receiver) -> None:
    port = far.url.rsplit(":", 1)[1].partition("/")[0]

    async def here(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async def metadata(_host: str, _port: int) -> Sequence[str]:
        return ["169.254.169.254"]

    listed = ("Receiver.Example",)
    await webhooks(private_hosts=listed, resolve=here).deliver(delivery(f"http://receiver.example:{port}/hook"))
    assert far.received[0].headers["host"] == f"receiver.example:{port}"
    with pytest.raises(Conflict):
        await webhooks(private_hosts=listed, resolve=metadata).deliver(delivery("http://receiver.example/hook"))


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to(far: Receiver) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    port = far.url.rsplit(":", 1)[1].partition("/")[0]
    hooks = webhooks(private_hosts=("rebinding.example",), resolve=rebinding)
    await hooks.deliver(delivery(f"http://rebinding.example:{port}/"))
    assert len(far.received) == 1


@pytest.mark.parametrize(
    "url", ["ftp://a.example/x", "file:///etc/passwd", "http://user:pw@a.example/", "https:///x", "http://a.example/#x"]
)
async def test_an_address_that_can_never_work_is_refused_at_once(url: str) -> None:
    with pytest.raises(CallerError):
        await webhooks().check(url, "reports")


@pytest.mark.parametrize("host", [one for one in ODD_SPELLINGS if not set(one) & set("/\\@?#")])
async def test_a_host_that_could_be_read_in_two_ways_is_refused_unresolved(host: str) -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        raise AssertionError("resolved")

    careful = webhooks(private_hosts=(), resolve=never)
    for written in {host, f"[{host}]" if ":" in host and "[" not in host else host}:
        with pytest.raises(CallerError):
            await careful.deliver(delivery(f"http://{written}/hook"))


async def test_an_address_that_is_spelled_out_and_private_is_refused_before_it_is_stored() -> None:
    for address in (*PRIVATE, *OWN, *NEVER):
        with pytest.raises(CallerError):
            await HttpWebhooks(secrets=SECRETS).check(
                f"http://{f'[{address}]' if ':' in address else address}/hook", "reports"
            )
    await webhooks().check("http://127.0.0.1/hook", "reports")
    await HttpWebhooks(secrets=SECRETS).check("https://private.example/hook", "reports")


async def test_without_its_secret_nothing_is_sent_and_the_setting_is_named() -> None:
    with pytest.raises(CallerError) as refused:
        await webhooks().check("https://a.example/", "unknown")
    assert "CHANGELINE_WEBHOOK__SECRETS__UNKNOWN" in str(refused.value.remedy)
