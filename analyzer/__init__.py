"""The static analyzer: what can be proven about a manifest without running anything."""
