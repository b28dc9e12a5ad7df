"""Attention classifiers for Korean text, and pictures of what they attend to.

Importing this package does not load MXNet, torch or matplotlib. Each public
name is imported from its room when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "AttentionRecord": "gluonattn.record",
    "Prediction": "gluonattn.record",
    "Token": "gluonattn.record",
    "GluonAttnError": "gluonattn.errors",
    "load_record": "gluonattn.record",
    "tokenizer": "gluonattn.text",
    "attention_cell": "gluonattn.models.cells",
    "heatmap": "gluonattn.views.heatmap",
    "notebook_html": "gluonattn.views.page",
    "overlay": "gluonattn.views.overlay",
    "save_view": "gluonattn.views.save",
    "to_html": "gluonattn.views.page",
    "to_terminal": "gluonattn.views.terminal",
    "compare": "gluonattn.classifier.compare",
    "score_file": "gluonattn.classifier.scoring",
    "pretrained_records": "gluonattn.capture.pretrained",
    "ClassifierSettings": "gluonattn.classifier.settings",
    "train": "gluonattn.classifier.training",
    "load": "gluonattn.classifier.predictor",
    "open_classifier": "gluonattn.classifier.opened.opening",
    "load_pronouncer": "gluonattn.pronunciation.pronouncer",
    "pronounce": "gluonattn.pronunciation.pronounce",
    "train_pronunciation": "gluonattn.pronunciation.training",
    "load_translator": "gluonattn.translation.translator",
    "train_translation": "gluonattn.translation.training",
    "export_model": "gluonattn.classifier.engines.export",
    "torch_module": "gluonattn.classifier.engines.export",
    "read_reviews": "gluonattn.data.reviews",
}

__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    __version__: str

    from .capture.pretrained import pretrained_records as pretrained_records
    from .classifier.compare import compare as compare
    from .classifier.engines.export import export_model as export_model
    from .classifier.engines.export import torch_module as torch_module
    from .classifier.opened.opening import open_classifier as open_classifier
    from .classifier.predictor import load as load
    from .classifier.scoring import score_file as score_file
    from .classifier.settings import ClassifierSettings as ClassifierSettings
    from .classifier.training import train as train
    from .data.reviews import read_reviews as read_reviews
    from .errors import GluonAttnError as GluonAttnError
    from .models.cells import attention_cell as attention_cell
    from .pronunciation.pronounce import pronounce as pronounce
    from .pronunciation.pronouncer import load_pronouncer as load_pronouncer
    from .pronunciation.training import train_pronunciation as train_pronunciation
    from .record import AttentionRecord as AttentionRecord
    from .record import Prediction as Prediction
    from .record import Token as Token
    from .record import load_record as load_record
    from .text import tokenizer as tokenizer
    from .translation.training import train_translation as train_translation
    from .translation.translator import load_translator as load_translator
    from .views.heatmap import heatmap as heatmap
    from .views.overlay import overlay as overlay
    from .views.page import notebook_html as notebook_html
    from .views.page import to_html as to_html
    from .views.save import save_view as save_view
    from .views.terminal import to_terminal as to_terminal


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        metadata = import_module("importlib.metadata")
        try:
            return metadata.version("gluonattn")
        except metadata.PackageNotFoundError:
            return "0+unknown"  # a source tree that is not installed
    raise AttributeError(f"module 'gluonattn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
