"""What earlier versions stored as files of a change request is still read, kind by kind, as it lay in their databases."""

from pipeline.agents.loop_context import Feedback, FeedbackKind
from pipeline.coding.code_writing import REBUILD
from pipeline.coding.moved_bases import MOVES
from pipeline.coding.test_writing import TESTS
from pipeline.evidence.inspection_records import INSPECTION
from pipeline.findings import Risk
from pipeline.screening.risk_flags import FLAGS, PASSAGES
from pipeline.snapshots.turn_diffs import TURN_DIFF
from pipeline.stage.feedback import FEEDBACK
from pipeline.stages.translation import REQUIREMENTS


def test_files_of_earlier_versions_are_read() -> None:
    (flag,) = FLAGS.decoded(
        b'[{"risk": "high", "pattern": "p", "quote": "q", "start": 3, "explanation": "e"}]'
    )  # fmt: skip
    assert (flag.risk, flag.quote) == (Risk.HIGH, "q")
    assert PASSAGES.decoded(b'[["p", "q"]]') == [("p", "q")]
    told = FEEDBACK.decoded(b'[{"kind": "pull_request", "source": "approver ann", "text": "Smaller."}]')
    assert told == [Feedback(kind=FeedbackKind.PULL_REQUEST, source="approver ann", text="Smaller.")]
    (move,) = MOVES.decoded(
        b'[{"attempt": 1, "base_branch": "main", "base_before": "a", "base": "b", "head_before": "c", "head": "d",'
        b' "clean": true, "proven": true, "commits": [{"commit": "b", "subject": "s"}], "more_commits": false}]'
    )
    assert (move.base, move.commits[0].subject) == ("b", "s")
    assert REBUILD.decoded(b'{"manifest_hash": "m", "why": "go.mod", "log": "l"}').why == "go.mod"
    kept = TURN_DIFF.decoded(
        b'{"before": "a", "after": "b", "files": [{"path": "x", "status": "M", "added": 1, "removed": 0,'
        b' "old_path": null, "binary": false}], "patch": "+1", "truncated": false}'
    )
    assert kept.files[0].path == "x"
    needed = REQUIREMENTS.decoded(b'{"requirements": [{"id": "R1", "text": "t", "criterion_ids": ["AC1"]}]}')
    assert needed.requirements[0].id == "R1"
    judged = INSPECTION.decoded(
        b'{"findings": [], "inspection": {"calls": 1, "commands": 0, "failed": 0, "files": ["x"], "files_opened": 1,'
        b' "turns": 2}, "repository": "r", "reviewer": "quality_reviewer", "verdict": "pass"}'
    )
    assert judged.inspection is not None
    assert judged.inspection.files == ("x",)
    tests = TESTS.decoded(
        b'{"spec_hash": "h", "commit": "c", "submission": {"files": [{"path": "tests/test_a.py", "kind": "change",'
        b' "scenarios": [{"scenario_id": "S1", "test_names": ["test_a"]}]}], "notes": ""}, "red": {"final": false, "tests": [], "scenarios": [], "problems": []}}'
    )
    assert tests.submission.files[0].path == "tests/test_a.py"
