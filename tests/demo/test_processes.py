"""The demo's children are read line by line, waited for within bounds, and never left behind."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

import pytest

from demo import processes
from demo.processes import SAID, Child, DidNotCome, Family, Line

PATIENCE_SECONDS = 60.0  # only a failing test waits so long
READY = "import sys, time; print('{\"ready\": 1}', flush=True); "
SILENT = READY + "sys.stdin.read()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY + "time.sleep(600)"


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 2 * PATIENCE_SECONDS))


async def ready(child: Child) -> Line:
    return await child.wait_for(lambda line: line if "ready" in line else None, PATIENCE_SECONDS, "ready")


def is_alive(child: Child) -> bool:
    try:
        os.kill(child.process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_objects_come_as_objects_and_sentences_as_what_was_said() -> None:
    async def story() -> None:
        family = Family()
        child = await family.start("child", "-c", "print('ようこそ'); print('{\"scan\": 1}'); print('[2]')")
        await child.ended(PATIENCE_SECONDS)

        assert child.lines_so_far() == [{SAID: "ようこそ"}, {"scan": 1}, {SAID: "[2]"}]
        await family.end()

    play(story())


def test_what_does_not_come_is_told_with_the_childs_last_words() -> None:
    async def story() -> None:
        family = Family()
        child = await family.start("booth", "-c", "import sys; print('no paper', file=sys.stderr); " + SILENT)
        await ready(child)

        with pytest.raises(DidNotCome) as told:
            await child.wait_for(lambda line: line.get("answer"), 0.01, "answer")

        assert str(told.value).startswith("booth: no answer within 0.01 s.")
        assert "no paper" in str(told.value)
        await family.end()

    play(story())


def test_a_child_that_ends_too_early_is_told_with_its_status() -> None:
    async def story() -> None:
        family = Family()
        child = await family.start("hub", "-c", READY + "sys.exit('port taken')")

        for _ in range(2):  # whoever asks later hears it too
            with pytest.raises(DidNotCome) as told:
                await child.wait_for(lambda line: line.get("address"), PATIENCE_SECONDS, "address")
            assert str(told.value).startswith("hub: ended with status 1.")
            assert "port taken" in str(told.value)
        with pytest.raises(DidNotCome, match="ended with status 1"):
            await child.ended(PATIENCE_SECONDS)
        await family.end()

    play(story())


def test_a_killed_child_leaves_what_it_had_said() -> None:
    async def story() -> None:
        family = Family()
        child = await family.start("booth", "-c", READY.replace("1}", '1}\\n{\\"scan\\": 7}') + "time.sleep(600)")
        await ready(child)

        said = await child.kill()

        assert said == [{"scan": 7}]
        assert child.process.returncode == -signal.SIGKILL
        assert not is_alive(child)
        await family.end()

    play(story())


def test_what_is_said_to_a_child_reaches_it() -> None:
    async def story() -> None:
        family = Family()
        child = await family.start("camera", "-c", "print(input())")
        child.say(b'{"text": "SAMPLE"}\n')

        heard = await child.wait_for(lambda line: line.get("text"), PATIENCE_SECONDS, "echo")

        assert heard == "SAMPLE"
        await family.end()

    play(story())


def test_a_service_is_waited_for_until_it_says_that_it_is_ready() -> None:
    async def story() -> None:
        family = Family()
        code = "import os; from kiosk.service import notify; notify(os.environ['NOTIFY_SOCKET'], 'READY=1'); " + SILENT

        child = await family.start_service("booth", "-c", code, seconds=PATIENCE_SECONDS)

        assert is_alive(child)
        await family.end()

    play(story())


@pytest.mark.parametrize(("code", "seconds"), [("raise SystemExit('no camera')", PATIENCE_SECONDS), (SILENT, 0.01)])
def test_a_service_that_does_not_get_ready_is_told(code: str, seconds: float) -> None:
    async def story() -> None:
        family = Family()

        with pytest.raises(DidNotCome, match="booth: was not ready"):
            await family.start_service("booth", "-c", code, seconds=seconds)
        await family.end()

    play(story())


def test_a_family_ends_whole_and_the_deaf_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "TERM_SECONDS", 0.05)

    async def story() -> None:
        family = Family()
        children = [await family.start(name, "-c", code) for name, code in (("a", SILENT), ("b", DEAF), ("c", SILENT))]
        for child in children:
            await ready(child)

        await family.end()

        assert [is_alive(child) for child in children] == [False, False, False]
        assert children[1].process.returncode == -signal.SIGKILL

    play(story())
