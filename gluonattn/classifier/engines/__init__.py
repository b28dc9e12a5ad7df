"""Engines for prediction: the same forward pass on numpy, torch, ONNX or MXNet."""
