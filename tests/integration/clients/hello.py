#!/usr/bin/python3
"""The first example in Node: its producer gets the answer of its worker.

usage: hello.py BUILD_DIR     (examples.py of ../cli runs those in Python and C++)
"""
import os
import subprocess
import sys
import tempfile

import kinds
from support import Broker, node

HELLO = os.path.join(kinds.EXAMPLES, "..", "hello")


def main(build):
    with tempfile.TemporaryDirectory(prefix="ym-hello-") as folder:
        broker = Broker(os.path.join(build, "yardmaster"), folder)  # the broker of the behaviours has a queue `hello`
        worker = subprocess.Popen([*node(build), os.path.join(HELLO, "worker.js"), broker.endpoint])
        try:
            producer = [*node(build), os.path.join(HELLO, "producer.js"), broker.endpoint]
            answer = subprocess.run(producer, stdout=subprocess.PIPE, check=True, timeout=60).stdout
        finally:
            worker.kill()
            worker.wait()
            broker.kill()
    print(answer.decode(), end="")
    return int(answer != b"hello, world\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
