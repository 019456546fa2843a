"""``Python``: typed functions as invocables."""
