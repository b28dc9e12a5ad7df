"""Local attention computed densely, or placed window by window, without anything of the package's own."""

from __future__ import annotations

import numpy as np
import torch


def placed(model, given, calls) -> float:
    """The largest difference between what was captured and a dense reference, over the first sentence.

    Parameters
    ----------
    model : transformers model
    given : dict
        What it was called with.
    calls : list of Call
        Those of its local layers.
    """
    made = REFERENCES[model.config.model_type](model, given)
    assert len(made) == len(calls), (len(made), [c.layer for c in calls])
    return max(float(np.abs(call.weights[0] - reference).max()) if isinstance(reference, np.ndarray) else reference(call)
               for call, reference in zip(calls, made))


def inputs_to(model, given, name: str) -> list:
    """(module, hidden states, output) of every module of a class, in order."""
    found = []
    hooks = [m.register_forward_hook(lambda m, args, kwargs, out: found.append(
        (m, args[0] if args else kwargs["hidden_states"], out[0])), with_kwargs=True)
        for m in model.modules() if type(m).__name__ == name]
    with torch.no_grad():
        model(**given)
    for hook in hooks:
        hook.remove()
    return found


def heads(x, count: int):
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


def longformer(model, given) -> list[np.ndarray]:
    """softmax over keys at most half a window away; the first sentence has no padding of its own."""
    name = "LEDEncoderSelfAttention" if model.config.model_type == "led" else "LongformerSelfAttention"
    length = given["input_ids"].shape[1]
    found = []
    for module, hidden, _ in inputs_to(model, given, name):
        with torch.no_grad():
            q, k = heads(module.query(hidden), 4)[0], heads(module.key(hidden), 4)[0]
        scores = (q @ k.mT / module.head_dim ** 0.5)[:, :length, :length]
        place = torch.arange(length)
        far = (place[:, None] - place).abs() > module.one_sided_attn_window_size
        found.append(scores.masked_fill(far, -torch.inf).softmax(-1).numpy())
    return found


def longt5(model, given) -> list[np.ndarray]:
    """The encoder's own blocks: block i looks at blocks i - 1, i and i + 1."""
    length = given["input_ids"].shape[1]
    with torch.no_grad():
        layers = model(**given, output_attentions=True).encoder_attentions
    found = []
    for blocks in layers:  # (B, blocks, H, size, 3 * size)
        _, count, number, size, _ = blocks.shape
        dense = np.zeros((number, count * size, (count + 2) * size))
        for i in range(count):
            dense[:, i * size:(i + 1) * size, i * size:(i + 3) * size] = blocks[0, i].numpy()
        found.append(dense[:, :length, size:size + length])
    return found


def swin(model, given) -> list[np.ndarray]:
    """The model's own windows, put where they are on the picture, turned back by half a window in every second block."""
    found = []
    blocks = [block for stage in model.encoder.layers for block in stage.blocks]
    weights = windows_of(model, given)
    for block, parts in zip(blocks, weights):
        height, width = block.input_resolution
        size, shift = block.window_size, block.shift_size
        place = torch.arange(height * width).view(height, width).roll((-shift, -shift), (0, 1))
        place = place.view(height // size, size, width // size, size).transpose(1, 2).reshape(-1, size * size)
        dense = np.zeros((parts.shape[1], height * width, height * width))
        for window, where in enumerate(place.numpy()):
            dense[:, where[:, None], where] = parts[window].numpy()
        found.append(dense)
    return found


def pegasus_x(model, given) -> list:
    """Global tokens to all; each token to its block and the global tokens.

    Blocks of every second layer begin half a block earlier.
    """
    found = []
    hooks = [m.register_forward_hook(lambda m, args, out: found.append(out[2])) for m in model.modules()
             if type(m).__name__ == "PegasusXGlobalLocalAttention"]
    with torch.no_grad():
        model(**given, output_attentions=True)
    for hook in hooks:
        hook.remove()
    length, dense = given["input_ids"].shape[1], []
    for layer, one in enumerate(found):
        globals_, local = one["global"][0].numpy(), one["local"][0].numpy()  # (H, G, G + T), (H, blocks, size, G + size)
        number, count, size, _ = local.shape
        few, early = globals_.shape[1], layer % 2 * size // 2
        turned = np.concatenate([globals_[..., few + early:few + early + length], globals_[..., :few]], -1)
        whole = np.zeros((number, count * size, count * size + few))
        for i in range(count):
            where = slice(i * size, (i + 1) * size)
            whole[:, where, where], whole[:, where, count * size:] = local[:, i, :, few:], local[:, i, :, :few]
        rows = whole[:, early:early + length]
        dense += [turned, np.concatenate([rows[..., early:early + length], rows[..., count * size:]], -1)]
    return dense


def windows_of(model, given) -> list:
    """Weights (windows, heads, positions, positions) of every block, from its self-attention module itself."""
    found = []
    hooks = []
    names = {type(module).__name__ for module in model.modules()}
    for module in model.modules():
        if type(module).__name__ == ("SwinSelfAttention" if "SwinSelfAttention" in names else "SwinAttention"):
            hooks.append(module.register_forward_hook(lambda m, args, out: found.extend(
                x for x in (out if isinstance(out, tuple) else ()) if x is not None and x.dim() == 4)))
    with torch.no_grad():
        model(**given, output_attentions=True)
    for hook in hooks:
        hook.remove()
    return found


def context(model, given) -> list:
    """Weights times values are what each layer goes on with, and its rows are distributions."""
    name = {"big_bird": "BigBirdBlockSparseAttention", "bigbird_pegasus": "BigBirdPegasusBlockSparseAttention"}[
        model.config.model_type]
    found = []
    for module, hidden, out in inputs_to(model, given, name):
        with torch.no_grad():
            values = heads(module.value(hidden), 4)[0]

        def difference(call, values=values, out=out):
            weights = torch.from_numpy(call.weights[0])
            length = weights.shape[1]
            mixed = (weights @ values[:, :length]).transpose(0, 1).flatten(1)
            rows = float((weights.sum(-1) - 1).abs().max())
            return max(float((mixed - out[0, :length]).abs().max()), rows)

        found.append(difference)
    return found


REFERENCES = {"longformer": longformer, "led": longformer, "longt5": longt5, "swin": swin, "big_bird": context,
              "bigbird_pegasus": context, "pegasus_x": pegasus_x}
