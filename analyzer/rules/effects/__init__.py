"""Rules over effects (K701 to K708, K209)."""
