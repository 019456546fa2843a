"""No message about a journal quotes the password of its address, however the address is written."""

from __future__ import annotations

import pytest

from kernel.journal.errors import JournalError
from kernel.journal.postgresql import connect, name_of
from tests.support.command import kernel

pytest.importorskip("psycopg")


ADDRESSES = pytest.mark.parametrize(
    "address",
    [
        "postgresql://ines:{}@127.0.0.1:1/shop",
        "postgresql://ines:{}%zz@127.0.0.1/shop",
        "postgresql://ines:{}%zz@[bad/shop",
        "postgresql://ines:{}/more@127.0.0.1:1/shop",
        "postgresql://ines:more/{}@127.0.0.1:1/shop",
        "postgresql://ines:{}#x@127.0.0.1:1/shop",
        "postgresql://ines:a@{}@127.0.0.1:1/shop",
        "postgresql://127.0.0.1:1/shop?password={}%zz",
        "postgresql://127.0.0.1:1/shop?password={}&sslmode={}",
    ],
)


@ADDRESSES
def test_no_message_shows_the_password(address: str) -> None:
    address = address.replace("{}", "s3cretpw")
    with pytest.raises(JournalError) as raised:
        connect(address, 1.0)
    assert "s3cretpw" not in f"{raised.value} {name_of(address)}"
    assert str(raised.value).startswith("the journal postgresql:")


@ADDRESSES
def test_no_traceback_shows_the_password(address: str) -> None:
    address = address.replace("{}", "s3cretpw")
    for given, env in ((("--journal", address), {}), ((), {"KERNEL_JOURNAL": address})):
        answer = kernel("runs", *given, env={**env, "KERNEL_DEBUG": "1"})
        assert answer.status == 1
        assert "Traceback" in answer.err
        assert "s3cretpw" not in answer.err + answer.out
