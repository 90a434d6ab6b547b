"""Every benchmark runs, in a tiny size, and says what it found in the form that later ones keep. Nothing is timed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import setup
from benchmarks.command import USUAL, bench
from benchmarks.drain import digests
from benchmarks.ground import grants, laid, let_in
from benchmarks.report import Figure, Line, Took, Works, as_table, at_least, at_most, by_turns, figures_of, rate
from hub.intake.arrival import take_batch
from hub.store.database import execute

EXPECTED = {
    "scan": ["<= 3"],
    "ingest": [">= 0.5", ">= 0.13", ">= 0.18"],
    "drain": [">= 0.6", "<= 0"],
    "growth": [">= 0.8", "<= 600"],
    "season": ["<= 2", "<= 3", "<= 1", "<= 5"],
    "acts": ["<= 3", "<= 3", "<= 3", "<= 3", "<= 1600"],
    "audit": [">= 0.36"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_benchmark_says_each_figure_it_has_to_reach_on_the_last_line(name: str, tmp_path: Path) -> None:
    arguments = [name, "--quick", "--json", "--dir", str(tmp_path)]

    result = CliRunner().invoke(bench, arguments, catch_exceptions=False)

    said = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0
    assert said.keys() == {"name", "figures"}
    assert said["name"] == name
    assert [figure["to_reach"] for figure in said["figures"]] == EXPECTED[name]
    for figure in said["figures"]:
        assert {key: type(value) for key, value in figure.items()} == {
            "figure": str,
            "value": float,
            "to_reach": str,
            "reached": bool,
        }
        assert figure["figure"] in result.stdout.partition("{")[0]


def test_a_benchmark_leaves_nothing_behind(tmp_path: Path) -> None:
    arguments = ["scan", "--quick", "--dir", str(tmp_path)]

    CliRunner().invoke(bench, arguments, catch_exceptions=False)

    assert list(tmp_path.iterdir()) == []


def test_set_up_is_measured_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    figure: Figure = {"figure": "cold set-up", "value": 1.1, "to_reach": "<= 1.3", "reached": True}
    monkeypatch.setattr(setup, "measure", lambda rounds: [figure] * rounds)

    result = CliRunner().invoke(bench, ["setup", "--json"], catch_exceptions=False)

    assert "setup" not in USUAL
    assert json.loads(result.stdout.splitlines()[-1]) == {"name": "setup", "figures": [figure, figure]}


def test_a_batch_sent_again_changes_no_digest_but_one_more_point_does(tmp_path: Path) -> None:
    with laid(tmp_path, members=3, events=1) as ground:
        booth = let_in(ground, "見本", ground.events)
        batch = booth.batch([booth.opened, *grants(ground, ground.events[0], ground.members)])
        take_batch(ground.hub, batch)
        before = digests(ground.hub)

        take_batch(ground.hub, batch)
        again = digests(ground.hub)
        with ground.hub.store.transaction() as connection:
            execute(connection, "UPDATE member_balance SET held = held + 1 WHERE member = :one", one=ground.members[0])
        spoilt = digests(ground.hub)

    assert again == before
    assert {table for table in before if spoilt[table] != before[table]} == {"member_balance"}
    assert before["transfer"][0] == 3


def test_a_figure_is_judged_by_its_own_goal() -> None:
    lines = [
        Line("high", "", "", 0.5, at_least(0.5)),
        Line("too low", "", "", 0.49999, at_least(0.5)),
        Line("low", "", "", 600, at_most(600)),
        Line("too high", "", "", 600.4, at_most(600)),
        Line("told", "", "", 1),
    ]

    figures = figures_of(lines)

    assert [(figure["figure"], figure["reached"]) for figure in figures] == [
        ("high", True),
        ("too low", False),
        ("low", True),
        ("too high", False),
    ]
    assert as_table("sample", lines).count("NOT REACHED") == 2


def test_works_take_turns_and_only_they_are_on_the_account() -> None:
    done: list[str] = []

    def works(number: int) -> Works:
        done.append(f"before {number}")
        yield "ours", lambda: done.append("ours")
        done.append("between")
        yield "limit", lambda: done.append("limit")

    took = by_turns(2, works)

    assert done == ["before 0", "ours", "between", "limit", "before 1", "ours", "between", "limit"]
    assert took.keys() == {"ours", "limit"}


def test_a_rate_names_processor_and_wall() -> None:
    took = Took(cpu=0.5, wall=2.0)

    said = rate(took, 5_000)

    assert said == "10,000 (2,500) /s"
