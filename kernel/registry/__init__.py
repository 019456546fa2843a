"""Kind → definition → controller; instances and their life."""
