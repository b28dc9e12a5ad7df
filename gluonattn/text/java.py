"""KoNLPy's taggers that run in the Java virtual machine."""

from __future__ import annotations

import signal
import threading

from ..errors import DependencyError
from ..streams import ENDING_SIGNALS
from .tagger import Tagger

_NEEDS = "konlpy (pip install 'gluonattn[konlpy]') and Java"


class _JavaTagger(Tagger):
    """A KoNLPy tagger that runs in the Java virtual machine."""

    konlpy_name: str
    wheels = ("konlpy",)
    # For later characters, Java counts two, and Kkma returns halves.
    _last_character = 0xFFFF

    def __init__(self) -> None:
        try:
            import konlpy.tag
            from jpype import JException, JVMNotFoundException
        except ImportError as error:
            raise DependencyError(self._unloadable(error)) from None
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING_SIGNALS)}
        try:
            self._tagger = getattr(konlpy.tag, self.konlpy_name)()
        except (JVMNotFoundException, OSError, TypeError) as error:
            raise DependencyError(self._without_java(error)) from None
        self._java_error = JException
        if threading.current_thread() is threading.main_thread():
            # Java handles these signals itself and would end training before anything is saved.
            for number, handler in handlers.items():
                if handler is not None:  # a handler that Python did not install
                    signal.signal(number, handler)

    @classmethod
    def lacking(cls) -> str | None:
        try:
            import konlpy.tag  # noqa: F401
            from jpype import JVMNotFoundException, getDefaultJVMPath
        except ImportError as error:
            return cls._unloadable(error)
        try:
            getDefaultJVMPath()
        except (JVMNotFoundException, OSError) as error:
            return cls._without_java(error)
        return None

    @classmethod
    def _unloadable(cls, error: Exception) -> str:
        return (f"the {cls.name} tokenizer cannot be loaded ({error}). Run pip install konlpy JPype1; or use the mecab "
                "tokenizer, which needs neither.")

    @classmethod
    def _without_java(cls, error: Exception) -> str:
        return (f"the {cls.name} tokenizer needs Java, and no Java was found ({error}). Install one (Debian, Ubuntu: "
                "apt-get install default-jre-headless) and set JAVA_HOME if it is not found; or use the mecab "
                "tokenizer, which needs none.")

    def _tag(self, text: str) -> list[tuple[str, str | None]]:
        try:
            # Java strings may still be Java objects: str() copies them.
            return [(str(surface), str(tag)) for surface, tag in self._tagger.pos(text)]
        except self._java_error:
            # Komoran fails on old Hangul letters: only the word with one is untagged.
            words = text.split()
            return [pair for word in words for pair in self._tag(word)] if len(words) > 1 else [(text, None)]


class Okt(_JavaTagger):
    """Open Korean Text, through KoNLPy."""

    name, konlpy_name, needs = "okt", "Okt", _NEEDS


class Komoran(_JavaTagger):
    """Komoran, through KoNLPy; restores lemmas."""

    name, konlpy_name, needs = "komoran", "Komoran", _NEEDS


class Hannanum(_JavaTagger):
    """Hannanum, through KoNLPy; restores lemmas."""

    name, konlpy_name, needs = "hannanum", "Hannanum", _NEEDS
    _max_length = 100


class Kkma(_JavaTagger):
    """Kkma, through KoNLPy; restores lemmas, and is slow."""

    name, konlpy_name, needs = "kkma", "Kkma", _NEEDS
    _max_length = 60
