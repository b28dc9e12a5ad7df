"""Requests a second of `gluonattn serve` and of the same model behind plain FastAPI, one request at a time, in one run.

    pip install "gluonattn[serve]" fastapi aiohttp
    python scripts/benchmark_serving.py --seconds 5 --clients 64

The load comes from a process of its own on the same machine (aiohttp, kept-alive connections, one text a request). The
two servers take turns, so that what else the machine does meets both. A table has the median of the rounds and their
range; latency is of the round that is the median. Processor time is what the server itself computed: it depends little
on what else runs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
PLAIN = """
import sys
import fastapi, uvicorn, pydantic
import gluonattn

predictor = gluonattn.load(sys.argv[2] or None, engine=sys.argv[3])
app = fastapi.FastAPI()

class Asked(pydantic.BaseModel):
    inputs: str

@app.post("/v1/predict")
async def predict(asked: Asked):
    [found] = predictor.predict([asked.inputs])
    return [{"label": found.label, "score": found.confidence}]

@app.post("/v1/explain")
async def explain(asked: Asked):
    return [predictor.explain(asked.inputs, "default").to_dict()]

uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(kind: str, model: str, engine: str) -> tuple[subprocess.Popen, str]:
    """A server and its address, once it answers."""
    port = free_port()
    if kind == "plain":
        command = [sys.executable, "-c", PLAIN, str(port), model, engine]
    else:
        command = [sys.executable, "-m", "gluonattn", "serve", "--port", str(port), "--engine", engine, "--no-access-log",
                   *(["--model", model] if model else [])]
    running = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return running, f"http://127.0.0.1:{port}"
        if running.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"{kind} did not start")


async def load(url: str, path: str, clients: int, seconds: float) -> tuple[list[float], int]:
    """Seconds of each answer, and the number of answers that were no 200."""
    import aiohttp

    times, wrong = [], 0
    end = time.perf_counter() + seconds
    connector = aiohttp.TCPConnector(limit=clients)

    async def client(number: int, session: aiohttp.ClientSession) -> None:
        nonlocal wrong
        count = 0
        while (start := time.perf_counter()) < end:
            count += 1
            body = {"inputs": f"{SENTENCE} {number} {count}"}  # no two alike
            async with session.post(url + path, json=body) as answer:
                await answer.read()
                wrong += answer.status != 200
            times.append(time.perf_counter() - start)

    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(client(i, session) for i in range(clients)))
    return times, wrong


def memory(process: int) -> float:
    """MB that a process holds."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) / 1024


def processor_seconds(process: int) -> float:
    """What a process and its threads have computed so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(servers: dict[str, tuple], path: str, clients: int, seconds: float, rounds: int) -> dict[str, list[tuple]]:
    """By server and round: answers a second, median and 99th percentile, wrong ones, processor seconds of an answer."""
    found: dict[str, list[tuple]] = {kind: [] for kind in servers}
    for _, url in servers.values():
        asyncio.run(load(url, path, clients, 0.5))
    for _ in range(rounds):
        for kind, (process, url) in servers.items():
            computed, start = processor_seconds(process.pid), time.perf_counter()
            times, wrong = asyncio.run(load(url, path, clients, seconds))
            took, ranked = time.perf_counter() - start, sorted(times)
            found[kind].append((len(times) / took, ranked[len(times) // 2], ranked[int(0.99 * (len(times) - 1))], wrong,
                                (processor_seconds(process.pid) - computed) / len(times)))
    return found


def show(found: dict[str, list[tuple]], path: str) -> None:
    print(f"\n| {path} | requests a second | median | 99th percentile | not answered with 200 | against plain FastAPI | "
          "processor time of one | against plain FastAPI |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    plain = [one[0] for one in found["plain"]]
    for kind, rounds in found.items():
        rates = [one[0] for one in rounds]
        middle = sorted(rounds)[len(rounds) // 2]
        ratios = [rate / base for rate, base in zip(rates, plain)]
        print(f"| {kind} | {statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) | "
              f"{1000 * middle[1]:.1f} ms | {1000 * middle[2]:.1f} ms | {sum(one[3] for one in rounds)} | "
              f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {1000 * middle[4]:.2f} ms | "
              f"{statistics.median(base[4] / one[4] for base, one in zip(found['plain'], rounds)):.2f} times less |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="checkpoint folder; the model in the box without it")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--paths", default="/v1/predict,/v1/explain")
    given = parser.parse_args()
    servers = {kind: start(kind, given.model, given.engine) for kind in ("gluonattn serve", "plain")}
    try:
        print(f"{given.clients} clients, {given.rounds} rounds of {given.seconds:g} s, {os.cpu_count()} processors "
              f"shared with the load, load average {os.getloadavg()[0]:.1f}")
        before = None
        for path in given.paths.split(","):
            show(measure(servers, path, given.clients, given.seconds, given.rounds), path)
            held = {kind: memory(process.pid) for kind, (process, _) in servers.items()}
            print("\nmemory: " + ", ".join(f"{kind} {size:.0f} MB" for kind, size in held.items())
                  + ("" if before is None else " (after the paths before: "
                     + ", ".join(f"{size:.0f} MB" for size in before.values()) + ")"))
            before = held
    finally:
        for process, _ in servers.values():
            process.terminate()
        for process, _ in servers.values():
            process.wait()


if __name__ == "__main__":
    main()
