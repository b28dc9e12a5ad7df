# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # From reviews to a heatmap
#
# GluonNLP's post trains a Bi-GRU with self-attention on Korean film reviews and draws which words attend
# to which. This notebook does that on the bundled sample of 944 reviews, without network. It trains with
# MXNet if that is installed, and otherwise with torch (as in Colab). To train on the post's 150,000 reviews, run
# `gluonattn data nsmc` and set `data = "nsmc"`.

# %% [markdown]
# If gluonattn is not installed, as in Colab, the next cell installs it without MXNet. To install your own wheel
# (`make packages` writes it to `dist/`), upload it to the notebook's files first.

# %%
import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("gluonattn") is None:
    wheel = next(map(str, Path().glob("gluonattn-*.whl")), "gluonattn") + "[torch]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", wheel], check=True)

# %%
import gluonattn

data = "sample"
folder = gluonattn.train(data, "runs/post", recipe="post", epochs=3)

# %% [markdown]
# The recipe `post` is exactly the post's model. The next cell predicts two reviews.

# %%
model = gluonattn.load(folder)
for prediction in model.predict(["최고의 영화", "돈이 아깝다"]):
    print(prediction.label, {label: round(p, 2) for label, p in prediction.probabilities.items()})

# %% [markdown]
# The post's heatmap: queries down, keys across.

# %%
record = model.explain("가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집")
axes = gluonattn.heatmap(record)
axes.figure

# %% [markdown]
# The post does not mask its padding, and its picture does not show padding. The next cell prints how much of the
# attention is on padding.

# %%
print("on padding, at most:", record.source.get("dropped_mass"))

# %% [markdown]
# The same record as an interactive page. Hover over a word, or press the arrow keys.

# %%
record
