"""The same steps in whatever order hypothesis tries, beside the stories that are drawn from a seed. Which ones it tries
goes by the commit, so that each brings others.
"""

import shutil
import subprocess
from pathlib import Path

import hypothesis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from simulator.clerks import Way
from simulator.deeds import DEEDS
from simulator.play import STEPS, come_to_rest, set_up, take
from simulator.shelf import Shelves
from simulator.stage import Stage
from simulator.story import Step
from simulator.town import HOUR_MS, MINUTE_MS

ROOT = Path(__file__).parents[2]
KIOSKS = 2
EXAMPLES, STEPS_EACH = 120, 40

picks = st.tuples(*[st.integers(0, 999_999)] * 6)
at_booths = st.sampled_from(sorted(STEPS.keys() - {"act", "whole look", "scan", "send"}))


def commit() -> int:
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    ).stdout.strip()
    return int(found or "0", 16)


class Whatever(RuleBasedStateMachine):
    """A city in which hypothesis says what happens next."""

    shelves: Shelves
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.stage: Stage | None = None
        self.number = 0

    @initialize(seed=st.integers(0, 99))
    def found(self, seed: int) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.stage = Stage(f"any/{seed}", self.folder, self.shelves.fresh(self.folder))
        set_up(self.stage, KIOSKS)

    @rule(who=st.integers(0, KIOSKS - 1), all_picks=st.lists(picks, min_size=1, max_size=12))
    def people_come(self, who: int, all_picks: list[tuple[int, ...]]) -> None:
        for one in all_picks:
            self.happen("scan", who, one)

    @rule(who=st.integers(0, KIOSKS), numbers=picks)
    def send(self, who: int, numbers: tuple[int, ...]) -> None:
        self.happen("send", who, numbers)

    @rule(kind=st.sampled_from(sorted(DEEDS)), way=st.sampled_from(Way), who=st.integers(1, 3), numbers=picks)
    def act(self, kind: str, way: Way, who: int, numbers: tuple[int, ...]) -> None:
        self.happen("act", who, (way, *numbers), kind)

    @rule(kind=at_booths, who=st.integers(0, KIOSKS), numbers=picks)
    def go_wrong(self, kind: str, who: int, numbers: tuple[int, ...]) -> None:
        self.happen(kind, who, numbers)

    @rule(hours=st.sampled_from([1, 8, 24]))
    @precondition(lambda self: self.stage is not None)
    def wait(self, hours: int) -> None:
        self.stage_there().world.now_ms += hours * HOUR_MS

    def happen(self, kind: str, who: int, numbers: tuple[int, ...], what: str = "") -> None:
        stage = self.stage_there()
        self.number += 1
        take(stage, Step(self.number, stage.world.now_ms + MINUTE_MS, kind, who, numbers, what))

    def stage_there(self) -> Stage:
        assert self.stage is not None
        return self.stage

    def teardown(self) -> None:
        if self.stage is None:
            return
        try:
            come_to_rest(self.stage)
        finally:
            self.stage.close()


def test_whatever_happens_in_whatever_order_the_ledger_holds(tmp_path: Path) -> None:
    @hypothesis.seed(commit())
    class Here(Whatever):
        shelves = Shelves(tmp_path)
        folder = tmp_path / "city"

    many = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS_EACH, derandomize=False, deadline=None, database=None
    )

    run_state_machine_as_test(Here, settings=many)  # raises with the steps, shortened, where something was violated
