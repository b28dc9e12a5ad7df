"""A bidirectional GRU that honours sequence lengths.

On CPU MXNet's fused GRU silently ignores ``use_sequence_length`` (1.9.1), so
the backward direction would start in the padding. Two one-way GRUs, with the
backward one between two reversals by length, give the same answer whatever a
sentence is batched with.
"""

from ..runtime import mx


class BiGRU(mx.gluon.HybridBlock):
    """One layer, both directions.

    Parameters
    ----------
    hidden_size : int
        Units of each direction.
    input_size : int, default 0
        Width of the input; 0 infers it.

    Notes
    -----
    ``bigru(inputs, valid_length)`` takes (B, T, C) and (B,), and returns
    (B, T, 2 * hidden_size) with zeros at padded positions.
    """

    def __init__(self, hidden_size, input_size=0, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.forward_gru = mx.gluon.rnn.GRU(hidden_size, input_size=input_size, prefix="forward_")
            self.backward_gru = mx.gluon.rnn.GRU(hidden_size, input_size=input_size, prefix="backward_")

    def hybrid_forward(self, F, inputs, valid_length):
        steps = F.transpose(inputs, axes=(1, 0, 2))  # (T, B, C)
        reverse = dict(sequence_length=valid_length, use_sequence_length=True)
        ahead = self.forward_gru(steps)  # (T, B, H)
        back = self.backward_gru(F.SequenceReverse(steps, **reverse))
        states = F.concat(ahead, F.SequenceReverse(back, **reverse), dim=2)  # (T, B, 2H)
        states = F.SequenceMask(states, sequence_length=valid_length, use_sequence_length=True)
        return F.transpose(states, axes=(1, 0, 2))
