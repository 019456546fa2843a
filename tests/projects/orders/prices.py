"""Prices before tax."""

PRICES = {"bread": 3.0, "wine": 10.0}


class UnknownItem(Exception):
    code = "UNKNOWN_ITEM"


def price(inputs: dict[str, str]) -> float:
    item = inputs["item"]
    if item not in PRICES:
        raise UnknownItem(f"{item} is not on the list")
    return PRICES[item]
