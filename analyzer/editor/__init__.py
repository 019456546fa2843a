"""The language service: what an editor asks about a text, answered by plain functions.

It knows nothing of a protocol; ``kernel lsp`` is one way to ask.
"""
