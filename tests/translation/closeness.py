"""Two results of the small model that only the order of its sums may part."""

import numpy as np

from ..tolerance import tolerance


def close_logits(found, expected) -> None:
    # 64 wide inside, six sublayers, and the sums of a softmax over 60 subwords before and after.
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(64, 8, scale=expected))
