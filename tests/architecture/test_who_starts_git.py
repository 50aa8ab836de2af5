"""Who starts processes at all, and who starts git.

Problem: git on somebody else's directory runs what that directory says, and any process may pick up what lies where it works;
a wall around one place says nothing about the next. Choice: every place that starts a process is listed with what it
starts; git has one module of its own, and the few others that name it work on directories that they made themselves.
"""

import ast
import re
from collections.abc import Iterator, Mapping

from tests.architecture.source_tree import PRODUCT, TOGETHER, imported_modules, python_files, tree_of

pytestmark = TOGETHER

STARTERS = {
    "bench/floors.py:_kill": "a process of ours, to be killed and timed",
    "bench/floors.py:forks": "programs of the system, timed",
    "bench/floors.py:sandboxes": "bubblewrap around a program of the system, timed",
    "bench/fork_floor.py:_fork_once": "this process again, timed",
    "bench/repository_checks.py:_by_hand": "git, uv and a suite of ours, in a directory that this group made, timed",
    "bench/sample.py:repository": "git, in a directory that this function made",
    "bench/streams.py:_process": "an interpreter of ours",
    "bench/trees.py:floors": "git, cp and rm on directories that this group made, timed",
    "bench/trees.py:_git": "git, in directories that this group made",
    "chaos/installation.py:Installation.run": "our own command",
    "chaos/outcome.py:_repository": "git, in the sample that the campaign made",
    "chaos/outcome.py:_private": "git, in the caches of the campaign's own installation",
    "cli/demo.py:Demo._ask": "our own command",
    "cli/demo.py:Demo._change_request": "git, in the sample that the demo made and its own agents changed",
    "cli/demo.py:Demo._prepare": "git, in a fresh copy of the sample",
    "cli/demo.py:Demo._show": "our own command",
    "cli/local/backup.py:_run": "pg_dump and pg_restore from the installed wheel, by their full paths",
    "cli/local/children.py:spawn": "the installation's own servers and commands, by their full paths",
    "cli/local/guard.py:_start": "/bin/sh with a script of ours, in /",
    "cli/local/postgres.py:PostgresServer._run": "initdb and the like from the installed wheel, in the server's own directory",
    "cli/local/postgres.py:_version": "the installed postgres, asked for its version",
    "cli/local/redis.py:_version": "the installed redis-server, asked for its version",
    "cli/local/up.py:start_detached": "our own command",
    "controller/launch/child.py:ForkServerChild.__init__": "our own command",
    "pipeline/adapters/network/egress_forwarder.py:main": "a build's command; runs inside the sandbox itself",
    "pipeline/adapters/sandbox/disk_reading.py:usage_of": "bubblewrap around an interpreter of ours that counts a closed directory, in /",
    "pipeline/adapters/git/process.py:Child.run": "git, found by absolute paths; the one place",
    "pipeline/adapters/git/ssh_transport.py:_answer": "ssh, asked for what the account's own configuration says of a host, in /",
    "pipeline/adapters/sandbox/process.py:Namespace.__init__": "bubblewrap around every tool, in /",
    "pipeline/adapters/environments/interpreters.py:_version": "the machine's own Pythons, asked for their version, in /",
    "pipeline/adapters/environments/toolchains.py:_home_of": "the operator's own toolchains, asked for their home, in /",
    "pipeline/adapters/environments/toolchains.py:said_of_its_version": "the same, asked for their version, in /",
    "pipeline/adapters/sandbox/uncontained.py:Uncontained._start": "a tool without any wall, where the operator asked for that",
    "pipeline/testing/memory.py:UncontainedSandbox.run": "a test's own command; the fake of the sandbox port",
    "worker/fork_server.py:ForkServer._check": "this process again, to check a repository",
    "worker/fork_server.py:ForkServer._launch": "this process again, as a worker",
    "worker/warmth.py:isolation": "this process again, to look what is warm",
    "pipeline/proof/results/pytest_first.py:main": "pytest in the place of this very process, within the sandbox of a test run",
}
"""Every function that starts a process, and what that process is."""

