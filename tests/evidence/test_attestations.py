"""Others can check evidence without our code: by what `docs/evidence.md` says, by in-toto and DSSE."""

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipeline.adapters.signing import Ed25519Verifier, FileKeyStore
from pipeline.errors import Conflict
from pipeline.evidence.attestation import pre_authentication
from pipeline.evidence.bundle import build_bundle, fingerprint
from pipeline.evidence.export import as_attestation
from tests.cli.conftest import Ran, Verb, verb
from tests.evidence.test_bundle import Case, case

__all__ = ["case", "verb"]
"""Fixtures that the tests here use too."""

ORDER = ("subject", "request", "screening", "repositories", "reviews", "roles", "skipped", "approvals")
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "evidence.schema.json"


def written(value: Any) -> bytes:
    """The canonical form, as the page describes it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def hashed(value: Any) -> str:
    return sha256(written(value)).hexdigest()


def accepted(data: bytes, trusted: str) -> bool:
    """Whether a stranger accepts a bundle, who read `docs/evidence.md` and has no repository."""
    bundle = json.loads(data)
    sections, signature = bundle["sections"], bundle["signature"]
    if written(bundle) + b"\n" != data or set(sections) != set(ORDER):
        return False
    chained, chain = sha256(b"changeline-evidence:1").hexdigest(), []
    for name in ORDER:
        digest = hashed(sections[name])
        chained = sha256(f"{chained}:{name}:{digest}".encode()).hexdigest()
        chain.append({"section": name, "sha256": digest, "chained": chained})
    key = base64.b64decode(signature["public_key"])
    named = "SHA256:" + base64.b64encode(sha256(key).digest()).decode().rstrip("=")
    try:
        message = f"changeline-evidence 1 {chained}\n".encode()
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature["value"]), message)
    except InvalidSignature:
        return False
    shown = {
        "schema_version": 1,
        "criteria": sections["request"]["criteria"],
        "repositories": {
            one["name"]: {
                "base_branch": one["base_branch"], "spec": hashed(one["spec"]), "head": one["commits"]["head"]["sha"],
                "witness": hashed(one["witness"]),
            }
            for one in sections["repositories"]
        },
    }  # fmt: skip
    approved = any(
        one["gate"] == "release" and one["approved"] and one["parts"] == shown
        and one["content_hash"] == f"sha256:{hashed(shown)}"
        for one in sections["approvals"]
    )  # fmt: skip
    return chain == bundle["chain"] and named == signature["fingerprint"] == trusted and approved


def test_a_stranger_who_read_the_specification_accepts_and_refuses_alike(case: Case, tmp_path: Path) -> None:
    ours = fingerprint(case.key.public_key)
    assert accepted(case.data, ours)
    assert not accepted(build_bundle(case.sections, FileKeyStore(tmp_path).current()), ours)
    for old, new in (
        (b'"actor":"grace"', b'"actor":"bobby"'),
        (b'"merge_strategy":"merge"', b'"merge_strategy":"other"'),
    ):
        assert old in case.data
        assert not accepted(case.data.replace(old, new), ours)


def test_the_published_schema_names_every_field_of_a_bundle(case: Case) -> None:
    schema = json.loads(SCHEMA.read_text())

    def check(value: Any, about: dict[str, Any], place: str) -> None:
        about = schema["$defs"][about["$ref"].rpartition("/")[2]] if "$ref" in about else about
        if "anyOf" in about:
            about = next(one for one in about["anyOf"] if (one == {"type": "null"}) is (value is None))
            check(value, about, place) if value is not None else None
        elif isinstance(value, dict) and "properties" in about:
            assert about["additionalProperties"] is False, place
            assert set(about.get("required", ())) <= set(value) <= set(about["properties"]), place
            for name, inner in value.items():
                check(inner, about["properties"][name], f"{place}.{name}")
        elif isinstance(value, list):
            for inner in value:
                check(inner, about["items"], f"{place}[]")
        elif "const" in about or "enum" in about:
            assert value in about.get("enum", [about.get("const")]), place
        elif not isinstance(value, dict):
            kind = {str: "string", bool: "boolean", int: "integer"}[type(value)]
            assert about["type"] == kind, place

    check(json.loads(case.data), schema, "bundle")


def pae(kind: bytes, body: bytes) -> bytes:
    """What DSSE signs, written down once more."""
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(body)).encode(), body])


def test_what_is_signed_is_what_dsse_specifies() -> None:
    kind, body = "http://example.com/HelloWorld", b"hello world"
    assert pre_authentication(kind, body) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication(kind, body) == pae(kind.encode(), body)


class Handed:
    """An envelope that was handed over, and its check by our command."""

    def __init__(self, case: Case, place: Path, verb: Verb) -> None:
        self.case, self.place, self._verb = case, place, verb
        self.keys = FileKeyStore(case.repository.parent / "keys")
        self.ours = fingerprint(case.key.public_key)
        self.data = as_attestation(case.data, self.keys, Ed25519Verifier())

    def verify(self, data: bytes | dict[str, Any], *arguments: str) -> Ran:
        file = self.place / "evidence.dsse.json"
        file.write_bytes(data if isinstance(data, bytes) else json.dumps(data, indent=1).encode())
        return self._verb("evidence", "verify", str(file), "--repo", str(self.case.repository), *arguments)

    def restated(self, change: Callable[[dict[str, Any]], None], key: Ed25519PrivateKey | None) -> dict[str, Any]:
        """Return the envelope with another statement: signed as before, or by a key of somebody's own."""
        envelope = json.loads(self.data)
        statement = json.loads(base64.b64decode(envelope["payload"]))
        change(statement)
        if key is not None:
            raw = key.public_key().public_bytes_raw()
            named = {"public_key": base64.b64encode(raw).decode(), "fingerprint": fingerprint(raw)}
            statement["predicate"]["signer"] |= named
        payload = written(statement)
        envelope["payload"] = base64.b64encode(payload).decode()
        if key is not None:
            signed = key.sign(pae(envelope["payloadType"].encode(), payload))
            envelope["signatures"] = [{"keyid": self.ours, "sig": base64.b64encode(signed).decode()}]
        return dict(envelope)


