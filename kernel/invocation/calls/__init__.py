"""How a controller is called, and how it calls in its turn."""
