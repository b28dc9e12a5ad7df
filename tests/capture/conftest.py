"""Small tokenizers learned from the bundled sample, and small models with random weights."""

from __future__ import annotations

import os

import pytest

from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
SEQ2SEQ = dict(d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
               encoder_ffn_dim=48, decoder_ffn_dim=48)
# name: (configuration class, model class, sizes, tokenizer)
MODELS = {
    "bert": ("BertConfig", "BertModel", SIZES, "wordpiece"),
    "electra": ("ElectraConfig", "ElectraForSequenceClassification", {**SIZES, "embedding_size": 16}, "wordpiece"),
    "roberta": ("RobertaConfig", "RobertaModel", SIZES, "bytes"),
    "albert": ("AlbertConfig", "AlbertModel", {**SIZES, "embedding_size": 16}, "wordpiece"),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", dict(n_embd=32, n_layer=2, n_head=4), "bytes"),
    "llama": ("LlamaConfig", "LlamaForCausalLM", {**SIZES, "num_key_value_heads": 2}, "bytes"),
    "bart": ("BartConfig", "BartForConditionalGeneration", SEQ2SEQ, "bytes"),
    "t5": ("T5Config", "T5ForConditionalGeneration",
           dict(d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4), "unigram"),
}


@pytest.fixture(scope="session")
def transformers():
    return pytest.importorskip("transformers", reason='needs transformers: pip install "gluonattn[huggingface]"')


def interface_only(transformers, name: str) -> None:
    """Skip a model whose attention this transformers computes by code of its own (T5 before 5.24)."""
    import inspect
    import sys

    module = sys.modules[getattr(transformers, MODELS[name][1]).__module__]
    if "ALL_ATTENTION_FUNCTIONS" not in inspect.getsource(module):
        pytest.skip(f"{name} does not use the attention interface of transformers {transformers.__version__}")


@pytest.fixture(scope="session")
def reviews() -> list[str]:
    return read_reviews(locate("sample").train).texts


@pytest.fixture(scope="session")
def tokenizers(transformers, reviews):
    """Fast tokenizers of three families."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    def learned(model, trainer, before, decoder, wrap, normalizer=None):
        made = Tokenizer(model)
        made.pre_tokenizer, made.decoder = before, decoder
        if normalizer:
            made.normalizer = normalizer
        made.train_from_iterator(reviews, trainer)
        first, last = wrap
        made.post_processor = processors.TemplateProcessing(
            single=f"{first} $A {last}".strip(), special_tokens=[(t, made.token_to_id(t)) for t in wrap if t])
        return made

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    wordpiece = learned(models.WordPiece(unk_token="[UNK]"),
                        trainers.WordPieceTrainer(vocab_size=800, special_tokens=special, limit_alphabet=300),
                        pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(), ("[CLS]", "[SEP]"),
                        normalizers.BertNormalizer(lowercase=True, strip_accents=False))
    special = ["<pad>", "<s>", "</s>"]
    spelled = learned(models.BPE(), trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
        pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel(), ("<s>", "</s>"))
    special = ["<pad>", "</s>", "<unk>"]
    unigram = learned(models.Unigram(), trainers.UnigramTrainer(vocab_size=2500, special_tokens=special, unk_token="<unk>"),
                      pre_tokenizers.Metaspace(), decoders.Metaspace(), ("", "</s>"), normalizers.NFKC())
    fast = transformers.PreTrainedTokenizerFast
    return {
        "wordpiece": fast(tokenizer_object=wordpiece, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
                          sep_token="[SEP]"),
        "bytes": fast(tokenizer_object=spelled, pad_token="<pad>", bos_token="<s>", eos_token="</s>"),
        "unigram": fast(tokenizer_object=unigram, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"),
    }


@pytest.fixture(scope="session")
def build(transformers, tokenizers):
    """A model by its name in MODELS, with weights large enough that attention is not uniform."""
    import torch

    def make(name: str, **options):
        interface_only(transformers, name)
        config, kind, sizes, spelled = MODELS[name]
        tokenizer = tokenizers[spelled]
        marks = dict(pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=1)
        if name in ("bart", "t5"):
            marks["decoder_start_token_id"] = tokenizer.pad_token_id
        torch.manual_seed(0)
        made = getattr(transformers, config)(vocab_size=len(tokenizer), **sizes, **marks)
        model = getattr(transformers, kind)._from_config(made, **options).eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.25)
        return model, tokenizer

    return make
