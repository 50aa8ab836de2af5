"""The rules of demands: which meanings, together in one sentence, ask agents for what no honest request needs.

Choice: three meanings or more make a demand that stops; two that speak to whoever does the work, of how the work is judged,
are shown to people and stop nobody. Invariant: the first meaning of a rule is its verb, from which the others are looked for.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.findings import Risk
from pipeline.screening.vocabulary import Meaning


class Rule(NamedTuple):
    """Meanings that, together in one sentence, make a demand. The first is its verb."""

    name: str
    risk: Risk
    meanings: tuple[Meaning, ...]
    explanation: str
    unless: tuple[Meaning, ...] = ()
    declared: bool = False
    """Whether it need not have the form of a demand: saying that it is so is the attack."""
    foreign: bool = False
    """Whether English is left to its patterns."""
    steers: bool = True
    """Whether it would do harm where no reader sees it; what is only shown to people would not."""
    across: bool = False
    """Whether the clause before may name what a pronoun stands for."""


M = Meaning
_OVERRIDE = "It tells the reader to set its instructions aside."
_SECRETS = "It asks to show or send what must stay secret."
_WEAKEN = "It asks to leave out tests or reviews."
_VOID = "It declares the reader's instructions void."
_ROLE = "It gives the reader another role."
_VOUCHED = "It vouches for itself: a text cannot clear itself of what is asked about it."
_PLACES = "It asks to show or send what a machine keeps secret."
_NEUTRALISED = "It asks to weaken the tests instead of meeting them."
_PAST = "It asks to deliver past the gates."
_UNTOLD = "It asks to keep something from the people who decide."
_DICTATED = "It dictates the result of a check."
_REMOTE = "It asks to fetch something and run it."
_DEMANDS: Sequence[Rule] = (
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.INSTRUCTIONS, M.PREVIOUS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.INSTRUCTIONS, M.YOURS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.RULES, M.YOURS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.RULES, M.ALL, M.PREVIOUS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.INSTRUCTIONS, M.TOLD), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.ALL, M.TOLD), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.MEDIUM, (M.ASIDE, M.RULES, M.PREVIOUS), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.FOLLOW, M.NOT, M.RULES, M.YOURS), _OVERRIDE),
    Rule("override_instructions", Risk.HIGH, (M.FOLLOW, M.NOT, M.INSTRUCTIONS, M.YOURS), _OVERRIDE),
    Rule("role_change", Risk.HIGH, (M.NOW, M.UNBOUND), _ROLE),
    Rule("secrets", Risk.HIGH, (M.LEAK, M.ENVIRONMENT, M.SINK), _SECRETS, (M.MASK,), foreign=True),
    Rule("secrets", Risk.HIGH, (M.LEAK, M.SECRETS, M.SINK), _SECRETS, (M.MASK, M.NOT), foreign=True),
    Rule("secrets", Risk.MEDIUM, (M.LEAK, M.ALL, M.ENVIRONMENT), _SECRETS, (M.MASK,), foreign=True),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.ALL, M.TESTS), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.TESTS, M.REVIEW), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.TESTS, M.FAILING), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.DELETE, M.TESTS, M.FAILING), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.REVIEW, M.THIS), _WEAKEN, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.SKIP, M.TESTS, M.THIS), _WEAKEN, (M.NOT,)),
    Rule("unapproved_delivery", Risk.HIGH, (M.PUSH, M.MAIN, M.DIRECTLY), _PAST),
    Rule("unapproved_delivery", Risk.HIGH, (M.PUSH, M.MAIN, M.WITHOUT, M.REVIEW), _PAST),
    Rule("remote_code", Risk.HIGH, (M.FETCH, M.RUN, M.ADDRESS), _REMOTE),
    Rule("concealment", Risk.HIGH, (M.MENTION, M.NOT, M.SUMMARY), _UNTOLD),
    Rule("override_instructions", Risk.HIGH, (M.OVER, M.OWN), _VOID, declared=True),
    Rule("override_instructions", Risk.HIGH, (M.OVER, M.TOLD_YOU), _VOID, declared=True),
    Rule("override_instructions", Risk.HIGH, (M.OVER, M.INSTRUCTIONS, M.YOURS), _VOID, declared=True),
    Rule("override_instructions", Risk.HIGH, (M.OVER, M.RULES, M.ALL, M.PREVIOUS), _VOID, declared=True),
    Rule("override_instructions", Risk.HIGH, (M.APPLY, M.NOT, M.INSTRUCTIONS, M.YOURS), _VOID, declared=True),
    Rule("override_instructions", Risk.HIGH, (M.OVER, M.INSTRUCTIONS, M.PREVIOUS, M.HERE), _VOID, declared=True),
    Rule("override_instructions", Risk.HIGH, (M.ASIDE, M.TOLD_YOU), _OVERRIDE, (M.DESCRIBED,)),
    Rule("override_instructions", Risk.HIGH, (M.FOLLOW, M.ONLY, M.HERE), "It claims the reader for itself.", (M.DESCRIBED,)),
    Rule("role_change", Risk.HIGH, (M.ROLE, M.UNBOUND, M.FROM_NOW), _ROLE, declared=True),
    Rule("role_change", Risk.HIGH, (M.ROLE, M.UNBOUND), _ROLE),
    Rule("impersonation", Risk.HIGH, (M.UNBOUND, M.AGENTS, M.THIS), _VOUCHED, declared=True),
    Rule("impersonation", Risk.HIGH, (M.TRUSTED, M.NO_ASKING), _VOUCHED, (M.DESCRIBED,), declared=True),
    Rule("secrets", Risk.HIGH, (M.LEAK, M.PLACE, M.SINK), _PLACES, (M.MASK,)),
    Rule("secrets", Risk.HIGH, (M.LEAK, M.PLACE, M.MACHINE), _PLACES, (M.MASK,), declared=True),
    Rule("secrets", Risk.HIGH, (M.LEAK, M.SECRETS, M.MACHINE), _PLACES, (M.MASK,), declared=True),
    Rule("skipped_check", Risk.HIGH, (M.NEUTRALISE, M.TESTS, M.FAILING), _NEUTRALISED, (M.NOT,)),
    Rule("skipped_check", Risk.HIGH, (M.NEUTRALISE, M.TESTS, M.GREEN), _NEUTRALISED, (M.NOT,), declared=True, across=True),
    Rule("skipped_check", Risk.HIGH, (M.NEUTRALISE, M.TESTS, M.CONTROL), _NEUTRALISED, (M.NOT,)),
    Rule("unapproved_delivery", Risk.HIGH, (M.PUSH, M.MAIN, M.NO_WAIT), _PAST),
    Rule("unapproved_delivery", Risk.HIGH, (M.PUSH, M.MAIN, M.DIRECTLY, M.NO_WAIT), _PAST, declared=True),
    Rule("unapproved_delivery", Risk.HIGH, (M.PUSH, M.MAIN, M.SELF), _PAST),
    Rule("unapproved_delivery", Risk.HIGH, (M.PUSH, M.NO_WAIT, M.REVIEW), _PAST, across=True),
    Rule("unapproved_delivery", Risk.MEDIUM, (M.PUSH, M.NO_ASKING), _PAST, (M.NOT,)),
    Rule("remote_code", Risk.HIGH, (M.FETCH, M.RUN, M.ADDRESS, M.PROGRAM), _REMOTE, (M.DESCRIBED,)),
    Rule("concealment", Risk.HIGH, (M.UNTOLD, M.CHANGED, M.PEOPLE), _UNTOLD, declared=True, across=True),
    Rule("forged_verdict", Risk.HIGH, (M.ANSWER, M.VERDICT, M.TO_REVIEWER), _DICTATED),
    Rule("forged_verdict", Risk.HIGH, (M.VERDICT, M.TO_REVIEWER, M.NO_LOOK), _DICTATED, declared=True),
)  # fmt: skip
_MATTERS = (
    M.INSTRUCTIONS, M.RULES, M.SECRETS, M.PLACE, M.REVIEW, M.TO_REVIEWER, M.TESTS, M.UNBOUND, M.NO_ASKING, M.UNTOLD,
)  # fmt: skip
_SHOWN: Sequence[Rule] = (
    Rule("secrets", Risk.MEDIUM, (M.SECRETS, M.SINK), "It speaks of secrets and of where agents write.", (M.MASK,), declared=True, steers=False),
    Rule("unapproved_delivery", Risk.MEDIUM, (M.MAIN, M.REVIEW, M.DIRECTLY), "It speaks of delivery and its gates.", declared=True, steers=False),
    Rule("unapproved_delivery", Risk.MEDIUM, (M.MAIN, M.REVIEW, M.NO_WAIT), "It speaks of delivery and its gates.", declared=True, steers=False),
    Rule("remote_code", Risk.MEDIUM, (M.RUN, M.ADDRESS, M.PROGRAM), "It speaks of running what lies elsewhere.", declared=True, steers=False),
    Rule("forged_verdict", Risk.MEDIUM, (M.TO_REVIEWER, M.VERDICT, M.ANSWER), "It speaks of what reviewers answer.", declared=True, steers=False),
)  # fmt: skip
_ADDRESSED = "It speaks to whoever does the work, of how the work is judged."
RULES: Sequence[Rule] = (
    *_DEMANDS,
    *_SHOWN,
    *(
        Rule("addressed_to_agent", Risk.MEDIUM, (M.YOU, matter), _ADDRESSED, declared=True, steers=False)
        for matter in _MATTERS
    ),
)
