"""Train a small Transformer on sentence pairs and write a report on its heads, with the public API.

    python scripts/translation.py pairs.tsv --out runs/homework

The script trains, translates a few held-out sentences at every epoch that was kept, scores the translations, draws the
attention of one sentence before and after training, and writes the report that compares the heads of all epochs.
"""

import argparse
from pathlib import Path

import gluonattn
from gluonattn.console import rich_console
from gluonattn.training.callbacks import Progress
from gluonattn.translation.evaluation import evaluate_translator
from gluonattn.translation.report import in_brief, write_report
from gluonattn.translation.study import study_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, help="TSV, CSV or JSONL file with the columns source and target")
    parser.add_argument("--out", type=Path, default=Path("runs/homework"), help="folder for all output (runs/homework)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--no-positions", action="store_true", help="train without positional encoding")
    parser.add_argument("--lang", default="en", choices=["ko", "en"], help="language of the report")
    arguments = parser.parse_args()

    # 1. Train. Epochs 0 (before training), 1, 3 and 10 are kept.
    model = gluonattn.train_translation(
        arguments.pairs, arguments.out / "model", epochs=arguments.epochs, snapshots=(0, 1, 3, 10), resume=None,
        model={"num_layers": 2, "num_heads": 4, "units": 128, "hidden_size": 256, "positions": not arguments.no_positions},
        callbacks=[Progress(rich_console())], report=print)

    # 2. The same sentences at each epoch.
    translator = gluonattn.load_translator(model)
    sentences = [pair.source for pair in translator.held_out("test")[:3]]
    for epoch in translator.epochs:
        for translation in gluonattn.load_translator(model, epoch).translate(sentences):
            print(f"epoch {epoch:3}  {translation.source}  ->  {translation.text}")

    # 3. How good they are, on pairs that were held out.
    found = evaluate_translator(model)
    print(f"BLEU {found['bleu']}, chrF {found['chrf']} on {found['sources']:,} held-out sources")

    # 4. Where the network looks in one sentence, before training and after.
    for epoch in (min(translator.epochs), max(translator.epochs)):
        said = translator.translate(sentences[:1])[0].text
        records = gluonattn.load_translator(model, epoch).records(sentences[0], said or "?")
        for kind, record in records.items():
            gluonattn.save_view(record, arguments.out / f"{kind}-epoch-{epoch}.png", view="heatmap", layer=1)

    # 5. Every head of every epoch, in numbers.
    study = study_of(model)
    print(*in_brief(study, arguments.lang), sep="\n")
    print("wrote", write_report(study, arguments.out / "report.html", lang=arguments.lang)["html"])


if __name__ == "__main__":
    main()
