"""The text editor tool's logic on plain texts, without any file access.

Problem: an editor that guesses corrupts files quietly. Choice: each command is a pure function from text to text that
refuses anything ambiguous with words the model can act on. Invariant: bytes outside the edited place stay as they are,
line endings included.
"""

from pipeline.errors import ModelError

SNIPPET_LINES = 4


def numbered(text: str, view_range: object = None) -> str:
    """Return lines with their numbers, like `cat -n`; `view_range` is [first, last], from 1, -1 for the end."""
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    first, last = _range(view_range, len(lines))
    return "\n".join(f"{number:6}\t{lines[number - 1].rstrip(chr(13))}" for number in range(first, last + 1))


def replaced(text: str, old: str, new: str, path: str) -> tuple[str, str]:
    """Return the text with the single occurrence of `old` replaced, and a numbered snippet around it."""
    if not old:
        raise ModelError("old_str is empty: give the exact text to replace, or use the insert command.")
    if "\r\n" in text and "\r" not in old:
        old, new = old.replace("\n", "\r\n"), new.replace("\r\n", "\n").replace("\n", "\r\n")
    count = text.count(old)
    if count == 0:
        raise ModelError(
            f"No replacement was made: old_str does not occur in {path}. It must match the file exactly, "
            "blanks and indentation included. View the file again."
        )
    if count > 1:
        lines = [str(text.count("\n", 0, at) + 1) for at in _positions(text, old)]
        raise ModelError(
            f"No replacement was made: old_str occurs {count} times in {path} (lines {', '.join(lines[:10])}). "
            "Add surrounding lines to make it unique."
        )
    at = text.index(old)
    after = text[:at] + new + text[at + len(old) :]
    return after, _snippet(after, text.count("\n", 0, at), new.count("\n"))


def inserted(text: str, line: object, new: str) -> tuple[str, str]:
    """Return the text with `new` put after line number `line` (0: at the top), and a numbered snippet around it."""
    lines = text.splitlines(keepends=True)
    if not isinstance(line, int) or isinstance(line, bool) or not 0 <= line <= len(lines):
        raise ModelError(f"insert_line must be a whole number from 0 to {len(lines)}, the lines of the file.")
    ending = "\r\n" if "\r\n" in text else "\n"
    piece = new.replace("\r\n", "\n").replace("\n", ending)
    if not piece.endswith(ending):
        piece += ending
    if line and not lines[line - 1].endswith(("\n", "\r")):
        lines[line - 1] += ending
    after = "".join([*lines[:line], piece, *lines[line:]])
    return after, _snippet(after, line, piece.count("\n") - 1)


def _range(view_range: object, count: int) -> tuple[int, int]:
    if view_range is None:
        return 1, count
    match view_range:
        case [int(first), int(last)] if 1 <= first <= max(count, 1) and (last == -1 or last >= first):
            return first, count if last == -1 else min(last, count)
        case _:
            raise ModelError(
                f"view_range must be [first, last] with 1 <= first <= {max(count, 1)} and last >= first, or -1 for the end."
            )


def _snippet(text: str, line: int, more_lines: int) -> str:
    count = text.count("\n") + (not text.endswith("\n"))
    if count == 0:
        return ""
    first = max(1, line + 1 - SNIPPET_LINES)
    return numbered(
        text, [min(first, count), max(min(first, count), min(count, line + 1 + more_lines + SNIPPET_LINES))]
    )


def _positions(text: str, piece: str) -> list[int]:
    found, at = [], text.find(piece)
    while at != -1:
        found.append(at)
        at = text.find(piece, at + len(piece))
    return found
