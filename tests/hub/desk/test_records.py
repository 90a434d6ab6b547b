"""Single records: the lists that lead there, and each with its decision."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from desk_scene import Scene, busy
from hub_world import Booth, World

from hub.acts.decisions import dismiss, reopen_decision
from hub.intake.reasons import Reason
from sync.batch import Batch
from sync.entry import SignedEntry, sign_entry
from sync.head import Head, write_head
from sync.member import printed

LAST_SEQ = 2**63 - 1


def test_each_figure_of_the_equation_opens_the_records_behind_it(scene: Scene, desk: Desk) -> None:
    records = f"/desk/records/{scene.short.kiosk.hex()}"
    front = desk.get("/desk/")

    lists = {became: desk.get(f"{records}?became={became}") for became in ("held", "dismissed", "duplicate")}
    everything = desk.get(records)

    assert {f"{records}?became=held", f"{records}?became=dismissed", records} <= set(front.links)
    assert f"{records}?became=duplicate" not in front.links  # there are none
    numbers = {became: sum(link.startswith(f"{records}/") for link in page.links) for became, page in lists.items()}
    assert numbers == {"held": 4, "dismissed": 1, "duplicate": 0}
    assert sum(link.startswith(f"{records}/") for link in everything.links) == 21
    assert "5 番を取り消しました(まちがい)" in everything.text
    assert "日締め: 付与 18件 870ポイント、取り消し 1件" in everything.text


def test_a_held_record_is_opened_decided_and_then_shows_decision_and_reason(either: World) -> None:
    scene, desk = busy(either), Desk(either.hub)
    group = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    address = next(link for link in group.links if link.startswith("/desk/records/"))
    opened = desk.get(address)

    told = desk.submit(opened, "/decide", decision="release", reason="会場に電話で確かめた")

    assert "要確認 人が決めるのを待っています。 時刻がイベントの外。" in opened.text
    assert printed(either.members[30]) in opened.text
    assert told.path == address
    assert "反映済み ポイントになりました。" in told.text
    assert "処理 decision 反映する 理由 reason 会場に電話で確かめた だれ by 担当 3" in told.text
    assert either.balance(either.members[30]) == 50
    assert {form.action.rpartition("/")[2] for form in told.forms} == {"sign-out", "decide", "back"}
    assert told.form("/decide").offered == {"decision": ["dismiss"]}


def test_a_record_that_the_booth_took_back_shows_the_booths_reason(scene: Scene, desk: Desk) -> None:
    listed = desk.get(f"/desk/records/{scene.short.kiosk.hex()}?became=dismissed")
    address = next(link for link in listed.links if "/5/" in link)

    page = desk.get(address)

    assert "取り消し ポイントになりません。 会場の担当が取り消しました。" in page.text
    assert "理由 reason まちがい" in page.text


def test_a_repeated_grant_leads_to_the_one_that_stands(either: World) -> None:
    first, second = either.booth("見本会館"), either.booth("見本公園")
    first.grant(3)
    first.send()
    second.grant(3)
    second.send()
    desk = Desk(either.hub)
    standing, repeated = sorted((first, second), key=lambda booth: booth.kiosk)
    listed = desk.get(f"/desk/records/{repeated.kiosk.hex()}?became=duplicate")

    page = desk.get(next(link for link in listed.links if "/2/" in link))

    assert "重複 同じ人の同じ活動で、先に反映した付与があります" in page.text
    assert f"/desk/records/{standing.kiosk.hex()}/2/{standing.entries[1].hash.hex()}" in page.links


def test_many_records_are_shown_in_pages_by_their_numbers(world: World, desk: Desk) -> None:
    booth = world.booth()
    for person in range(150):
        booth.grant(person % 40, occasion=person)
    booth.send()
    records = f"/desk/records/{booth.kiosk.hex()}"

    first = desk.get(records)
    second = desk.get(next(link for link in first.links if "first=" in link))

    numbers = [
        [int(link.split("/")[4]) for link in page.links if link.startswith(f"{records}/")] for page in (first, second)
    ]
    assert numbers == [list(range(1, 101)), list(range(101, 152))]


@pytest.mark.parametrize("address", ["?became=posted", "?became=x", "/1/00", "/99/" + "00" * 32, f"/{10**30}/00"])
def test_records_that_are_not_there_are_not_found(scene: Scene, desk: Desk, address: str) -> None:
    assert desk.get(f"/desk/records/{scene.short.kiosk.hex()}{address}").status == 404


@pytest.mark.parametrize("where", ["first=x", "first=-1", f"first={10**30}", "first=", "from=-1", f"from={10**30}"])
def test_no_number_in_an_address_breaks_a_list(scene: Scene, desk: Desk, where: str) -> None:
    too_far = [f"/desk/{register}/{10**30}" for register in ("events", "members")]

    pages = [
        desk.get(f"/desk/records/{scene.short.kiosk.hex()}?{where}"),
        desk.get(f"/desk/held/{scene.short.kiosk.hex()}/share?{where}"),
        desk.get(f"/desk/acts?{where.replace('first', 'before')}"),
    ]

    assert [page.status for page in pages] == [200, 200, 200]
    assert {desk.get(path).status for path in too_far} == {404}


def test_a_posted_grant_is_dismissed_and_the_decision_is_taken_back(scene: Scene, desk: Desk) -> None:
    world, address = scene.world, f"/desk/records/{scene.short.kiosk.hex()}/3/{scene.short.entries[2].hash.hex()}"

    shown = desk.submit(desk.get(address), "/decide", decision="dismiss", reason="別の人だった")
    dismissed = desk.submit(shown, "/decide")
    taken = world.balance(world.members[1])
    back = desk.submit(dismissed, "/back", reason="本人だった")

    assert "1件の付与が変わります。1人が 50ポイントを失います。" in shown.text
    assert "変わること" not in shown.text, "the pressed button is no field of a form"
    assert "取り消し ポイントになりません。 窓口で取り消しにしました。" in dismissed.text
    assert taken == 0
    assert "処理 decision 決める前に戻した 理由 reason 本人だった" in back.text
    assert "反映済み ポイントになりました。" in back.text
    assert world.balance(world.members[1]) == 50


def test_a_record_shows_all_its_reasons_and_can_be_released_only_where_all_can(scene: Scene, desk: Desk) -> None:
    listed = desk.get(f"/desk/held/{scene.short.kiosk.hex()}/points")
    address = next(link for link in listed.links if link.startswith("/desk/records/"))

    page = desk.get(address)

    assert "ほかの理由もあるもの: 端末枠をこえた付与" in listed.text
    assert "ポイントが決まりと違う、端末枠をこえた付与。" in page.text
    assert page.form("/decide").offered == {"decision": ["dismiss"]}


def test_a_release_that_needs_another_act_first_says_which(scene: Scene, desk: Desk) -> None:
    path = f"/desk/held/{scene.short.kiosk.hex()}/points"

    refused = desk.submit(desk.get(path), "/points", everything="y", decision="release", reason="確かめた")

    assert refused.status == 400
    assert "別の処理が必要です" in refused.text
    assert "「端末枠をこえた付与」: 端末枠を追加" in refused.text


@pytest.mark.parametrize(
    ("booth", "seq", "told"),
    [
        ("late", 2, "2026/11/16 9:00 (センターの時刻)"),
        ("short", 3, "2026/11/14 9:00 (端末の時計)"),
        ("gap", 8, "2026/11/14 9:00 (端末の時計)"),
    ],
)
def test_a_record_says_when_it_happened_and_by_what(scene: Scene, desk: Desk, booth: str, seq: int, told: str) -> None:
    kiosk: Booth = getattr(scene, booth)

    page = desk.get(f"/desk/records/{kiosk.kiosk.hex()}/{seq}/{kiosk.entries[seq - 1].hash.hex()}")

    assert f"いつ when {told}" in page.text


def test_a_flag_is_said_beside_the_record(scene: Scene, desk: Desk) -> None:
    page = desk.get(f"/desk/records/{scene.late.kiosk.hex()}/3/{scene.late.entries[2].hash.hex()}")

    assert "念のため worth a look 番号の手入力" in page.text


def far_off(booth: Booth) -> SignedEntry:
    """Send a grant under the last number that the wire takes."""
    booth.grant(0)
    booth.send()
    entry = sign_entry(booth.key, LAST_SEQ, bytes(32), booth.make_grant(1), booth.stamp())
    booth.take(
        Batch(
            booth.kiosk, write_head(booth.key, Head(LAST_SEQ, entry.hash), None), LAST_SEQ, None, (entry.encoded,), None
        )
    )
    return entry


def test_a_record_under_the_last_number_of_all_is_listed_opened_and_decided(either: World) -> None:
    booth, desk = either.booth(), Desk(either.hub)
    entry = far_off(booth)
    address = f"/desk/records/{booth.kiosk.hex()}/{LAST_SEQ}/{entry.hash.hex()}"

    listed = desk.get(f"/desk/records/{booth.kiosk.hex()}?first={LAST_SEQ}")
    told = desk.submit(desk.get(address), "/decide", decision="dismiss", reason="作られた番号")

    assert [link for link in listed.links if "/records/" in link and "#" not in link] == [address]
    assert (told.path, either.verdicts(booth)) == (address, {"posted": (1, 50), "dismissed": (1, 50)})


def test_a_gap_up_to_the_last_number_of_all_is_accepted_and_taken_back(either: World) -> None:
    booth, desk = either.booth(), Desk(either.hub)
    far_off(booth)
    page = desk.get(f"/desk/kiosks/{booth.kiosk.hex()}")

    accepted = desk.submit(page, "/gap", reason="もう届かない")
    after = either.verdicts(booth)
    desk.submit(accepted, "/gap/3/back", reason="まちがえた", shown_grants="1", shown_points="50")

    assert after == {"posted": (2, 100)}
    assert either.verdicts(booth) == {"posted": (1, 50), "held": (1, 50)}


def test_a_decision_is_not_taken_back_by_a_page_that_has_shown_another_one(scene: Scene, desk: Desk) -> None:
    name = (3, scene.short.entries[2].hash)
    scene.world.do(dismiss, scene.short.kiosk, (name,), reason="別の人だった")
    stale = desk.get(f"/desk/records/{scene.short.kiosk.hex()}/3/{name[1].hex()}")
    scene.world.do(reopen_decision, scene.short.kiosk, (name,), reason="本人だった")
    scene.world.do(dismiss, scene.short.kiosk, (name,), reason="やはり別の人だった")

    refused = desk.submit(stale, "/back", reason="本人だった")

    assert "そのあいだに、ほかの人が変更しました" in refused.text
    assert "理由 reason やはり別の人だった" in refused.text
    assert scene.world.reasons(scene.short)[3] == ("dismissed", Reason.DECIDED)
