"""Reads from the kernel what a running program has used: processor time of all its threads, memory; and which programs
it has started.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Final

TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
PARENT, USER_TICKS, SYSTEM_TICKS = 1, 11, 12
"""Places in /proc/PID/stat after the program's name, which may hold anything (proc_pid_stat(5))."""


def cpu_seconds(*programs: int) -> float:
    """Return what these processes have used so far, with the kernel's work for them; one that has ended counts 0."""
    fields = [_stat(program) for program in programs]
    return sum(int(one[USER_TICKS]) + int(one[SYSTEM_TICKS]) for one in fields if one) / TICKS_A_SECOND


def resident_bytes(program: int | str = "self") -> int:
    """Return how much of a process lies in memory (RSS)."""
    return int(Path(f"/proc/{program}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def descendants(program: int, name: str) -> list[int]:
    """Return the processes under `program` whose executable's name begins with `name`."""
    children = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children[int(fields[PARENT])].append(int(folder.name))
    found, rest = [], [program]
    while rest:
        rest += (young := children[rest.pop()])
        found += [one for one in young if _name(one).startswith(name)]
    return found


def _name(program: int) -> str:
    try:
        return Path(f"/proc/{program}/comm").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _stat(program: int) -> list[str]:
    """Return the fields after the name, none if the process has gone."""
    try:
        return Path(f"/proc/{program}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