GIT = {
    "bench/recording.py": "no program: the name of a column",
    "bench/repository_checks.py": "clones a repository that this group made, as the floor",
    "bench/sample.py": "makes the sample that is measured",
    "bench/trees.py": "makes the repository that is measured, and checks it out as the floor",
    "chaos/outcome.py": "reads the sample and the caches of the campaign's own installation",
    "cli/demo.py": "makes the demo's sample and shows what was merged there",
    "controller/change_requests/takeover.py": "no program: the commands that a person who takes over can type",
    "pipeline/adapters/environments/lock_files.py": "no program: a key of lock files",
    "pipeline/proof/module_redirects.py": "no program: a key of manifests",
    "pipeline/agents/tools.py": "asks in the agent's own sandbox, as its shell may, whether a file that it wrote is ignored",
    "pipeline/adapters/git/runner.py": "the one module that knows how git is run",
    "pipeline/adapters/git/local_remotes.py": "what git starts to serve a directory of ours that stands before a path",
    "pipeline/adapters/git/process.py": "starts what `git.py` puts together",
}
"""Every file that names git as a program."""

_MODULES = {
    "subprocess": re.compile(r"run|Popen|call|check_call|check_output|getoutput|getstatusoutput"),
    "asyncio": re.compile(r"create_subprocess_(exec|shell)"),
    "os": re.compile(r"exec\w+|spawn\w+|posix_spawnp?|system|popen|fork|forkpty"),
    "pty": re.compile(r"spawn|fork"),
    "multiprocessing": re.compile(r"Process|Pool|get_context|set_start_method"),
    "concurrent.futures": re.compile(r"ProcessPoolExecutor"),
}
_NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_METHODS = re.compile(r"subprocess_(exec|shell)|ProcessPoolExecutor|create_subprocess_(exec|shell)")
_GIT_PROGRAM = re.compile(r"(.*/)?git(-(upload-pack|receive-pack|upload-archive|remote-\w+|shell|daemon|lfs))?")
_GIT_COMMAND = re.compile(r"(^|[=;&|(]\s*|\bexec )git (-c |-C |--git-dir|--exec-path|[a-z-]+-pack\b)")


def test_every_place_that_starts_a_process_is_listed_with_its_reason() -> None:
    found = {place for path in python_files(*PRODUCT) for place in _starters(path)}
    assert sorted(found - set(STARTERS)) == [], "say in STARTERS what it starts, in which directory, found how"
    assert sorted(set(STARTERS) - found) == [], "starts nothing any more"


def test_git_is_started_in_one_module() -> None:
    found = {path for path in python_files(*PRODUCT) if _names_git(path)}
    assert sorted(found - set(GIT)) == [], "ask pipeline.adapters.git.runner instead"
    assert sorted(set(GIT) - found) == [], "does not name git any more"


def test_no_process_is_started_through_a_shell() -> None:
    shells = [
        f"{path}:{node.lineno}"
        for path in python_files(*PRODUCT)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        if any(one.arg == "shell" and not (isinstance(one.value, ast.Constant) and one.value.value is False) for one in node.keywords)
        or _called(node.func).endswith(("os.system", "os.popen", "create_subprocess_shell", "getoutput", "getstatusoutput"))
    ]  # fmt: skip
    assert shells == []


