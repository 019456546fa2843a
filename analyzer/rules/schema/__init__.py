"""Rules over declared schemas (K101 to K106)."""
