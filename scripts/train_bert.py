"""Train a small BERT of transformers on reviews, with its own subwords, as an example of a model to explain.

    python scripts/train_bert.py --data nsmc --out runs/bert
    python scripts/train_bert.py --data nsmc --reviews 2000 --epochs 1 --out runs/bert-small

It has four layers and no pretrained weights. Training learns WordPiece subwords from the training reviews, then predicts
masked words (--masked epochs), then the labels. save_pretrained writes the folder, so `gluonattn explain --model runs/bert`
can open it. Needs torch and
transformers: pip install "gluonattn[huggingface]".
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import gluonattn
from gluonattn.data.sources import locate
from gluonattn.files import replace_file

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LONGEST = 64  # pieces
NAMES = {"0": "부정", "1": "긍정"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="sample", help="sample, nsmc or a folder with NSMC")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    parser.add_argument("--reviews", type=int, help="number of training reviews, drawn with the seed; default all")
    parser.add_argument("--masked", type=int, default=2, help="epochs with masked words, before the labels (default 2)")
    parser.add_argument("--epochs", type=int, default=3, help="epochs with labels (default 3)")
    parser.add_argument("--vocabulary", type=int, default=8000, help="number of subwords (default 8000)")
    parser.add_argument("--width", type=int, default=128, help="width of the states (default 128)")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=5e-4, help="highest learning rate (default 5e-4)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="threads of torch (default: torch's choice)")
    parser.add_argument("--keep-epochs", action="store_true", help="also write the model of each epoch into OUT-epochs/N")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.out.exists():
        parser.error(f"{arguments.out} exists: name another folder.")

    source = locate(arguments.data)
    reviews = gluonattn.read_reviews(source.train)
    order = np.random.default_rng(arguments.seed).permutation(len(reviews))[: arguments.reviews]
    held = max(1, len(order) // 20)
    train, valid = order[held:], order[:held]
    labels = sorted(set(reviews.labels))
    numbers = np.array([labels.index(label) for label in reviews.labels])
    tokenizer = learn_subwords([reviews.texts[i] for i in train], arguments.vocabulary)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"{len(train):,} reviews to learn from, {len(valid):,} for validation; {len(tokenizer):,} subwords; {device}",
          flush=True)
    pieces = tokenizer(reviews.texts, truncation=True, max_length=LONGEST)["input_ids"]

    torch.manual_seed(arguments.seed)
    names = [NAMES.get(label, label) for label in labels]
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=arguments.width, num_hidden_layers=arguments.layers, num_attention_heads=4,
        intermediate_size=4 * arguments.width, max_position_embeddings=LONGEST, pad_token_id=tokenizer.pad_token_id,
        id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)})
    masked = transformers.BertForMaskedLM(config).to(device)
    fit(masked, pieces, train, arguments.masked, arguments, lambda ids: mask(ids, tokenizer), "masked words")
    model = transformers.BertForSequenceClassification(config).to(device)
    model.bert.load_state_dict(masked.bert.state_dict(), strict=False)

    def after(epoch: int) -> None:
        print(f"  validation accuracy {accuracy(model, pieces, valid, numbers):.4f}", flush=True)
        if arguments.keep_epochs:
            save(model, tokenizer, arguments.out.with_name(f"{arguments.out.name}-epochs") / str(epoch))

    fit(model, pieces, train, arguments.epochs, arguments, None, "labels", numbers, after=after)
    save(model, tokenizer, arguments.out)
    test = gluonattn.read_reviews(source.test) if source.test else None
    figures = {"train": len(train), "validation": accuracy(model, pieces, valid, numbers)}
    if test is not None:
        asked = tokenizer(test.texts, truncation=True, max_length=LONGEST)["input_ids"]
        truth = np.array([labels.index(label) for label in test.labels])
        figures["test"] = accuracy(model, asked, np.arange(len(truth)), truth)
        figures["tested"] = len(truth)
    replace_file(arguments.out / "figures.json", json.dumps(figures, indent=1).encode())
    print(json.dumps(figures))


def save(model, tokenizer, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def learn_subwords(texts: list[str], size: int) -> transformers.PreTrainedTokenizerFast:
    """A WordPiece tokenizer of texts, as BERT's."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    made.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False))
    marks = [(mark, made.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                        special_tokens=marks)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_max_length=LONGEST)


