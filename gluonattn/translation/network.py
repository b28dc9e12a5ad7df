"""The translation network: the package's Transformer, with or without positions."""

from __future__ import annotations

from typing import Any

from ..models.transformer import Transformer
from ..runtime import mx


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
        # Times sqrt(units), embeddings have variance 1 beside the positions' 1/2, as in Vaswani et al. 2017 (tensor2tensor).
        # Xavier's would have 1/16 with 8,000 subwords.
        for embedding in (self.source_embedding, self.target_embedding):
            embedding.weight.init = mx.init.Normal(units ** -0.5)
        if not positions:
            for side in (self.encoder, self.decoder):
                side.position_weight.value[:] = 0  # a constant: it is not trained
