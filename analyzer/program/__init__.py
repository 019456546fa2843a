"""A manifest as the checks see it: linked, with its contracts and variables as types."""
