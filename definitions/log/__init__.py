"""``Log``: messages for whoever watches a run."""
