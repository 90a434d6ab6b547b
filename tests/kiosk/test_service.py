"""The service file starts the command that exists, waits for no network, and is watched through the scan loop."""

from __future__ import annotations

import re
from pathlib import Path

from kiosk.commands import kiosk

UNIT = Path(__file__).parents[2] / "kiosk.service"


def lines_with(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_service_starts_a_command_that_exists() -> None:
    _, _, arguments = lines_with("ExecStart")[0].partition(" -m kiosk ")
    command, *options = arguments.split()

    parameters = {name for parameter in kiosk.commands[command].params for name in parameter.opts}

    assert {option for option in options if option.startswith("--")} <= parameters


def test_a_booth_that_is_offline_starts() -> None:
    assert lines_with("After") == ["network.target"]
    assert lines_with("Wants") == lines_with("Requires") == []
    assert "network-online" not in UNIT.read_text(encoding="utf-8")


def test_the_service_tells_that_it_lives_and_comes_back() -> None:
    assert lines_with("Type") == ["notify"]
    assert lines_with("WatchdogSec") == ["30"]
    assert lines_with("Restart") == ["always"]
    assert lines_with("StartLimitIntervalSec") == ["0"]
