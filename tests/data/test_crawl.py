"""The rest of NSMC's crawl: gathered without test reviews, whole or not at all."""

import gzip
import json
import tarfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluonattn.data.crawl import POSITIVE, STARS, gather, raw_reviews, read_crawl
from gluonattn.errors import DataError

TEST = "id\tdocument\tlabel\n7\t정말 별로\t0\n8\t최고  예요\t1\n"
FILMS = {
    "1.json": [{"review": "재밌다", "rating": "10", "review_id": "1"},
               {"review": "다른 말이 된 시험 글", "rating": "1", "review_id": "7"},
               {"review": "최고 예요", "rating": "9", "review_id": "99"}],
    "2.json": [{"review": " \n", "rating": "3", "review_id": "2"}, {"review": "재밌다", "rating": "8", "review_id": "3"},
               {"review": "줄\n바꿈\t탭", "rating": "5", "review_id": "4"},
               {"review": "별이 없다", "rating": None, "review_id": "5"}],
}


@pytest.fixture
def repository(tmp_path):
    raw = tmp_path / "nsmc-master" / "raw"
    raw.mkdir(parents=True)
    for name, reviews in FILMS.items():
        (raw / name).write_text(json.dumps(reviews, ensure_ascii=False), encoding="utf-8")
    (raw.parent / "README.md").write_text("not a film")
    (tmp_path / "ratings_test.txt").write_text(TEST, encoding="utf-8")
    return raw.parent


def archive_of(repository: Path) -> Path:
    path = repository.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(repository, repository.name)
    return path


@pytest.mark.parametrize("place", [lambda r: r, lambda r: r / "raw", archive_of], ids=["folder", "raw", "archive"])
def test_test_reviews_stay_out_and_the_rest_is_counted(repository, tmp_path, place):
    films = []
    counts = gather(raw_reviews(place(repository), lambda: films.append(1)), tmp_path / "ratings_test.txt",
                    tmp_path / "crawl.tsv.gz")
    assert counts == {"kept": 2, "in NSMC's test file": 2, "without text": 1, "without stars": 1, "seen before": 1}
    assert sum(counts.values()) == sum(map(len, FILMS.values())) and len(films) == 2
    assert read_crawl(tmp_path / "crawl.tsv.gz") == ([10, 5], ["재밌다", "줄 바꿈 탭"])


def test_equivalent_texts_are_the_same_review(repository, tmp_path):
    """A test review stays out and a repeated one too, however it is written."""
    written = [unicodedata.normalize("NFD", "최고 예요"), "정말\u200b 별로", "\ufeff\u200b", "좋다",
               unicodedata.normalize("NFD", "좋다")]
    reviews = [{"review": text, "rating": 5, "review_id": str(100 + n)} for n, text in enumerate(written)]
    counts = gather(reviews, tmp_path / "ratings_test.txt", tmp_path / "crawl.tsv.gz")
    assert counts == {"kept": 1, "in NSMC's test file": 2, "without text": 1, "without stars": 0, "seen before": 1}


def test_a_cut_archive_is_named_and_leaves_nothing(repository, tmp_path):
    whole = archive_of(repository)
    whole.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(DataError, match="not a whole .tar.gz archive.*Delete it and run again"):
        gather(raw_reviews(whole), tmp_path / "ratings_test.txt", tmp_path / "crawl.tsv.gz")
    assert not (tmp_path / "crawl.tsv.gz").exists()


def test_a_folder_without_films_and_a_broken_film_are_errors(repository):
    (repository / "raw" / "3.json").write_text("{")
    with pytest.raises(DataError, match=r"3\.json is not a list of reviews"):
        list(raw_reviews(repository))
    with pytest.raises(DataError, match="Expected the NSMC repository"):
        list(raw_reviews(repository.parent))


def test_a_place_that_cannot_be_written_is_named(repository, tmp_path):
    with pytest.raises(DataError, match="Choose another place with --out"):
        gather(raw_reviews(repository), tmp_path / "ratings_test.txt", tmp_path / "nowhere" / "crawl.tsv.gz")


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # the time would be in the names of the tests


@pytest.mark.parametrize("content", [b"no gzip", _packed(b"a\tb\n"), _packed(b"rating\tdocument\nx\ty\n"),
                                     _packed(b"rating\tdocument\n1\ty\n")[:-9]])
def test_a_foreign_or_cut_table_is_an_error(tmp_path, content):
    (tmp_path / "crawl.tsv.gz").write_bytes(content)
    with pytest.raises(DataError, match="is not a gathered crawl"):
        read_crawl(tmp_path / "crawl.tsv.gz")


def test_a_missing_table_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match="gather_crawl"):
        read_crawl(tmp_path / "crawl.tsv.gz")


def test_more_stars_are_more_positive_and_nsmcs_own_classes_are_clear():
    assert len(POSITIVE) == len(STARS) and list(POSITIVE) == sorted(POSITIVE)
    assert max(POSITIVE[:4]) < 0.1 and min(POSITIVE[8:]) > 0.9


@pytest.mark.nsmc
def test_the_gathered_crawl_holds_no_test_review():
    """Needs the crawl beside NSMC's files: python scripts/gather_crawl.py, and GLUONATTN_NSMC."""
    from gluonattn.data.sources import locate
    from gluonattn.data.tables import read_rows

    test = locate("nsmc").test
    if not (test.parent / "crawl.tsv.gz").exists():
        pytest.skip("no crawl.tsv.gz beside NSMC: run python scripts/gather_crawl.py")
    stars, texts = read_crawl(test.parent / "crawl.tsv.gz")
    tests = {" ".join(row["document"].split()) for _, row in read_rows(test)} - {""}
    assert not tests & {" ".join(text.split()) for text in texts}
    assert set(stars) <= set(STARS) and len(texts) > 600_000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_crawl_is_a_clear_error_or_reads_as_one(tmp_path, data):
    path = tmp_path / "crawl.tsv.gz"
    lines = "".join(f"{1 + i % 10}\t영화 {i} {i * 7919 % 1000}\n" for i in range(60))
    content = bytearray(gzip.compress(f"rating\tdocument\n{lines}".encode(), mtime=0))
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path.write_bytes(content)
    try:
        stars, texts = read_crawl(path)
    except DataError as error:
        assert path.name in str(error)
    else:  # a byte of gzip's header that means nothing
        assert len(stars) == len(texts) == 60
