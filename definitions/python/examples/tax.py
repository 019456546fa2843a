"""The functions of tax.yaml."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Bill:
    net: Decimal
    gross: Decimal
    due: date


def bill(net: Decimal, day: date, rate: Decimal = Decimal("0.2")) -> Bill:
    return Bill(net, net * (1 + rate), day)
