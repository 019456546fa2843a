"""One invocation, from the call site to the outcome in the journal. ``pipeline.py`` is its list."""
