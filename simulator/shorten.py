"""Shortens a failing chapter by itself: leaves out steps as long as the same rule is still violated (delta debugging).

Steps carry their own number, moment and picks, so one that is left out takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.story import Chapter, Step
from simulator.town import Violation

WHOLE_LOOK = "whole look"
Find = Callable[[Chapter], Violation | None]


def shorten(chapter: Chapter, found: Violation, find: Find, tries: int) -> tuple[Chapter, int]:
    """Return a shorter chapter that violates the same rule, and how many tries it took; at most `tries`."""
    hunt = _Hunt(chapter, found.rule, find, tries)
    hunt.keep_until(found.step)
    hunt.look_earlier()
    hunt.leave_out_whoever()
    size = max(1, len(hunt.steps) // 2)
    while size >= 1 and hunt.tries_left:
        if not hunt.leave_out_runs(size):
            size //= 2
    return hunt.chapter(hunt.steps), tries - hunt.tries_left


class _Hunt:
    """The steps that are left, and the tries."""

    def __init__(self, chapter: Chapter, rule: str, find: Find, tries: int) -> None:
        self._chapter = chapter
        self._rule = rule
        self._find = find
        self.steps = chapter.steps
        self.tries_left = tries

    def chapter(self, steps: tuple[Step, ...]) -> Chapter:
        return self._chapter._replace(steps=steps)

    def keep_until(self, last: int) -> None:
        """Leave out what came after the violation; what it comes to may differ, so it is tried."""
        self._take(tuple(step for step in self.steps if step.number <= last))

    def look_earlier(self) -> None:
        """Where only the whole look has found it: look after each step since the last one, and end at the first that
        shows it.
        """
        if not self.steps or self.steps[-1].kind != WHOLE_LOOK:
            return
        look = self.steps[-1]
        last = max((place for place, step in enumerate(self.steps[:-1]) if step.kind == WHOLE_LOOK), default=-1)
        before = tuple(step for step in self.steps[: last + 1] if step.kind != WHOLE_LOOK)
        since = self.steps[last + 1 : -1]
        looked = tuple(one for step in since for one in (step, look._replace(number=step.number, at_ms=step.at_ms)))
        self.tries_left -= 1
        found = self._find(self.chapter((*before, *looked)))
        if found is None or found.rule != self._rule:
            return
        until = tuple(step for step in since if step.number <= found.step)
        self.steps = (*before, *until, look._replace(at_ms=until[-1].at_ms))

    def leave_out_whoever(self) -> None:
        """Leave out all steps of one booth or clerk, where that makes no difference."""
        for who in sorted({step.who for step in self.steps}):
            self._take(tuple(step for step in self.steps if step.who != who or step.kind == WHOLE_LOOK))

    def leave_out_runs(self, size: int) -> bool:
        """Leave out runs of so many steps; tell whether any could be."""
        has_shrunk = False
        start = 0
        while start < len(self.steps) and self.tries_left:
            if self._take(self.steps[:start] + self.steps[start + size :]):
                has_shrunk = True
            else:
                start += size
        return has_shrunk

    def _take(self, steps: tuple[Step, ...]) -> bool:
        if steps == self.steps or not self.tries_left:
            return False
        self.tries_left -= 1
        found = self._find(self.chapter(steps))
        if found is None or found.rule != self._rule:
            return False
        self.steps = steps
        return True
