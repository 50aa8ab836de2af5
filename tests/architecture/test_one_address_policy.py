"""Addresses are judged, and names resolved for outward connections, in one module."""

import ast

from tests.architecture.source_tree import PRODUCT, TOGETHER, python_files, tree_of

pytestmark = TOGETHER

POLICY = "pipeline/adapters/network/addresses.py"
JUDGES = frozenset(
    {"is_private", "is_global", "is_link_local", "is_reserved", "is_multicast", "is_unspecified", "is_site_local",
     "ip_network", "IPv4Network", "IPv6Network", "ipv4_mapped", "sixtofour", "teredo"}
)  # fmt: skip
RESOLVES = frozenset({"getaddrinfo", "gethostbyname", "gethostbyname_ex", "getfqdn"})
OWN_DOOR = "controller/serve.py"
"""Resolves the address that this controller itself listens on."""


def _named(path: str) -> set[str]:
    nodes = list(ast.walk(tree_of(path)))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in nodes if isinstance(node, ast.Name)}


def test_no_other_module_judges_addresses() -> None:
    assert _named(POLICY) & JUDGES, "this test looks for the wrong words"
    assert {path for path in python_files(*PRODUCT) if _named(path) & JUDGES} == {POLICY}


def test_no_other_module_resolves_names() -> None:
    assert {path for path in python_files(*PRODUCT) if _named(path) & RESOLVES} <= {POLICY, OWN_DOOR}
