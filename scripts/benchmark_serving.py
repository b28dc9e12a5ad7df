"""Compare the requests a second of `gluonattn serve` with the same model behind plain FastAPI, one request at a time.

If BentoML is installed (pip install bentoml), it is measured too, with its own batching for predict. With --before, the
server of another version of this repository is measured instead of these.

    pip install "gluonattn[serve]" fastapi aiohttp
    python scripts/benchmark_serving.py --seconds 5 --clients 64
    python scripts/benchmark_serving.py --tool wrk --seconds 600 --clients 200 --rounds 1      # apt-get install wrk
    python scripts/benchmark_serving.py --before OTHER-CHECKOUT

A separate process on the same machine sends the requests (kept-alive connections, one text a request, all texts
different). It is wrk, or aiohttp, which uses more processor time. The servers run in turns, so that other work on the
machine affects both. The table shows the median and the range of the rounds. Latency is that of the median round.
Processor time is that of the server itself, which depends little on other programs.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
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

BENTO = """
import os
import bentoml, gluonattn

@bentoml.service(name="reviews", traffic={"timeout": 60}, workers=1, logging={"access": {"enabled": False}})
class Reviews:
    def __init__(self):
        self.predictor = gluonattn.load(os.environ["SERVED_MODEL"] or None, engine=os.environ["SERVED_ENGINE"])

    @bentoml.api(route="/batched", batchable=True, max_batch_size=256, max_latency_ms=10_000)
    def batched(self, inputs: list[str]) -> list[dict]:
        return [{"label": one.label, "score": one.confidence} for one in self.predictor.predict(inputs)]

    @bentoml.api(route="/v1/explain")
    def explain(self, inputs: str) -> list[dict]:
        return [self.predictor.explain(inputs, "default").to_dict()]

# What is batched takes a list. One text a request goes through this service, as BentoML's documentation does it.
@bentoml.service(name="door", traffic={"timeout": 60}, workers=1)
class Door:
    reviews = bentoml.depends(Reviews)

    @bentoml.api(route="/v1/predict")
    async def predict(self, inputs: str) -> list[dict]:
        return await self.reviews.to_async.batched([inputs])

    @bentoml.api(route="/v1/explain")
    async def explain(self, inputs: str) -> list[dict]:
        return await self.reviews.to_async.explain(inputs)
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(kind: str, model: str, engine: str, workers: int, before: Path | None) -> tuple[subprocess.Popen, str]:
    """A server and its address, once it answers."""
    port = free_port()
    root = before if before and kind == "before" else ROOT
    paths = [str(root), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    if kind == "plain":
        command = [sys.executable, "-c", PLAIN, str(port), model, engine]
    elif kind == "BentoML":
        folder = Path(tempfile.mkdtemp())
        (folder / "service.py").write_text(BENTO, encoding="utf-8")
        environment |= {"SERVED_MODEL": model, "SERVED_ENGINE": engine, "BENTOML_DO_NOT_TRACK": "True"}
        command = [sys.executable, "-m", "bentoml", "serve", "service:Door", "--working-dir", str(folder), "--port",
                   str(port)]
    else:
        command = [sys.executable, "-m", "gluonattn", "serve", "--port", str(port), "--engine", engine, "--no-access-log",
                   *(["--model", model] if model else []), "--workers", str(workers)]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=root)
    for _ in range(6000):
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


WRK = """
local count, thread = 0, 0
function setup(t) thread = thread + 1; t:set("own", thread) end
function request()
  count = count + 1
  return wrk.format("POST", nil, {["content-type"] = "application/json"},
    '{"inputs": "' .. "TEXT" .. " " .. own .. " " .. count .. '"}')
end
function done(summary, latency)
  local wrong = summary.errors
  print("found", summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    wrong.status + wrong.connect + wrong.read + wrong.write + wrong.timeout, summary.requests)
end
"""


