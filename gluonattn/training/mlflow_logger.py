"""MLflow: a store in files. View it with ``mlflow ui --backend-store-uri``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .loggers import Logger


class MlflowLogger(Logger):
    """Metrics by step in the experiment "gluonattn". A resumed run continues the unfinished run."""

    key = "mlflow"
    package = "mlflow"
    _client: Any = None
    _id = ""

    def load(self) -> None:
        import mlflow  # noqa: F401

    def open(self) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=f"sqlite:///{self.folder.resolve() / 'mlflow.db'}")
        known = self._client.get_experiment_by_name("gluonattn")
        experiment = known.experiment_id if known else self._client.create_experiment(
            "gluonattn", artifact_location=(self.folder.resolve() / "artifacts").as_uri())
        going_on = self._client.search_runs([experiment], f"attributes.run_name = '{self.name}' and "
                                                          "attributes.status = 'RUNNING'", max_results=1)
        if going_on:
            self._id = going_on[0].info.run_id
            return
        self._id = self._client.create_run(experiment, run_name=self.name).info.run_id
        for name, value in self.settings.items():
            self._client.log_param(self._id, name, str(value)[:500])

    def log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._client.log_metric(self._id, name, value, step=step)

    def on_train_end(self, run: Any) -> None:
        if not run.stop:
            self._client.set_terminated(self._id)

    def close(self) -> None:
        """Nothing is buffered."""


LOGGER = MlflowLogger
