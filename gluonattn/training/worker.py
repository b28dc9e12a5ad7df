"""A helper process of a training run (see `parallel`)."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

from ..runtime import keep_freed_memory, limit_threads, total_threads
from .parallel import Follower, LeaderGone


def main() -> None:
    rank, link, *descriptors = map(int, sys.argv[1:])
    group = Follower(rank, Connection(link), descriptors)
    keep_freed_memory()
    limit_threads(total_threads(), synchronous=True)
    # MXNet loads while rank 0 still reads and encodes the reviews.
    from .loop import fit, new_run
    from .state import receive_state

    try:
        while True:  # one stage after another; rank 0 ends this process when everything is saved
            run = new_run(**group.receive(), group=group)
            receive_state(run, group)
            fit(run, [])
    except LeaderGone:
        os._exit(0)  # exits immediately and prints nothing


if __name__ == "__main__":
    main()
