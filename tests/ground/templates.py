"""Traps for templates: an undefined variable or a leftover tag in one of our own pages fails the test."""

import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.template.base import FilterExpression, Node
from django.test import Client

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
LEFTOVER = re.compile(r"\{\{|\{%|%\}|\{#")
ANSWERS_FOR_NOTHING = {"default", "default_if_none"}


class UndefinedVariableTrap(str):
    """Django's `string_if_invalid`: asked for its truth whenever a variable could not be found.

    Templates of Django and allauth rely on silence, and `|default` is an answer: only ours are held to
    account.
    """

    __slots__ = ()

    def __new__(cls) -> "UndefinedVariableTrap":
        return super().__new__(cls, "")

    def __bool__(self) -> bool:
        frame: FrameType | None = sys._getframe(1)
        expression = frame.f_locals.get("self") if frame else None
        if not isinstance(expression, FilterExpression):
            return False
        names = {function.__name__ for function, _arguments in expression.filters}
        if names & ANSWERS_FOR_NOTHING:
            return False
        while frame is not None:
            node = frame.f_locals.get("self")
            origin = getattr(node, "origin", None)
            if isinstance(node, Node) and origin is not None:
                name = str(origin.name)
                if not name.startswith(str(TEMPLATES)):
                    return False
                shown = Path(name).relative_to(TEMPLATES)
                line = node.token.lineno if node.token else 0
                pytest.fail(f"Undefined variable {expression.token!r} in templates/{shown}, line {line}")
            frame = frame.f_back
        return False


class TrapClient(Client):
    """Django's test client, where a page with a leftover template tag fails the test."""

    def request(self, **request: Any) -> Any:
        response: HttpResponseBase = super().request(**request)
        content_type = response.headers.get("Content-Type", "")
        if content_type.startswith("text/html") and not response.streaming:
            page = response.content.decode(response.charset or "utf-8")  # type: ignore[attr-defined]
            leftover = LEFTOVER.search(page)
            if leftover:
                around = page[max(0, leftover.start() - 60) : leftover.end() + 60]
                pytest.fail(f"A template tag was left in {request.get('PATH_INFO')}: …{around!r}…")
        return response
