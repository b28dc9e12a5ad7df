"""The exchange of gradients between two processes of one machine: ours, and MXNet's KVStore dist_sync on the loopback.

    python scripts/benchmark_exchange.py --steps 200 --repeats 3

Both sum the same gradients in every step: those of the default recipe (the embedding's row_sparse), without any training
around them. Ours goes through shared memory (`gluonattn.training.parallel`). KVStore needs two more processes, a scheduler
and a server; each process pushes its gradients and pulls the sums. They take turns, one thread each. The first step's
sums are compared with what they must be. Printed are milliseconds a step, and the processor time of all processes for one.
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

WIDTHS = {"vocabulary": 30_000, "embed": 128, "hidden": 128, "units": 30, "rows": 2_500}


def gradients_of(rank):
    """Gradients of a step as the default recipe has them; rank 0 has rows 0, 2, ..., rank 1 has 1, 3, ..., both have 7."""
    from gluonattn.runtime import mx

    w = WIDTHS
    shapes = [(3 * w["hidden"], w["embed"]), (3 * w["hidden"], w["hidden"]), (3 * w["hidden"],), (3 * w["hidden"],)] * 2
    shapes += [(w["units"], 2 * w["hidden"])] * 2 + [(1, w["units"]), (2, 4 * w["hidden"]), (2,)]
    dense = [mx.nd.ones(shape) * (rank + 1) for shape in shapes]
    rows = np.unique(np.concatenate([[7], np.arange(w["rows"]) * 2 + rank]))
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


def kvstore_worker(steps):
    from gluonattn.runtime import mx

    store = mx.kv.create("dist_sync")
    given = gradients_of(store.rank)
    names = [str(i) for i in range(len(given))]
    rows = mx.nd.array(np.arange(WIDTHS["rows"] * 2 + 1), dtype="int64")
    for name, one in zip(names, given):
        whole = mx.nd.zeros(one.shape)
        if one.stype == "row_sparse":  # it cannot begin without rows
            whole = mx.nd.sparse.row_sparse_array((whole, np.arange(len(whole))), shape=one.shape)
        store.init(name, whole)
    results = [mx.nd.sparse.zeros("row_sparse", one.shape) if one.stype == "row_sparse" else mx.nd.zeros(one.shape)
               for one in given]

    def step():
        for place, (name, one, result) in enumerate(zip(names, given, results)):
            store.push(name, one, priority=-place)
            if one.stype == "row_sparse":
                store.row_sparse_pull(name, out=result, row_ids=rows, priority=-place)
            else:
                store.pull(name, out=result, priority=-place)
        for result in results:
            result.wait_to_read()
        return results

    try:
        check(step())
    except AssertionError:
        print("KVStore's sums are not those of both", file=sys.stderr)
        raise
    seconds = timed(step, steps)
    if store.rank == 0:
        print(seconds, flush=True)


def kvstore(steps):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    common = {**os.environ, "DMLC_PS_ROOT_URI": "127.0.0.1", "DMLC_PS_ROOT_PORT": str(port), "DMLC_NUM_WORKER": "2",
              "DMLC_NUM_SERVER": "1", "DMLC_NODE_HOST": "127.0.0.1"}
    command = [sys.executable, __file__, "--child", "kvstore", str(steps)]
    started = [subprocess.Popen(command, env={**common, "DMLC_ROLE": role}, stdout=subprocess.PIPE, text=True)
               for role in ("scheduler", "server", "worker", "worker")]
    try:
        said = [process.communicate(timeout=1800)[0] for process in started[2:]]
        if any(process.returncode for process in started[2:]):
            raise SystemExit("a worker of KVStore failed")
        return float(next(line for out in said for line in out.splitlines()))
    finally:
        for process in started:
            process.kill()
            process.wait()


def main():
    if sys.argv[1:2] == ["--child"]:
        kind, steps, *rest = sys.argv[2:]
        if kind == "own":
            own_follower(int(steps), *map(int, rest))
        elif os.environ["DMLC_ROLE"] == "worker":
            kvstore_worker(int(steps))
        else:
            from gluonattn.runtime import mx

            mx.kv  # noqa: B018 (a server and a scheduler serve while MXNet is loaded, and end with the workers)
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    found = {"ours": [], "KVStore dist_sync": []}
    spent = {name: [] for name in found}
    for _ in range(options.repeats):
        for name, run in (("ours", own_leader), ("KVStore dist_sync", kvstore)):
            costs = [_spent()]
            for steps in (options.steps, 3 * options.steps):
                seconds = run(steps)
                costs.append(_spent())
            found[name].append(1000 * seconds / steps)
            start_and_few, start_and_many = np.diff(costs)
            spent[name].append(1000 * (start_and_many - start_and_few) / (2 * options.steps))
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
