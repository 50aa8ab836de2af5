"""A JavaScript or TypeScript test file as the frame calls it: with a stand-in for its test library, and perhaps with other names.

Choice: edits at byte positions, and one new name for a name everywhere in the file, so that scopes need no analysis. A name stays
where another may know it: as a property, by a string, a type, a global or an export. Pure.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tree_sitter import Node

from pipeline.proof.grammars import has_grammar, syntax_tree
from pipeline.proof.neutral.form import NotPossible
from pipeline.proof.neutral.javascript_names import NAMED, new_names, rename, top_names
from pipeline.proof.planting.planted import Planting, ancestors, descendants, text_of

LIBRARIES = {
    "node_test": frozenset({"node:test", "test"}),
    "jest": frozenset({"@jest/globals"}),
    "vitest": frozenset({"vitest"}),
    "mocha": frozenset({"mocha"}),
}
_GROUPS = ("describe", "context", "suite", "xdescribe", "fdescribe", "xcontext")
_TESTS = ("it", "test", "specify", "xit", "xtest", "xspecify", "fit")
_HOOKS = ("before", "after", "beforeAll", "afterAll", "beforeEach", "afterEach")
_OF_MOCHA = ("setup", "teardown", "suiteSetup", "suiteTeardown")
GLOBALS = {
    "node_test": (),
    "jest": (*_GROUPS, *_TESTS, *_HOOKS, "expect", "jest"),
    "vitest": (*_GROUPS, *_TESTS, *_HOOKS, "expect", "vi", "vitest", "expectTypeOf", "assertType"),
    "mocha": (*_GROUPS, *_TESTS, *_HOOKS, *_OF_MOCHA),
}
_TITLED = frozenset({*_GROUPS, *_TESTS})
_REFUSED = re.compile(
    r"^(?:bun:test|ava|tape|tap|@tapjs/.*|node:test/.*|vitest/.*|jest-.*|@vitest/.*|mocha/.*|node:test|test|@jest/.*|vitest|mocha)$"
)
_AT_RUN_TIME = re.compile(r"[%$\\]")
_KEPT_COMMENT = re.compile(r"@jsx")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """Where the stand-in lies, and for which runner."""

    place: str
    runner: str
    directory: str = ""
    """What a module of its own kind would be told as its folder; empty where the runner tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JavaScriptForm:
    """The text, and by its new titles the original ones."""

    text: str
    is_module: bool
    titles: dict[str, str] = field(default_factory=dict)
    names_kept: bool = False
    strings: frozenset[str] = frozenset()
    """What it says, but for titles and the modules that it loads."""
    standing: str = ""
    """The name that the stand-in has in it."""


def javascript_form(
    path: str,
    text: str,
    stand_in: StandIn,
    new_name: Callable[[], str],
    *,
    packaged_as_module: bool,
    disclosed: bool,
    renaming: bool,
) -> JavaScriptForm:
    """Return a file's form; `disclosed`, titles and comments stay, and without `renaming` names do. Raises `NotPossible`."""
    suffix = PurePosixPath(path).suffix
    if not has_grammar(suffix) or suffix in {".py", ".go", ".rs", ".java"}:
        raise NotPossible("it is no file of JavaScript or TypeScript")
    source = text.encode("utf-8", "surrogatepass")
    root = syntax_tree(suffix, source)
    if root.has_error:
        raise NotPossible("it is no JavaScript that is understood here")
    nodes = list(descendants(root))
    is_module = _is_module(suffix, nodes, packaged_as_module)
    forming = _Forming(nodes=nodes, root=root, stand_in=stand_in, new_name=new_name, is_module=is_module)
    return forming.formed(source, disclosed=disclosed, renaming=renaming)


def _is_module(suffix: str, nodes: list[Node], packaged: bool) -> bool:
    if suffix in {".cjs", ".cts"}:
        return False
    return (
        packaged
        or suffix != ".js"
        or any(
            node.type in {"import_statement", "export_statement"}
            or (node.type == "meta_property" and text_of(node).startswith("import"))
            for node in nodes
        )
    )


