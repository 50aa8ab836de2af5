"""The deterministic screening of a request: the first wall against injected instructions.

Problem: a model that screens text can be talked out of it by that very text, and may not be there. Choice: a table of
patterns with risk levels (specification 8.1), matched on folded text so that spelling tricks do not help; blobs are
decoded once and read again. `high` pauses before any agent sees the text, so the patterns aim at what no honest request
needs to say; a score over a committed corpus holds both sides. Limit, stated: meaning without these words passes, and is
the business of the later layers.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.findings import Risk, RiskFlag
from pipeline.screening.hidden_text import FoldedText, as_words, decoded_blobs, fold, hidden_runs, mixed_words, unleet

FLAGS_MAX = 50
"""A text with more is paused anyway."""
_NEGATION = re.compile(
    r"(?:\bnever|\bnot|\b(?:do|does|did|must|should|can|could|would|is|are|was|were|will|wo|ca)n ?t|\bavoid(?:s|ing)?|\bstops?|\bstopped|\bwithout|\bprevent\w*|\bno longer|\bredact\w*|\bmask\w*|\bforbid\w*|\brefuse\w*|\binstead of)\s+(?:\w+\s+){0,3}$"
)
_INSISTING = re.compile(r"\b(?:forget|hesitate|fail|worry|only|just)\b")
_NEGATION_REACH = 60


class Pattern(NamedTuple):
    """A shape over words in lower case (see `as_words`) or, if it needs signs, over the folded text."""

    name: str
    risk: Risk
    shape: re.Pattern[str]
    explanation: str
    negatable: bool = False
    """Whether "never …" before it makes it harmless: then it is reported one level lower."""
    signs: bool = False


def _shape(text: str) -> re.Pattern[str]:
    return re.compile(text.replace("_", " ").replace(r"\S+", r"\w+"))


_SET_ASIDE = r"(?:ignore|disregard|forget|override|bypass|discard|overrule|neglect)"
_SECRETS = (
    r"(?:(?:environment|env)_var(?:iable)?s|environ\b|(?:full|entire|whole|complete)_environment\b|os_environ|process_env|secrets|credentials|"
    r"api_keys?|private_keys?|(?:access|auth|api|deploy|session|bearer|github|model)_tokens|passwords|env_files?\b(?!_(?:template|example)|s_template)|connection_strings?)"
)
_LEAK = r"(?:print|dump|expose|leak|exfiltrate|send|post|upload|e?mail|transmit|forward|commit|paste|publish|reveal|echo|write|log|include|embed|copy|return|serve|append)"
_ENDPOINT = r"(?:endpoint|route|url|handler|api|webhook|port|path|page|shell|console)"

PATTERNS: tuple[Pattern, ...] = (
    Pattern("override_instructions", Risk.HIGH, _shape(rf"\b{_SET_ASIDE}_(?:\S+_){{0,3}}?(?:all|any|every|the|your|my|these|those|previous|prior|above|earlier|system|initial|original)_(?:\S+_){{0,3}}?(?:instruction|guideline|guardrail|safeguard|prompt)s?\b"),
            "It tells the reader to set its instructions aside.", negatable=True),
    Pattern("override_instructions", Risk.HIGH, _shape(rf"\b{_SET_ASIDE}_(?:\S+_){{0,3}}?(?:your|previous|prior|above|earlier|system|security|safety)_(?:\S+_){{0,2}}?(?:rule|polic(?:y|ie)|directive|constraint|restriction|command|direction|training)s?\b"),
            "It tells the reader to set its rules aside.", negatable=True),
    Pattern("override_instructions", Risk.HIGH, _shape(r"\b(?:ignore|disregard|forget)_(?:about_)?(?:everything|anything|all)_(?:\S+_){0,3}?(?:above|before|previous|prior|earlier|said|told|so_far)\b"),
            "It tells the reader to set its instructions aside."),
    Pattern("override_instructions", Risk.HIGH, _shape(r"\b(?:your|the|these|those|earlier|previous)_(?:real|new|actual|true|updated)_(?:instructions?|task|goal|objective|mission|system_prompt)\b"),
            "It replaces the task by another one."),
    Pattern("override_instructions", Risk.HIGH, _shape(rf"\b{_SET_ASIDE}_(?:\S+_){{0,3}}?(?:instructions?|rules?|guidelines?|prompt)_(?:\S+_)?(?:above|before|so_far|you_(?:were|have_been|got|received))\b"),
            "It tells the reader to set its instructions aside.", negatable=True),
    Pattern("override_instructions", Risk.HIGH, _shape(r"\b(?:ignoriere?|vergiss|missachte)_(?:\S+_){0,3}?(?:anweisung|regel|instruktion|vorgabe)\w*|\bignore[zr]?_(?:\S+_){0,4}?(?:instructions|consignes|regles)_precedentes|\bignora_(?:\S+_){0,3}?(?:instrucciones|reglas|istruzioni)"),
            "It tells the reader, in another language, to set its instructions aside."),
    Pattern("role_change", Risk.HIGH, _shape(r"\byou_are_(?:now|no_longer)_(?:an?|the|in|free|bound|unrestricted|dan|root)\b|\b(?:developer|god|sudo|jailbreak|dan|unrestricted)_mode\b|\bjailbreak\b|\bpretend_(?:to_be|you_are|that_you)_(?:\S+_){0,3}?(?:admin\w*|unrestricted|developer|system|root|no_rules)"),
            "It gives the reader another role."),
    Pattern("prompt_disclosure", Risk.HIGH, _shape(r"\b(?:reveal|print|show|repeat|output|disclose|paste|quote|tell_me|include|write)_(?:\S+_){0,4}?(?:(?:system|hidden|initial|developer)_(?:prompt|instructions)|your_(?:prompt|instructions|tools))\b"),
            "It asks for the instructions of an agent.", negatable=True),
    Pattern("forged_turn", Risk.HIGH, re.compile(r"<\|?\s*/?\s*(?:im_start|im_end|system|endoftext|assistant|instructions?)\s*\|?>|\[/?(?:inst|system)\]|<<\s*/?sys\s*>>|(?:^|\n)[ \t]*#{0,4}[ \t]*(?:system|assistant|human)(?: prompt| message| override)?\s*:\s*\S|(?:begin|end) system (?:prompt|message|override)|(?:^|\n)[ \t]*role:\s*[a-z]+_[a-z]+"),
            "It imitates the markers by which conversations are told apart.", signs=True),
    Pattern("addressed_to_agent", Risk.HIGH, _shape(r"\b(?:note|message|attention|instructions?|reminder|memo|hint)_(?:to|for)_(?:the_|all_|any_|every_)?(?:ai|llm|llms|language_model|coding_agent|code_agent|agents?\b|assistant|model|bot|reviewing_bot|automated_reviewer)\b|\bif_you_are_(?:an?_)?(?:ai|llm|language_model|assistant|agent|automated)\b|\b(?:dear|hey)_(?:ai|assistant|model|agent|claude|gpt)\b"),
            "It addresses the agents instead of describing the software."),
    Pattern("concealment", Risk.HIGH, _shape(r"\b(?:do_not|don_?t|never|without)_(?:mention|mentioning|tell|telling|report|reporting|disclose|disclosing|inform|informing|alert|alerting|notify|notifying)_(?:\S+_){0,5}?(?:reviewers?|approvers?|anyone|anybody|users?_about_this|the_team|operators?|maintainers?|summary|pull_request|pr_description|commit_message)\b|\b(?:hide|conceal)_(?:this|these|the_change|it)_(?:\S+_){0,3}?(?:from)\b|\bkeep_(?:this|it)_(?:a_secret|hidden|between_us|out_of_the_(?:diff|summary|pr))"),
            "It asks to keep something from the people who decide."),
    Pattern("forged_verdict", Risk.HIGH, _shape(r"\b(?:approve|accept|merge|pass)_(?:this|the)_(?:change|pr|pull_request|request|review|diff|spec)_(?:\S+_){0,4}?(?:without|automatically|immediately|regardless|no_matter)\b|\b(?:mark|report|treat|set)_(?:\S+_){0,4}?(?:tests?|checks?|reviews?|findings?|risk)_as_(?:passed|passing|approved|green|safe|resolved|low)\b|\b(?:this|the)_request_(?:was|is|has_been)_(?:already_)?(?:pre_?)?(?:approved|screened|verified|cleared|reviewed)_(?:by|and)\b"),
            "It dictates the result of a check."),
    Pattern("debug_endpoint", Risk.HIGH, _shape(r"\b(?:debug(?:ging)?|diagnostics?|hidden|undocumented|unauthenticated|backdoor|maintenance|admin(?:istration|istrator|istrative)?|internal_status|introspection)_(?:\S+_){0,2}?(?:endpoint|route|url|handler|shell|console|api|webhook)s?\b"),
            "It asks for an entry point that shows or controls the inside.", negatable=True),
    Pattern("debug_endpoint", Risk.HIGH, _shape(rf"\b{_ENDPOINT}_(?:that|which|to)_(?:\S+_){{0,4}}?(?:dumps?|executes?|evals?|runs?)_(?:\S+_){{0,4}}?(?:commands?|code|shell|sql|expressions?|python|scripts?|memory|environment|config(?:uration)?)\b"),
            "It asks for an entry point that runs or shows what it is given.", negatable=True),
    Pattern("backdoor", Risk.HIGH, _shape(r"\bback_?doors?\b|\bmaster_(?:password|key|token)s?\b|\b(?:hard_?cod(?:e|ed|ing))_(?:\S+_){0,4}?(?:password|credential|token|key|admin|secret)s?\b|\b(?:skip|bypass|disable|circumvent|omit)_(?:\S+_){0,3}?(?:authentication|authorization|authorisation|login|permission_checks?|access_controls?|signature_(?:check|verification))_(?:\S+_){0,2}?(?:if|when|for|whenever)\b|\baccept_any_(?:password|token|signature|certificate)\b"),
            "It asks for a way around a control.", negatable=True),
    Pattern("secrets", Risk.HIGH, _shape(rf"\b{_LEAK}(?:s|ed|ing|ting)?_(?:(?!if\b|when\b|error\b|warning\b|message\b|email\b|reset\b|invalid\b|missing\b|expired\b)\S+_){{0,5}}?(?:all|every|any|the|its|our|your|their|current|full|complete|raw|server|production|process|contents_of|values?_of)_(?:(?!if\b|when\b)\S+_){{0,3}}?{_SECRETS}"),
            "It asks to show or send what must stay secret.", negatable=True),
    Pattern("secrets", Risk.HIGH, _shape(r"\b(?:print|dump|expose|leak|exfiltrate|echo|post|upload|publish|paste|reveal)_(?:(?!if\b|when\b)\S+_){0,2}?(?:(?:environment|env)_var(?:iable)?s|secrets|credentials)\b"),
            "It asks to show or send what must stay secret.", negatable=True),
    Pattern("secrets", Risk.HIGH, re.compile(r"\bprintenv\b|\b(?:echo|print|cat|curl)\b[^\n]{0,40}\$\{?\w*(?:secret|token|password|api_?key)"),
            "It shows a secret in a shell.", signs=True),
    Pattern("secrets", Risk.HIGH, _shape(rf"\b(?:read|collect|gather|enumerate|list|get|grab|harvest|steal|find|search_for|look_for)_(?:all|every|any|each|the_full)_(?:\S+_){{0,4}}?{_SECRETS}"),
            "It asks to gather what must stay secret.", negatable=True),
    Pattern("secrets", Risk.HIGH, re.compile(r"/etc/(?:passwd|shadow)\b|/proc/(?:self|\d+|\*)/(?:environ|cmdline|mem)\b|\bid_(?:rsa|ed25519|ecdsa)\b|~/\.(?:ssh|aws|netrc|docker/config|kube)\b|\.aws/credentials|169\.254\.169\.254|metadata\.google\.internal|/var/run/docker\.sock|/var/run/secrets"),
            "It names a place where a machine keeps its secrets.", signs=True),
    Pattern("encoded", Risk.HIGH, re.compile(r"\batob\s*\(|\bfromcharcode\b|\b(?:eval|exec)\s*\(\s*(?:atob|base64|bytes|unescape|decode|compile|requests?|input|__import__|request|req\.|codecs)|\bbase64\s+(?:-d|--decode|-di)\b|\b(?:curl|wget)\b[^\n|]{0,200}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|powershell\s+-e(?:nc|ncodedcommand)?\b|\bnc\s+-\w*e\b|/dev/tcp/"),
            "It runs something that a reader cannot see.", signs=True),
    Pattern("encoded", Risk.HIGH, _shape(r"\b(?:decode|decrypt|unscramble|deobfuscate|rot_?13)_(?:\S+_){0,6}?(?:and|then)_(?:\S+_){0,3}?(?:follow|execute|run|obey|do|perform|apply)\b"),
            "It asks to decode something and act on it."),
    Pattern("destruction", Risk.HIGH, re.compile(r"\brm\s+-(?:rf|fr)\s+[/~*$]|\bdrop\s+(?:database|schema)\s+\w+\s*;|\bgit\s+push\s+(?:-f|--force)\b|:\(\)\s*\{\s*:\|:"),
            "It names a command that destroys.", signs=True),
    Pattern("infrastructure", Risk.MEDIUM, _shape(r"\b(?:modify|change|edit|update|add|remove|delete|replace|alter|rewrite|touch|adjust)_(?:\S+_){0,5}?(?:dockerfile|docker_compose|ci_cd|ci_(?:pipeline|workflow|config)|github_actions?|gitlab_ci|jenkinsfile|deploy(?:ment)?_scripts?|github_workflows?|terraform|helm_chart|makefile)\b"),
            "It reaches into how the software is built or delivered."),
    Pattern("weakened_control", Risk.MEDIUM, _shape(r"\b(?:disable|turn_off|switch_off|remove|skip|delete|deactivate|comment_out|suppress|loosen|relax|weaken)_(?:\S+_){0,4}?(?:tests?|test_suite|lint\w*|type_checks?|security|ssl|tls|certificate|csrf|cors|validation|sanitiz\w+|sanitis\w+|signature|authentication|authorization|rate_limit\w*|audit\w*|encryption|firewall)\b"),
            "It asks to weaken a control."),
    Pattern("secret_mention", Risk.LOW, _shape(r"\b(?:environment_variables?|env_vars?|credentials?|secrets?|api_keys?|private_keys?)\b"),
            "It speaks of secrets or of the environment."),
    Pattern("code_execution", Risk.LOW, re.compile(r"\b(?:eval|exec)\s*\("),
            "It speaks of running text as code.", signs=True),
    Pattern("scope", Risk.LOW, _shape(r"\bwhile_(?:you_are|you_?re)_(?:at_it|there)\b|\b(?:also|additionally)_(?:refactor|rewrite|migrate|upgrade|redesign)_(?:\S+_){0,3}?(?:everything|all|whole|entire|codebase)\b|\bas_a_side_(?:task|note|job)\b|\bunrelated(?:ly)?\b"),
            "It goes beyond one stated purpose."),
)  # fmt: skip
_URL = re.compile(r"\bhttps?://(?P<host>[a-z0-9.-]+)[^\s)>\]\"']*")
_KNOWN_HOSTS = (
    "github.com", "gitlab.com", "python.org", "npmjs.com", "nodejs.org", "mozilla.org", "w3.org", "ietf.org",
    "rfc-editor.org", "wikipedia.org", "readthedocs.io", "docs.rs", "go.dev", "stackoverflow.com",
    "example.com", "example.org", "example.net", "localhost", "atlassian.net",
)  # fmt: skip


def screen_text(text: str, known_hosts: tuple[str, ...] = ()) -> list[RiskFlag]:
    """Return the flags of a text, highest risk first, then in order; offsets point into `text`.

    Args:
        known_hosts: Further hosts that may be linked, such as the tenant's tracker and its package registries.
    """
    flags = [*_hidden(text), *_matches(text), *_urls(text, known_hosts), *_encoded(text)]
    unique = {(flag.pattern, flag.start, flag.quote): flag for flag in flags}
    order = list(Risk)
    return sorted(unique.values(), key=lambda flag: (order.index(flag.risk), flag.start))[:FLAGS_MAX]


def _matches(text: str) -> Iterator[RiskFlag]:
    folded = fold(text)
    plain, imitated = as_words(folded), as_words(unleet(folded))
    for pattern in PATTERNS:
        for view in (folded,) if pattern.signs else (plain, imitated):
            for found in pattern.shape.finditer(view.text):
                yield _flag(text, view, pattern, found)


def _flag(text: str, view: FoldedText, pattern: Pattern, found: re.Match[str]) -> RiskFlag:
    start, end = view.span(found.start(), found.end())
    risk, explanation = pattern.risk, pattern.explanation
    if pattern.negatable and _negated(view.text, found.start()):
        risk, explanation = Risk.MEDIUM, f"{explanation} It seems to ask for the opposite."
    return RiskFlag(risk=risk, pattern=pattern.name, quote=text[start:end], start=start, explanation=explanation)


def _negated(folded: str, start: int) -> bool:
    before = folded[max(0, start - _NEGATION_REACH) : start]
    found = _NEGATION.search(before)
    return found is not None and _INSISTING.search(found.group(0)) is None


def _hidden(text: str) -> Iterator[RiskFlag]:
    for run in hidden_runs(text):
        yield RiskFlag(
            risk=Risk.HIGH,
            pattern="hidden_text",
            quote=text[run.start : run.end],
            start=run.start,
            explanation=f"It holds {run.end - run.start} × {run.kind}: what people see is not what a model reads.",
        )
    for start, end in mixed_words(text):
        yield RiskFlag(
            risk=Risk.MEDIUM,
            pattern="mixed_scripts",
            quote=text[start:end],
            start=start,
            explanation="It mixes letters of several scripts in one word.",
        )


def _encoded(text: str) -> Iterator[RiskFlag]:
    for blob in decoded_blobs(text):
        inner = next(_matches(blob.text), None)
        sentence = len(re.findall(r"[A-Za-z]{2,} +[A-Za-z]{2,}", blob.text)) > 0
        yield RiskFlag(
            risk=Risk.HIGH if inner is not None or sentence else Risk.MEDIUM,
            pattern="encoded",
            quote=text[blob.start : blob.end],
            start=blob.start,
            explanation=f"Decoded it reads: {blob.text[:200]!r}",
        )


def _urls(text: str, known_hosts: tuple[str, ...]) -> Iterator[RiskFlag]:
    known = (*_KNOWN_HOSTS, *known_hosts)
    for found in _URL.finditer(text.lower()):
        host = found.group("host").strip(".")
        if not any(host == name or host.endswith(f".{name}") for name in known):
            yield RiskFlag(
                risk=Risk.MEDIUM,
                pattern="external_address",
                quote=text[found.start() : found.end()],
                start=found.start(),
                explanation=f"It names {host}, which is no known host.",
            )