def load_with_wrk(url: str, path: str, clients: int, seconds: float) -> tuple[float, float, float, int, int]:
    """Answers a second, median and 99th percentile in seconds, wrong answers, answers."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="utf-8") as script:
        script.write(WRK.replace("TEXT", SENTENCE))
        script.flush()
        command = ["wrk", "--threads", "1", "--connections", str(clients), "--duration", f"{max(1, round(seconds))}s",
                   "--timeout", "30s", "--script", script.name, url + path]
        said = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    fields = next(line for line in said.splitlines() if line.startswith("found")).split()
    return float(fields[1]), float(fields[2]), float(fields[3]), int(float(fields[4])), int(float(fields[5]))


def load_with_aiohttp(url: str, path: str, clients: int, seconds: float) -> tuple[float, float, float, int, int]:
    """As `load_with_wrk`."""
    start = time.perf_counter()
    times, wrong = asyncio.run(load(url, path, clients, seconds))
    took, ranked = time.perf_counter() - start, sorted(times)
    return len(times) / took, ranked[len(times) // 2], ranked[int(0.99 * (len(times) - 1))], wrong, len(times)


TOOLS = {"aiohttp": load_with_aiohttp, "wrk": load_with_wrk}


def family(process: int) -> list[int]:
    """A process and those it started."""
    threads = Path(f"/proc/{process}/task").iterdir()
    started = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return [process, *(one for child in started for one in family(child))]


def memory(process: int) -> float:
    """MB that a process and those it started hold; what they share counts for each."""
    status = [Path(f"/proc/{one}/status").read_text() for one in family(process)]
    return sum(int(re.search(r"VmRSS:\s+(\d+)", one)[1]) for one in status) / 1024


def processor_seconds(process: int) -> float:
    """What a process, its threads and the processes it started have computed so far."""
    found = 0
    for one in family(process):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        found += int(fields[11]) + int(fields[12])
    return found / os.sysconf("SC_CLK_TCK")


def measure(servers: dict[str, tuple], path: str, clients: int, seconds: float, rounds: int,
            ask=load_with_aiohttp) -> dict[str, list[tuple]]:
    """By server and round: answers a second, median and 99th percentile, wrong ones, processor seconds of an answer."""
    found: dict[str, list[tuple]] = {kind: [] for kind in servers}
    for _, url in servers.values():
        ask(url, path, clients, 0.5)
    for _ in range(rounds):
        for kind, (process, url) in servers.items():
            computed = processor_seconds(process.pid)
            rate, median, late, wrong, answers = ask(url, path, clients, seconds)
            found[kind].append((rate, median, late, wrong, (processor_seconds(process.pid) - computed) / max(1, answers)))
    return found


def show(found: dict[str, list[tuple]], path: str) -> None:
    base = "before" if "before" in found else "plain"
    against = {"before": "against before", "plain": "against plain FastAPI"}[base]
    print(f"\n| {path} | requests a second | median | 99th percentile | not answered with 200 | {against} | "
          f"processor time of one | {against} |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    plain = [one[0] for one in found[base]]
    for kind, rounds in found.items():
        rates = [one[0] for one in rounds]
        middle = sorted(rounds)[len(rounds) // 2]
        ratios = [rate / first if first else float("inf") for rate, first in zip(rates, plain)]
        print(f"| {kind} | {statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) | "
              f"{1000 * middle[1]:.1f} ms | {1000 * middle[2]:.1f} ms | {sum(one[3] for one in rounds)} | "
              f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {1000 * middle[4]:.2f} ms | "
              f"{statistics.median(first[4] / one[4] for first, one in zip(found[base], rounds)):.2f} times less |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="checkpoint folder; default: the bundled model")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--tool", default="aiohttp", choices=TOOLS)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5, help="duration of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--paths", default="/v1/predict,/v1/explain")
    parser.add_argument("--workers", type=int, default=1, help="processes of gluonattn serve")
    parser.add_argument("--before", type=Path, help="a folder with another version of this repository")
    given = parser.parse_args()
    others = ["plain", *(["BentoML"] if importlib.util.find_spec("bentoml") else [])]
    kinds = ["gluonattn serve", *(["before"] if given.before else others)]
    servers: dict[str, tuple] = {}
    try:
        for kind in kinds:
            servers[kind] = start(kind, given.model, given.engine, given.workers, given.before and given.before.resolve())
        print(f"{given.tool}, {given.clients} clients, {given.rounds} rounds of {given.seconds:g} s, "
              f"{os.cpu_count()} processors shared with the load, load average {os.getloadavg()[0]:.1f}")
        before = None
        for path in given.paths.split(","):
            show(measure(servers, path, given.clients, given.seconds, given.rounds, TOOLS[given.tool]), path)
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
