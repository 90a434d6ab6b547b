"""Reads as much CDDL (RFC 8610) as docs/wire.cddl uses, and tells whether a decoded value fits a rule.

Known: rules with generics, type and group choices, arrays, maps with fixed keys, occurrences, ranges, literals, `.size`
and `.cbor`. Anything else raises, so that the document cannot say what is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import cbor2

Fits: TypeAlias = Callable[[Any], bool]
"""Tells whether one value fits a type."""
Ends: TypeAlias = Callable[[Sequence[Any], int], Iterator[int]]
"""Gives every place in a list where a group that starts at a place may end."""

_TOKEN = re.compile(r'\s*("[^"]*"|-?\d+\.\.-?\d+|-?\d+|\.\w+|=>|//|[\w-]+|[][{}()<>=:,*/])')
_PRELUDE: dict[str, Fits] = {
    "bytes": lambda value: type(value) is bytes,
    "text": lambda value: type(value) is str,
    "null": lambda value: value is None,
    "any": lambda _: True,
}


class Document:
    """The rules of a CDDL text, by name."""

    def __init__(self, text: str) -> None:
        without_comments = re.sub(r";.*", "", text)
        self._tokens = {}
        self._parameters: dict[str, list[str]] = {}
        for part in re.split(r"\n(?=[a-z])", "\n" + without_comments.strip()):
            if part.strip():
                name, parameters, body = _rule_parts(part)
                self._tokens[name], self._parameters[name] = _tokens(body), parameters

    @property
    def names(self) -> set[str]:
        """The names of all rules."""
        return set(self._tokens)

    def fits(self, rule: str, value: object) -> bool:
        """Tell whether a value, as cbor2 decodes it, is what `rule` says."""
        return len(list(self._rule(rule, {})([value], 0))) > 0

    def _rule(self, name: str, arguments: dict[str, Ends]) -> Ends:
        reader = _Reader(self, list(self._tokens[name]), arguments)
        ends = reader.group_in_parentheses() if reader.peek() == "(" else _one(reader.type())
        if reader.tokens:
            raise ValueError(f"not understood in {name}: {reader.tokens}")
        return ends

    def named(self, name: str, arguments: list[Ends], outer: dict[str, Ends]) -> Ends:
        """Return the group behind a name: a parameter, a word of the prelude, or a rule."""
        if name in outer:
            return outer[name]
        if name in _PRELUDE:
            return _one(_PRELUDE[name])
        inner = dict(zip(self._parameters[name], arguments, strict=True))
        return self._rule(name, inner)


class _Reader:
    """Turns the tokens of one rule into a matcher."""

    def __init__(self, document: Document, tokens: list[str], arguments: dict[str, Ends]) -> None:
        self.document, self.tokens, self.arguments = document, tokens, arguments

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[ahead] if ahead < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.tokens.pop(0)
        if expected and token not in expected:
            raise ValueError(f"{token} where {expected} should be")
        return token

    def type(self) -> Fits:
        choices = [self._controlled()]
        while self.peek() == "/":
            self.take()
            choices.append(self._controlled())
        return lambda value: any(fits(value) for fits in choices)

    def group_in_parentheses(self) -> Ends:
        self.take("(")
        group = self.group(")")
        self.take(")")
        return group

    def group(self, closing: str) -> Ends:
        choices = [self._sequence(closing)]
        while self.peek() == "//":
            self.take()
            choices.append(self._sequence(closing))
        return lambda values, start: (end for ends in choices for end in ends(values, start))

    def _sequence(self, closing: str) -> Ends:
        entries = []
        while self.peek() not in {closing, "//"}:
            entries.append(self._entry())
            if self.peek() == ",":
                self.take()
        return _in_turn(entries)

    def _entry(self) -> Ends:
        least, most = 1, 1
        if self.peek() == "*" or self.peek(1) == "*":
            least = int(self.take()) if self.peek() != "*" else 0
            self.take("*")
            most = int(self.take()) if self.peek().isdigit() else 2**31
        if self.peek(1) == ":":
            self.take()
            self.take(":")
        if re.fullmatch(r"[a-z][\w-]*", self.peek()) and self.peek(1) not in {"/", ".size", ".cbor", "<"}:
            one = self.document.named(self.take(), [], self.arguments)
        else:
            one = _one(self.type())
        return _repeated(one, least, most)

    def _controlled(self) -> Fits:
        fits = self._single()
        if not self.peek().startswith("."):
            return fits
        control, limit = self.take(), self._single()
        if control == ".size":
            return lambda value: fits(value) and limit(len(value.encode() if isinstance(value, str) else value))
        if control == ".cbor":
            return lambda value: fits(value) and _holds(value, limit)
        raise ValueError(control)

    def _single(self) -> Fits:
        token = self.take()
        if token in {"[", "{"}:
            return self._list() if token == "[" else self._map()
        if token == "(":
            inner = self.type()
            self.take(")")
            return inner
        if token.startswith('"'):
            return lambda value: type(value) is str and value == token[1:-1]
        if ".." in token:
            low, high = map(int, token.split(".."))
            return lambda value: type(value) is int and low <= value <= high
        if re.fullmatch(r"-?\d+", token):
            return lambda value: type(value) is int and value == int(token)
        return self._name(token)

    def _name(self, name: str) -> Fits:
        arguments = []
        if self.peek() == "<":
            while self.take("<", ",", ">") != ">":
                if self.peek() == ">":
                    continue
                arguments.append(_one(self.type()))
        ends = self.document.named(name, arguments, self.arguments)
        return lambda value: 1 in ends([value], 0)

    def _list(self) -> Fits:
        group = self.group("]")
        self.take("]")
        return lambda value: type(value) is list and len(value) in group(value, 0)

    def _map(self) -> Fits:
        expected: dict[int, Fits] = {}
        while self.peek() != "}":
            key = int(self.take())
            self.take("=>")
            expected[key] = self.type()
            if self.peek() == ",":
                self.take()
        self.take("}")
        return lambda value: (
            type(value) is dict
            and value.keys() == expected.keys()
            and all(fits(value[key]) for key, fits in expected.items())
        )


def _holds(encoded: bytes, fits: Fits) -> bool:
    try:
        return fits(cbor2.loads(encoded))
    except cbor2.CBORDecodeError:
        return False


def _rule_parts(part: str) -> tuple[str, list[str], str]:
    found = re.match(r"\s*([\w-]+)(?:<([^>]*)>)?\s*=", part)
    if found is None:
        raise ValueError(part)
    parameters = [parameter.strip() for parameter in (found[2] or "").split(",") if parameter.strip()]
    return found[1], parameters, part[found.end() :]


def _tokens(body: str) -> list[str]:
    tokens, place = [], 0
    body = body.rstrip()
    while place < len(body):
        found = _TOKEN.match(body, place)
        if found is None:
            raise ValueError(body[place : place + 40])
        tokens.append(found[1])
        place = found.end()
    return tokens


def _one(fits: Fits) -> Ends:
    def ends(values: Sequence[Any], start: int) -> Iterator[int]:
        if start < len(values) and fits(values[start]):
            yield start + 1

    return ends


def _in_turn(entries: list[Ends]) -> Ends:
    def ends(values: Sequence[Any], start: int) -> Iterator[int]:
        places = {start}
        for entry in entries:
            places = {end for place in places for end in entry(values, place)}
        yield from places

    return ends


def _repeated(one: Ends, least: int, most: int) -> Ends:
    def ends(values: Sequence[Any], start: int) -> Iterator[int]:
        places, times = {start}, 0
        while places and times <= most:
            if times >= least:
                yield from places
            places = {end for place in places for end in one(values, place)}
            times += 1

    return ends
