"""Score the same reviews by `gluonattn predict` and by real clusters on this machine, and compare rows and speed.

    pip install -c constraints.txt -e ".[spark,ray,dask,parquet]"
    python scripts/check_scale.py --reviews 2000000 --json scale.json

Each cluster has two workers of one core, started as processes on this machine: a Spark standalone master with two workers,
a Ray head with two nodes, a Dask scheduler with two workers. During the work, one worker is killed with `kill -9`. The
output of the cluster is compared with that of `gluonattn predict`, byte for byte and row for row. Rows a second are
printed as a ratio to `gluonattn predict` on as many cores in the same run. With `--no-kill` no worker is killed.
Spark needs Java 17 or later.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

from gluonattn.data.reviews import read_text_column
from gluonattn.data.sources import locate

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
BIN = Path(sys.executable).parent


def start(arguments, log, **variables):
    """A process in a group of its own, with its output in a file."""
    environment = {**os.environ, **ONE_THREAD, **variables}
    return subprocess.Popen(list(map(str, arguments)), stdout=log.open("ab"), stderr=subprocess.STDOUT, env=environment,
                            start_new_session=True)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.3)
    raise SystemExit(f"nothing listens at port {port} after {seconds} s: see the logs")


def kill(process):
    """End a process and all that it started with -9."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Spark:
    """A standalone master and two workers of one core."""

    name = "spark"

    def __init__(self, folder):
        import pyspark

        home, port, ui = Path(pyspark.__file__).parent, free_port(), free_port()
        launch = [home / "bin" / "spark-class"]
        common = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable,
                  "SPARK_WORKER_DIR": str(folder / "spark")}
        self.log = folder / "spark.log"
        self.master = start([*launch, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", port,
                             "--webui-port", ui], self.log, **common)
        wait_for(port)
        self.workers = [start([*launch, "org.apache.spark.deploy.worker.Worker", "--cores", "1", "--memory", "2g", "--host",
                               "127.0.0.1", "--webui-port", free_port(), f"spark://127.0.0.1:{port}"], self.log, **common)
                        for _ in range(2)]
        time.sleep(10)  # they register
        self.address, self.variables = f"spark://127.0.0.1:{port}", {
            **common, "PYSPARK_SUBMIT_ARGS": "--conf spark.driver.host=127.0.0.1 --conf spark.ui.enabled=false "
                                             "--conf spark.executor.memory=1g pyspark-shell"}

    def stop(self):
        for process in (*self.workers, self.master):
            kill(process)


class Ray:
    """A head without cores for work, and two nodes of one core."""

    name = "ray"

    def __init__(self, folder):
        port = free_port()
        self.log = folder / "ray.log"
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),  # all of one cluster know it
                 "RAY_raylet_start_wait_time_s": "300"}
        self.variables = {"RAY_ADDRESS": f"127.0.0.1:{port}", **token}
        common = ["--block", "--disable-usage-stats", "--object-store-memory", 300_000_000]
        self.head = start([BIN / "ray", "start", "--head", "--node-ip-address", "127.0.0.1", "--port", port, "--num-cpus", 0,
                           "--include-dashboard", "false", *common], self.log, **token)
        wait_for(port)
        self.workers = []
        for number in range(2):
            self.wait_for_nodes(number + 1)
            self.workers.append(start([BIN / "ray", "start", "--address", f"127.0.0.1:{port}", "--num-cpus", 1, *common],
                                      self.log, **token))
        self.wait_for_nodes(3)
        self.address = "ray"

    def wait_for_nodes(self, count, seconds=300):
        """Until as many nodes are alive."""
        ask = "import ray; ray.init('auto', log_to_driver=False); print(sum(one['Alive'] for one in ray.nodes()))"
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            said = subprocess.run([sys.executable, "-c", ask], env={**os.environ, **self.variables}, capture_output=True,
                                  text=True).stdout.split()
            if said and said[-1].isdecimal() and int(said[-1]) >= count:
                return
            time.sleep(1)
        raise SystemExit(f"Ray does not have {count} nodes after {seconds} s: {self.log.read_text()[-2000:]}")

    def stop(self):
        for process in (*self.workers, self.head):
            kill(process)


