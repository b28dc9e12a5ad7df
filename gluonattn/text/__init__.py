"""Tokenizers for Korean, with true spans into the raw text."""

from .align import align, cover
from .base import Tokenizer
from .parallel import tokenize_all
from .tokenizers import DEFAULT, KNOWN, tokenizer

__all__ = ["DEFAULT", "KNOWN", "Tokenizer", "align", "cover", "tokenize_all", "tokenizer"]
