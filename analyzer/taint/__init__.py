"""The ways that secrets and text from outside take."""
