"""A stock, a bank and a carrier that keep one ledger: a line for each thing that they did.

A file `crash` with the name of an effect, and `before` or `after`, ends the process there, once.
"""

import os
import signal
from pathlib import Path

from kernel import Failure

HERE = Path(__file__).parent
LEDGER = HERE / "ledger.txt"
CRASH = HERE / "crash"


def write(what, call):
    crash(what, "before")
    with LEDGER.open("a") as ledger:
        ledger.write(f"{what} {call.idempotency_key}\n")
    crash(what, "after")


def crash(what, when):
    if CRASH.exists() and CRASH.read_text() == f"{what} {when}":
        CRASH.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def entries():
    return [line.split() for line in LEDGER.read_text().splitlines()] if LEDGER.exists() else []


def reserve(inputs, call):
    if inputs["item"] == "unicorn":
        raise Failure("there is no unicorn left", code="SOLD_OUT")
    write("reserve", call)


def release(inputs, call):
    crash("release", "before")
    if ["release", inputs["order"]] not in entries():
        with LEDGER.open("a") as ledger:
            ledger.write(f"release {inputs['order']}\n")
    crash("release", "after")


def charge(inputs, call):
    if inputs["customer"] == "poor":
        raise Failure("there is not so much on the account", code="DECLINED")
    write("charge", call)
    return {"charge": call.idempotency_key}


def refund(inputs, call):
    write("refund", call)


def ship(inputs, call):
    if inputs["to"] == "nowhere":
        raise Failure("nobody lives there", code="NO_ADDRESS")
    write("ship", call)
    return {"parcel": f"parcel-{inputs['order']}"}


def find(inputs):
    return {"found": any(key == inputs["key"] for _, key in entries())}
