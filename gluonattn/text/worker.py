"""A worker process of `tokenize_all`: JSON lines of texts in, of token texts out."""

import json
import signal
import sys

from .parallel import to_json
from .tokenizers import tokenizer


def main() -> None:
    split = tokenizer(sys.argv[1])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the parent process has ended: end silently
    for line in sys.stdin.buffer:
        result = [split.words(text) for text in json.loads(line)]
        sys.stdout.buffer.write(to_json(result) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
