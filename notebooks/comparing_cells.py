# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Comparing cells
#
# This notebook compares two cells with two seeds and two epochs on the bundled sample. A meaningful comparison
# needs more data, seeds and epochs: see the tutorial "Comparing cells".

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

settings = gluonattn.ClassifierSettings(epochs=2)
compared = gluonattn.compare(["mlp", "none"], seeds=2, out="runs/compare", settings=settings, explained=10)

# %%
for result in compared.results:
    print(result["cell"], result["seed"])
print(len(compared.test), "test reviews")

# %% [markdown]
# The next cell shows where both cells attend in the same sentence.

# %%
sentence = "연기는 좋았는데 이야기가 아쉽다"
records = [gluonattn.load(f"runs/compare/{cell}-0").explain(sentence) for cell in ("mlp", "none")]
for record in records:
    print(gluonattn.to_terminal(record, colours="none", pairs=3))

# %%
records[0]
