"""Units of temperature."""


def celsius(fahrenheit: float) -> float:
    return round((fahrenheit - 32) / 1.8, 6)
