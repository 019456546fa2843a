"""Log messages: bounded in length, and without secrets."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from kernel.events.redaction import Redactor

logger = logging.getLogger("kernel")

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40}
MAX_MESSAGE_LENGTH = 4_000


class Log:
    """The logger ``kernel``, without the secrets that ``redactor`` knows."""

    __slots__ = ("_redactor",)

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def say(self, level: str, message: str, fields: Mapping[str, Any], **place: str) -> None:
        """One record; ``place`` (``run``, ``path``) and ``fields`` go along as extra attributes.

        A level that is not known counts as ``info``.
        """
        number = _LEVELS.get(level, logging.INFO)
        if logger.isEnabledFor(number):
            more = {**place, "fields": self._redactor.diagnostic(dict(fields))}
            logger.log(number, "%s", self._bounded(message), extra=more)

    def text(self, value: object) -> str:
        """The text of an exception or a value; the name of its class where the text is empty."""
        try:
            said = str(value)
        except Exception:
            said = ""
        return self._bounded(said or type(value).__name__)

    def _bounded(self, text: str) -> str:
        """Redacted before it is cut: half of a secret is no less secret."""
        shown = self._redactor.said(text)
        return (
            shown
            if len(shown) <= MAX_MESSAGE_LENGTH
            else f"{shown[:MAX_MESSAGE_LENGTH]}… ({len(text)} characters)"
        )
