"""What was found in one file, and the words by which tests and their runners are known.

Problem: nearly every construct that tells a test run from another one has honest uses too. Choice: weigh it by what stands in the
same expression: what speaks of tests, or has no other use than to look at whoever calls, is major; what may tell is minor; what
honest programs do every day is at most a remark. Strings count as they are when the program runs, where that can be told from
the text alone. Invariant: no text, however it is made, costs more than a bounded number of steps; beyond that it counts as unread.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from tree_sitter import Node

from pipeline.findings import Severity
from pipeline.proof.planting.planted import ancestors, text_of

DEPTH_MAX = 40
"""How many steps a name or a string is followed."""
JOINED_MAX = 200
"""Parts of one string."""
STRING_MAX_CHARS = 1_000
_WEIGHT = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2, Severity.CRITICAL: 3}
_SPEAKS_OF_TESTS = re.compile(
    r"(?i)test|\bspecs?\b|\.spec\b|\bjest|mocha|jasmine|\bava\b|\bnose|\btox\b|junit|surefire|xdist|\bvite-?node\b"
)
_RUNNERS = ("pytest", "_pytest", "py.test", "unittest", "vitest", "org.junit", "testng")
_FRAGMENT_MIN = 3
OF_RUNNERS = re.compile(
    r"PYTEST|XDIST_WORKER|UNITTEST|NOSETESTS|\bTOX_|JEST_WORKER|\bVITEST|NODE_TEST|\bMOCHA|\bAVA_PATH|CYPRESS|PLAYWRIGHT_TEST"
    r"|NEXTEST|RUST_TEST|CARGO_BIN_EXE_|CARGO_TARGET_TMPDIR|BAZEL_TEST|TEST_WORKSPACE|\bsurefire|_CURRENT_TEST"
)
"""Variables and properties that a runner sets for its tests."""
ONLY_OF_RUNNERS = re.compile(
    r"PYTEST_(?:CURRENT_TEST|VERSION|XDIST_\w+)|JEST_WORKER_ID|VITEST(?:_\w+)?|NODE_TEST_CONTEXT|NEXTEST(?:_\w+)?"
    r"|RUST_TEST_\w+|surefire\.[\w.]+|_called_from_test|/proc/(?:self|thread-self)/(?:cmdline|environ|comm|exe)"
)
"""Such names have no other meaning wherever they stand."""
OF_AUTOMATION = re.compile(
    r"CI|CONTINUOUS_INTEGRATION|BUILD_NUMBER|GITHUB_ACTIONS|GITLAB_CI|JENKINS_URL|TRAVIS|CIRCLECI|BUILDKITE|TEAMCITY_VERSION"
)


class Unreadable(Exception):
    """A file that takes more steps than it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One construct, with what it is in plain words."""

    line: int
    end_line: int
    severity: Severity
    what: str


@dataclass(slots=True)
class Traces:
    """What was found so far. Of the same on the same line the weightiest counts."""

    steps_left: int
    """Nodes that may be looked at, some of them several times."""
    found: dict[tuple[int, str], Trace] = field(default_factory=dict)

    def walk(self, root: Node, into: Callable[[Node], bool] = lambda _: True) -> Iterator[Node]:
        """Yield a node and what is below it, outer ones first, without what is below those that are not gone `into`.

        Raises `Unreadable` when all walks together have taken too many steps.
        """
        ahead = [root]
        while ahead:
            node = ahead.pop()
            self.steps_left -= 1
            if self.steps_left < 0:
                raise Unreadable
            yield node
            if into(node):
                ahead.extend(reversed(node.children))

    def strings_in(self, node: Node, fold: "Fold") -> Iterator[str]:
        """Yield the strings in an expression, put together as far as its text tells."""
        told: list[str] = []

        def into(one: Node) -> bool:
            text = fold(one) if one.is_named else None
            told.extend(() if text is None else (text,))
            return text is None

        for _ in self.walk(node, into):
            yield from told
            told.clear()
        yield from told

    def add(self, node: Node, severity: Severity, what: str) -> None:
        """Note a construct."""
        line = node.start_point.row + 1
        known = self.found.get((line, what))
        if known is None or _WEIGHT[known.severity] < _WEIGHT[severity]:
            trace = Trace(line=line, end_line=node.end_point.row + 1, severity=severity, what=what)
            self.found[line, what] = trace


Fold = Callable[[Node], str | None]
"""Returns the string that an expression is, where its text tells that."""


def speaks_of_tests(words: Iterable[str]) -> bool:
    """Whether one of these strings names tests or a runner, or is the beginning of a runner's name."""
    return any(_SPEAKS_OF_TESTS.search(word) or _begins_a_runner(word) for word in words)


def names_a_runner(words: Iterable[str]) -> bool:
    """Whether one of these strings is a test runner's module, or the beginning of its name."""
    return any(
        word.lower().startswith(_RUNNERS) or _begins_a_runner(word) or word.lower() in {"doctest", "nose", "conftest"}
        for word in words
    )


def _begins_a_runner(word: str) -> bool:
    known = word.lower()
    return len(known) >= _FRAGMENT_MIN and any(runner.startswith(known) for runner in _RUNNERS)


def joined(parts: Iterable[str | None]) -> str | None:
    """Return parts put together; None where one is not known, or there are too many."""
    known = list(islice(parts, JOINED_MAX + 1))
    if not known or None in known or len(known) > JOINED_MAX:
        return None
    whole = "".join(map(str, known))
    return whole if len(whole) <= STRING_MAX_CHARS else None


def expression_around(node: Node, ends: Callable[[Node], bool]) -> Node:
    """Return the widest expression that a node is a part of; `ends` says of a node that it is no expression any more."""
    inner = node
    for above in ancestors(node):
        if ends(above):
            break
        inner = above
    return inner


def is_within(node: Node, kinds: Iterable[str], top: Node) -> bool:
    """Whether a node of one of these types lies around one, up to a node and that included."""
    wanted = frozenset(kinds)
    for above in ancestors(node):
        if above.type in wanted:
            return True
        if above == top:
            return False
    return False


def assigned_once(pairs: Iterable[tuple[str, Node]]) -> Mapping[str, Node]:
    """Return the values of names that are given one only once in a file."""
    found: dict[str, Node | None] = {}
    for name, value in pairs:
        found[name] = None if name in found else value
    return {name: value for name, value in found.items() if value is not None}


def field_text(node: Node, name: str) -> str:
    """Return the text of a field of a node; empty where it has none."""
    return text_of(node.child_by_field_name(name))


def environment(traces: Traces, node: Node, words: Iterable[str], how: str) -> None:
    """Note a look at the environment, if it is at what a runner or an automation sets."""
    for word in words:
        if OF_RUNNERS.search(word):
            traces.add(node, Severity.MAJOR, f"reads {word} ({how}), which a test runner sets")
        elif OF_AUTOMATION.fullmatch(word):
            traces.add(node, Severity.MINOR, f"reads {word} ({how}), which is set where tests run by themselves")
