"""What a clerk does to a member's record: end an account, make a number known, report a card lost. Each with a reason,
written down.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.acts.decisions import ActRefused, judge_kiosks_holding, record
from hub.register.reference import report_lost
from hub.service import Hub
from hub.store.database import execute, row
from sync.member import bucket_of, is_member_number, printed


def end_account(hub: Hub, member: int, reason: str, done_by: str) -> None:
    """Let a member go: later grants to the number are held. Raises ActRefused."""

    def work(connection: sa.Connection) -> None:
        ended = execute(
            connection,
            "UPDATE member SET state = 'ended' WHERE bucket = :bucket AND member = :member AND state = 'open'",
            bucket=bucket_of(member),
            member=member,
        )
        if not ended:
            raise ActRefused("この番号は利用中ではありません / this number is not in use")
        record(hub, connection, "end member", printed(member), reason, done_by)

    hub.store.run(work)


def make_known(hub: Hub, member: int, reason: str, done_by: str) -> None:
    """Add a number that has turned up without the hub knowing it, and judge again what was held for it. Raises
    ActRefused.
    """
    if not is_member_number(member):
        raise ActRefused(
            "番号の検査数字が合いません。打ちまちがいです / the check digits are wrong: a slip of the keyboard"
        )

    def work(connection: sa.Connection) -> None:
        known = row(
            connection,
            "SELECT 1 FROM member WHERE bucket = :bucket AND member = :member",
            bucket=bucket_of(member),
            member=member,
        )
        if known is not None:
            raise ActRefused("この番号はもう登録されています / this number is known already")
        record(hub, connection, "know member", printed(member), reason, done_by)
        keys = {"bucket": bucket_of(member), "member": member, "now_ms": hub.wall_ms()}
        execute(
            connection,
            "INSERT INTO member (bucket, member, state, since_ms) VALUES (:bucket, :member, 'open', :now_ms)",
            **keys,
        )
        execute(
            connection,
            "INSERT INTO card (bucket, member, issue, kind, made_ms) VALUES (:bucket, :member, 1, 'paper', :now_ms)",
            **keys,
        )

    hub.store.run(work)
    judge_kiosks_holding(hub, "member unknown")


def lose_card(hub: Hub, member: int, issue: int, reason: str, done_by: str) -> int:
    """List a card as lost and return the number of the next issue; the person keeps the account. Raises ActRefused."""

    def work(connection: sa.Connection) -> int:
        keys = {"bucket": bucket_of(member), "member": member, "issue": issue}
        if (
            row(connection, "SELECT 1 FROM card WHERE bucket = :bucket AND member = :member AND issue = :issue", **keys)
            is None
        ):
            raise ActRefused("このカードはありません / there is no such card")
        if row(
            connection, "SELECT 1 FROM lost_card WHERE bucket = :bucket AND member = :member AND issue = :issue", **keys
        ):
            raise ActRefused("このカードは届け済みです / this card was reported before")
        record(hub, connection, "lost card", f"{printed(member)} - {issue}", reason, done_by)
        return report_lost(connection, member, issue, hub.wall_ms())

    return hub.store.run(work)
