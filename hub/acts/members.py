"""Acts on members and their cards. Numbers only: the hub knows no names."""

from __future__ import annotations

from hub.acts.doing import Doing, Outcome, act
from hub.acts.judged import by_kiosk, judge_by_kiosk, lock_all_kiosks
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.reasons import Reason
from hub.ledger.posting import Moved
from hub.register.members import (
    ENDED,
    FOUND,
    LOST,
    OPEN,
    UNKNOWN,
    MemberVersion,
    card_made_by,
    entries_of_member,
    fresh_numbers,
    has_card,
    highest_issue,
    lost_version,
    members_made_by,
    newest_member,
    waiting_entries_of_member,
    write_card,
    write_lost_card,
    write_member,
    write_new_members,
)
from hub.store.database import row, rows
from sync.member import bucket_of, is_member_number, printed
from sync.token import ISSUE_LIMIT

COUNT_MAX = 10_000
KINDS = frozenset({"paper", "phone"})


def _member_text(**told: object) -> str:
    return printed(int(str(told["member"])))


@act(
    "add members",
    counter="end account",
    text=lambda **told: f"{told['count']:,}人 / members",
    again=lambda doing, **_: members_made_by(doing.connection, doing.number),
)
def add_members(doing: Doing, count: int, kind: str = "paper") -> Outcome[tuple[int, ...]]:
    """Add members with random numbers and a first card each; return their numbers."""
    if not 0 < count <= COUNT_MAX:
        raise ActRefused(Refusal.COUNT_OUT_OF_BOUNDS)
    if kind not in KINDS:
        raise ActRefused(Refusal.NOT_READABLE, what=kind)
    members = tuple(fresh_numbers(doing.connection, count, doing.hub.random_bytes))
    write_new_members(doing.connection, members, kind, doing.now_ms, doing.number)
    return Outcome(members)


@act("make known", counter="make unknown", text=_member_text)
def make_known(doing: Doing, member: int) -> Outcome[None]:
    """Take up a number that has turned up without the hub knowing it, with a card above every issue that may be
    in hand, and judge what was held for it.
    """
    if not is_member_number(member):
        raise ActRefused(Refusal.NOT_A_MEMBER_NUMBER)
    lock_all_kiosks(doing)
    before = newest_member(doing.connection, member)
    if before is not None and before.state != UNKNOWN:
        raise ActRefused(Refusal.KNOWN_ALREADY)
    version = 1 if before is None else before.version + 1
    write_member(doing.connection, MemberVersion(member, version, OPEN, doing.now_ms), doing.number)
    _next_card(doing, member)
    return Outcome(None, _judge_waiting(doing, member))


@act("make unknown", counter="make known", takes_points=True, text=_member_text)
def make_unknown(doing: Doing, member: int) -> Outcome[None]:
    """Take a number back that was made known by mistake: all its grants are held."""
    lock_all_kiosks(doing)
    before = newest_member(doing.connection, member)
    if before is None or before.state == UNKNOWN:
        raise ActRefused(Refusal.NOT_KNOWN)
    if before.state != OPEN:
        raise ActRefused(Refusal.NOT_OPEN)
    write_member(doing.connection, MemberVersion(member, before.version + 1, UNKNOWN, doing.now_ms), doing.number)
    return Outcome(None, judge_by_kiosk(doing, by_kiosk(entries_of_member(doing.connection, member))))


@act("end account", counter="reopen account", text=_member_text)
def end_account(doing: Doing, member: int) -> Outcome[None]:
    """Let a member go: grants to the number that arrive from now on are held."""
    lock_all_kiosks(doing)
    before = newest_member(doing.connection, member)
    if before is None or before.state != OPEN:
        raise ActRefused(Refusal.NOT_OPEN)
    since_ms = _after_every_arrival(doing)
    write_member(doing.connection, MemberVersion(member, before.version + 1, ENDED, since_ms), doing.number)
    return Outcome(None)


@act("reopen account", counter="end account", text=_member_text)
def reopen_account(doing: Doing, member: int) -> Outcome[None]:
    """Take a member back, and judge what was held because the account had ended."""
    lock_all_kiosks(doing)
    before = newest_member(doing.connection, member)
    if before is None or before.state != ENDED:
        raise ActRefused(Refusal.NOT_ENDED)
    write_member(doing.connection, MemberVersion(member, before.version + 1, OPEN, doing.now_ms), doing.number)
    return Outcome(None, _judge_held(doing, member, Reason.MEMBER_ENDED))


@act(
    "lose card",
    counter="find card",
    text=lambda **told: f"{printed(told['member'])} - {told['issue']}",
    again=lambda doing, member, **_: card_made_by(doing.connection, member, doing.number),
)
def lose_card(doing: Doing, member: int, issue: int) -> Outcome[int]:
    """List a card as lost and make the next one; return its issue. The person keeps the account."""
    lock_all_kiosks(doing)
    version, state = _card(doing, member, issue)
    if state == LOST:
        raise ActRefused(Refusal.LOST_ALREADY)
    write_lost_card(doing.connection, member, issue, version + 1, LOST, doing.now_ms, doing.number)
    made = _next_card(doing, member)
    return Outcome(made, _judge_everything(doing, member))


@act("find card", counter="lose card", text=lambda **told: f"{printed(told['member'])} - {told['issue']}")
def find_card(doing: Doing, member: int, issue: int) -> Outcome[None]:
    """Take a card off the list of lost ones. The newer card stays good too."""
    lock_all_kiosks(doing)
    version, state = _card(doing, member, issue)
    if state != LOST:
        raise ActRefused(Refusal.NOT_LOST)
    write_lost_card(doing.connection, member, issue, version + 1, FOUND, doing.now_ms, doing.number)
    return Outcome(None, _judge_everything(doing, member))


def _card(doing: Doing, member: int, issue: int) -> tuple[int, str]:
    if not has_card(doing.connection, member, issue):
        raise ActRefused(Refusal.NO_CARD)
    return lost_version(doing.connection, member, issue)


def _next_card(doing: Doing, member: int) -> int:
    """Make a card above every issue that was made or may be in hand; return its issue."""
    issue = highest_issue(doing.connection, member) + 1
    if issue >= ISSUE_LIMIT:
        raise ActRefused(Refusal.ISSUES_USED_UP)
    write_card(doing.connection, member, issue, "paper", doing.now_ms, doing.number)
    return issue


def _after_every_arrival(doing: Doing) -> int:
    """Return the moment of an act that speaks of what arrives from now on: after everything that has arrived."""
    newest = row(doing.connection, "SELECT max(last_arrival_ms) AS arrived_ms FROM kiosk_progress")
    return max(doing.now_ms, (newest.arrived_ms or 0) + 1)


def _judge_waiting(doing: Doing, member: int) -> Moved:
    return judge_by_kiosk(doing, by_kiosk(waiting_entries_of_member(doing.connection, member)))


def _judge_everything(doing: Doing, member: int) -> Moved:
    """Judge every entry of a member: flags may come or go."""
    return judge_by_kiosk(doing, by_kiosk(entries_of_member(doing.connection, member)))


def _judge_held(doing: Doing, member: int, reason: Reason) -> Moved:
    found = rows(
        doing.connection,
        """
        SELECT kiosk, seq, hash FROM aside
        WHERE bucket = :bucket AND member = :member AND verdict = 'held' AND reasons & :reason <> 0
        """,
        bucket=bucket_of(member),
        member=member,
        reason=int(reason),
    )
    return judge_by_kiosk(doing, by_kiosk((bytes(one.kiosk), one.seq, bytes(one.hash)) for one in found))
