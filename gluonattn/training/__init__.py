"""The training loop as short named steps; what is optional is a callback."""
