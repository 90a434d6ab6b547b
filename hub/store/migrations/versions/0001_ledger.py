"""The first tables: reference records, arrived entries, the ledger, acts, and progress.

Posted tables (entry, transfer, movement, reference records and everything an act leaves behind) only ever get INSERT;
`hub.store.append_only` keeps it. What changes is written as a new version of its subject, and the newest counts.
Progress tables may change: they can be made again from the rest. Member-side keys contain the bucket and are led by
the event (docs/ARCHITECTURE.md).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store import append_only

revision = "0001"
down_revision = None

BYTES = sa.LargeBinary
WHOLE = sa.BigInteger


def upgrade() -> None:
    """Make all tables."""
    _acts()
    _reference()
    _members()
    _kiosks()
    _decisions()
    _ledger()
    _progress()
    append_only.protect(op.get_bind(), _POSTED.split())


_POSTED = """
    act organisation allotment event activity member card lost_card key_list instance kiosk kiosk_name assignment
    manifest share decision line hole lost_tail replacement boot_start entry transfer movement
"""


def _table(name: str, key: str, columns: str, checks: dict[str, str] | None = None) -> None:
    """Make a table whose rows lie in the order of its key (SQLite: WITHOUT ROWID), every constraint named.

    `columns` are names, whole numbers unless `:text` or `:bytes` follows; a `?` at the end may be null.
    """
    constraints = [sa.CheckConstraint(text, name=f"{name}_{label}") for label, text in (checks or {}).items()]
    made = [_column(word) for word in columns.split()]
    op.create_table(
        name, *made, sa.PrimaryKeyConstraint(*key.split(), name=f"{name}_key"), *constraints, sqlite_with_rowid=False
    )


def _column(word: str) -> sa.Column[object]:
    name, _, kind = word.removesuffix("?").partition(":")
    kinds: dict[str, object] = {"": WHOLE, "text": sa.Text, "bytes": BYTES}
    return sa.Column(name, kinds[kind], nullable=word.endswith("?"))  # type: ignore[arg-type]  # a column type


def _one_of(column: str, *words: str) -> dict[str, str]:
    listed = ", ".join(f"'{word}'" for word in words)
    return {f"{column}_known": f"{column} IN ({listed})"}


def _acts() -> None:
    """What persons have done. `act` is the form's number; the typed columns say to what, `text` only shows it."""
    subject = "kiosk:bytes? seq? hash:bytes? first_seq? last_seq? event? activity? member? issue? organisation?"
    more = "allotment? points? entries? enrolment:bytes? takes_back:bytes? text:text"
    _table(
        "act",
        "act",
        f"act:bytes kind:text done_by:text role:text reason:text done_ms content:bytes {subject} {more}",
        {"has_a_reason": "length(reason) > 0", "has_a_person": "length(done_by) > 0"},
    )
    op.create_index("act_by_moment", "act", ["done_ms"])


def _reference() -> None:
    _table(
        "organisation",
        "organisation version",
        "organisation version name:text kind:text state:text act:bytes",
        {**_one_of("kind", "grants", "serves", "both"), **_one_of("state", "open", "closed")},
    )
    _table("allotment", "allotment", "allotment organisation fiscal_year name:text act:bytes")
    _table(
        "event",
        "event version",
        "event version name:text starts_ms ends_ms allotment state:text act:bytes",
        {"window": "starts_ms <= ends_ms", **_one_of("state", "open", "called off")},
    )
    _table(
        "activity",
        "event version activity",
        "event version activity name:text rule:bytes occasion_by daily_limit slots:bytes",
    )


def _members() -> None:
    _table(
        "member",
        "bucket member version",
        "bucket member version state:text since_ms act:bytes",
        _one_of("state", "open", "ended", "unknown"),
    )
    _table("card", "bucket member issue", "bucket member issue kind:text made_ms act:bytes")
    _table(
        "lost_card",
        "bucket member issue version",
        "bucket member issue version state:text since_ms act:bytes",
        _one_of("state", "lost", "found"),
    )


def _kiosks() -> None:
    _table("key_list", "version", "version encoded:bytes")
    _table("instance", "opened_ms mark", "opened_ms mark:bytes reason:text")
    _table("kiosk", "kiosk", "kiosk:bytes public_key:bytes serial certificate:bytes approved_ms act:bytes?")
    _table("kiosk_name", "kiosk version", "kiosk:bytes version name:text organisation act:bytes?")
    _table(
        "assignment",
        "kiosk event version",
        "kiosk:bytes event version state:text act:bytes",
        _one_of("state", "assigned", "removed"),
    )
    _table(
        "manifest",
        "kiosk instance_ms version",
        "kiosk:bytes instance_ms version issued_ms encoded:bytes act:bytes",
    )
    _table(
        "share",
        "kiosk allotment instance_ms version",
        "kiosk:bytes allotment instance_ms version total reserve",
        {"not_negative": "total >= 0 AND reserve >= 0"},
    )


