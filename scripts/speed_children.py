"""What `benchmark_speed.py` runs in separate processes: python scripts/speed_children.py NAME FIRST SECOND."""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import benchmark_training
import numpy as np

LENGTHS = (32, 64, 128, 256, 512)


def twin_loop(texts, labels, tokens):
    """The same model in PyTorch, one epoch of the same batches; seconds, padding included."""
    import torch
    import torch_twin

    from gluonattn.classifier.settings import ClassifierSettings
    from gluonattn.data.batches import plan_batches
    from gluonattn.data.packed import pack
    from gluonattn.data.vocabulary import Vocabulary, build_vocabulary

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    settings = ClassifierSettings().resolve(len(texts))
    vocabulary = build_vocabulary(tokens, settings.min_count)
    packed = pack(tokens, range(len(texts)), Vocabulary(vocabulary.to_json()), settings.max_length)
    labels, rng = np.array(labels), np.random.default_rng(0)

    def batches():
        for positions in plan_batches(packed.lengths.tolist(), settings.batch_size, seed=0):
            yield (*packed.batch(positions, settings.word_dropout, rng), labels[positions])

    return torch_twin.train(torch_twin.Twin(len(vocabulary), **settings.model), batches())


LOOPS = {**benchmark_training.LOOPS, "torch": twin_loop}


def train_child(name, count):
    texts, labels, tokens = tokenized(count)
    print(json.dumps(len(texts) / LOOPS[name](texts, labels, tokens)))


def length_child(cell, batch):
    """Milliseconds and megabytes of a forward and backward pass of one cell at each length."""
    from gluonattn.models.cells import attention_cell
    from gluonattn.models.numpy_ops import compute_in_numpy
    from gluonattn.runtime import mx

    block = attention_cell(cell, hidden_size=128, units=30)
    block.initialize()
    compute_in_numpy(block)
    block.hybridize(static_alloc=True)
    found = []
    for length in LENGTHS:
        states, mask = mx.nd.random.normal(shape=(batch, length, 128)), mx.nd.ones((batch, length, length))
        states.attach_grad()

        def step(states=states, mask=mask):
            with mx.autograd.record():
                context, _ = block(states, states, states, mask)
            context.backward()
            states.grad.wait_to_read()

        mx.nd.waitall()
        before = own_memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        step()
        times = []
        for _ in range(3):
            start = time.process_time()  # one thread: other work on the machine does not count
            step()
            times.append(time.process_time() - start)
        found.append([1000 * statistics.median(times), own_memory("VmHWM") - before])
        del states, mask, step
    print(json.dumps(found))


def train_whole_child(name, count):
    import gluonattn
    from gluonattn.data.reviews import Reviews

    reviews = read_nsmc("train")
    many = Reviews(repeated(reviews.texts, count), repeated(reviews.labels, count), origin="memory")
    del reviews
    with tempfile.TemporaryDirectory() as folder:
        gluonattn.train(many, Path(folder) / "model", epochs=1, ngrams=name == "ngrams", device="cpu")
    print("null")


def score_child(source, model):
    import gluonattn
    from gluonattn.classifier.scoring import score_file

    score_file(gluonattn.load(model, "cpu", "numpy"), source, Path(source).with_name("scores.tsv"))
    print("null")


def seconds_of(work, *arguments) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def own_memory(field) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def read_nsmc(part):
    from gluonattn.data.reviews import read_reviews
    from gluonattn.data.sources import locate

    return read_reviews(getattr(locate("nsmc"), part))


def tokenized(count):
    from gluonattn.text import tokenize_all

    reviews = read_nsmc("train")
    texts = reviews.texts[:count]
    return texts, [int(label) for label in reviews.labels[:count]], tokenize_all(texts, "mecab")


def repeated(items, count) -> list:
    return [items[i % len(items)] for i in range(count)]


CHILDREN = {"train": train_child, "length": length_child, "train-whole": train_whole_child, "score": score_child}

if __name__ == "__main__":
    name, first, second = sys.argv[1:]
    CHILDREN[name](first, int(second) if second.isdecimal() else second)
