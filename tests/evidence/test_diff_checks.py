"""What diffs show: their lines, their reach, their secrets."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.secret_scanner import DetectSecretsScanner
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.findings import Finding, Severity
from pipeline.limits import Limits
from pipeline.ports import ChangedFile, SecretHit
from pipeline.proof.diff_scope import DiffScope, analyse
from pipeline.proof.secret_scan import scan_for_secrets, secrets_in_text
from pipeline.proof.unified_diff import AddedLine, added_lines


def lines_of(path: str, text: str) -> list[AddedLine]:
    return [AddedLine(path=path, line=number, text=line) for number, line in enumerate(text.splitlines(), 1)]


def added_file(path: str, text: str = "") -> ChangedFile:
    return ChangedFile(path=path, status="A", added=len(text.splitlines()), removed=0)


def diffed(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> str:
    for name, files in (("a", before), ("b", after)):
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
    command = ["git", "diff", "--no-index", "--no-prefix", "--src-prefix=a/", "--dst-prefix=b/", "a", "b"]
    return (
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        .stdout.replace("/b/", "/")
        .replace("/a/", "/")
    )


def test_added_lines_carry_the_numbers_of_the_head_and_no_line_can_play_header(tmp_path: Path) -> None:
    before = {"x y.py": "one\ntwo\nthree\n" + "same\n" * 20 + "end\n", "ä.txt": "a\n"}
    after = {"x y.py": "one\n++ b/other.py\n+++ b/other.py\nthree\n" + "same\n" * 20 + "END", "ä.txt": "a\nb\n"}
    found = added_lines(diffed(tmp_path, before, after))
    assert [(line.path, line.line, line.text) for line in found] == [
        ("x y.py", 2, "++ b/other.py"),
        ("x y.py", 3, "+++ b/other.py"),
        ("x y.py", 25, "END"),
        ("ä.txt", 2, "b"),
    ]


@given(
    st.lists(st.sampled_from(["a", "b", "", "+++ b/x", "@@ -1 +1 @@", "--- a/x", "diff --git a/x b/x"]), max_size=12)
)
def test_every_line_of_a_new_file_is_found_whatever_it_looks_like(lines: list[str]) -> None:
    body = "".join(f"+{line}\n" for line in lines)
    diff = f"diff --git a/n b/n\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,{len(lines)} @@\n{body}" if lines else ""
    assert [line.text for line in added_lines(diff)] == lines


def scope(changed: Sequence[ChangedFile], added: Sequence[AddedLine] = (), **facts: Any) -> list[Finding]:
    return analyse(
        DiffScope(changed=changed, added=added, scenarios="When GET /orders/export is called", **facts), Limits()
    )


@pytest.mark.parametrize(
    "path",
    [".venv/lib/x.py", "web/node_modules/y/index.js", "a/__pycache__/b.pyc", "vendor/z.go", "dist/app.js", "x.egg-info/PKG-INFO", "target/debug/app.d"],
)  # fmt: skip
def test_trees_that_never_belong_in_a_commit_block(path: str) -> None:
    (finding,) = scope([added_file(path)])
    assert (finding.severity, finding.category) == (Severity.MAJOR, "foreign_tree")


def test_vendored_trees_that_the_base_has_are_customary() -> None:
    assert scope([added_file("vendor/z.go")], base_paths=["vendor/a.go"]) == []


def test_binaries_and_size_block() -> None:
    binary = ChangedFile(path="a.bin", status="A", added=0, removed=0, binary=True)
    big = "x" * 2_000_000
    many = ChangedFile(path="b.py", status="A", added=50_000, removed=0)
    found = scope([binary, added_file("big.txt", big), many], lines_of("big.txt", big))
    assert {(finding.category, finding.severity) for finding in found} == {
        ("binary", Severity.MAJOR), ("file_size", Severity.MAJOR), ("diff_size", Severity.MAJOR),
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        "Dockerfile",
        "app/Dockerfile.dev",
        ".env",
        "deploy/app.yaml",
        "infra/main.tf",
        "Makefile",
    ],
)
def test_what_decides_build_and_delivery_is_a_warning(path: str) -> None:
    (finding,) = scope([added_file(path)])
    assert (finding.severity, finding.category) == (Severity.MINOR, "infrastructure")


@pytest.mark.parametrize(
    ("path", "before", "after", "name"),
    [
        ("requirements.txt", "flask==1\n", "flask==2\nleft_pad>=1\n", "left-pad"),
        (
            "pyproject.toml",
            "[project]\ndependencies = ['a']\n",
            "[project]\ndependencies = ['a', 'Left.Pad[x]>=1']\n",
            "left-pad",
        ),
        ("package.json", '{"dependencies": {}}', '{"devDependencies": {"left-pad": "1"}}', "left-pad"),
        ("Cargo.toml", "", "[dependencies]\nleft-pad = '1'\n", "left-pad"),
        ("go.mod", "module x\n", "module x\nrequire github.com/a/leftpad v1.0.0\n", "github.com/a/leftpad"),
        ("pom.xml", "", "<dependency><groupId>g</groupId><artifactId>leftpad</artifactId></dependency>", "g:leftpad"),
        ("build.gradle", "", "dependencies {\n  implementation 'g:leftpad:1'\n}\n", "g:leftpad"),
    ],
)
def test_new_dependencies_are_named_and_said_to_be_unused(path: str, before: str, after: str, name: str) -> None:
    (finding,) = scope(
        [added_file(path, after)], lines_of(path, after), manifests_before={path: before}, manifests_after={path: after}
    )
    assert finding.category == "dependency"
    assert name in finding.message
    assert "No added line uses it." in finding.message


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ('@app.get("/debug/env")', "endpoint"),
        ("app.post('/internal/run', handler)", "endpoint"),
        ('http.HandleFunc("/debug", h)', "endpoint"),
        ('    path("debug/", views.debug),', "endpoint"),
        ('@GetMapping("/debug")', "endpoint"),
        ("server.listen(8080)", "listener"),
        ("    sock.bind(('0.0.0.0', 4444))", "listener"),
    ],
)
def test_entry_points_that_no_scenario_names_are_warnings(line: str, category: str) -> None:
    (finding,) = scope([added_file("src/app", line)], lines_of("src/app", line))
    assert (finding.category, finding.severity, finding.line) == (category, Severity.MINOR, 1)


def test_an_endpoint_of_a_scenario_is_fine() -> None:
    line = '@app.get("/orders/export")'
    assert scope([added_file("src/a.py", line)], lines_of("src/a.py", line)) == []


SECRETS = {
    "Anthropic": "sk-ant-" + "api03-" + "Ab3" * 30,
    "GitHub": "ghp_" + "aB3dE6" * 6,
    "AWS": "AKIA" + "QWERTYUIOPASDFGH",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "Slack": "xoxb-" + "283746152930-847362514098-" + "aBcDeFgHiJkLmNoPqRsTuVwX",
    "npm": "npm_" + "aB3dE6" * 6,
    "Stripe": "sk_live_" + "aB3dE6gH9" * 3,
}


@pytest.mark.parametrize("name", SECRETS)
def test_provider_keys_are_critical_and_never_repeated(name: str) -> None:
    secret = SECRETS[name]
    text = f'before\nkey = "{secret}"\n'
    (finding,) = scan_for_secrets(
        changed=[added_file("conf.py", text)],
        added=lines_of("conf.py", text),
        scanner=DetectSecretsScanner(),
        limits=Limits(),
    )
    assert (finding.severity, finding.line, finding.category) == (Severity.CRITICAL, 2, "secret")
    assert secret not in repr(finding)
    assert secrets_in_text(text)[0].line == 2
    assert secret not in repr(secrets_in_text(text))


def test_suspicions_are_minor_and_placeholders_nothing() -> None:
    text = 'password = "hunter2-is-long"\napi_key = "your_key_here"\ntoken = "AKIAIOSFODNN7EXAMPLE"\nport = 8080\n'
    found = scan_for_secrets(
        changed=[added_file("c.py", text)],
        added=lines_of("c.py", text),
        scanner=DetectSecretsScanner(),
        limits=Limits(),
    )
    assert [(finding.severity, finding.line) for finding in found] == [(Severity.MINOR, 1)]
    assert "hunter2" not in repr(found)


def test_a_secret_at_the_end_of_an_endless_line_is_found() -> None:
    text = "x = '" + "ab " * 5_000 + SECRETS["GitHub"] + "'"
    found = scan_for_secrets(
        changed=[added_file("c.js", text)],
        added=lines_of("c.js", text),
        scanner=DetectSecretsScanner(),
        limits=Limits(),
    )
    assert [finding.severity for finding in found] == [Severity.CRITICAL]


def test_what_could_not_be_scanned_blocks() -> None:
    big = "x" * 2_000_000
    changed = [
        ChangedFile(path="a.bin", status="A", added=0, removed=0, binary=True),
        ChangedFile(path="cut.py", status="M", added=3, removed=0),
        added_file("big.txt", big),
        ChangedFile(path="gone.bin", status="D", added=0, removed=0, binary=True),
    ]
    added = [*lines_of("cut.py", "one line"), *lines_of("big.txt", big)]
    found = scan_for_secrets(changed=changed, added=added, scanner=DetectSecretsScanner(), limits=Limits())
    assert [(finding.file, finding.severity) for finding in found] == [
        ("a.bin", Severity.MAJOR), ("cut.py", Severity.MAJOR), ("big.txt", Severity.MAJOR),
    ]  # fmt: skip


def test_a_scanner_that_fails_stops_the_change() -> None:
    class Broken(DetectSecretsScanner):
        def _line(self, path: str, number: int, text: str) -> Iterator[SecretHit]:
            raise ValueError(path, number, text)

    with pytest.raises(PersonNeeded, match="could not be scanned") as caught:
        scan_for_secrets(changed=[added_file("a", "s")], added=lines_of("a", "s"), scanner=Broken(), limits=Limits())
    assert caught.value.reason is PauseReason.SECRET_FOUND


def test_what_cannot_be_protected_is_told_with_who_accepted_it() -> None:
    accepted = "ada accepted that when the repository was registered: We build elsewhere."
    said_of = "make runs $(RUNNER)."
    scope = DiffScope(changed=(), added=(), scenarios="", unread=(said_of,))
    assert "in a script that is itself protected" in analyse(scope, Limits())[0].message
    for said, expected in ((accepted, accepted), ("", "Nobody accepted that")):
        scope = DiffScope(
            changed=(),
            added=(),
            scenarios="",
            unread=(said_of,),
            exposed=(said_of,),
            accepted=(said_of,) if said else (),
            unread_accepted=said,
        )
        (finding,) = [one for one in analyse(scope, Limits()) if one.category == "test_instrument"]
        assert said_of in finding.message and expected in finding.message
        assert not finding.severity.blocking
