"""The place of a journal is judged by the kernel's list of mounts: what lies in memory is gone at a power cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.journal_file import JournalUnsafe
from kiosk.journal_open import open_journal
from kiosk.medium import file_system_of

MOUNTS = """\
22 1 0:21 / / rw,relatime - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay
23 22 0:22 / /proc rw - proc proc rw
24 22 179:3 / /var/lib/kumapo-kiosk rw,relatime shared:1 - ext4 /dev/mmcblk0p3 rw
25 22 0:24 / /run rw,nosuid - tmpfs tmpfs rw
26 22 8:1 / /media/usb\\040stick rw - vfat /dev/sda1 rw
27 24 0:30 / /var/lib/kumapo-kiosk/tried rw - ext4 /dev/loop0 rw
28 24 0:31 / /var/lib/kumapo-kiosk/tried rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/kiosk/journal.db", "overlay"),
        ("/var/lib/kumapo-kiosk/journal.db", "ext4"),
        ("/var/lib/kumapo-kiosk-other/journal.db", "overlay"),
        ("/run/journal.db", "tmpfs"),
        ("/media/usb stick/journal.db", "vfat"),
        ("/var/lib/kumapo-kiosk/tried/journal.db", "tmpfs"),
        ("/", "overlay"),
    ],
)
def test_the_nearest_and_last_mount_over_a_path_counts(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


def test_lines_that_are_no_mounts_are_passed_over() -> None:
    assert file_system_of(Path("/x"), "\nnonsense\n1 2 3 - ext4\n") == ""


def test_a_journal_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "journal.db").write_bytes(b"whatever")
    monkeypatch.setattr("kiosk.medium.MOUNTS", tmp_path / "mounts")
    (tmp_path / "mounts").write_text("22 1 0:21 / / rw - overlay overlay rw\n", encoding="utf-8")

    with pytest.raises(JournalUnsafe, match="volatile"):
        open_journal(tmp_path / "journal.db")

    assert (tmp_path / "journal.db").read_bytes() == b"whatever"
