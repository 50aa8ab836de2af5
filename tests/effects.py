"""Effects as tests intend them: whole and valid, with only what matters said."""

from pipeline.effects.kinds import Push, Pushed

COMMIT = "c" * 40


def push(*, ref: str = "refs/heads/changeline/cr-1", commit: str = COMMIT, remote: str = "/srv/sample") -> Push:
    """The push of a new branch."""
    return Push(remote=remote, ref=ref, commit=commit)


def pushed(*, ref: str = "refs/heads/changeline/cr-1", commit: str = COMMIT) -> Pushed:
    """What such a push came to."""
    return Pushed(ref=ref, commit=commit)
