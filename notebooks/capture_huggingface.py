# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Attention of a Hugging Face model
#
# This notebook builds a small BERT with random weights, so that it runs without network. For your own model,
# replace the cell that builds it by `AutoTokenizer.from_pretrained(...)` and
# `AutoModel.from_pretrained(...).eval()`.

# %% [markdown]
# If gluonattn is not installed, as in Colab, the next cell installs it without MXNet. To install your own wheel
# (`make packages` writes it to `dist/`), upload it to the notebook's files first.

# %%
import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("gluonattn") is None:
    wheel = next(map(str, Path().glob("gluonattn-*.whl")), "gluonattn") + "[huggingface]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", wheel], check=True)

# %%
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "연기", "##는", "좋", "##았",
         "##는데", "이야기", "##가", "아쉽", "##다"]
Path("vocab.txt").write_text("\n".join(words), encoding="utf-8")
tokenizer = BertTokenizerFast("vocab.txt", strip_accents=False)
torch.manual_seed(0)
model = BertModel(BertConfig(vocab_size=len(words), hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
                             intermediate_size=64)).eval()

# %% [markdown]
# `capture` changes nothing in the model. When it closes, the model is as it was.

# %%
from gluonattn.capture.huggingface import capture

text = "연기는 좋았는데 이야기가 아쉽다"
with torch.no_grad(), capture(model) as recorder:
    model(**tokenizer(text, return_tensors="pt"))
(record,) = recorder.records(text, tokenizer)
print(record.weights.shape, [token.text for token in record.keys])

# %% [markdown]
# Word pieces become eojeol. The attention mass stays the same.

# %%
eojeol = record.merge("eojeol")
print(eojeol.weights.shape, [token.text for token in eojeol.keys])

# %%
eojeol
