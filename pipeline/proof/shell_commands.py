"""A text of a shell as simple commands, each a list of words.

Problem: what a command runs is decided by a language that only a shell reads in full. Choice: words, quotes and the marks that
end a command; conditions, loops and substitutions are read as if each command in them were run, which finds too much rather
than too little. Nothing is run or expanded.
"""

import re
import shlex
from collections.abc import Iterator


def simple_commands(text: str) -> Iterator[list[str]]:
    """Yield the simple commands of a shell text, each as words; quotes are taken off."""
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        words = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        words.whitespace_split = True
        try:
            found = list(words)
        except ValueError:
            found = line.split()
        command: list[str] = []
        for word in found:
            if word.strip("&|;") == "" or word in {"(", ")"}:
                if command:
                    yield command
                command = []
            elif word.strip("<>&"):
                command.append(word.lstrip("(@").rstrip(")") if word.startswith(("(", "@")) else word)
        if command:
            yield command
