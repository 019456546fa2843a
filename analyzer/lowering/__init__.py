"""From JSON Schema to types."""
