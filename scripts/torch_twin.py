"""The default recipe with the MLP cell in idiomatic PyTorch, for comparing the speed.

It has the same layers, batches, dropout, loss, clipping and optimizer as
`gluonattn.classifier.network.AttentionClassifier` and `gluonattn.training.loop`, without the package's optimisations. The
caller gives the widths.
"""

import time

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Twin(nn.Module):
    """ids (B, T), lengths (B,) -> logits (B, 2), weights (B, T, T).

    With n-grams also subwords (B, T, K) and ngrams (B, N), padded with 0.
    """

    def __init__(self, words, embed_size=100, hidden_size=64, units=30, dropout=0.4, subword_buckets=0, subword_size=24,
                 ngrams=0):
        super().__init__()
        self.embedding = nn.Embedding(words, embed_size, sparse=True)
        if subword_buckets:
            self.subwords = nn.EmbeddingBag(subword_buckets, subword_size, mode="mean", padding_idx=0)
            self.scores = nn.EmbeddingBag(ngrams + 1, 2, mode="sum", padding_idx=0)
            self.squares = nn.EmbeddingBag(ngrams + 1, 1, mode="sum", padding_idx=0)
            embed_size += subword_size
        self.gru = nn.GRU(embed_size, hidden_size, batch_first=True, bidirectional=True)
        self.query = nn.Linear(2 * hidden_size, units)
        self.key = nn.Linear(2 * hidden_size, units, bias=False)
        self.score = nn.Linear(units, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(4 * hidden_size, 2)

    def forward(self, ids, lengths, subwords=None, ngrams=None):
        embedded = self.embedding(ids)  # (B, T, E)
        if subwords is not None:
            parts = self.subwords(subwords.flatten(0, 1)).view(*ids.shape, -1)
            embedded = torch.cat([embedded, parts], 2)
        words = pack_padded_sequence(self.dropout(embedded), lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru(words)[0], batch_first=True)  # (B, T, 2H)
        valid = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]  # (B, T)
        pairs = self.query(states)[:, :, None] + self.key(states)[:, None]  # (B, T, T, units)
        scores = self.score(torch.tanh(pairs))[..., 0].masked_fill(~valid[:, None], -1e18)
        weights = scores.softmax(-1) * valid[:, :, None]  # (B, T, T)
        context = weights @ states  # (B, T, 2H)
        mean = context.sum(1) / lengths[:, None]
        largest = context.masked_fill(~valid[:, :, None], -1e9).amax(1)
        logits = self.head(self.dropout(torch.cat([mean, largest], 1)))
        if ngrams is not None:
            logits = logits + self.scores(ngrams) / (self.squares(ngrams).abs() + 1e-12).sqrt()
        return logits, weights


def train(twin, batches, device="cpu") -> float:
    """Seconds for one pass over `batches`: ids, lengths and labels as numpy arrays."""
    rest = [parameter for name, parameter in twin.named_parameters() if name != "embedding.weight"]
    optimizers = [torch.optim.SparseAdam(twin.embedding.parameters(), 2e-3), torch.optim.Adam(rest, 2e-3)]
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    twin.train()
    start = time.perf_counter()
    right = 0
    for ids, lengths, labels in batches:
        ids, lengths, labels = (torch.from_numpy(array).long().to(device) for array in (ids, lengths, labels))
        logits, _ = twin(ids, lengths)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss(logits, labels).backward()
        nn.utils.clip_grad_norm_(rest, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        right += int((logits.argmax(1) == labels).sum())
    return time.perf_counter() - start


@torch.no_grad()
def predict(twin, batches, device="cpu") -> list:
    """Probabilities (B, 2) and weights (B, T, T) of each batch: the inputs as numpy arrays."""
    twin.eval()
    found = []
    for batch in batches:
        logits, weights = twin(*(torch.from_numpy(array).long().to(device) for array in batch))
        found.append((logits.softmax(-1).cpu().numpy(), weights.cpu().numpy()))
    return found
