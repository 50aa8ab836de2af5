"""The names that a source file declares, read by the grammar of its language.

Problem: compilers name a missing thing by its bare identifier; a regular expression over source text takes keywords for
names and misses what stands after a blank line. Choice: tree-sitter grammars, which read any text, broken text included,
without running it, and one query per language for what can be declared. Invariant: what is only used is never a declaration.
A generated text of many megabytes is read by its keywords instead, because a grammar would take minutes for it.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Query, QueryCursor

_JAVASCRIPT = """
(function_declaration name: (identifier) @name) (generator_function_declaration name: (identifier) @name)
(function_expression name: (identifier) @name)
(method_definition name: (_) @name) (pair key: (property_identifier) @name)
(variable_declarator name: (identifier) @name)
(assignment_expression left: (member_expression property: (property_identifier) @name))
(export_specifier alias: (_) @name) (export_specifier name: (identifier) @name)
(namespace_export (identifier) @name)
"""
_CLASSES = "(class_declaration name: (identifier) @name) (class name: (identifier) @name) (field_definition property: (_) @name)"
_TYPESCRIPT = """
(class_declaration name: (type_identifier) @name) (abstract_class_declaration name: (type_identifier) @name)
(public_field_definition name: (_) @name) (function_signature name: (identifier) @name)
(interface_declaration name: (type_identifier) @name) (type_alias_declaration name: (type_identifier) @name)
(enum_declaration name: (identifier) @name) (enum_body (property_identifier) @name) (enum_assignment name: (_) @name)
(method_signature name: (_) @name) (abstract_method_signature name: (_) @name) (property_signature name: (_) @name)
(internal_module name: (identifier) @name)
(required_parameter (accessibility_modifier) pattern: (identifier) @name)
"""
_GO = """
(function_declaration name: (identifier) @name) (method_declaration name: (field_identifier) @name)
(type_spec name: (type_identifier) @name) (type_alias name: (type_identifier) @name)
(const_spec name: (identifier) @name)
(source_file (var_declaration (var_spec name: (identifier) @name)))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name))))
(field_declaration name: (field_identifier) @name) (method_elem name: (field_identifier) @name)
"""
_RUST = """
(function_item name: (identifier) @name) (function_signature_item name: (identifier) @name)
(struct_item name: (type_identifier) @name) (enum_item name: (type_identifier) @name)
(union_item name: (type_identifier) @name) (trait_item name: (type_identifier) @name)
(type_item name: (type_identifier) @name) (associated_type name: (type_identifier) @name)
(enum_variant name: (identifier) @name) (const_item name: (identifier) @name) (static_item name: (identifier) @name)
(mod_item name: (identifier) @name) (macro_definition name: (identifier) @name)
(field_declaration name: (field_identifier) @name) (use_as_clause alias: (identifier) @name)
"""
_JAVA = """
(method_declaration name: (identifier) @name) (constructor_declaration name: (identifier) @name)
(class_declaration name: (identifier) @name) (interface_declaration name: (identifier) @name)
(enum_declaration name: (identifier) @name) (record_declaration name: (identifier) @name)
(record_declaration parameters: (formal_parameters (formal_parameter name: (identifier) @name)))
(annotation_type_declaration name: (identifier) @name) (annotation_type_element_declaration name: (identifier) @name)
(enum_constant name: (identifier) @name) (field_declaration declarator: (variable_declarator name: (identifier) @name))
(constant_declaration declarator: (variable_declarator name: (identifier) @name))
"""
_C = """
(function_declarator declarator: (identifier) @name) (preproc_def name: (identifier) @name)
(preproc_function_def name: (identifier) @name) (struct_specifier name: (type_identifier) @name body: (_))
(union_specifier name: (type_identifier) @name body: (_)) (enum_specifier name: (type_identifier) @name body: (_))
(enumerator name: (identifier) @name) (type_definition declarator: (type_identifier) @name)
(field_declaration declarator: (field_identifier) @name)
(field_declaration declarator: (pointer_declarator declarator: (field_identifier) @name))
(field_declaration declarator: (array_declarator declarator: (field_identifier) @name))
(function_declarator declarator: (field_identifier) @name)
(translation_unit (declaration declarator: (identifier) @name))
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)))
"""
_PYTHON = """
(module (function_definition name: (identifier) @name)) (module (class_definition name: (identifier) @name))
(module (decorated_definition definition: (_ name: (identifier) @name)))
(module (expression_statement (assignment left: (identifier) @name)))
(module (type_alias_statement left: (type (identifier) @name)))
"""
_GRAMMARS: Mapping[str, tuple[str, str, str]] = {
    "javascript": ("tree_sitter_javascript", "language", _JAVASCRIPT + _CLASSES),
    "typescript": ("tree_sitter_typescript", "language_typescript", _JAVASCRIPT + _TYPESCRIPT),
    "tsx": ("tree_sitter_typescript", "language_tsx", _JAVASCRIPT + _TYPESCRIPT),
    "go": ("tree_sitter_go", "language", _GO),
    "rust": ("tree_sitter_rust", "language", _RUST),
    "java": ("tree_sitter_java", "language", _JAVA),
    "c": ("tree_sitter_c", "language", _C),
    "python": ("tree_sitter_python", "language", _PYTHON),
}
_SUFFIXES = {
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript", ".ts": "typescript",
    ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx", ".go": "go", ".rs": "rust", ".java": "java",
    ".c": "c", ".h": "c", ".cc": "c", ".cpp": "c", ".cxx": "c", ".hh": "c", ".hpp": "c", ".py": "python",
}  # fmt: skip


LARGE_CHARS = 500_000
"""Beyond that a text was generated, and a grammar takes seconds for each megabyte of it."""
_KEYWORDS = re.compile(
    r"\b(?:function\*?|class|const|let|var|def|fn|struct|enum|union|trait|type|interface|record|mod|static|define)[ \t]+(\w+)"
    r"|\bfunc[ \t]+(?:\([^()\n]{0,200}\)[ \t]*)?(\w+)|\bexports\.(\w+)[ \t]*="
    r"|^[A-Za-z_][\w \t*]{0,120}[ \t*](\w+)\([^;\n]{0,300}\)[ \t]*\{?$",
    re.MULTILINE,
)


def has_grammar(suffix: str) -> bool:
    """Whether files with this suffix can be read."""
    return suffix in _SUFFIXES


def declared_names(suffix: str, text: str) -> frozenset[str]:
    """Return the names that a source text declares, at any depth that others can reach; of Python the top level only."""
    if len(text) > LARGE_CHARS:
        return frozenset(name for names in _KEYWORDS.findall(text) for name in names if name)
    grammar, query = _reader(_SUFFIXES[suffix])
    tree = Parser(grammar).parse(text.encode("utf-8", "replace"))
    found = QueryCursor(query).captures(tree.root_node).get("name", [])
    return frozenset(node.text.decode("utf-8", "replace").strip("\"'") for node in found if node.text)


def syntax_tree(suffix: str, source: bytes) -> Node:
    """Return the root of a source's syntax tree; of a suffix that `has_grammar`. Broken places are nodes with errors."""
    grammar, _ = _reader(_SUFFIXES[suffix])
    return Parser(grammar).parse(source).root_node


@cache
def _reader(name: str) -> tuple[Grammar, Query]:
    module, function, query = _GRAMMARS[name]
    grammar = Grammar(getattr(import_module(module), function)())
    return grammar, Query(grammar, query)
