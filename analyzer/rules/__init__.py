"""The rules: one catalogue, one module a band, a page a rule."""
