"""Who may do what: roles, principals, and the tokens that stand for them.

Problem: a token that must be looked up before its tenant is known needs a look-up that sees every tenant. Choice: the
tenant is the middle part of the token, so the row is searched inside that tenant and row-level security is never
bypassed. Invariant: only hashes are stored; a token has 192 bits of chance, so a plain SHA-256 protects it.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from pipeline.errors import CallerError

_TOKEN = re.compile(r"cl_(?P<tenant>[a-z0-9][a-z0-9_-]{0,62})_(?P<chance>[0-9a-f]{48})")


class Role(StrEnum):
    """What a principal may do; each role includes those before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Position in the order of inclusion."""
        return list(Role).index(self)


class TokenPurpose(StrEnum):
    """What a token opens. One purpose is never accepted in place of another."""

    API = "api"
    SESSION = "session"
    LOGIN = "login"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who is known, within one tenant."""

    id: str
    tenant: str
    name: str
    kind: str
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        """Whether one of the principal's roles is or includes `role`."""
        return any(held.rank >= role.rank for held in self.roles)


class NotAuthenticated(CallerError):
    """Nobody is known by what was presented."""


def new_token(tenant: str) -> str:
    """Return a fresh token of a tenant; show it once and store only its hash."""
    return f"cl_{tenant}_{secrets.token_hex(24)}"


def tenant_of(token: str) -> str:
    """Return the tenant a token claims; raises `NotAuthenticated` for anything that is not a token."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise NotAuthenticated("This is not a token of Changeline.", remedy="Use the token that was printed.")
    return found["tenant"]


def token_hash(token: str) -> str:
    """Return what is stored in place of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
