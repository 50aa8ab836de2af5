"""A short, seeded piece of `make chaos`: real processes, every target once."""

from pathlib import Path

import pytest

from chaos.campaign import Campaign
from chaos.plan import Target, plan
from chaos.report import summary
from pipeline.line.crash_points import points

SHORT, KILLS, SEED = 5, 8, 4
"""One change request with a disturbance of almost every sort, and two with every sort and named points."""


def test_a_seed_plans_the_same_disturbances_and_a_long_plan_visits_every_point() -> None:
    assert plan(200, 1) == plan(200, 1) != plan(200, 2)
    assert {one.point for one in plan(200, 1)} >= set(points())
    for seed in range(20):
        assert {one.target for one in plan(KILLS, seed)} == set(Target)


@pytest.mark.thorough
@pytest.mark.acceptance
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kills", [SHORT, KILLS])
def test_after_kills_freezes_and_cuts_everything_is_as_if_nobody_had_disturbed_it(tmp_path: Path, kills: int) -> None:
    said: list[str] = []
    file = tmp_path / "result.jsonl"
    lines = Campaign(kills=kills, seed=SEED, file=file, report=said.append).run()
    found = summary(lines, seed=SEED)
    assert found["problems"] == [], said
    assert found["kills"] == kills
    assert {one["target"] for line in lines for one in line["struck"]} == {one.target for one in plan(kills, SEED)}
    again = Campaign(kills=kills, seed=SEED, file=file, report=said.append)
    assert again.run() == lines, "a finished campaign has nothing left to do"
