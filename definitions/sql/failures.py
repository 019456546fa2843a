"""Errors of the drivers as failures with declared codes.

The texts are those of the database, never the statement or its values. SQLite's codes are those of
https://sqlite.org/rescode.html, PostgreSQL's those of its manual's appendix A.
"""

from __future__ import annotations

from typing import Any

from kernel import Failure

SQLITE = {
    "SQLITE_CONSTRAINT_UNIQUE": "UNIQUE_VIOLATION",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "UNIQUE_VIOLATION",
    "SQLITE_CONSTRAINT_ROWID": "UNIQUE_VIOLATION",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "FOREIGN_KEY_VIOLATION",
    "SQLITE_CONSTRAINT_NOTNULL": "NOT_NULL_VIOLATION",
    "SQLITE_CONSTRAINT_CHECK": "CHECK_VIOLATION",
    "SQLITE_CONSTRAINT": "CONSTRAINT",
    "SQLITE_BUSY": "BUSY",
    "SQLITE_LOCKED": "BUSY",
    "SQLITE_CANTOPEN": "UNAVAILABLE",
    "SQLITE_NOTADB": "UNAVAILABLE",
    "SQLITE_READONLY": "READ_ONLY",
    "SQLITE_MISMATCH": "DATA",
    "SQLITE_TOOBIG": "DATA",
    "SQLITE_AUTH": "DENIED",
    "SQLITE_PERM": "DENIED",
    "SQLITE_ERROR": "SYNTAX",
}
POSTGRESQL = {
    "23505": "UNIQUE_VIOLATION",
    "23503": "FOREIGN_KEY_VIOLATION",
    "23502": "NOT_NULL_VIOLATION",
    "23514": "CHECK_VIOLATION",
    "23": "CONSTRAINT",
    "40": "BUSY",
    "55P03": "BUSY",
    "08": "UNAVAILABLE",
    "53": "UNAVAILABLE",
    "57P": "UNAVAILABLE",
    "28": "UNAVAILABLE",
    "3D": "UNAVAILABLE",
    "25006": "READ_ONLY",
    "22": "DATA",
    "42501": "DENIED",
    "42": "SYNTAX",
    "0A": "SYNTAX",
}


def failure_of(error: Exception, *, committing: bool = False) -> Failure:
    """The failure that a driver's error stands for.

    What fails before the commit is rolled back, so nothing took effect; a connection that is lost
    during the commit leaves that unknown.
    """
    origin: Any = getattr(error, "orig", None) or error
    code, data, message = _read(origin)
    lost = committing and code in ("UNAVAILABLE", "DATABASE")
    return Failure(message, code=code, data=data, outcome="unknown" if lost else "failed")


def _read(origin: Any) -> tuple[str, dict[str, Any], str]:
    if name := getattr(origin, "sqlite_errorname", None):
        return _longest(SQLITE, name), {"sqlite": name}, str(origin)
    if state := getattr(origin, "sqlstate", None):
        details = {"constraint": origin.diag.constraint_name, "table": origin.diag.table_name}
        data = {"sqlstate": state} | {key: value for key, value in details.items() if value}
        return _longest(POSTGRESQL, state), data, origin.diag.message_primary or str(origin)
    return _by_type(origin), {}, str(origin).strip().split("\n")[0]


def _longest(codes: dict[str, str], key: str) -> str:
    """The code of the longest prefix of ``key`` that has one."""
    prefixes = (key[:length] for length in range(len(key), 0, -1))
    return next((codes[prefix] for prefix in prefixes if prefix in codes), "DATABASE")


def _by_type(origin: Exception) -> str:
    name = type(origin).__name__
    if "one statement at a time" in str(origin):
        return "SEVERAL_STATEMENTS"
    if name in ("OperationalError", "ConnectionTimeout", "InterfaceError"):
        return "UNAVAILABLE"
    if isinstance(origin, OverflowError | TypeError | ValueError) or name == "ProgrammingError":
        return "BINDINGS"
    return "DATA" if name == "DataError" or isinstance(origin, RecursionError) else "DATABASE"
