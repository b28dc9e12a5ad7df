"""The translation network: the package's Transformer, with or without positions."""

from __future__ import annotations

from typing import Any

from ..models.transformer import Transformer


class TranslationTransformer(Transformer):
    """A Transformer over subwords of two languages that share one vocabulary.

    Parameters
    ----------
    vocab_size : int
    units : int, default 256
    hidden_size : int, default 1024
    num_layers : int, default 2
    num_heads : int, default 8
    dropout : float, default 0.1
    max_length : int, default 64
        As for `gluonattn.models.transformer.Transformer`.
    positions : bool, default True
        Whether sinusoids encode the positions (Vaswani et al. 2017). Without them the encoder reads a bag of subwords. The
        decoder still learns some order from its causal mask.
    **kwargs
        Arguments of `mxnet.gluon.HybridBlock`.
    """

    def __init__(self, vocab_size: int, units: int = 256, hidden_size: int = 1024, num_layers: int = 2,
                 num_heads: int = 8, dropout: float = 0.1, max_length: int = 64, positions: bool = True, **kwargs: Any):
        super().__init__(vocab_size, units, hidden_size, num_layers, num_heads, dropout, max_length, **kwargs)
        if not positions:
            for side in (self.encoder, self.decoder):
                side.position_weight.value[:] = 0  # a constant: it is not trained
