"""Every engine, on a real local cluster of two workers: the rows of one process, in its order."""

from __future__ import annotations

import os
import sys

import pandas
import pytest

import gluonattn
from gluonattn.errors import ClusterError
from gluonattn.scale import CLUSTERS, Scorer, pieces, score_files, score_partition, score_table

from ..tolerance import tolerance

TEXTS = ["정말 재밌다ㅋㅋ", "최악이다 돈 아까움", "", "그냥 그래요", "진짜최고ㅠㅠ"]
NEEDS = {name: f'needs {name}: pip install "gluonattn[{name}]"; run with pytest -m {name}' for name in CLUSTERS}
ENGINES = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in CLUSTERS]


@pytest.fixture
def environment(request, monkeypatch):
    """The engine's name, and a cluster that the environment names."""
    name = request.param
    if not CLUSTERS[name].is_installed():
        pytest.skip(NEEDS[name])
    # Workers find this checkout and this module.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")]))
    if name == "spark":
        monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
        monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--master local[2] --conf spark.ui.enabled=false pyspark-shell")
        with CLUSTERS[name].connect("") as session:
            yield name, session
    elif name == "ray":
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
        yield name, ray
        ray.shutdown()
    else:
        from distributed import Client, LocalCluster

        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
            monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
            yield name, client


def table_of(name: str, session, frame: pandas.DataFrame):
    if name == "spark":
        return session.createDataFrame(frame).repartition(2)
    if name == "ray":
        return session.data.from_pandas([frame.iloc[:9], frame.iloc[9:]])
    import dask.dataframe

    return dask.dataframe.from_pandas(frame, npartitions=2)


def rows_of(name: str, table) -> pandas.DataFrame:
    found = {"spark": "toPandas", "ray": "to_pandas", "dask": "compute"}[name]
    return getattr(table, found)().sort_values("n").reset_index(drop=True)


@pytest.mark.parametrize("environment", ENGINES, indirect=True)
def test_files_and_tables_are_scored_as_by_one_process(environment, tiny_model, tmp_path, monkeypatch):
    name, session = environment
    monkeypatch.setattr(pieces, "_SMALL", 100)
    source = tmp_path / "in.tsv"
    source.write_text("n\tdocument\n" + "".join(f"{i}\t{TEXTS[i % 5]}\n" for i in range(4100)), encoding="utf-8")
    scorer = Scorer.of(tiny_model, engine="numpy")
    gluonattn.score_file(gluonattn.load(tiny_model, "cpu", "numpy"), source, tmp_path / "one.tsv")
    counts = score_files(source, tmp_path / "out.tsv", scorer, on=name, rows=2048)
    assert counts == {"rows": 4100, "without_text": 820, "parts": 3}
    assert (tmp_path / "out.tsv").read_bytes() == (tmp_path / "one.tsv").read_bytes()

    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"document": "좋다"}\n{"document": [1]}\n', encoding="utf-8")
    with pytest.raises(gluonattn.GluonAttnError, match=r"line 2: expected text in 'document', got a list"):
        score_files(bad, tmp_path / "bad.tsv", scorer, on=name)
    assert not (tmp_path / "bad.tsv").exists() and not list(tmp_path.glob(".*"))

    frame = pandas.DataFrame({"n": range(20), "document": [TEXTS[i % 5] for i in range(20)]})
    found = rows_of(name, score_table(table_of(name, session, frame), scorer))
    expected = score_partition(frame, scorer)
    assert list(found.columns) == list(expected.columns)
    assert found["predicted_label"].fillna("").tolist() == expected["predicted_label"].fillna("").tolist()
    shares = [one["probability_1"].fillna(-1).tolist() for one in (found, expected)]
    assert shares[0] == pytest.approx(shares[1], abs=tolerance(1) + 1e-6)  # rounded to six digits


@pytest.mark.parametrize("environment", ENGINES[:1], indirect=True)
def test_an_engine_that_fails_is_an_error_of_ours(environment, tiny_model, tmp_path, monkeypatch):
    name, _ = environment
    source = tmp_path / "in.tsv"
    source.write_text("document\n좋다\n", encoding="utf-8")
    monkeypatch.setattr("gluonattn.scale.files.work_on", None)
    with pytest.raises(ClusterError, match=f"{name} could not finish .* nothing was written"):
        score_files(source, tmp_path / "out.tsv", Scorer.of(tiny_model, engine="numpy"), on=name)
    assert os.listdir(tmp_path) == ["in.tsv"]
