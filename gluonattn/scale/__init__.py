"""Scoring on several machines, with Spark, Ray or Dask (docs/scale.md).

`score_partition` scores one pandas table, `score_table` a table of one of these engines, and `score_files` files, as
``gluonattn predict --on spark://HOST:7077`` does. Each engine is one file, ``NAME_cluster.py``.
"""

from .clusters import CLUSTERS as CLUSTERS
from .clusters import score_table as score_table
from .files import score_files as score_files
from .partition import Scorer as Scorer
from .partition import score_partition as score_partition
