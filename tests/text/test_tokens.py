from hypothesis import given
from hypothesis import strategies as st

from gluonattn.text.tokens import Tokens

TEXTS = st.lists(st.lists(st.text(max_size=3), max_size=5), max_size=8)


@given(st.lists(TEXTS, max_size=4))
def test_a_corpus_is_the_lists_it_was_made_of(parts):
    everything = [text for part in parts for text in part]
    tokens = Tokens.gather(parts)
    assert tokens == everything and list(tokens) == everything
    assert tokens[1:3] == everything[1:3] and tokens[-1:] == everything[-1:]
    assert tokens.lengths.tolist() == [len(text) for text in everything]
    assert len(set(tokens.words)) == len(tokens.words) == len({word for text in everything for word in text})


@given(TEXTS, st.lists(st.text(st.characters(), max_size=2), max_size=2))
def test_a_file_brings_back_the_same_tokens(texts, odd):
    tokens = Tokens.gather([texts, [odd], [["\ud83d", "\ud83d\ude00", "\n"]]])
    assert Tokens.from_bytes(tokens.to_bytes()) == tokens


def test_it_differs_from_other_texts():
    tokens = Tokens.gather([[["좋다"], []]])
    assert tokens != [["좋다"]] and tokens != [["좋다"], ["또"]] and tokens != [["별로"], []] and tokens != 3
