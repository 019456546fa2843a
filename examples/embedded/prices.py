"""Typed functions that ``prices.yaml`` calls; ``definitions.yaml`` has their definitions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from kernel import Call, Failure, invocable

Country = Literal["DE", "FR"]

RATES: dict[Country, Decimal] = {"DE": Decimal("0.19"), "FR": Decimal("0.20")}


@dataclass(frozen=True)
class Price:
    """What is paid, and the tax in it."""

    gross: Decimal
    tax: Decimal


@invocable("Prices.Gross", safety="idempotent")
def gross(net: Annotated[Decimal, Field(ge=0)], country: Country = "DE") -> Price:
    """Add the tax of a country to a net price.

    Args:
        net: The price without tax.
        country: Where the goods go.
    """
    tax = net * RATES[country]
    return Price(net + tax, tax)


@invocable(
    "Prices.Total",
    safety="idempotent",
    errors={"EMPTY": {"description": "There is nothing to add up.", "retryable": False}},
)
async def total(prices: list[Price], call: Call) -> Price:
    """Add up prices.

    Args:
        prices: What is added up.
    """
    if not prices:
        raise Failure("there is nothing to add up", code="EMPTY")
    call.log(f"{len(prices)} prices", level="debug")
    zero = Decimal(0)
    return Price(sum((one.gross for one in prices), zero), sum((one.tax for one in prices), zero))
