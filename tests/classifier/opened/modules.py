"""Classifiers that one may write oneself; random weights, two classes."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")


class Recurrent(torch.nn.Module):
    """A GRU whose last state decides; no attention."""

    def __init__(self, size: int):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = torch.nn.Embedding(size, 8), torch.nn.Linear(8, 2)
        self.gru = torch.nn.GRU(8, 8, batch_first=True)

    def forward(self, ids):
        return self.head(self.gru(self.table(ids))[0][:, -1])


class Pooled(torch.nn.Module):
    """torch's own encoder, and the mean of its states."""

    def __init__(self, size: int):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = torch.nn.Embedding(size, 16), torch.nn.Linear(16, 2)
        layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, 2)

    def forward(self, ids):
        return (self.head(self.encoder(self.table(ids)).mean(1)),)


class BagOfVectors(torch.nn.Module):
    """A linear function of the mean of the vectors: what each piece counts can be written down."""

    def __init__(self, size: int):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = torch.nn.Embedding(size, 8), torch.nn.Linear(8, 2)

    def forward(self, input_ids):
        return {"logits": self.head(self.table(input_ids).mean(1))}
