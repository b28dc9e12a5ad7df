# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Comparing cells
#
# Two cells, two seeds, three epochs, on the bundled sample. Real comparisons need more of everything: see
# the tutorial "Comparing cells".

# %%
import gluonattn

settings = gluonattn.ClassifierSettings(epochs=3)
compared = gluonattn.compare(["mlp", "none"], seeds=2, out="runs/compare", settings=settings, explained=20)

# %%
for result in compared.results:
    print(result["cell"], result["seed"])
print(len(compared.test), "test reviews")

# %% [markdown]
# The same sentence, read by both cells: where do they attend?

# %%
sentence = "연기는 좋았는데 이야기가 아쉽다"
records = [gluonattn.load(f"runs/compare/{cell}-0").explain(sentence) for cell in ("mlp", "none")]
for record in records:
    print(gluonattn.to_terminal(record, colours="none", pairs=3))

# %%
records[0]
