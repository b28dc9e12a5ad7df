"""The wording of the report on pronunciation, by language."""

from __future__ import annotations

from .report_en import ENGLISH
from .report_ko import KOREAN

TEXT = {"ko": KOREAN, "en": ENGLISH}
LANGUAGES = dict.fromkeys(TEXT)
