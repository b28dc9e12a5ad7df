"""Korean text to tokens with true spans into the raw text."""

from .align import align, cover
from .parallel import tokenize_all
from .tokenizers import DEFAULT, KNOWN, Tokenizer, tokenizer

__all__ = ["DEFAULT", "KNOWN", "Tokenizer", "align", "cover", "tokenize_all", "tokenizer"]