class Dask:
    """A scheduler and two workers of one thread."""

    name = "dask"

    def __init__(self, folder):
        port = free_port()
        self.log = folder / "dask.log"
        self.variables = {}
        self.scheduler = start([sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port",
                                port, "--no-dashboard"], self.log)
        wait_for(port)
        self.workers = [start([sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", "--nthreads",
                               1, "--nworkers", 1, "--no-dashboard", "--no-nanny", "--local-directory", folder], self.log)
                        for _ in range(2)]
        time.sleep(5)
        self.address = f"dask://127.0.0.1:{port}"

    def stop(self):
        for process in (*self.workers, self.scheduler):
            kill(process)


CLUSTERS = {one.name: one for one in (Spark, Ray, Dask)}


def predict(source, out, *more, **variables):
    """Seconds of `gluonattn predict`, its start included."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "gluonattn", "predict", str(source), "--out", str(out), *map(str, more)],
                   check=True, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def on_cluster(cluster, source, out, more, kill_one):
    """Seconds of the same on a cluster; a worker is killed when a third of the parts is there."""
    began = time.monotonic()
    process = start([sys.executable, "-m", "gluonattn", "predict", source, "--out", out, "--on", cluster.address, *more],
                    cluster.log, **cluster.variables)
    killed, first = None, None
    while process.poll() is None:
        parts = len(list(out.parent.glob(f".{out.name}.*.partial/part-*")))
        if parts and first is None:
            first = time.monotonic() - began
        if kill_one and killed is None and parts >= kill_one:
            kill(cluster.workers[0])
            killed = parts
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{cluster.name} failed: {cluster.log.read_text(errors='replace')[-3000:]}")
    return time.monotonic() - began, first, killed


def compare(first, second):
    """Rows that differ, and whether all bytes are the same."""
    differ = sum(a != b for a, b in zip(first.open("rb"), second.open("rb")))
    rows = [sum(1 for _ in path.open("rb")) for path in (first, second)]
    return differ + abs(rows[0] - rows[1]), first.read_bytes() == second.read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--reviews", type=int, default=2_000_000, help="from NSMC's test set, repeated; default 2,000,000")
    parser.add_argument("--clusters", default=",".join(CLUSTERS), help="default: all")
    parser.add_argument("--model", help="a trained folder; default: the bundled model")
    parser.add_argument("--no-kill", action="store_true", help="kill no worker")
    parser.add_argument("--json", type=Path, help="file for all figures, as JSON")
    options = parser.parse_args()
    more = ["--model", options.model] if options.model else []
    found = {}
    folder = Path(tempfile.mkdtemp(prefix="gluonattn-scale-"))
    try:
        source, plain = folder / "reviews.tsv", folder / "predict.tsv"
        texts = [text.replace("\t", " ") for text in read_text_column(locate("nsmc").test)]
        with source.open("w", encoding="utf-8") as file:
            file.write("id\tdocument\n")
            file.writelines(f"{i}\t{text}\n" for i, text in enumerate(islice(cycle(texts), options.reviews)))
        alone = predict(source, plain, *more, OMP_NUM_THREADS="2")
        print(f"gluonattn predict, two processes: {options.reviews:,} rows, {options.reviews / alone:,.0f} a second",
              flush=True)
        for name in options.clusters.split(","):
            cluster = CLUSTERS[name](folder)
            try:
                out = folder / f"{name}.tsv"
                pieces = options.reviews // 16384
                seconds, first, killed = on_cluster(cluster, source, out, more,
                                                    0 if options.no_kill else max(1, pieces // 3))
            finally:
                cluster.stop()
            differ, same = compare(plain, out)
            found[name] = {"rows": options.reviews, "seconds": seconds, "seconds_to_first_part": first,
                           "killed_after_parts": killed, "rows_that_differ": differ, "same_bytes": same,
                           "ratio_to_predict": alone / seconds, "predict_seconds": alone}
            print(f"{name}: {options.reviews / seconds:,.0f} rows a second, {alone / seconds:.2f} of predict"
                  f"{'' if killed is None else f'; a worker was killed -9 after {killed} parts'}; rows that differ: "
                  f"{differ}; same bytes: {same}", flush=True)
            if differ:
                raise SystemExit(f"{name} wrote other rows than gluonattn predict")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
