"""The command `capture`, where it cannot work."""

from __future__ import annotations

import sys

import pytest

from gluonattn.cli.app import main


def refused(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as left:
        main(list(map(str, arguments)))
    said = capsys.readouterr().err
    assert left.value.code == 2 and "Traceback" not in said
    return " ".join(said.split())


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_capture_names_the_extra_that_brings_all_it_needs(missing, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "transformers":
        pytest.importorskip("torch", reason="needs torch: pip install torch")
    said = refused(capsys, "capture", "--model", "my-bert", "--text", "가")
    name = {"torch": "PyTorch", "transformers": "transformers"}[missing]
    assert f"capturing from Hugging Face models needs {name}" in said and 'pip install "gluonattn[huggingface]"' in said


@pytest.mark.huggingface
def test_a_text_without_a_token_is_named_before_the_work(capsys, tmp_path, transformers_folder):
    folder = transformers_folder("gpt2")
    said = refused(capsys, "capture", "--model", folder, "--text", "", "--text", "재밌다")
    assert "the text '' has no token" in said and "leave it out" in said


@pytest.fixture
def transformers_folder(tmp_path):
    transformers = pytest.importorskip("transformers", reason='needs transformers: pip install "gluonattn[huggingface]"')

    def made(name: str):
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        letters = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
        backend = Tokenizer(models.BPE(vocab={**letters, "<eos>": len(letters)}, merges=[]))
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        folder = tmp_path / name
        transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>").save_pretrained(folder)
        config = transformers.GPT2Config(vocab_size=len(letters) + 1, n_embd=32, n_layer=1, n_head=2, n_positions=16)
        transformers.GPT2LMHeadModel(config).save_pretrained(folder)
        return folder

    return made


@pytest.mark.huggingface
def test_a_text_longer_than_the_model_is_cut(capsys, transformers_folder):
    main_arguments = ["capture", "--model", str(transformers_folder("gpt2")), "--text", "재밌다 " * 20]
    with pytest.raises(SystemExit) as left:
        main(main_arguments)
    assert left.value.code == 0 and "16 x 16 tokens" in capsys.readouterr().out


@pytest.mark.parametrize("given, found", [("0,3", [0, 3]), ("0-2, 5", [0, 1, 2, 5]), ("1,1-2", [1, 2])])
def test_numbers_of_an_option(given, found):
    from gluonattn.options import read_numbers

    assert read_numbers("--layers", given) == found and read_numbers("--layers", None) is None


@pytest.mark.parametrize("given", ["", "a", "-1", "3-1", "0,,1", "1.5"])
def test_numbers_that_are_none_are_refused(given):
    from gluonattn.errors import OptionError
    from gluonattn.options import read_numbers

    with pytest.raises(OptionError, match="--layers takes numbers"):
        read_numbers("--layers", given)
