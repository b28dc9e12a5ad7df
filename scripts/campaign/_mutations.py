"""Mutations of files that the package writes, with digests recomputed to match."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path
from random import Random
from typing import Any

ODD = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    10**30,
    1e308,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "좋",
    "\ud800",
    [],
    [[]],
    {},
    {"a": 1},
    "../../x",
    ["0"],
    "mecab",
    "post",
    "default",
    65_536,
    "nested",
    3,
    10**9,
]


def mutate(case: Any, content: bytes, suffix: str) -> bytes:
    random = Random(repr(case["where"]))
    if case["way"] == "json" and suffix == ".json":
        return _dump(_mutate_json(json.loads(content), random, ODD[case["value"]]))
    if case["way"] in ("json", "tensors", "bomb") and suffix == ".npz":
        return _mutate_archive(content, random, ODD[case["value"]], case["way"] == "bomb")
    if case["way"] in ("json", "tensors", "bomb") and content[8:9] == b"{":
        size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + size])
        header = _mutate_json(header, random, ODD[case["value"]])
        raw = _dump(header)
        return struct.pack("<Q", 2**40 if case["way"] == "bomb" else len(raw)) + raw + content[8 + size :]
    changed = bytearray(content)
    for place, value, way in case["edits"]:
        at = int(place * len(changed))
        if way == "cut":
            del changed[at:]
        elif way == "remove":
            del changed[at : at + 1 + int(value * 3)]
        elif way == "insert":
            changed[at:at] = bytes([int(value * 256)])
        elif at < len(changed):
            changed[at] = 0 if way == "zero" else int(value * 256)
    return bytes(changed)


def _dump(value: Any) -> bytes:
    return json.dumps(value).replace('"nested"', "[" * 5000 + "]" * 5000).encode()


def _mutate_json(value: Any, random: Random, odd: Any) -> Any:
    """The value with one entry, at any depth, removed, doubled or of another kind."""
    if isinstance(value, dict) and value and random.random() < 0.97:
        name = random.choice(sorted(value))
        if random.random() < 0.6 and isinstance(value[name], (dict, list)) and value[name]:
            return {**value, name: _mutate_json(value[name], random, odd)}
        if random.random() < 0.2:
            return {key: one for key, one in value.items() if key != name}
        if random.random() < 0.2:
            return {**value, f"{name} 2": value[name], "another": odd}
        one = value[name]
        return {
            **value,
            name: one * random.choice((-1, 0, 2, 1000, 0.5)) if isinstance(one, int) and random.random() < 0.3 else odd,
        }
    if isinstance(value, list) and value and random.random() < 0.97:
        i = random.randrange(len(value))
        way = random.random()
        if way < 0.2:
            return value[:i] + value[i + 1 :]
        if way < 0.4:
            return [*value[:i], value[i], *value[i:]]
        return [
            *value[:i],
            _mutate_json(value[i], random, odd) if isinstance(value[i], (dict, list)) and way < 0.8 else odd,
            *value[i + 1 :],
        ]
    return odd


def _mutate_archive(content: bytes, random: Random, odd: Any, bomb: bool) -> bytes:
    import numpy as np

    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = dict(archive)
    if bomb:
        return _bomb(content, random)
    header = json.loads(arrays["header"].tobytes().decode("utf-8", "surrogatepass"))
    if random.random() < 0.7:
        header = _mutate_json(header, random, odd)
    else:
        name = random.choice(sorted(arrays.keys() - {"header"}))
        one = arrays[name]
        arrays[name] = random.choice(
            [
                one.astype(str),
                one.astype(complex),
                one[0],
                one * np.nan,
                one[..., :1],
                one * -1,
                np.zeros((0, 0, 0, 0), "f"),
                one.astype(np.int64),
                one * 2,
                one[:, :, ::-1].copy(),
            ]
        )
    arrays["header"] = np.frombuffer(_dump(header), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _bomb(content: bytes, random: Random) -> bytes:
    """A record of which one array unpacks to 3 GB."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name == "weights.npy":
                head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 1, 2, 2), }" % (200 << 20)
                head += b" " * (117 - len(head)) + b"\n"
                with new.open(name, "w", force_zip64=True) as entry:
                    entry.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
                    for _ in range(3200 if random.random() < 0.02 else 1):
                        entry.write(bytes(1 << 20))
            else:
                new.writestr(name, old.read(name))
    return file.getvalue()


def fit(path: Path, target: Path) -> None:
    """Make the digests fit what was changed, where that can be."""
    from gluonattn.contents import digest, digest_json

    try:
        if path.is_dir():
            config = json.loads((path / "config.json").read_bytes())
            config["sha256"] = {name: digest((path / name).read_bytes()) for name in ("vocab.json", "model.safetensors")}
            config["sha256"]["config.json"] = digest_json({key: one for key, one in config.items() if key != "sha256"})
            (path / "config.json").write_text(json.dumps(config))
        elif target.suffix == ".json":
            value = json.loads(target.read_bytes())
            value.pop("sha256", None)
            target.write_text(json.dumps(value))
        elif target.suffix == ".npz":
            _drop_digest(target)
        else:
            content = target.read_bytes()
            size = int.from_bytes(content[:8], "little")
            header = json.loads(content[8 : 8 + size])
            header["__metadata__"].pop("sha256", None)
            raw = json.dumps(header).encode()
            target.write_bytes(struct.pack("<Q", len(raw)) + raw + content[8 + size :])
    except Exception:  # what is no JSON any more has no digest to fit
        return


def _drop_digest(target: Path) -> None:
    import numpy as np

    if os.path.getsize(target) > 1 << 20:
        return
    with np.load(target, allow_pickle=False) as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes().decode("utf-8", "surrogatepass"))
    header.pop("sha256", None)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez_compressed(target, **arrays)
