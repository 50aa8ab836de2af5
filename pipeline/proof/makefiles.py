"""What a make goal does, as far as its Makefiles say it, and whether a change of them changes that.

Problem: `make test` does what variables, includes and other targets say, so a guard that compares the body of one target
sees nothing of `PYTEST = true`. Choice: read the Makefiles as rules and assignments, follow the goals through prerequisites
and through calls of make, and compare everything that these name. What no goal leads to (a target for releases, a variable
that nothing here uses) is free to change, and so is a plain list of sources that grows: a new file has to be compiled.
Nothing is executed, so what make computes (`$(shell …)`, `$(eval …)`) is compared as it is written.
"""

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

NAMES = ("GNUmakefile", "makefile", "Makefile")
"""In the order in which make looks for them."""
_RULE = re.compile(
    r"(?P<targets>[^\s:=#][^:=#]*?)\s*&?::?(?![:=])\s*(?P<prerequisites>[^;]*?)(?:;(?P<recipe>.*))?$", re.DOTALL
)
_ASSIGNMENT = re.compile(
    r"(?:(?:override|export|private)\s+)*(?P<name>[^\s:=#?+!]+)\s*(?P<how>:::?=|::?=|\?=|\+=|!=|=)\s*(?P<value>.*)$",
    re.DOTALL,
)
_INCLUDE = re.compile(r"(?:-include|sinclude|include)\s+(?P<paths>.+)$")
_REFERENCE = re.compile(r"\$[({](?P<name>[\w.-]+)|\$(?P<single>\w)")
_ALWAYS = frozenset(
    {"SHELL", ".SHELLFLAGS", "MAKEFLAGS", "MAKE", "MAKEFILES", "PATH", "VPATH", ".DEFAULT_GOAL", ".RECIPEPREFIX"}
    | {"CC", "CXX", "CPP", "AR", "AS", "LD", "FC", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LDLIBS", "LOADLIBES"}
)
"""What steers make itself, or its built-in rules, without being named anywhere."""
_COMPILED = re.compile(r"[\w./+-]+\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx|o|obj|lo|s|S|f|f90|m|mm|d)")
_TARGET_CALL = re.compile(r"(?:\$[({]MAKE[)}]|\bg?make)\b(?P<rest>[^;&|\n]*)")
_EXPANSIONS_MAX = 8
_RECIPE_MARKS = "@-+ \t"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as written; `recipe` has one entry for each logical line."""

    targets: tuple[str, ...]
    prerequisites: str
    recipe: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A variable as it is set."""

    name: str
    how: str
    value: str
    exported: bool


@dataclass(frozen=True, slots=True)
class Other:
    """Any other line: an include, a condition, a call, a definition of several lines."""

    text: str


@dataclass(frozen=True, slots=True)
class Makefile:
    """The statements of a file, in order."""

    statements: tuple[Rule | Assignment | Other, ...]

    @property
    def rules(self) -> Iterator[Rule]:
        """Yield the rules."""
        return (one for one in self.statements if isinstance(one, Rule))

    @property
    def includes(self) -> Iterator[str]:
        """Yield the paths that are included, as written, split at spaces."""
        for one in self.statements:
            found = _INCLUDE.match(one.text) if isinstance(one, Other) else None
            if found:
                yield from found.group("paths").split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What the goals lead to."""

    targets: frozenset[str]
    variables: frozenset[str]
    recipes: tuple[str, ...] = field(default=())
    """The lines that make would run, variables put in where their value is plain."""


def read_makefile(text: str) -> Makefile:
    """Read a Makefile; what cannot be read is kept as it is written."""
    statements: list[Rule | Assignment | Other] = []
    lines = iter(re.sub(r"\\\n[ \t]*", " ", text.replace("\r\n", "\n")).split("\n"))
    for line in lines:
        if line.startswith("\t") and statements and isinstance(rule := statements[-1], Rule):
            statements[-1] = Rule(
                targets=rule.targets, prerequisites=rule.prerequisites, recipe=(*rule.recipe, line.strip())
            )
        elif line.strip() and not line.lstrip().startswith("#"):
            statements.append(_statement(line, lines))
    return Makefile(tuple(statements))


def _statement(line: str, following: Iterator[str]) -> Rule | Assignment | Other:
    plain = line.strip()
    if re.match(r"(?:override\s+)?define\b", plain):
        body = [plain]
        for inner in following:
            body.append(inner.strip())
            if inner.strip() == "endef":
                break
        return Other("\n".join(body))
    assigned = _ASSIGNMENT.match(plain)
    if assigned and " " not in assigned.group("name"):
        exported = plain.startswith("export")
        return Assignment(
            name=assigned.group("name"), how=assigned.group("how"), value=_spaced(assigned.group("value")),
            exported=exported,
        )  # fmt: skip
    rule = _RULE.match(plain)
    if rule and not re.match(r"(?:ifn?eq|ifn?def|else|endif|export|unexport|vpath|-?s?include)\b", plain):
        first = (rule.group("recipe").strip(),) if rule.group("recipe") is not None else ()
        return Rule(
            targets=tuple(rule.group("targets").split()), prerequisites=_spaced(rule.group("prerequisites")),
            recipe=first,
        )  # fmt: skip
    return Other(_spaced(plain))


def _spaced(text: str) -> str:
    return " ".join(text.split())


def goals_of(makefiles: Iterable[Makefile], wanted: Collection[str]) -> Goals:
    """Follow goals through prerequisites and calls of make; no goals mean the default one."""
    statements = [one for makefile in makefiles for one in makefile.statements]
    values = _values(statements)
    rules = [one for one in statements if isinstance(one, Rule)]
    waiting = list(wanted) or _default(rules, values)
    targets, recipes, texts = set[str](), list[str](), list[str]()
    while waiting:
        target = waiting.pop()
        if target in targets:
            continue
        targets.add(target)
        for rule in rules:
            if target not in _expanded(" ".join(rule.targets), values).split():
                continue
            texts += [*rule.targets, rule.prerequisites, *rule.recipe]
            waiting += _expanded(rule.prerequisites, values).replace("|", " ").split()
            for line in rule.recipe:
                recipes.append(_expanded(line, values).lstrip(_RECIPE_MARKS))
                waiting += _called_goals(line)
    texts += [one.text for one in statements if isinstance(one, Other)]
    texts += [text for rule in rules if _is_general(rule) for text in (rule.prerequisites, *rule.recipe)]
    variables = _named_in(texts, statements)
    return Goals(targets=frozenset(targets), variables=variables, recipes=tuple(recipes))


def same_goals(before: Sequence[str], after: Sequence[str], wanted: Collection[str]) -> bool:
    """Whether the goals do the same by Makefiles (texts, in the order in which they are read) before and after."""
    old, new = [read_makefile(text) for text in before], [read_makefile(text) for text in after]
    kept = _relevant(old, goals_of(old, wanted)), _relevant(new, goals_of(new, wanted))
    known = {one.recipe for one in kept[0] if isinstance(one, Rule)}
    return _same(*kept, known | {()})


def _relevant(makefiles: Iterable[Makefile], goals: Goals) -> list[Rule | Assignment | Other]:
    every = [one for makefile in makefiles for one in makefile.statements]
    all_exported = any(isinstance(one, Other) and one.text == "export" for one in every)
    return [one for one in every if _counts(one, goals, _values(every), all_exported=all_exported)]


def _counts(one: Rule | Assignment | Other, goals: Goals, values: Mapping[str, str], *, all_exported: bool) -> bool:
    match one:
        case Rule():
            named = {*one.targets, *_expanded(" ".join(one.targets), values).split()}
            return _is_general(one) or bool(named & goals.targets)
        case Assignment():
            return all_exported or one.exported or one.name in _ALWAYS | goals.variables or "$" in one.name
        case Other():
            return not re.match(r"unexport\b|vpath\b(?!.)", one.text)


def _is_general(rule: Rule) -> bool:
    """Whether it may make any file: a pattern, a suffix, a special target, a name that is computed."""
    return any("%" in target or "$" in target or target.startswith(".") for target in rule.targets)


def _same(
    before: Sequence[Rule | Assignment | Other], after: Sequence[Rule | Assignment | Other],
    known: Collection[tuple[str, ...]],
) -> bool:  # fmt: skip
    """Compare in order; new rules of compiled files whose recipe is known do not count."""
    rest = [one for one in after if not (one not in before and _compiles(one, known))]
    return len(before) == len(rest) and all(map(_alike, before, rest))


def _compiles(one: Rule | Assignment | Other, known: Collection[tuple[str, ...]]) -> bool:
    return isinstance(one, Rule) and one.recipe in known and all(map(_COMPILED.fullmatch, one.targets))


def _alike(before: Rule | Assignment | Other, after: Rule | Assignment | Other) -> bool:
    if before == after:
        return True
    if isinstance(before, Assignment) and isinstance(after, Assignment):
        named = (before.name, before.how, before.exported) == (after.name, after.how, after.exported)
        return named and _grown(before.value, after.value)
    if isinstance(before, Rule) and isinstance(after, Rule):
        named = (before.targets, before.recipe) == (after.targets, after.recipe)
        return named and _grown(before.prerequisites, after.prerequisites)
    return False


def _grown(before: str, after: str) -> bool:
    """Whether a plain list of compiled files has got more of them, and has lost none."""
    old, new = before.split(), after.split()
    added = [word for word in new if word not in old]
    return [word for word in new if word in old] == old and bool(old) and all(
        _COMPILED.fullmatch(word) for word in (*old, *added)
    )  # fmt: skip


def _values(statements: Iterable[Rule | Assignment | Other]) -> dict[str, str]:
    values: dict[str, str] = {}
    for one in statements:
        if isinstance(one, Assignment) and one.how == "+=":
            values[one.name] = _spaced(f"{values.get(one.name, '')} {one.value}")
        elif isinstance(one, Assignment) and not (one.how == "?=" and one.name in values):
            values[one.name] = one.value
    return values


def _expanded(text: str, values: Mapping[str, str]) -> str:
    for _ in range(_EXPANSIONS_MAX):
        changed = re.sub(r"\$[({]([\w.-]+)[)}]", lambda found: values.get(found.group(1), found.group(0)), text)
        if changed == text or len(changed) > 100_000:  # noqa: PLR2004 - values that double each other
            return text
        text = changed
    return text


def _default(rules: Sequence[Rule], values: Mapping[str, str]) -> list[str]:
    if ".DEFAULT_GOAL" in values:
        return values[".DEFAULT_GOAL"].split()
    named = (rule.targets[0] for rule in rules if not _is_general(rule))
    return list(next(((first,) for first in named), ()))


def _called_goals(line: str) -> Iterator[str]:
    for call in _TARGET_CALL.finditer(line):
        try:
            words = shlex.split(call.group("rest"))
        except ValueError:
            words = call.group("rest").split()
        if not any(word.startswith(("-C", "-f", "--directory", "--file")) for word in words):
            yield from (word for word in words if "=" not in word and not word.startswith("-"))


def _named_in(texts: Iterable[str], statements: Iterable[Rule | Assignment | Other]) -> frozenset[str]:
    """Return the variables that texts name, and those that their values name in turn."""
    assigned = [one for one in statements if isinstance(one, Assignment)]
    waiting = [*texts, *(one.value for one in assigned if one.exported or one.name in _ALWAYS)]
    found = set[str]()
    while waiting:
        names = {one.group("name") or one.group("single") for one in _REFERENCE.finditer(waiting.pop())}
        for name in names - found:
            found.add(name)
            waiting += [one.value for one in assigned if one.name == name]
    return frozenset(found)
