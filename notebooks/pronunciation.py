# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Why Korean sounds as it does
#
# `pronounce` applies the standard's rules and says for each sound which letter it comes from and which
# letter changed it. This needs the base installation only.

# %% [markdown]
# If gluonattn is not installed, as in Colab, the next cell installs it without MXNet. To install your own wheel
# (`make packages` writes it to `dist/`), upload it to the notebook's files first.

# %%
import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("gluonattn") is None:
    wheel = next(map(str, Path().glob("gluonattn-*.whl")), "gluonattn")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", wheel], check=True)

# %%
from gluonattn import pronounce

said = pronounce("국물")
print(said.sounds)
for sound in said.jamo:
    if sound.changes:
        print(sound.jamo, sound.rule, "because of", [said.letters[i].jamo for i in sound.cause])

# %% [markdown]
# If the sounds alone do not decide, morphemes or a list do.

# %%
for text in ("알 수 없는", "신촌역", "갈등", "월드", "16", "옷 한 벌"):
    print(text, "→", pronounce(text).sounds)

# %% [markdown]
# The next cell counts the rules that act in a sentence.

# %%
from collections import Counter

sentence = pronounce("국물이 끓는 동안 옷 한 벌을 입학식에 입고 갔다")
print(sentence.sounds)
print(Counter(sound.rule for sound in sentence.jamo if sound.changes).most_common())

# %% [markdown]
# `gluonattn pronunciation train` trains a Transformer on such pairs. Its attention can then be compared
# with these causes: see the tutorial "Korean pronunciation, with causes".
