"""Deliveries over real connections: signed, repeatable, and to no address behind our own walls."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from pipeline.adapters.webhooks import HttpWebhooks
from pipeline.errors import CallerError, Conflict, TransientError
from pipeline.ports import Delivery
from tests.receiver import SECRET, Answer, Receiver, receiver

SECRETS = {"reports": SecretStr(SECRET)}


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


async def test_a_refusal_is_final_and_brings_the_receivers_words_cut_and_printable(far: Receiver) -> None:
    far.answers = [Answer(422, b"no such\x1b[31m issue\n" + b"x" * 100_000)]
    with pytest.raises(Conflict) as refused:
        await webhooks().deliver(delivery(far.url))
    words = str(refused.value.facts["untrusted_answer"])
    assert words.startswith("no such [31m issue x")
    assert len(words) <= 300
    assert "422" in refused.value.message


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


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.20.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",  # noqa: S104 - an address to be refused, bound to by nobody
     "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
)  # fmt: skip
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
def test_an_address_that_can_never_work_is_refused_at_once(url: str) -> None:
    with pytest.raises(CallerError):
        webhooks().check(url, "reports")


def test_without_its_secret_nothing_is_sent_and_the_setting_is_named() -> None:
    with pytest.raises(CallerError) as refused:
        webhooks().check("https://a.example/", "unknown")
    assert "CHANGELINE_WEBHOOK__SECRETS__UNKNOWN" in str(refused.value.remedy)
