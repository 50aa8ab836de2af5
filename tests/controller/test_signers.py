"""The keys that sign here, and evidence in the form of others."""

import base64
import json
from pathlib import Path

from pipeline.adapters.signing import FileKeyStore
from pipeline.evidence.bundle import fingerprint
from pipeline.store.engine import Database
from tests.controller import line
from tests.controller.conftest import Starter


async def test_keys_are_told_and_foreign_evidence_is_never_signed(
    start: Starter, store: Database, tmp_path: Path
) -> None:
    keys = FileKeyStore(tmp_path / "keys")
    former = keys.current().public_key
    current = keys.rotate().public_key
    with start.running(keys=keys) as controller:
        await line.queued(store)
        await line.with_evidence(store, b'{"made":"up"}')
        client, evidence = controller.client(), f"/api/v1/change-requests/{line.CR}/evidence"
        told = client.get("/api/v1/signers").json()["items"]
        assert told == [
            {"fingerprint": fingerprint(key), "public_key": base64.b64encode(key).decode(), "current": key == current}
            for key in (current, former)
        ]
        assert "PRIVATE" not in json.dumps(told)
        assert client.get(evidence).content == b'{"made":"up"}'
        refused = client.get(evidence, params={"format": "dsse"})
        assert (refused.status_code, refused.json()["field"]) == (409, "format")
        assert client.get(evidence, params={"format": "other"}).status_code == 422
