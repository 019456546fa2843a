"""The types of CEL expressions and templates, and what is wrong with them."""
