"""The training loop in short named steps. Everything optional is a callback."""
