"""Draw docs/gallery.md: a dozen sentences, so that changes in the pictures are noticed.

    python scripts/gallery.py                  # with the bundled model
    python scripts/gallery.py runs/mlp --out drawn
"""

import argparse
from pathlib import Path

import gluonattn

DOCS = Path(__file__).parents[1] / "docs"
SENTENCES = {
    "seed": "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집",
    "short": "재밌다ㅋㅋ",
    "one-word": "최고",
    "irony": "와 수면제가 따로 필요없네 덕분에 꿀잠 잤습니다 감독님 감사해요",
    "mixed": "배우들 연기는 정말 좋았는데 스토리가 다 말아먹음",
    "negation": "재미없지는 않은데 그렇다고 추천은 못 하겠다",
    "no-spaces": "진짜간만에극장에서제대로된영화봤다돈이하나도안아까움",
    "typos": "이건 머 영화도 아니고 드라마도 아니구 시간 아까워 죽는줄 알앗네 ㅡㅡ",
    "emoji": "엄마랑 같이 보다가 둘 다 펑펑 울었어요 ㅠㅠ 또 볼래요 😭❤️👍",
    "stars": "★★★★☆ OST가 미쳤음 Hans Zimmer 만세!! 10점 만점에 9점",
    "long": "처음에는 뻔한 로맨스인 줄 알고 별 기대 없이 봤는데 뒤로 갈수록 두 사람의 마음이 조금씩 어긋나는 장면들이 "
            "너무 현실 같아서 눈을 뗄 수가 없었고 마지막 기차역에서는 결국 울어 버렸다 오래 기억에 남을 것 같은 "
            "영화이고 친구들에게도 꼭 보라고 말해주고 싶다",
    "quotes": '"인생 영화"라고 해서 봤더니 <반전>도 없고 $돈$만 날림 & 졸림',
}
HEATMAPS = ("seed", "mixed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", nargs="?", help="a checkpoint folder trained on NSMC (default: the bundled model)")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of gallery.md (default: docs)")
    arguments = parser.parse_args()
    import matplotlib

    matplotlib.use("agg")
    model = gluonattn.load(arguments.model)
    pictures = arguments.out / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    lines = ["# Gallery", "", "Drawn by `python scripts/gallery.py` with the bundled model. Every sentence was "
             "written for this page.", ""]
    for name, record in zip(SENTENCES, model.explain_all(list(SENTENCES.values()))):
        shown = ["overlay", "heatmap"] if name in HEATMAPS else ["overlay"]
        lines += [f"## {name}", "", f"> {record.text}", "",
                  f"{record.label_name(record.prediction.label)} {record.prediction.confidence:.1%}", ""]
        for view in shown:
            path = pictures / f"{name}-{view}.png"
            gluonattn.save_view(record, path, view=view)
            lines += [f"![{view} of the sentence above](gallery/{path.name})", ""]
        print(f"{name:10} {record.prediction.label} {record.prediction.confidence:.1%}")
    (arguments.out / "gallery.md").write_text("\n".join(lines), encoding="utf-8")
    print(f"wrote {arguments.out / 'gallery.md'}")


if __name__ == "__main__":
    main()
