"""Small random models of as many architectures as transformers has, each held to weights that it gives itself.

The list is transformers' own. Sizes stand here where they cannot be guessed from the names of a configuration's options, so that
a family that appears next year is tried all the same.
"""

# ruff: noqa: E501
from __future__ import annotations

import contextlib
import inspect
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from gluonattn.capture.huggingface import capture
from gluonattn.capture.kinds import settled
from gluonattn.errors import CaptureError

if sys.platform != "win32":
    import resource

WORDS, LENGTH, SHORT = 60, 9, 6
EXACT = 2e-5  # formula, in float32
NO_ATTENTION = ("no attention was computed", "but computed none")  # of a model that has none, or none that mixes values
FLAT = dict(vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
GROUPED = {**FLAT, "num_key_value_heads": 2, "pad_token_id": 0}
GPT = dict(vocab_size=WORDS, n_embd=32, n_layer=2, n_head=4)
XLM = dict(vocab_size=WORDS, emb_dim=32, n_layers=2, n_heads=4)
MARKS = dict(pad_token_id=0, eos_token_id=2, bos_token_id=1, decoder_start_token_id=0)
TWO = dict(vocab_size=WORDS, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
           decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, **MARKS)
T5 = dict(vocab_size=WORDS, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=0, pad_token_id=0)
BLOCKS = dict(block_size=4, num_random_blocks=1)
VIEW = {**{k: v for k, v in FLAT.items() if k != "vocab_size"}, "image_size": 16, "patch_size": 4}
WAVES = {**{k: v for k, v in FLAT.items() if k != "vocab_size"}, "conv_dim": (8, 8), "conv_stride": (5, 4),
         "conv_kernel": (10, 8), "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
TEXT = {**FLAT, "eos_token_id": 2}
PYRAMID = dict(hidden_sizes=[8, 16], depths=[1, 1], num_attention_heads=[1, 2], num_encoder_blocks=2, strides=[4, 2],
               mlp_ratios=[2, 2], image_size=32)
DEBERTA = {**FLAT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
MOE = {**GROUPED, "head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1, "sliding_window": 4}
DEEPSEEK = {**GROUPED, "num_key_value_heads": 4, "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 1,
            "moe_intermediate_size": 16, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4,
            "v_head_dim": 8, "first_k_dense_replace": 1}
# model type: the sizes of its configuration
SIZES: dict[str, dict[str, Any]] = {
    "bert": FLAT, "roberta": FLAT, "xlm-roberta": FLAT, "camembert": FLAT, "electra": {**FLAT, "embedding_size": 16},
    "distilbert": dict(vocab_size=WORDS, dim=32, n_layers=2, n_heads=4, hidden_dim=48), "albert": {**FLAT, "embedding_size": 16},
    "mpnet": FLAT, "deberta": DEBERTA, "deberta-v2": DEBERTA, "big_bird": {**FLAT, **BLOCKS, "max_position_embeddings": 96},
    "longformer": {**FLAT, "attention_window": 4}, "ernie": FLAT, "megatron-bert": FLAT, "ibert": FLAT, "esm": {
        **FLAT, "pad_token_id": 0, "mask_token_id": 3},
    "funnel": dict(vocab_size=WORDS, block_sizes=[1, 1], d_model=32, n_head=4, d_head=8, d_inner=48),
    "xlnet": dict(vocab_size=WORDS, d_model=32, n_layer=2, n_head=4, d_inner=48), "xlm": XLM, "flaubert": XLM,
    "fnet": FLAT, "canine": {**FLAT, "num_hash_buckets": 64}, "modernbert": {**FLAT, "pad_token_id": 0, "cls_token_id": 1,
                                                                           "sep_token_id": 2},
    "nystromformer": {**FLAT, "num_landmarks": 3, "segment_means_seq_len": 9}, "convbert": {**FLAT, "embedding_size": 32},
    "squeezebert": {**FLAT, "embedding_size": 32}, "yoso": FLAT, "roformer": FLAT,
    "mobilebert": {**FLAT, "embedding_size": 16, "intra_bottleneck_size": 32, "true_hidden_size": 32},
    "reformer": dict(vocab_size=WORDS, hidden_size=32, attn_layers=["local", "lsh"], num_attention_heads=4, feed_forward_size=48,
                     attention_head_size=8, axial_pos_embds=False, is_decoder=False, num_buckets=2),
    "gpt2": GPT, "gptj": {**GPT, "rotary_dim": 4}, "codegen": {**GPT, "rotary_dim": 4}, "gpt_bigcode": GPT,
    "gpt_neo": dict(vocab_size=WORDS, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]],
                    window_size=4), "gpt_neox": FLAT, "ctrl": {**GPT, "dff": 48}, "openai-gpt": GPT,
    "opt": dict(vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=48, word_embed_proj_dim=32),
    "bloom": dict(vocab_size=WORDS, hidden_size=32, n_layer=2, n_head=4), "mpt": dict(vocab_size=WORDS, d_model=32, n_layers=2,
                                                                                 n_heads=4),
    "falcon": dict(vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4),
    "xglm": dict(vocab_size=WORDS, d_model=32, num_layers=2, attention_heads=4, ffn_dim=48),
    "llama": GROUPED, "mistral": {**GROUPED, "sliding_window": 4}, "gemma": {**GROUPED, "head_dim": 8}, "phi": FLAT,
    "gemma2": {**GROUPED, "head_dim": 8, "sliding_window": 4}, "gemma3_text": {**GROUPED, "head_dim": 8, "sliding_window": 4},
    "qwen2": GROUPED, "qwen3": {**GROUPED, "head_dim": 8}, "phi3": GROUPED, "gpt_oss": MOE, "mixtral": {**GROUPED,
                                                                                              "num_local_experts": 2},
    "deepseek_v3": DEEPSEEK, "mamba": dict(vocab_size=WORDS, hidden_size=32, num_hidden_layers=2), "rwkv": dict(
        vocab_size=WORDS, hidden_size=32, num_hidden_layers=2),
    "bart": TWO, "mbart": TWO, "pegasus": TWO, "blenderbot": TWO, "marian": {**TWO, "decoder_vocab_size": WORDS}, "m2m_100": TWO,
    "plbart": TWO, "bigbird_pegasus": {**TWO, **BLOCKS}, "led": {**TWO, "attention_window": 4}, "nllb-moe": {**TWO,
                                                                                                        "num_experts": 2},
    "t5": T5, "mt5": T5, "umt5": T5, "longt5": {**T5, "local_radius": 4}, "switch_transformers": {
        **T5, "num_experts": 2, "num_decoder_layers": 2},
    "prophetnet": dict(vocab_size=WORDS, hidden_size=32, num_encoder_layers=2, num_decoder_layers=2, encoder_ffn_dim=48,
                       num_encoder_attention_heads=4, num_decoder_attention_heads=4, decoder_ffn_dim=48, decoder_start_token_id=0),
    "vit": VIEW, "deit": VIEW, "beit": VIEW, "dinov2": VIEW, "clip_vision_model": VIEW, "siglip_vision_model": VIEW,
    "swin": dict(image_size=16, patch_size=2, embed_dim=16, depths=[2, 1], num_heads=[2, 4], window_size=2),
    "segformer": {**PYRAMID, "sr_ratios": [2, 1], "patch_sizes": [7, 3], "decoder_hidden_size": 16},
    "pvt": {**PYRAMID, "sequence_reduction_ratios": [2, 1], "patch_sizes": [4, 2]},
    "clip": dict(text_config=TEXT, vision_config=VIEW, projection_dim=16), "siglip": dict(text_config=FLAT, vision_config=VIEW),
    "whisper": {**TWO, "num_mel_bins": 8, "max_source_positions": LENGTH}, "wav2vec2": WAVES, "hubert": WAVES,
    "pegasus_x": {**TWO, "block_size": 4, "num_global_tokens": 3}, "perceiver": dict(d_model=32, num_latents=5, d_latents=16, num_self_attends_per_block=2, num_blocks=1,
                      num_self_attention_heads=4, num_cross_attention_heads=1),
}
# What is computed there goes from no token to a token.
# Families whose layers ask for attention twice, with the same queries and keys for two halves of the values: they are recorded
# with two layers for each.
TWICE = {"diffllama": "from transformers 5.24 on"}

WITHOUT = {"fnet": "Fourier transforms", "mamba": "a state space", "rwkv": "a recurrence", "yoso": "hashing, without a softmax",
           "nystromformer": "between tokens and landmarks (means of several tokens)", "falcon_mamba": "a state space",
           "focalnet": "convolutions and a gate", "mobilenet_v1": "convolutions", "mobilenet_v2": "convolutions",
           "swiftformer": "a softmax over one number", "mra": "blocks of several tokens, at several resolutions"}
GUESSES = (  # where a family is not listed above
    (4, "num_attention_heads n_head n_heads num_heads encoder_attention_heads decoder_attention_heads attention_heads patch_size"),
    (2, "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_key_value_heads num_local_experts "
        "num_experts n_routed_experts num_encoder_layers num_decoder_layers"),
    (32, "hidden_size n_embd d_model dim emb_dim embed_dim embedding_size"),
    (8, "head_dim attention_head_size chunk_size mamba_chunk_size"),
    (48, "intermediate_size ffn_dim d_ff encoder_ffn_dim decoder_ffn_dim moe_intermediate_size ffn_hidden_size hidden_dim "
         "shared_expert_intermediate_size"),
    (WORDS, "vocab_size"), (1, "num_experts_per_tok moe_topk num_experts_per_token"), (0, "pad_token_id"), (16, "image_size"))
LONG = {"longformer": 30, "led": 30, "longt5": 30, "big_bird": 64, "bigbird_pegasus": 64}  # more than a window or some blocks
MOST = 4_000_000  # parameters
ROOM = 2 * 2**30  # bytes that a family with guessed sizes may take


class Tried(NamedTuple):
    """What came of one family.

    Attributes
    ----------
    family : str
    heads : str
        Layers by kind.
    how : str
        How the weights were taken.
    against : str
        What they were held to.
    difference : float
        Largest; NaN where there was nothing to hold.
    """

    family: str
    heads: str
    how: str
    against: str
    difference: float


def families() -> list[str]:
    """The types of models that transformers has a bare model of."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    return sorted(MODEL_MAPPING_NAMES)


def built(family: str):
    """A small model with weights so large that attention is not uniform.

    Raises
    ------
    ValueError, or what transformers raises
        If the family is not here or too large; the message says why.
    """
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    if family not in MODEL_MAPPING_NAMES:
        raise ValueError(f"this transformers has no {family}")
    config = CONFIG_MAPPING[family](**(SIZES[family] if family in SIZES else guessed(CONFIG_MAPPING[family]())))
    name = MODEL_MAPPING_NAMES[family]
    kind = getattr(transformers, name if isinstance(name, str) else name[0])
    if family in ("gemma2", "falcon"):  # transformers leaves a soft cap out, or a mask, where this is said later
        config._attn_implementation = "eager"
    if family not in SIZES:
        with torch.device("meta"):
            size = sum(p.numel() for p in kind(config).parameters())
        if size > MOST:
            raise ValueError(f"{size:,} parameters with the sizes that were guessed")
    torch.manual_seed(0)
    model = kind(config).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def guessed(config) -> dict:
    """Small sizes for the options of a configuration that sound like sizes."""
    found: dict[str, Any] = {}
    for value, names in GUESSES:
        for name in names.split():
            if isinstance(getattr(config, name, None), int) or (name == "head_dim" and hasattr(config, name)):
                found[name] = value
    for name in getattr(config, "sub_configs", {}):
        below = getattr(config, name, None)
        if below is not None:
            found[name] = guessed(below)
    return found


@contextlib.contextmanager
def bounded():
    """No more memory than `ROOM`: a state space whose sizes were not guessed takes gigabytes for nine tokens."""
    if not sys.platform.startswith("linux"):
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def inputs_of(model, length: int = 0) -> dict:
    length = length or LONG.get(model.config.model_type, LENGTH)
    torch.manual_seed(1)
    ids, targets = torch.randint(5, WORDS, (2, length)), torch.randint(5, WORDS, (2, LENGTH))
    mask = torch.ones_like(ids)
    ids[1, SHORT:] = mask[1, SHORT:] = 0
    family, main = model.config.model_type, model.main_input_name
    pictures = torch.randn(2, 3, *[getattr(model.config, "image_size", 16)] * 2) if isinstance(
        getattr(model.config, "image_size", 16), int) else torch.randn(2, 3, 16, 16)
    if family == "perceiver":
        return dict(inputs=torch.randn(2, length, 32))
    if family in ("clip", "siglip"):
        return dict(input_ids=torch.randint(5, WORDS, (2, 17 if family == "clip" else 16)), pixel_values=torch.randn(2, 3, 16, 16))
    given: dict[str, Any] = {
        "input_ids": dict(input_ids=ids, attention_mask=mask), "pixel_values": dict(pixel_values=pictures),
        "input_values": dict(input_values=torch.randn(2, 400)), "input_features": dict(input_features=torch.randn(2, 8, 18)),
    }[main]
    if family == "cpmant":  # it sees padding itself, in front; its own weights are those behind its prompt
        given = dict(input_ids=torch.cat([ids[:1], ids[1:].roll(LENGTH - SHORT, 1)]))
    if family in ("nystromformer", "rwkv"):
        given = dict(input_ids=torch.randint(5, WORDS, (2, length)))
    known = inspect.signature(model.forward).parameters
    given = {name: value for name, value in given.items() if name in known}
    return {**given, "decoder_input_ids": targets} if model.config.is_encoder_decoder else given


KINDS = {"attentions": ("self", "encoder", "decoder", "cross"), "encoder_attentions": ("encoder",),
         "decoder_attentions": ("decoder",), "cross_attentions": ("cross",)}


def outputs_of(result) -> list[tuple[tuple[str, ...], np.ndarray]]:
    """The weights that a model hands out, in order, with the kinds that they may be of."""
    found = [result, *(getattr(result, part, None) for part in ("text_model_output", "vision_model_output"))]
    return [(kinds, weights.float().numpy()) for part in found for name, kinds in KINDS.items()
            for weights in getattr(part, name, None) or () if weights is not None]


def tried(family: str) -> Tried:
    """Capture a family by `capture(model)` alone and hold it to its own weights, or to softmax(scale Q K^T + bias)."""
    model = built(family)
    given = inputs_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = run(model, given)[0]
        with capture(model, vectors=True) as recorder:
            during = run(model, given)[0]
        after = run(model, given)[0]
    assert torch.equal(before, after), "the model was changed"
    valid = (before - during)[0] if before.dim() > 1 else before - during  # the first sentence has no padding
    limit = 1e-5 * max(1.0, float(before[0].abs().max()))
    assert float(valid.abs().max()) <= limit, f"outputs while capturing differ by {float(valid.abs().max()):.1e}"
    calls = [c for p in recorder.passes for c in p.calls if c.weights is not None]
    if family in WITHOUT:
        return Tried(family, "", "", f"none: {WITHOUT[family]}", without_any(recorder, calls))
    recorder.check()
    against, difference = held(model, given, recorder)
    kinds: dict[str, list] = {}
    for one in recorder.found():
        kinds.setdefault(one.kind, []).append(one)
    heads = ", ".join(f"{kind} {len(layers)} x {layers[0].heads}" for kind, layers in kinds.items())
    return Tried(family, heads, ", ".join(dict.fromkeys(f.how for f in recorder.found())), against, difference)


def run(model, given, **options):
    """Run a model; what it does at random (patches that are left out) is the same each time."""
    torch.manual_seed(2)
    with torch.no_grad():
        return model(**given, **options)


def without_any(recorder, calls) -> float:
    """Nothing is recorded, or only what is between other things than tokens; an error says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            recorder.check()
        except CaptureError as error:
            assert any(words in str(error) for words in NO_ATTENTION)
            return float("nan")
    assert all(c.weights.shape[2] != c.weights.shape[3] for c in calls)
    return float("nan")


class NothingToHoldTo(Exception):
    """A family whose weights have no reference: it gives none itself, and they are put together of windows."""


def held(model, given, recorder) -> tuple[str, float]:
    """What the weights were held to, each call of them, and the largest difference.

    No weights of the model's own are held to two calls, so one call cannot stand in for another.
    """
    from .local_references import REFERENCES, placed

    own = own_weights(model, given)
    formula = {c.layer: c.weights_error for c in recorder.verify()}
    calls = [c for p in settled(recorder.passes) for c in p.calls if c.weights is not None]
    local = [c for c in calls if (c.local or c.outside[:1] == ("[0]",)) and model.config.model_type in REFERENCES]
    against: dict[str, float] = {}
    if local:
        against["a dense reference"] = placed(model, given, local)
    for call in calls:
        if any(call is one for one in local):
            continue
        weights = call.weights[..., :call.weights.shape[3] - len(call.outside)]
        if model.config.model_type == "cpmant":
            weights = weights[..., model.prompt_length:, model.prompt_length:]
        same = [i for i, (kinds, w) in enumerate(own) if w.shape == weights.shape and call.kind in kinds]
        if same:
            differences = [float(np.abs(weights - own[i][1])[0].max()) for i in same]
            name, difference = "its own eager weights", min(differences)
            del own[same[differences.index(difference)]]
        elif call.layer in formula:
            name, difference = "softmax(scale QKᵀ + bias)", formula[call.layer]
        else:
            raise NothingToHoldTo(f"{model.config.model_type} gives no weights like those of {call.layer}, {weights.shape}")
        against[name] = max(difference, against.get(name, 0.0))
    return ", ".join(against), max(against.values())


def own_weights(model, given) -> list[tuple[tuple[str, ...], np.ndarray]]:
    """Weights that the model hands out by itself, those that are such."""
    own = []
    with contextlib.suppress(Exception), torch.no_grad():
        model.set_attn_implementation("eager")
    with contextlib.suppress(Exception):
        own = outputs_of(run(model, given, output_attentions=True))
    with np.errstate(over="ignore"):  # a position bias is none; rows without their sink sum to less than 1
        return [(kinds, w) for kinds, w in own if w.ndim == 4 and w.min() >= 0 and w.sum(-1)[0].max() < 1 + 1e-3]
