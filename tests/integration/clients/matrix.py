#!/usr/bin/python3
"""Every kind of producer with every kind of worker, one of which is killed with messages in its hands: each request gets its answer,
once, and what the dead worker held is delivered again.

usage: matrix.py BUILD_DIR [WORKER_KIND...]
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

import kinds
from support import Broker, Failed

REQUESTS = 200


def until(condition, what, patience=30.0):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"not within {patience} s: {what}")
        time.sleep(0.02)


def row(build, folder, broker, kind):
    """All producers at once against three workers of one kind; returns the cells of its row and the number of redeliveries."""
    crew, requesters = [], {}
    command = [*kinds.workers(build)[kind], broker.endpoint, kind, "3"]

    def workers():
        return [peer for peer in broker.status()["peers"] if peer["queues"]]

    try:
        crew.append(subprocess.Popen(command))
        until(workers, "the first worker")
        first = workers()[0]["session"]
        crew += [subprocess.Popen(command) for _ in range(2)]
        until(lambda: len(workers()) == 3, "three workers")
        for name, producer in kinds.producers(build).items():
            requesters[name] = kinds.Requester(producer, broker.endpoint, kind, [f"{name} {number}" for number in range(REQUESTS)], folder)
        hands = kinds.HANDS[kind]
        until(lambda: broker.queue(kind)["ledger"]["accepted"] > 0, "the first request")
        crew[0].send_signal(signal.SIGSTOP)  # what it gets now stays in its hands
        until(lambda: any(peer["session"] == first and 2 * peer["in_flight"] > hands for peer in workers()), "its share")
        crew[0].kill()
        cells = {}
        for name, one in requesters.items():
            code = one.finish(60)
            cells[name] = one.faults() + [f"exit code {code}"] * (code != 0)
        for worker in crew[1:]:
            worker.terminate()
            if worker.wait(10) != 0:
                raise Failed(f"a worker left with {worker.returncode}")
        return cells, broker.queue(kind)["redelivered"]
    finally:
        for worker in crew:
            worker.kill()
            worker.wait()
        for one in requesters.values():
            one.kill()


def main(build, *only):
    failed = False
    with tempfile.TemporaryDirectory(prefix="ym-clients-") as folder:
        broker = Broker(os.path.join(build, "yardmaster"), folder, os.path.join(kinds.HERE, "broker.yaml"))
        try:
            print(f"{REQUESTS} requests in each cell; one of three workers of each row was killed\n")
            print(f"{'worker':<10}" + "".join(f"{name:>10}" for name in kinds.producers(build)) + f"{'redelivered':>14}", flush=True)
            for kind in only or kinds.workers(build):
                cells, redelivered = row(build, folder, broker, kind)
                shown = "".join(f"{'FAILED' if faults else REQUESTS:>10}" for faults in cells.values())
                print(f"{kind:<10}{shown}{redelivered:>14}", flush=True)
                for name, faults in cells.items():
                    failed |= bool(faults)
                    print("".join(f"  {name} with {kind}: {fault}\n" for fault in faults[:5]), end="")
                if not redelivered:
                    failed = True
                    print(f"  {kind}: nothing was delivered again, so that the kill was no test")
        finally:
            broker.kill()
    return int(failed)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), *sys.argv[2:]))
