"""Attention cells behind one contract, the Bi-GRU classifier and its checkpoint folder."""
