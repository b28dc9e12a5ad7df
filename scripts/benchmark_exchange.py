"""Compare two ways to exchange gradients between two processes of one machine: shared memory, and MXNet's KVStore.

    python scripts/benchmark_exchange.py --steps 200 --repeats 3

Both sum the same gradients in every step: those of the default recipe (the embedding's are row_sparse), without any
training. `--workers 2` of `gluonattn train` uses shared memory (`gluonattn.training.parallel`). `--hosts` uses KVStore
(`gluonattn.training.hosts`) as on several machines: a scheduler, and a server and a worker for each process. They run in
turns, with one thread each. The sums of the first step are checked. The script prints bytes and milliseconds a step, and
the processor time of all processes for a step. `--plain` shows the result of KVStore's own row_sparse keys instead.
"""

import argparse
import os
import resource
import socket
import statistics
import subprocess
import sys
import time

import numpy as np

WIDTHS = {"vocabulary": 30_000, "embed": 128, "hidden": 128, "units": 30, "rows": 2_500}  # rows: of each process


def gradients_of(rank):
    """Gradients of a step as the default recipe has them; rank 0 has rows 0, 10, ..., rank 1 has 1, 11, ..., both have 7."""
    from gluonattn.runtime import mx

    w = WIDTHS
    shapes = [(3 * w["hidden"], w["embed"]), (3 * w["hidden"], w["hidden"]), (3 * w["hidden"],), (3 * w["hidden"],)] * 2
    shapes += [(w["units"], 2 * w["hidden"])] * 2 + [(1, w["units"]), (2, 4 * w["hidden"]), (2,)]
    dense = [mx.nd.ones(shape) * (rank + 1) for shape in shapes]
    rows = np.unique(np.concatenate([[7], np.arange(w["rows"]) * 10 + rank]))
    values = np.full((len(rows), w["embed"]), rank + 1, np.float32)
    sparse = mx.nd.sparse.row_sparse_array((values, rows), shape=(w["vocabulary"], w["embed"]))
    return [sparse, *dense]


def check(summed):
    """The sums are 3 where both ranks have something: everywhere in dense gradients, in row 7 of the sparse one."""
    sparse, *dense = summed
    assert all((part.asnumpy() == 3).all() for part in dense)
    assert (sparse.asnumpy()[[7, 0, 1]][:, 0] == [3, 1, 2]).all()


def timed(step, steps):
    """Seconds of `steps` steps, after some that warm up."""
    for _ in range(5):
        step()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - began


def own_step(group, rank):
    given = gradients_of(rank)

    def step():
        # What the last step left are sums, so the next one gets new gradients, as in training.
        gradients = [one.copy() for one in given]
        for one in gradients:
            one.wait_to_read()
        group.add_gradients(gradients, [0.0], True)
        return gradients

    return step


def own_leader(steps):
    from gluonattn.training.parallel import Leader

    class Pair(Leader):
        def _start(self, rank, threads):
            from multiprocessing import Pipe

            here, there = Pipe()
            self._links.append(here)
            descriptors = [there.fileno(), *(memory.descriptor for memory in self._memories)]
            with there:
                self._processes.append(subprocess.Popen(
                    [sys.executable, __file__, "--child", "own", str(steps), *map(str, descriptors)], pass_fds=descriptors))

    with Pair(2, 1) as group:
        step = own_step(group, 0)
        check(step())
        return timed(step, steps)


def own_follower(steps, link, *descriptors):
    from multiprocessing.connection import Connection

    from gluonattn.training.parallel import Follower

    group = Follower(1, Connection(link), descriptors)
    step = own_step(group, 1)
    check(step())
    timed(step, steps)


def of_machines(rank, port, steps):
    from gluonattn.training.hosts import Conductor, Member
    from gluonattn.training.machines import Machines

    machines = Machines(rank, 2, "127.0.0.1", port)
    with (Member if rank else Conductor)(machines, lambda line: None) as group:
        step = own_step(group, rank)
        check(step())
        seconds = timed(step, steps)
        group.total([0.0])  # the other is done, too
    if rank == 0:
        print(seconds, flush=True)