@dataclass(slots=True, kw_only=True)
class _Forming:
    nodes: list[Node]
    root: Node
    stand_in: StandIn
    new_name: Callable[[], str]
    is_module: bool
    edits: Planting = field(default_factory=Planting)
    titles: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    """Ids of nodes within what is replaced as a whole."""

    def formed(self, source: bytes, *, disclosed: bool, renaming: bool) -> JavaScriptForm:
        titles = {node.id: node for node in self._titles()} if not disclosed else {}
        strings = frozenset(_strings(self.nodes, {node.id for node in titles.values()}))
        kept = True
        if renaming:
            words = {word for text in strings for word in _WORD.findall(text)}
            names = new_names(self.nodes, words, self.new_name)
            kept, self.names = names is None, names or {}
        standing = self.new_name()
        self._lead_libraries(standing)
        for node in titles.values():
            new = self.new_name()
            self.titles[new] = text_of(node)[1:-1]
            self._replace(node, json.dumps(new))
        if not disclosed:
            self._comments()
        rename(self.nodes, self.names, self.edits, self.done)
        self.edits.insert(self._beginning(), self._head(standing))
        text = self.edits.applied(source).decode("utf-8", "surrogatepass")
        return JavaScriptForm(
            text=text, is_module=self.is_module, titles=self.titles, names_kept=renaming and kept, strings=strings,
            standing=standing,
        )  # fmt: skip

    def _titles(self) -> Iterator[Node]:
        for node in self.nodes:
            if node.type != "call_expression" or not _is_titled(node.child_by_field_name("function")):
                continue
            arguments = node.child_by_field_name("arguments")
            given = [one for one in arguments.named_children if one.type != "comment"] if arguments else []
            if given and given[0].type in {"string", "template_string"} and not _AT_RUN_TIME.search(text_of(given[0])):
                yield given[0]

    def _lead_libraries(self, standing: str) -> None:
        own = LIBRARIES[self.stand_in.runner]
        for node in self.nodes:
            name = _asked(node)
            if name in own and node.type == "import_statement":
                self._replace(node, self._taken(node, standing))
            elif name in own and text_of(node.child_by_field_name("function")) == "require":
                self._replace(node, f"{standing}.library")
            elif name and _REFUSED.match(name):
                raise NotPossible(f"it loads {name}")

    def _taken(self, node: Node, standing: str) -> str:
        if any(child.type == "type" for child in node.children):
            return ""
        taken, whole = [], ""
        for one in descendants(node):
            if one.type == "import_specifier" and not any(child.type == "type" for child in one.children):
                name, alias = one.child_by_field_name("name"), one.child_by_field_name("alias")
                taken.append(f"{text_of(name)}: {self._new(text_of(alias or name))}")
            elif one.type == "import_clause":
                taken += [f"default: {self._new(text_of(c))}" for c in one.children if c.type == "identifier"]
            elif one.type == "namespace_import":
                whole = f"const {self._new(text_of(one.named_children[0]))} = {standing}.library; "
        return f"{whole}const {{{', '.join(taken)}}} = {standing}.library;"

    def _new(self, name: str) -> str:
        return self.names.get(name, name)

    def _replace(self, node: Node, text: str) -> None:
        if node.id in self.done:
            return
        self.done |= {one.id for one in descendants(node)}
        self.edits.replace(node, text)

    def _comments(self) -> None:
        for node in self.nodes:
            if node.type == "comment" and not _KEPT_COMMENT.search(text_of(node)):
                lines = "\n" * text_of(node).count("\n")
                line = text_of(node).startswith("//")
                self._replace(node, f"//{self.new_name()}" if line else f"/*{self.new_name()}{lines}*/")

    def _beginning(self) -> int:
        at = 0
        for child in self.root.children:
            directive = child.type == "expression_statement" and child.children[0].type == "string"
            if child.type != "hash_bang_line" and not directive:
                break
            at = child.end_byte
        return at

    def _head(self, standing: str) -> str:
        place = json.dumps(self.stand_in.place)
        top = top_names(self.root)
        used = {text_of(node) for node in self.nodes if node.type in NAMED} - top
        found = [name for name in GLOBALS[self.stand_in.runner] if name in used]
        # A script of Jest is a function with a parameter of such a name, so only `var` may repeat it.
        taken = f"var {{{', '.join(f'{one}: {self._new(one)}' for one in found)}}} = {standing}.library;"
        if not self.is_module:
            return f"\nconst {standing} = require({place}); {taken if found else ''}"
        made = self.new_name()
        bridge = f"import {{ createRequire as {made} }} from 'node:module'; "
        lead = f"import {standing} from {place}; "
        if self.stand_in.runner == "vitest":
            lead = f"{bridge}const {standing} = {made}(import.meta.url)({place}); "
        if self.stand_in.directory and self.stand_in.runner in {"vitest", "jest"}:
            lead += self._of_other_modules(used, made, "" if self.stand_in.runner == "vitest" else bridge)
        return f"\n{lead}{taken if found else ''}"

    def _of_other_modules(self, used: set[str], made: str, bridge: str) -> str:
        """Return what such a runner gives to modules, too."""
        text = ""
        if "require" in used:
            text += f"{bridge}const require = {made}(import.meta.url); "
        if "__dirname" in used:
            text += f"const __dirname = {json.dumps(self.stand_in.directory)}; "
        return text


def _asked(node: Node) -> str:
    """Return the module that an import or a call of `require` or `import` names."""
    if node.type == "import_statement":
        return text_of(node.child_by_field_name("source"))[1:-1]
    function = node.child_by_field_name("function") if node.type == "call_expression" else None
    if function is None or text_of(function) not in {"require", "import"}:
        return ""
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    return text_of(given[0])[1:-1] if given and given[0].type == "string" else ""


def _is_titled(node: Node | None) -> bool:
    words: list[str] = []
    while node is not None:
        if node.type == "identifier":
            return text_of(node) in _TITLED or (bool(words) and words[-1] in {"test", "it"})
        if node.type == "member_expression":
            words.append(text_of(node.child_by_field_name("property")))
            node = node.child_by_field_name("object")
        elif node.type == "call_expression":
            node = node.child_by_field_name("function")
        else:
            return False
    return False


_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_SPEAKING = frozenset({"string_fragment", "regex_pattern", "jsx_text", "escape_sequence"})


def _strings(nodes: list[Node], titles: set[int]) -> Iterator[str]:
    for node in nodes:
        if node.type not in _SPEAKING:
            continue
        outer = [one for one, _ in zip(ancestors(node), range(3), strict=False)]
        if outer and (outer[0].id in titles or any(_is_source(one, node) for one in outer)):
            continue
        yield text_of(node)


def _is_source(above: Node, node: Node) -> bool:
    if above.type in {"import_statement", "export_statement"}:
        return True
    return above.type == "call_expression" and bool(_asked(above)) and text_of(node) == _asked(above)
