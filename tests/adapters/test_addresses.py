"""The one address policy: every range, every spelling, and names that change or have several addresses."""

import socket
from collections.abc import Sequence

import pytest

from pipeline.adapters.network.addresses import AddressPolicy, AddressRefused, Judged, Refusal, Resolve
from pipeline.errors import CallerError
from tests.addresses import NEVER, ODD_SPELLINGS, OWN, PRIVATE, PUBLIC


def leading_to(*addresses: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


async def refusal(policy: AddressPolicy, host: str, *, vouched: bool = False) -> Refusal | None:
    try:
        await policy.judge(host, 443, vouched=vouched)
    except AddressRefused as refused:
        return refused.refusal
    return None


@pytest.mark.parametrize("address", PUBLIC)
async def test_public_addresses_pass_and_are_what_is_connected_to(address: str) -> None:
    judged = await AddressPolicy(resolve=leading_to(address)).judge("Name.Example.", 443)
    assert judged == Judged("name.example", 443, (address.removeprefix("::ffff:"),))


@pytest.mark.parametrize("address", [*PRIVATE, *OWN])
async def test_what_is_not_public_passes_only_by_an_administrators_word(address: str) -> None:
    for resolve in (leading_to(address), leading_to("93.184.216.34", address)):
        policy = AddressPolicy(["listed.example"], resolve=resolve)
        assert await refusal(policy, "name.example") is Refusal.NOT_PUBLIC
        assert await refusal(policy, "listed.example.") is None
        assert await refusal(policy, "name.example", vouched=True) is None
    if "%" not in address:
        assert await refusal(AddressPolicy(), address) is Refusal.NOT_PUBLIC
        assert await refusal(AddressPolicy([address]), address) is None


@pytest.mark.parametrize("address", NEVER)
async def test_some_addresses_pass_for_nobody(address: str) -> None:
    policy = AddressPolicy(["listed.example"], documentation=True, resolve=leading_to("93.184.216.34", address))
    assert await refusal(policy, "name.example", vouched=True) is Refusal.NEVER
    assert await refusal(policy, "listed.example") is Refusal.NEVER
    assert await refusal(policy, f"[{address}]" if ":" in address else address, vouched=True) in {
        Refusal.NEVER,
        Refusal.SPELLING,
    }


@pytest.mark.parametrize("host", ODD_SPELLINGS)
async def test_a_host_that_could_be_read_in_two_ways_is_refused_unresolved(host: str) -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        raise AssertionError("resolved")

    assert await refusal(AddressPolicy(resolve=never), host, vouched=True) is Refusal.SPELLING


@pytest.mark.parametrize("port", [0, -1, 65_536])
async def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(AddressRefused):
        await AddressPolicy(resolve=leading_to("8.8.8.8")).judge("a.example", port)


async def test_addresses_keep_their_order_and_come_once() -> None:
    policy = AddressPolicy(resolve=leading_to("8.8.8.8", "2606:2800:220:1::1", "8.8.8.8", "::ffff:8.8.8.8"))
    assert (await policy.judge("a.example", 443)).addresses == ("8.8.8.8", "2606:2800:220:1::1")


async def test_a_name_without_addresses_is_unknown_and_no_verdict() -> None:
    async def away(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    assert await refusal(AddressPolicy(resolve=away), "a.example") is Refusal.UNKNOWN
    assert await refusal(AddressPolicy(resolve=leading_to()), "a.example") is Refusal.UNKNOWN
    assert await refusal(AddressPolicy(), "no-such-name.invalid") is Refusal.UNKNOWN


async def test_this_machine_is_found_by_its_names_too() -> None:
    assert await refusal(AddressPolicy(), "localhost") is Refusal.NOT_PUBLIC
    assert await refusal(AddressPolicy(), "LOCALHOST.") is Refusal.NOT_PUBLIC
    assert await refusal(AddressPolicy(["localhost"]), "localhost") is None


async def test_an_entry_may_name_one_port_only() -> None:
    policy = AddressPolicy(
        ["127.0.0.1:3000", "[::1]:3000", "fd00::1", "Git.Example:22"], resolve=leading_to("10.0.0.1")
    )
    for host, port in (("127.0.0.1", 3000), ("[::1]", 3000), ("fd00::1", 443), ("git.example", 22)):
        assert (await policy.judge(host, port)).addresses
    for host, port in (("127.0.0.1", 3001), ("::1", 443), ("git.example", 443)):
        with pytest.raises(AddressRefused):
            await policy.judge(host, port)


@pytest.mark.parametrize(
    "entry", ["https://a.example", "*.example", "a.example/x", "10.0.0.0/8", "0x7f.1", "é.example", ""]
)
def test_a_list_with_something_else_than_hosts_is_refused_when_it_is_read(entry: str) -> None:
    with pytest.raises(CallerError, match="neither a host nor"):
        AddressPolicy([entry])


async def test_registries_may_be_in_documentation_ranges_and_never_on_this_machine() -> None:
    registries = AddressPolicy(
        ["mirror.example"], own_machine=False, documentation=True, resolve=leading_to("203.0.113.80")
    )
    assert await refusal(registries, "registry.example") is None
    inside = AddressPolicy(["mirror.example"], own_machine=False, documentation=True, resolve=leading_to("127.0.0.1"))
    assert await refusal(inside, "mirror.example") is Refusal.NEVER