def kvstore(steps):
    command = [sys.executable, __file__, "--child", "kvstore", str(steps), str(free_port())]
    started = [subprocess.Popen([*command, rank], stdout=subprocess.PIPE, text=True) for rank in "01"]
    try:
        said = started[0].communicate(timeout=1800)[0]
        if started[0].returncode or started[1].wait(60):
            raise SystemExit("a worker of KVStore failed")
        return float(said)
    finally:
        for process in started:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def plain_worker():
    """Sums of a row_sparse key without an optimizer on the server, beside what they must be."""
    from gluonattn.runtime import mx

    if os.environ["DMLC_ROLE"] != "worker":
        mx.kv  # noqa: B018 (a server and a scheduler serve while MXNet is loaded)
        return
    store, shape = mx.kv.create("dist_sync"), (3000, 4)
    store.init("0", mx.nd.sparse.row_sparse_array((np.zeros(shape, np.float32), np.arange(3000)), shape=shape))
    mine = [[5, 1000], [7, 1000]][store.rank]
    store.push("0", mx.nd.sparse.row_sparse_array((np.full((2, 4), store.rank + 1, np.float32), mine), shape=shape))
    out = mx.nd.sparse.zeros("row_sparse", shape)
    store.row_sparse_pull("0", out=out, row_ids=mx.nd.array([5, 7, 1000], dtype="int64"))
    found = out.data.asnumpy()[:, 0].tolist()
    if store.rank == 0:
        print(f"rows 5, 7 and 1000 must be 1, 2 and 3; KVStore's row_sparse key gives {found}", flush=True)


def plain():
    common = {**os.environ, "DMLC_PS_ROOT_URI": "127.0.0.1", "DMLC_PS_ROOT_PORT": str(free_port()), "DMLC_NUM_WORKER": "2",
              "DMLC_NUM_SERVER": "1", "DMLC_NODE_HOST": "127.0.0.1"}
    started = [subprocess.Popen([sys.executable, __file__, "--child", "plain", "0"], env={**common, "DMLC_ROLE": role})
               for role in ("scheduler", "server", "worker", "worker")]
    for process in started:
        process.wait(600)


def main():
    if sys.argv[1:2] == ["--child"]:
        kind, steps, *rest = sys.argv[2:]
        if kind == "own":
            own_follower(int(steps), *map(int, rest))
        elif kind == "kvstore":
            of_machines(int(rest[1]), int(rest[0]), int(steps))
        else:
            plain_worker()
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="only show what KVStore's row_sparse keys give")
    options = parser.parse_args()
    if options.plain:
        return plain()
    os.environ["OMP_NUM_THREADS"] = "1"
    found = {"ours": [], "KVStore": []}
    spent = {name: [] for name in found}
    for _ in range(options.repeats):
        for name, run in (("ours", own_leader), ("KVStore", kvstore)):
            costs = [_spent()]
            for steps in (options.steps, 3 * options.steps):
                seconds = run(steps)
                costs.append(_spent())
            found[name].append(1000 * seconds / steps)
            start_and_few, start_and_many = np.diff(costs)
            spent[name].append(1000 * (start_and_many - start_and_few) / (2 * options.steps))
    sparse, *dense = gradients_of(0)
    numbers = [2 * len(sparse.data) * WIDTHS["embed"], sum(one.size for one in dense)]
    print(f"a step has {4 * sum(numbers):,} bytes: {4 * numbers[0]:,} of rows of the embedding, {4 * numbers[1]:,} others")
    for name, values in found.items():
        print(f"{name}: {statistics.median(values):.2f} ms a step ({min(values):.2f} to {max(values):.2f}), processor time "
              f"of all processes without their start {statistics.median(spent[name]):.2f} ({min(spent[name]):.2f} to "
              f"{max(spent[name]):.2f})")
    ratios = [theirs / own for own, theirs in zip(*found.values())]
    print(f"KVStore takes {statistics.median(ratios):.1f} times as long ({min(ratios):.1f} to {max(ratios):.1f})")


def _spent():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


if __name__ == "__main__":
    main()
