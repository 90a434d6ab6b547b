"""The fonts lie outside the hub and are served beside its pages: whatever a style sheet asks for is there."""

import io
import re
from urllib.parse import urljoin

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from hub_world import World

from hub import create_app


def test_every_font_the_desk_asks_for_is_served(world: World) -> None:
    client = create_app(world.hub).test_client()
    with client.get("/static/desk.css") as answer:
        sheet = answer.get_data(as_text=True)

    places = [urljoin("/static/desk.css", place) for place in re.findall(r'url\("([^"]+)"\)', sheet)]
    names = []
    for place in places:
        with client.get(place) as answer, TTFont(io.BytesIO(answer.data)) as font:
            names.append(font["name"].getDebugName(4))

    assert names == ["BIZ UDPGothic", "BIZ UDPGothic Bold"]


def test_beside_the_fonts_nothing_is_served(world: World) -> None:
    client = create_app(world.hub).test_client()

    answers = [client.get(f"/fonts/{name}").status_code for name in ("../pyproject.toml", "%2e%2e/pyproject.toml", "")]

    assert answers == [404, 404, 404]
