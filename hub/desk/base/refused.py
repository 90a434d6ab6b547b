"""What the head of a page says of forms that were refused: the first thing that is wrong, and where it stands. A page
opens at its top, and the field may be far below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from flask import g
from wtforms import FieldList, FormField


class Wrong(NamedTuple):
    """A refusal: what is said beside the first wrong field, that field's id, and how many more are wrong."""

    text: str
    field: str
    others: int


def refused_forms() -> list[Wrong]:
    """Return a line for each form of the present request that has something wrong."""
    found = []
    for form in g.get("forms", ()):
        wrong = list(_wrong_fields(form)) if form.errors else []
        if wrong:
            text, field = wrong[0]
            found.append(Wrong(text, field, len(wrong) - 1))
    return found


def _wrong_fields(fields: Iterable[Any]) -> Iterator[tuple[str, str]]:  # forms and fields of WTForms
    """Return (what is wrong, id) of each wrong field, within rows of fields too, in the order of the page."""
    for field in fields:
        if isinstance(field, FormField):
            yield from _wrong_fields(field.form)
            continue  # its errors are those of its fields, by name
        if isinstance(field, FieldList):
            yield from _wrong_fields(field)
        texts = [text for text in field.errors if isinstance(text, str)] if field.errors else []
        if texts:
            yield texts[0], field.id
