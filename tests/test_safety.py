"""What no file of the package and its scripts does: run what it reads, start a shell, or download what it cannot check."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gluonattn.data.crawl import CRAWL_URL
from gluonattn.data.sources import NSMC_FILES, NSMC_URL

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("gluonattn", "scripts") for path in (ROOT / folder).rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "ruamel", "pty",
                     "code", "telnetlib", "ftplib", "xmlrpc"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
FORBIDDEN_METHODS = {
    "os.system", "os.popen", "os.execl", "os.execlp", "os.spawnl", "os.spawnv", "subprocess.getoutput",
    "subprocess.getstatusoutput", "pd.read_pickle", "pandas.read_pickle", "pd.eval", "tempfile.mktemp",
    "asyncio.create_subprocess_shell", "torch.hub.load", "torch.package",
}
# Who may download at all. NSMC is compared with a checksum. The archive of the crawl has none that stays the same: only
# texts are read out of it, as JSON.
DOWNLOADERS = {"gluonattn/data/sources.py", "scripts/gather_crawl.py"}


def name_of(node: ast.AST) -> str:
    """The dotted name of what is called; empty for anything else."""
    if isinstance(node, ast.Attribute):
        base = name_of(node.value)
        return f"{base}.{node.attr}" if base else ""
    return node.id if isinstance(node, ast.Name) else ""


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def is_constant(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def faults_of_call(call: ast.Call) -> list[str]:
    name, given = name_of(call.func), keywords(call)
    faults = []
    if name in FORBIDDEN_CALLS or name in FORBIDDEN_METHODS:
        faults.append(f"calls {name}")
    if "shell" in given and not is_constant(given["shell"], False):
        faults.append(f"{name} with a shell")
    if name.endswith("torch.load") and not is_constant(given.get("weights_only"), True):
        faults.append("torch.load without weights_only=True")
    if "allow_pickle" in given and not is_constant(given["allow_pickle"], False):
        faults.append(f"{name} with allow_pickle")
    if name in ("np.load", "numpy.load") and not is_constant(given.get("allow_pickle"), False):
        faults.append("np.load that does not say allow_pickle=False")
    if "trust_remote_code" in given and is_constant(given["trust_remote_code"], True):
        faults.append("trust_remote_code=True")
    if ("verify" in given and is_constant(given["verify"], False)) or name == "ssl._create_unverified_context":
        faults.append(f"{name} without looking at certificates")
    return faults


def faults_of(source: str, place: str = "") -> list[str]:
    """What a file does that none may, one sentence for each."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        faults += [f"imports {module}" for module in modules if module.partition(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.Call):
            faults += faults_of_call(node)
            fetches = name_of(node.func).endswith(("urlopen", "urlretrieve", "requests.get", "httpx.get"))
            if fetches and place not in DOWNLOADERS:
                faults.append(f"downloads with {name_of(node.func)}")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and place in DOWNLOADERS:
            faults += [f"an address without TLS: {found}" for found in re.findall(r"\b(?:http|ftp)://\S+", node.value)]
    return faults


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_runs_what_it_reads(path):
    assert faults_of(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()) == []


def test_nsmc_is_fetched_over_tls_and_compared_with_a_checksum():
    assert NSMC_URL.startswith("https://") and CRAWL_URL.startswith("https://")
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in NSMC_FILES.values())


@pytest.mark.parametrize("source", [
    "import pickle", "from pickle import loads", "import yaml", "eval('1')", "exec(code)", "import os; os.system('ls')",
    "import subprocess; subprocess.run('ls', shell=True)", "import subprocess; subprocess.run('ls', shell=flag)",
    "import torch; torch.load(f)", "import torch; torch.load(f, weights_only=False)", "np.load(f)",
    "np.load(f, allow_pickle=True)",
    "import marshal", "AutoModel.from_pretrained(x, trust_remote_code=True)", "urllib.request.urlopen(u)",
    "requests.get(u, verify=False)", "import shelve", "from joblib import load", "__import__(name)", "compile(a, b, 'exec')",
])
def test_each_of_these_would_be_seen(source):
    assert faults_of(source)


def test_a_plain_address_of_a_downloader_would_be_seen():
    assert faults_of("URL = 'http://example.com/data'", "gluonattn/data/sources.py")
