"""Tells what kind of file system a path lies on, from the kernel's list of mounts, and whether a power cut would empty
it.
"""

from __future__ import annotations

import re
from pathlib import Path

VOLATILE = frozenset({"overlay", "overlayfs", "aufs", "tmpfs", "ramfs", "rootfs", "squashfs"})
"""A Raspberry Pi with a read-only root keeps changes in an overlay over memory: gone at the next power cut."""

MOUNTS = Path("/proc/self/mountinfo")


def is_volatile(path: Path) -> bool:
    """Tell whether what is written at `path` is lost at a power cut, as far as the kernel says."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False  # a kernel without /proc cannot tell; a wrong alarm would keep the booth closed
    return file_system_of(path.resolve(), mounts) in VOLATILE


def file_system_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds an absolute path, "" if no mount does (proc_pid_mountinfo(5)).
    Pure.

    The longest mount point wins, and of equal ones the last, which lies over the others.
    """
    found, found_length = "", -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:  # noqa: PLR2004  # the fifth field is the mount point
            continue
        mount_point = Path(_unescaped(fields[4]))
        length = len(mount_point.parts)
        if path.is_relative_to(mount_point) and length >= found_length:
            found, found_length = after.split(" ")[0], length
    return found


def _unescaped(field: str) -> str:
    r"""Return a mount point with its \040 and the like as characters."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