@pytest.fixture
def handed(case: Case, tmp_path: Path, verb: Verb) -> Handed:
    return Handed(case, tmp_path, verb)


def test_an_envelope_is_an_in_toto_statement_that_anybody_can_verify(handed: Handed) -> None:
    envelope = json.loads(handed.data)
    assert set(envelope) == {"payload", "payloadType", "signatures"}
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    (signature,) = envelope["signatures"]
    assert signature["keyid"] == handed.ours
    payload = base64.b64decode(envelope["payload"])
    key = Ed25519PublicKey.from_public_bytes(handed.case.key.public_key)
    key.verify(base64.b64decode(signature["sig"]), pae(envelope["payloadType"].encode(), payload))
    statement = json.loads(payload)
    merge = handed.case.sections.repositories[0].commits.merge
    assert merge is not None
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "shop", "digest": {"gitCommit": merge.sha}}]
    assert statement["predicateType"] == "urn:changeline:evidence:v1"
    assert statement["predicate"]["sections"] == json.loads(handed.case.data)["sections"]


def test_our_check_takes_envelopes_too_by_the_same_trust(handed: Handed) -> None:
    assert handed.verify(handed.data).code == 3
    told = handed.verify(handed.data, "--fingerprint", handed.ours, "--json")
    assert (told.code, told.value["change_request"]) == (0, "cr-1")
    envelope = json.loads(handed.data)
    envelope["payload"] = envelope["payload"].replace("+", "-").replace("/", "_")
    envelope["added"] = "by another tool"
    envelope["signatures"] = [{"sig": base64.b64encode(b"0" * 64).decode()}, *envelope["signatures"]]
    told = handed.verify(envelope, "--fingerprint", handed.ours)
    assert (told.code, "1 more signatures, which were not checked" in told.out) == (0, True), told.out


def test_an_envelope_that_was_changed_does_not_hold(handed: Handed) -> None:
    def rename(statement: dict[str, Any]) -> None:
        statement["predicate"]["sections"]["approvals"][0]["actor"] = "mallory"

    def elsewhere(statement: dict[str, Any]) -> None:
        statement["subject"][0]["digest"]["gitCommit"] = "0" * 40

    def unknown(statement: dict[str, Any]) -> None:
        statement["predicate"]["sections"]["extra"] = []

    trusted = ("--fingerprint", handed.ours)
    for change in (rename, elsewhere, unknown):
        assert handed.verify(handed.restated(change, None), *trusted).code == 1, change
    mallory = Ed25519PrivateKey.generate()
    forged = handed.restated(lambda _statement: None, mallory)
    assert handed.verify(forged, *trusted).code == 1, "the hint that it is our key decides nothing"
    assert handed.verify(forged).code == 3
    assert "about other commits" in handed.verify(handed.restated(elsewhere, mallory)).out
    assert handed.verify(handed.restated(rename, mallory)).code == 1, "the chain is checked too"
    breaks: list[dict[str, Any]] = [
        {"payloadType": "text/plain"}, {"payload": "?"}, {"payload": ""}, {"signatures": []},
    ]  # fmt: skip
    for broken in breaks:
        told = handed.verify({**json.loads(handed.data), **broken}, *trusted)
        assert told.code == 1, broken
        assert "✗ The file" in told.out, told.out


def test_only_what_the_installation_signed_is_signed_again(handed: Handed, tmp_path: Path) -> None:
    verifier, stranger = Ed25519Verifier(), FileKeyStore(tmp_path / "stranger")
    foreign = build_bundle(handed.case.sections, stranger.current())
    edited = handed.case.data.replace(b'"actor":"grace"', b'"actor":"bobby"')
    for content in (foreign, edited, b"{}", handed.data):
        with pytest.raises(Conflict, match="not signed by a key of this installation"):
            as_attestation(content, handed.keys, verifier)
    former = fingerprint(stranger.current().public_key)
    fresh = fingerprint(stranger.rotate().public_key)
    exported = as_attestation(foreign, stranger, verifier)
    assert handed.verify(exported, "--fingerprint", fresh).code == 0, (
        "evidence of a former key, vouched for by the new one"
    )
    assert handed.verify(exported, "--fingerprint", former).code == 1
