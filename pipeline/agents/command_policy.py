"""What an agent's shell commands may not contain.

Problem: models reach for `curl`, `git push` or `env` out of habit, and a refusal by the sandbox reads like a broken
machine. Choice: a small shell lexer finds the command words and refuses the blocked ones with an explanation that the
model can act on. This is guidance, deterministic and easy to evade; containment is the sandbox's job alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.errors import ModelError

NETWORK = frozenset({"curl", "wget", "nc", "ncat", "netcat", "socat", "ssh", "scp", "sftp", "rsync", "telnet", "ftp"})
SYSTEM = frozenset(
    {"ps", "env", "printenv", "mount", "umount", "whoami", "kill", "pkill", "killall", "chown", "sudo", "su"}
)
INSTALLERS = frozenset({"apt", "apt-get", "dpkg", "yum", "dnf", "apk", "brew"})
GIT_READ_ONLY = frozenset(
    {
        "blame",
        "cat-file",
        "describe",
        "diff",
        "grep",
        "log",
        "ls-files",
        "ls-tree",
        "rev-parse",
        "shortlog",
        "show",
        "status",
    }
)
_PREFIXES = frozenset(
    {
        "command",
        "exec",
        "nice",
        "nohup",
        "time",
        "timeout",
        "xargs",
        "builtin",
        "then",
        "do",
        "else",
        "if",
        "while",
        "!",
        "{",
    }
)
_SHELLS = frozenset({"sh", "bash", "dash", "zsh"})
_GLOBAL_FLAGS = frozenset({"-g", "--global"})
_PACKAGE_MANAGERS = frozenset({"npm", "pnpm", "yarn", "corepack"})
_GIT_OPTIONS_WITH_VALUE = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace"})

_SUBSTITUTIONS_MAX = 20
"""So many of them are looked into, one inside the other; people write two."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)
      | (?P<heredoc><<-?\s*(?P<quote>['"]?)(?P<word>\w+)(?P=quote))
      | (?P<break>\n|;|&&|\|\||\||&(?!>)|\(|\)|`)
      | (?P<comment>\#[^\n]*)
      | (?P<redirect>\d?[<>]+&?)
      | (?P<piece>(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|\$\(|[^\s;&|()<>`])+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")


@dataclass(frozen=True, slots=True)
class CommandPolicy:
    """The commands a role's shell refuses."""

    blocked: frozenset[str] = field(default=NETWORK | SYSTEM | INSTALLERS)
    git_allowed: frozenset[str] = GIT_READ_ONLY

    def check(self, command: str) -> None:
        """Raise `ModelError` that names the refused command and what to do instead."""
        for words in simple_commands(command):
            self._check_one(words)

    def _check_one(self, words: list[str]) -> None:
        name, arguments = words[0].rsplit("/", 1)[-1], words[1:]
        if name in self.blocked:
            raise ModelError(f"The command {name!r} is not available here{_why(name)}", command=name)
        if name == "git":
            self._check_git(arguments)
        if name in _PACKAGE_MANAGERS and _GLOBAL_FLAGS.intersection(arguments):
            raise ModelError("Global installations are not allowed; dependencies are part of the environment.")
        if name in _SHELLS and "-c" in arguments[:-1]:
            self.check(arguments[arguments.index("-c") + 1])

    def _check_git(self, arguments: list[str]) -> None:
        rest = iter(arguments)
        for word in rest:
            if word in _GIT_OPTIONS_WITH_VALUE:
                next(rest, None)
            elif not word.startswith("-"):
                if word not in self.git_allowed:
                    raise ModelError(
                        f"'git {word}' is not available here: the pipeline commits, pushes and restores. "
                        f"You may read with: git {', '.join(sorted(self.git_allowed))}.",
                        command=f"git {word}",
                    )
                return


def simple_commands(command: str) -> Iterator[list[str]]:
    """Yield the words of each simple command, unquoted, without assignments, prefixes and redirections."""
    words: list[str] = []
    for word in [*_words(command), None]:
        if word is not None:
            words.append(word)
            continue
        stripped = _without_prefixes(words)
        if stripped:
            yield stripped
        words = []


def _words(command: str, depth: int = 0) -> Iterator[str | None]:
    """Yield words, and None at every point where another command begins."""
    position, skip_next, bodies = 0, False, list[str]()
    while (match := _TOKEN.match(command, position)) is not None:
        position = match.end()
        if match["heredoc"]:
            bodies.append(match["word"])
        elif match["break"]:
            if match["break"] == "\n" and bodies:
                position = _after_heredocs(command, position, bodies)
                bodies = []
            yield None
        elif match["redirect"]:
            skip_next = True
        elif (piece := match["piece"]) is not None:
            if not skip_next:
                yield from _piece(piece, depth)
            skip_next = False


def _piece(piece: str, depth: int) -> Iterator[str | None]:
    """Unquote one word; a command substitution inside it begins another command."""
    before, substitution, after = piece.partition("$(") if not piece.startswith("'") else (piece, "", "")
    yield _unquoted(before) if before else ""
    if substitution and depth < _SUBSTITUTIONS_MAX:
        yield None
        yield from _words(after.rstrip('"'), depth + 1)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return re.sub(r"""\\(.)|['"]""", r"\1", text)


def _after_heredocs(command: str, position: int, bodies: list[str]) -> int:
    for word in bodies:
        end = re.compile(rf"^\t*{re.escape(word)}$", re.MULTILINE).search(command, position)
        position = end.end() if end else len(command)
    return position


def _without_prefixes(words: list[str]) -> list[str]:
    rest = list(words)
    while rest:
        name = rest[0].rsplit("/", 1)[-1]
        if not rest[0] or _ASSIGNMENT.match(rest[0]):
            rest.pop(0)
        elif name in _PREFIXES:
            rest.pop(0)
            while rest and (rest[0].startswith("-") or rest[0][:1].isdigit()):
                rest.pop(0)
        else:
            break
    return rest


def _why(name: str) -> str:
    if name in NETWORK:
        return ": there is no network in this stage. Work with the files of the repository."
    if name in INSTALLERS:
        return ": nothing can be installed. Dependencies are part of the environment."
    if name in {"env", "printenv"}:
        return ". To set a variable for one command, write NAME=value before it."
    if name == "chown":
        return ". Who a file belongs to is no part of a change; chmod makes one executable."
    return ". Work with the files of the repository."