def _decisions() -> None:
    """What persons decide about entries. Each is a version of its subject: the newest counts, so that each has a
    counter-act.
    """
    _table(
        "decision",
        "kiosk seq hash version",
        "kiosk:bytes seq hash:bytes version kind:text reasons allotment points act:bytes",
        _one_of("kind", "release", "dismiss", "reopen"),
    )
    _table(
        "line",
        "kiosk version",
        "kiosk:bytes version kind:text tip_seq tip_hash:bytes fork_seq since_ms act:bytes?",
        {
            **_one_of("kind", "fork", "stopped", "withdrawn", "resumed"),
            "drawn_by_a_person": "(kind = 'fork') = (act IS NULL)",
        },
    )
    _table(
        "hole",
        "kiosk first_seq version",
        "kiosk:bytes first_seq version last_seq state:text since_ms act:bytes",
        {**_one_of("state", "accepted", "taken back"), "range": "1 <= first_seq AND first_seq <= last_seq"},
    )
    _table(
        "lost_tail",
        "kiosk first_seq version",
        "kiosk:bytes first_seq version last_seq state:text act:bytes",
        {**_one_of("state", "given up", "taken back"), "range": "1 <= first_seq AND first_seq <= last_seq"},
    )
    _table(
        "replacement",
        "kiosk version",
        "kiosk:bytes version first_seq last_seq from_event from_activity event event_version activity slot "
        "allotment points state:text since_ms act:bytes",
        {**_one_of("state", "in force", "taken back"), "range": "1 <= first_seq AND first_seq <= last_seq"},
    )
    _table(
        "boot_start",
        "kiosk boot version",
        "kiosk:bytes boot:bytes version started_ms? since_ms act:bytes",
    )


def _ledger() -> None:
    _table("entry", "kiosk seq hash", "kiosk:bytes seq hash:bytes arrived_ms encoded:bytes")
    _table(
        "transfer",
        "event bucket member activity occasion turn",
        "event bucket member activity occasion turn kiosk:bytes seq hash:bytes points owed allotment "
        "occurred_ms occurred_from posted_ms act:bytes?",
        {
            "moves_points": "points <> 0",
            "owed_within": "(points < 0 AND owed BETWEEN 0 AND -points) OR (points > 0 AND owed BETWEEN -points AND 0)",
            "first_is_a_grant": "turn > 0 OR points > 0",
        },
    )
    _table(
        "movement",
        "kind mark",
        "kind:text mark:bytes source:text source_holder source_part target:text target_holder target_part points "
        "posted_ms act:bytes",
        {"moves_points": "points > 0"},
    )
    _table("account", "kind holder part", "kind:text holder part amount")
    _table(
        "member_balance",
        "bucket member",
        "bucket member held owed",
        {"never_below_zero": "held >= 0 AND owed >= 0"},
    )


def _progress() -> None:
    _table(
        "aside",
        "event bucket member activity occasion kiosk seq hash",
        "event bucket member activity occasion kiosk:bytes seq hash:bytes points allotment occurred_ms occurred_from "
        "verdict:text reasons boot:bytes since_ms",
        {
            **_one_of("verdict", "duplicate", "held", "dismissed"),
            "has_reasons": "(verdict = 'duplicate') = (reasons = 0)",
        },
    )
    op.create_index("aside_by_kiosk", "aside", ["kiosk", "seq"])
    op.create_index("aside_by_member", "aside", ["bucket", "member"])
    _table(
        "placed",
        "kiosk seq hash",
        "kiosk:bytes seq hash:bytes event bucket member activity occasion points allotment",
    )
    _table("flag", "kiosk seq hash flag", "kiosk:bytes seq hash:bytes flag:text")
    _table("landmark", "kiosk seq hash", "kiosk:bytes seq hash:bytes boot:bytes")
    _table("kept_fold", "kiosk seq", "kiosk:bytes seq fold:bytes")
    _table(
        "kiosk_progress",
        "kiosk",
        "kiosk:bytes head_seq cursor_seq cursor_hash:bytes receipt_number last_contact_ms last_arrival_ms is_plain "
        "beyond:bytes fold:bytes",
    )
    _table("kiosk_count", "kiosk verdict", "kiosk:bytes verdict:text grants points")
    _table("to_judge", "act kiosk seq hash", "act:bytes kiosk:bytes seq hash:bytes")
    _table("hub_state", "name", "name:text value:text")
    _table(
        "enrolment",
        "enrolment",
        "enrolment:bytes code:bytes? name:text organisation expires_ms state:text public_key:bytes? software:text? "
        "act:bytes",
    )
