"""A Transformer that turns one sequence of letters into another: GluonNLP's encoder and decoder.

Its attention weights come out with its logits. In training mode dropout acts on them, so a record is made outside of
`autograd.record()`, where they are the softmax itself.
"""

from __future__ import annotations

from typing import Any

from ..runtime import mx, nlp
from .fast_cells import use_fast_layer_norm


class Transformer(mx.gluon.HybridBlock):
    """Embeddings -> encoder; embeddings of the letters so far -> decoder -> Dense (Vaswani et al. 2017).

    Parameters
    ----------
    vocab_size : int
        Number of letters, with those for beginning, end and padding. Source and target use the same ids; each has
        embeddings of its own.
    units : int, default 64
        Width of all states.
    hidden_size : int, default 256
        Width inside the feed-forward layers.
    num_layers : int, default 2
        Of the encoder, and as many of the decoder.
    num_heads : int, default 4
    dropout : float, default 0.1
        Of states and of attention weights, in training.
    max_length : int, default 48
        Longest sequence on either side.
    **kwargs
        Of `mxnet.gluon.HybridBlock`.
    """

    def __init__(self, vocab_size: int, units: int = 64, hidden_size: int = 256, num_layers: int = 2,
                 num_heads: int = 4, dropout: float = 0.1, max_length: int = 48, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        arguments = dict(num_layers=num_layers, units=units, hidden_size=hidden_size, num_heads=num_heads,
                    dropout=dropout, max_length=max_length, output_attention=True)
        with self.name_scope():
            self.source_embedding = mx.gluon.nn.Embedding(vocab_size, units)
            self.target_embedding = mx.gluon.nn.Embedding(vocab_size, units)
            self.encoder = nlp.model.transformer.TransformerEncoder(**arguments)
            self.decoder = nlp.model.transformer.TransformerDecoder(**arguments)
            self.head = mx.gluon.nn.Dense(vocab_size, flatten=False)
        use_fast_layer_norm(self)

    def hybrid_forward(self, F: Any, source: Any, source_length: Any, target: Any) -> Any:
        """Score what comes after each target letter.

        Parameters
        ----------
        F : module
            mxnet.nd or mxnet.sym, as Gluon gives it.
        source : NDArray or Symbol, shape (B, S)
            Ids of the source letters.
        source_length : NDArray or Symbol, float32, shape (B,)
            Everything after it is padding, which has no weight.
        target : NDArray or Symbol, shape (B, T)
            Ids of the beginning and of the letters so far. A position attends to itself and to those before it, so
            padding at the end is never attended to.

        Returns
        -------
        logits : shape (B, T, vocab_size)
            At position i, of the letter that follows target letter i.
        weights : (encoder, decoder, cross), each a list with one array a layer
            Shapes (B, heads, S, S), (B, heads, T, T) and (B, heads, T, S).
        """
        embedded = self.source_embedding(source)
        memory, encoder_outputs = self.encoder(embedded, None, source_length)
        steps = F.contrib.arange_like(embedded, axis=1)
        mask = F.broadcast_lesser(F.reshape(steps, shape=(1, -1)), F.reshape(source_length, shape=(-1, 1)))  # (B, S)
        states, _, decoder_outputs = self.decoder(self.target_embedding(target), [memory, mask])
        return self.head(states), ([layer[0] for layer in encoder_outputs], [layer[0] for layer in decoder_outputs],
                                   [layer[1] for layer in decoder_outputs])
