"""A sequence-to-sequence Transformer: GluonNLP's encoder and decoder.

It returns attention weights with the logits. In training mode, dropout acts on these. Records are therefore made outside
`autograd.record()`, where the weights are the softmax itself.
"""

from __future__ import annotations

from typing import Any

from ..runtime import mx, nlp
from .fast_cells import use_fast_layer_norm


class Transformer(mx.gluon.HybridBlock):
    """Embeddings -> encoder; embeddings of the previous letters -> decoder -> Dense (Vaswani et al. 2017).

    Parameters
    ----------
    vocab_size : int
        Number of letters, including those for beginning, end and padding. Source and target use the same ids, but
        separate embeddings.
    units : int, default 64
        Width of all states.
    hidden_size : int, default 256
        Width inside the feed-forward layers.
    num_layers : int, default 2
        Layers of the encoder, and of the decoder.
    num_heads : int, default 4
    dropout : float, default 0.1
        Rate on states and on attention weights, in training.
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
        """Score the letter after each target letter.

        Parameters
        ----------
        F : module
            mxnet.nd or mxnet.sym, passed by Gluon.
        source : NDArray or Symbol, shape (B, S)
            Ids of the source letters.
        source_length : NDArray or Symbol, float32, shape (B,)
            Lengths. The rest is padding, which has no weight.
        target : NDArray or Symbol, shape (B, T)
            Ids of the beginning and of the previous letters. A position attends to itself and to earlier ones, so never
            to padding at the end.

        Returns
        -------
        logits : shape (B, T, vocab_size)
            Position i is for the letter after target letter i.
        weights : (encoder, decoder, cross), each a list with one array for each layer
            Shapes (B, heads, S, S), (B, heads, T, T) and (B, heads, T, S).
        """
        embedded = self.source_embedding(source)
        memory, encoder_outputs = self.encoder(embedded, None, source_length)
        steps = F.contrib.arange_like(embedded, axis=1)
        mask = F.broadcast_lesser(F.reshape(steps, shape=(1, -1)), F.reshape(source_length, shape=(-1, 1)))  # (B, S)
        states, _, decoder_outputs = self.decoder(self.target_embedding(target), [memory, mask])
        return self.head(states), ([layer[0] for layer in encoder_outputs], [layer[0] for layer in decoder_outputs],
                                   [layer[1] for layer in decoder_outputs])
