"""What the fork server finds out once for all its workers."""

import os
import signal
from pathlib import Path

import psutil
import pytest
import structlog

from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.ports import Isolation
from pipeline.settings.process import EnvironmentSettings, ProcessSettings, SandboxSettings
from worker import warmth


async def test_a_machine_that_was_seen_to_isolate_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    known = Isolation(name="bubblewrap", detail="seen by the fork server")
    sandbox = await start_sandbox(SandboxSettings(), EnvironmentSettings(), hidden=(), known=known)
    assert sandbox.isolation() == known


async def test_a_machine_that_could_not_isolate_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    known = Isolation(name="none", detail="bubblewrap was missing an hour ago")
    sandbox = await start_sandbox(SandboxSettings(), EnvironmentSettings(), hidden=(), known=known)
    assert "not found on PATH" in sandbox.isolation().detail


def test_a_fork_server_that_cannot_isolate_leaves_the_question_to_each_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert warmth.isolation(ProcessSettings()) is None


def test_a_check_of_the_sandbox_that_hangs_ends_and_leaves_the_question_to_each_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_settings: ProcessSettings) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    monkeypatch.setattr(warmth, "_probe", stopped)
    with structlog.testing.capture_logs() as said:
        assert warmth.isolation(ProcessSettings(data_dir=tmp_path), longest_s=0.1) is None
    assert [(one["event"], psutil.pid_exists(one["pid"])) for one in said] == [("sandbox_check_took_too_long", False)]
