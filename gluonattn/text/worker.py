"""A worker process of `tokenize_all`: JSON lines of texts in, of token texts out."""

import json
import signal
import sys

from .tokenizers import tokenizer


def main() -> None:
    # Ctrl-C reaches the whole group; the parent decides, and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    split = tokenizer(sys.argv[1])
    for line in sys.stdin.buffer:
        result = [[token.text for token in split(text)] for text in json.loads(line)]
        sys.stdout.buffer.write(json.dumps(result).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
