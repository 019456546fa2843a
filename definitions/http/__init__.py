"""``Http``: requests to others, and routes that others call."""