def test_the_search_sees_every_way_to_start_a_process() -> None:
    """The search itself: each spelling that reaches a process is found, and what only talks about one is not."""
    starts = (
        "import subprocess\nsubprocess.run(['x'])", "import subprocess as s\ns.Popen(['x'])",
        "from subprocess import check_output as look\nlook(['x'])", "import asyncio\nasyncio.create_subprocess_exec('x')",
        "import os\nos.execvpe('x', [], {})", "from os import posix_spawn\nposix_spawn('x', [], {})", "import os\nos.fork()",
        "import pty\npty.spawn('x')", "loop.subprocess_exec(f, 'x')", "import subprocess\nmap(subprocess.run, [])",
        "from git.cmd import Git\nGit('.').execute([])", "import git\ngit.Repo('.')",
        "from concurrent import futures\nfutures.ProcessPoolExecutor()", "import multiprocessing\nmultiprocessing.Process()",
        "import subprocess\nstart = subprocess.Popen\nstart(['x'])",
    )  # fmt: skip
    silent = (
        "import subprocess\ndef f(p: subprocess.Popen[bytes]) -> 'subprocess.CompletedProcess[str]': ...",
        "import subprocess\ntry: pass\nexcept subprocess.TimeoutExpired: pass", "import os\nos.path.join('a', 'b')",
        "runner.run(['git'])",
    )  # fmt: skip
    assert [text for text in starts if not _found_in(text)] == []
    assert [text for text in silent if _found_in(text)] == []
    named = (
        "['git', '-C', x]",
        "('/usr/bin/git', 'x')",
        "f'--upload-pack=git -c a=b upload-pack'",
        "['env', '-i', 'git']",
    )
    told = ("'git push failed'", "raise E(f'git {name} did not finish')", "['github', 'git status']", "'.git'")
    assert [text for text in named if not _git_in(ast.parse(text))] == []
    assert [text for text in told if _git_in(ast.parse(text))] == []


def _starters(path: str) -> Iterator[str]:
    """Yield `path:function` for each place; the outermost class or function names it."""
    names = _imported(tree_of(path))
    for node in tree_of(path).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for one in inner:
            within = [part.name for part in (node, one) if isinstance(part, _NAMED)]
            if list(_starting(one, names)):
                yield f"{path}:{'.'.join(dict.fromkeys(within)) or 'module'}"


def _found_in(text: str) -> list[ast.AST]:
    tree = ast.parse(text)
    return list(_starting(tree, _imported(tree)))


def _starting(node: ast.AST, names: Mapping[str, str]) -> Iterator[ast.AST]:
    """Yield what reaches a way to start a process: called, handed on or given another name, but not as a type."""
    types = {id(inner) for one in ast.walk(node) for kind in _annotations(one) for inner in ast.walk(kind)}
    for one in ast.walk(node):
        if id(one) in types or not isinstance(one, ast.Attribute | ast.Name) or not isinstance(one.ctx, ast.Load):
            continue
        first, _, rest = _called(one).partition(".")
        full = f"{names.get(first, first)}.{rest}" if rest else names.get(first, first)
        holder, _, last = full.rpartition(".")
        known = any(holder == module and pattern.fullmatch(last) for module, pattern in _MODULES.items())
        method = isinstance(one, ast.Attribute) and _METHODS.fullmatch(one.attr)
        if known or method or full in {"git.Repo", "git.Git", "git.cmd.Git"}:
            yield one


def _annotations(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        yield node.returns
    if isinstance(node, ast.Subscript):
        yield node.value


def _imported(node: ast.AST) -> dict[str, str]:
    """Return what each imported name stands for."""
    found: dict[str, str] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            found |= {alias.asname: alias.name for alias in one.names if alias.asname}
        elif isinstance(one, ast.ImportFrom) and one.module:
            found |= {alias.asname or alias.name: f"{one.module}.{alias.name}" for alias in one.names}
    return found


def _called(node: ast.AST) -> str:
    """Return `a.b.c` of a chain of names; what is not a name is left out."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_called(node.value)}.{node.attr}"
    return ""


def _names_git(path: str) -> bool:
    # GitPython installs as `git`; ours is `pipeline.adapters.git.runner`.
    return any(name == "git" or name.startswith("git.") for name in imported_modules(path)) or _git_in(tree_of(path))


def _git_in(tree: ast.AST) -> bool:
    """Whether git is an element of an argv, or a command in a text that git itself hands to a shell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple) and any(_is_program(one) for one in node.elts):
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _GIT_COMMAND.search(node.value):
            return True
    return False


def _is_program(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_GIT_PROGRAM.fullmatch(node.value))
