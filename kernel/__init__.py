"""A declarative resource kernel with CEL."""
