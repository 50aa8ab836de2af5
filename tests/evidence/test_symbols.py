"""Which names a source declares, read by its language's grammar; used names are none."""

import pytest

from pipeline.ports import Language
from pipeline.proof.grammars import LARGE_CHARS, declared_names
from pipeline.proof.missing_symbols import Missing, MissingKind, exists, missing_in
from pipeline.proof.symbols import read_symbols
from pipeline.proof.test_commands import go_workspace
from pipeline.proof.test_reports import Failure

SOURCES = {
    Language.GO: (
        "core/double.go",
        ("package core\n\nfunc Double(n int) int {\n\tlocal := Used(n)\n\treturn local\n}\n\nfunc (c *Cart) Total() int { return 0 }\n"
        "type Cart struct{ Items []int }\ntype Shape interface{ Area() int }\nconst (\n\tA = iota\n\tB\n)\nvar (\n\tW = 3\n)\n"),
        {"Double", "Total", "Cart", "Items", "Shape", "Area", "A", "B", "W"},
    ),
    Language.RUST: (
        "src/lib.rs",
        ("pub fn double(n: i64) -> i64 { used(n) }\nstruct S { field: i32 }\nimpl S { fn method(&self) {} }\n"
        "enum E { First, Second(i32) }\nmacro_rules! made { () => {} }\npub use a::b as c;\n"),
        {"double", "S", "field", "method", "E", "First", "Second", "made", "c"},
    ),
    Language.JAVA: (
        "src/main/java/a/B.java",
        "class B { int field, other; B() {} void method() { int local = used(); } record R(int part) {} enum E { X } }",
        {"B", "field", "other", "method", "R", "part", "E", "X"},
    ),
    Language.NODE: (
        "src/index.ts",
        ("import { used } from './x';\nexport const double = (n: number) => used(n);\nexport interface I { call(): void }\n"
        "export abstract class C { field = 1; method() {} abstract area(): number; constructor(private part: string) {} }\n"
        "type T = 1; enum E { X } namespace N {}\nexport { used as renamed };\n"),
        {"double", "I", "call", "C", "field", "method", "area", "part", "T", "E", "X", "N", "renamed"},
    ),
    Language.C: (
        "src/calc.h",
        ("#define LIMIT 1\nint twice(int n);\nstatic int *place(void) { int local = used(); return 0; }\nstruct S { int x; char *y; };\n"
        "typedef int number;\nenum E { FIRST };\nextern int shared;\n"),
        {"LIMIT", "twice", "place", "S", "x", "y", "number", "E", "FIRST", "shared"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", SOURCES)
def test_what_is_declared_counts_and_what_is_used_or_local_does_not(language: Language) -> None:
    path, text, names = SOURCES[language]
    symbols = read_symbols(language, {path: text})
    assert {name for name in names if not symbols.declares(name)} == set()
    assert not symbols.declares("local")
    assert not symbols.declares("nothing")
    if language is not Language.NODE:
        assert not symbols.declares("used" if language is not Language.GO else "Used")


def test_javascript_exports_of_both_kinds_are_declared() -> None:
    text = "module.exports.double = (n) => n;\nexports.half = function () {};\nmodule.exports = { add: 1 };\nconst { taken } = require('./x');\n"
    symbols = read_symbols(Language.NODE, {"index.js": text})
    assert all(symbols.declares(name) for name in ("double", "half", "add"))
    assert not symbols.declares("taken")


def test_broken_text_and_a_newer_python_are_read_as_far_as_they_go() -> None:
    newer = "type Pair[T] = tuple[T, T]\n\ndef double(n):\n    return f'{'x'}'\n\nclass Cart:\n    pass\n"
    assert read_symbols(Language.PYTHON, {"calc.py": newer}).module_has("calc", "double")
    broken = read_symbols(Language.GO, {"a.go": "package a\n\nfunc Whole() {}\n\nfunc Half( {\n"})
    assert broken.declares("Whole")
    assert read_symbols(Language.JAVA, {"A.kt": "class A { fun double(n: Int) = n * 2 }"}).declares("double")


@pytest.mark.parametrize(
    ("language", "exception", "message", "name"),
    [
        (Language.C, "LinkError", "test.c:(.text+0x1e): undefined reference to `twice'", "twice"),
        (Language.C, "CompileError", "implicit declaration of function ‘twice’ [-Wimplicit]", "twice"),
        (Language.C, "CompileError", "‘LIMIT’ undeclared (first use in this function)", "LIMIT"),
        (Language.C, "CompileError", "use of undeclared identifier 'LIMIT'", "LIMIT"),
        (Language.C, "CompileError", "‘struct S’ has no member named ‘x’", "x"),
        (Language.NODE, "CompileError", "TS2339: Property 'double' does not exist on type 'typeof X'.", "double"),
        (
            Language.NODE,
            "CompileError",
            "TS2305: Module '\"../src/index\"' has no exported member 'double'.",
            "double",
        ),
    ],
)
def test_compilers_and_linkers_name_what_is_missing(
    language: Language, exception: str, message: str, name: str
) -> None:
    missing = missing_in(Failure(exception=exception, message=message, tail=""), language)
    assert missing == Missing(kind=MissingKind.IDENTIFIER, name=name)
    path, text, _ = SOURCES[language]
    assert exists(missing, read_symbols(language, {path: text}))


def test_a_missing_header_is_a_file_of_this_repository_only_when_it_comes_to_be() -> None:
    told = Failure(exception="CompileError", message="fatal error: calc.h: No such file or directory", tail="")
    missing = missing_in(told, Language.C)
    assert missing is not None
    assert exists(missing, read_symbols(Language.C, {"include/calc.h": ""}))
    assert not exists(missing, read_symbols(Language.C, {"include/other.h": ""}))


@pytest.mark.parametrize(
    ("text", "folders"),
    [
        ('go 1.22\n\nuse ./core\nuse "./app" // the program\n', ["core", "app"]),
        ("go 1.22\n\nuse (\n\t.\n\t./tools // more\n\t../outside\n)\n", [".", "tools"]),
        ("", []),
    ],
)  # fmt: skip
def test_a_go_workspace_names_its_modules(text: str, folders: list[str]) -> None:
    assert go_workspace(text) == folders


@pytest.mark.parametrize(
    ("suffix", "text", "names"),
    [
        (".js", "var data = [%s];\nfunction made() {}\nexports.also = 1;\nused(1);\n", {"data", "made", "also"}),
        (".go", "var table = []int{%s}\nfunc (t *T) Made(n int) int { return used(n) }\nfunc Plain() {}\n", {"table", "Made", "Plain"}),
        (".c", "int table[] = {%s};\nint made(int n) {\n  return used(n);\n}\n", {"made"}),
    ],
)  # fmt: skip
def test_a_generated_text_of_megabytes_is_read_by_its_keywords(suffix: str, text: str, names: set[str]) -> None:
    large = text % ",".join(["12345"] * (LARGE_CHARS // 4))
    assert declared_names(suffix, large) == names
