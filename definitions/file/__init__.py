"""``File``: text and data in the files below one folder."""
