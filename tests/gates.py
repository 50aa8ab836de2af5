"""Gates as tests open and read them: content that is whole and valid, with only what matters said."""

from pipeline.gates.content import ReleaseContent, ShownChange
from pipeline.gates.gate import Gate

HEAD = "h" * 40


def release(*, head: str = HEAD, **shown: object) -> ReleaseContent:
    """What a release shows of one repository."""
    change = ShownChange(base_branch="main", base="b" * 40, head=head)
    return ReleaseContent.model_validate({"repositories": {"sample": change}, **shown})


def shown_by(gate: Gate) -> ReleaseContent:
    """What the gate of a release shows."""
    assert isinstance(gate.content, ReleaseContent)
    return gate.content