def batches(pieces, which, size: int, rng) -> list[np.ndarray]:
    """Reviews of like length together, in a new order each time."""
    noisy = np.array([len(pieces[i]) for i in which]) + rng.random(len(which)) * 4
    ordered = np.asarray(which)[np.argsort(noisy)]
    found = [ordered[first : first + size] for first in range(0, len(ordered), size)]
    return [found[i] for i in rng.permutation(len(found))]


def pad(pieces, which, device) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (texts, pieces)."""
    longest = max(len(pieces[i]) for i in which)
    ids = np.zeros((len(which), longest), np.int64)
    for row, i in enumerate(which):
        ids[row, : len(pieces[i])] = pieces[i]
    there = torch.as_tensor(ids, device=device)
    return there, (there != 0).long()


def mask(ids: torch.Tensor, tokenizer) -> tuple[torch.Tensor, torch.Tensor]:
    """BERT's 15 %: 80 % masked, 10 % another piece, 10 % as they are; and what was there."""
    chosen = (torch.rand(ids.shape, device=ids.device) < 0.15) & (ids >= len(SPECIAL))
    kind = torch.rand(ids.shape, device=ids.device)
    other = torch.randint(len(SPECIAL), len(tokenizer), ids.shape, device=ids.device)
    given = torch.where(chosen & (kind < 0.8), tokenizer.mask_token_id, torch.where(chosen & (kind > 0.9), other, ids))
    return given, torch.where(chosen, ids, -100)


def fit(model, pieces, which, epochs: int, arguments, change, name: str, numbers=None, after=None) -> None:
    """Train for some epochs: the rate rises for a tenth of the steps and falls to 0."""
    rng = np.random.default_rng(arguments.seed)
    steps = epochs * -(-len(which) // arguments.batch)
    optimizer = torch.optim.AdamW(model.parameters(), arguments.rate, weight_decay=0.01)
    rates = transformers.get_linear_schedule_with_warmup(optimizer, max(1, steps // 10), max(1, steps))
    for epoch in range(epochs):
        model.train()
        start, total, parts = time.time(), 0.0, batches(pieces, which, arguments.batch, rng)
        for part in parts:
            ids, there = pad(pieces, part, model.device)
            if change:
                loss = masked_loss(model, *change(ids), there)
            else:
                labels = torch.as_tensor(numbers[part], device=model.device)
                loss = model(input_ids=ids, attention_mask=there, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rates.step()
            optimizer.zero_grad()
            total += float(loss)
        print(f"{name}, epoch {epoch + 1}: loss {total / len(parts):.4f}, {time.time() - start:.0f} s", flush=True)
        if after:
            after(epoch + 1)


def masked_loss(model, given: torch.Tensor, labels: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """The loss of masked words. Only places that were masked pass through the head: it is as wide as the vocabulary."""
    asked = labels >= 0
    states = model.bert(input_ids=given, attention_mask=there).last_hidden_state[asked]  # (places, width)
    # the sum of no place is 0, its mean is not a number
    loss = torch.nn.functional.cross_entropy(model.cls(states), labels[asked], reduction="sum")
    return loss / max(1, int(asked.sum()))


@torch.no_grad()
def accuracy(model, pieces, which, numbers) -> float:
    model.eval()
    correct = 0
    for part in batches(pieces, which, 256, np.random.default_rng(0)):
        ids, there = pad(pieces, part, model.device)
        guess = model(input_ids=ids, attention_mask=there).logits.argmax(-1).cpu().numpy()
        correct += int((guess == numbers[part]).sum())
    return correct / len(which)


if __name__ == "__main__":
    main()
