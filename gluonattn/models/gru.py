"""A bidirectional GRU that respects sequence lengths, as fast as MXNet's fused one.

On CPU MXNet's fused GRU silently ignores ``use_sequence_length`` (1.9.1): its
backward direction would start in the padding. Here an additional input marks
padding. Its only weight is fixed and on the update gate z, and makes z = 1
there. As h_t = (1 - z) n + z h_(t-1), the state passes through padding
unchanged. Both directions therefore start from 0 at the ends of the text, and a
sentence gets the same result in any batch.
"""

from __future__ import annotations

from typing import Any

from ..runtime import mx

# sigmoid(x) is exactly 1 in float32 from x = 17 on; the rest of the gate's input
# would have to reach -83 to change that.
_HOLD = 100.0


class BiGRU(mx.gluon.HybridBlock):
    """One layer, both directions.

    Parameters
    ----------
    hidden_size : int
        Units of each direction.
    input_size : int
        Width of the input.
    **kwargs
        Of `mxnet.gluon.HybridBlock`.

    Notes
    -----
    ``bigru(inputs, valid_length)`` takes (B, T, C) and (B,), and returns
    (B, T, 2 * hidden_size) with zeros at padded positions. The order of gates is
    reset, update, new (Cho et al. 2014, in cuDNN's form).
    """

    def __init__(self, hidden_size: int, input_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._hidden_size = hidden_size
        with self.name_scope():
            # Blocks with the parameters of each direction. Both run in one RNN operator.
            self.forward_gru = _Direction(hidden_size, input_size, prefix="forward_")
            self.backward_gru = _Direction(hidden_size, input_size, prefix="backward_")

    def hybrid_forward(self, F: Any, inputs: Any, valid_length: Any) -> Any:
        valid = F.SequenceMask(F.ones_like(F.slice_axis(inputs, axis=2, begin=0, end=1)), valid_length,
                               use_sequence_length=True, axis=1)  # (B, T, 1)
        # oneDNN concatenates matrices. Three axes would take a slow path.
        flat = F.concat(F.reshape(inputs, (-3, 0)), F.reshape(1 - valid, (-3, 0)), dim=1)
        steps = F.reshape_like(flat, inputs, lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=2)
        steps = F.transpose(steps, axes=(1, 0, 2))  # (T, B, C + 1)
        (*forward, forward_biases), (*backward, backward_biases) = self.forward_gru(valid), self.backward_gru(valid)
        start = F.zeros(shape=(2, 0, self._hidden_size)) if F is mx.sym else F.zeros(
            (2, inputs.shape[0], self._hidden_size), ctx=inputs.context)
        parameters = F.concat(*forward, *backward, forward_biases, backward_biases, dim=0).reshape((-1,))
        states = F.RNN(steps, parameters, start, state_size=self._hidden_size, num_layers=1, bidirectional=True,
                       mode="gru")  # (T, B, 2H)
        states = F.SequenceMask(states, valid_length, use_sequence_length=True)
        return F.transpose(states, axes=(1, 0, 2))


class _Direction(mx.gluon.HybridBlock):
    """Parameters of one direction for MXNet's RNN operator: input weights, state weights, biases.

    They are matrices of `hidden_size` columns, because MXNet concatenates flat arrays four times as slowly.
    """

    def __init__(self, hidden_size: int, input_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._hidden_size = hidden_size
        with self.name_scope():
            for name, shape in (("i2h_weight", (3 * hidden_size, input_size)),
                                ("h2h_weight", (3 * hidden_size, hidden_size)),
                                ("i2h_bias", (3 * hidden_size,)), ("h2h_bias", (3 * hidden_size,))):
                initial = "zeros" if name.endswith("bias") else None
                setattr(self, f"l0_{name}", self.params.get(f"l0_{name}", shape=shape, init=initial))

    def hybrid_forward(self, F: Any, like: Any, l0_i2h_weight: Any, l0_h2h_weight: Any, l0_i2h_bias: Any,
                       l0_h2h_bias: Any) -> Any:
        # a block needs an argument to be called, hence `like`; F makes the constants
        column = F.slice_axis(F.zeros_like(l0_i2h_weight), axis=1, begin=0, end=1)  # (3H, 1)
        zeros = F.slice_axis(column, axis=0, begin=0, end=self._hidden_size)
        hold = F.concat(zeros, zeros + _HOLD, zeros, dim=0)
        columns = (-1, self._hidden_size)
        biases = F.concat(l0_i2h_bias.reshape(columns), l0_h2h_bias.reshape(columns), dim=0)
        return F.concat(l0_i2h_weight, hold, dim=1).reshape(columns), l0_h2h_weight, biases
