#!/usr/bin/python3
"""Faults on real processes: breaks a broker, its producers, its workers and its disk on purpose, and counts what came of it.

usage: run.py NAME... [--build DIR] [--count N] [--seed S] [--long] [--json] [--store memory] [--keep]

Each fault prints one row: fault, injected, attempted, confirmed, acked, duplicates, lost, unexpected, seed; and ends with 1 if anything
was found. Counts are small without --long. `run.py list` names the faults.
"""
import argparse
import json
import os
import random
import signal
import sys
import time

import broker_faults
import disk_faults
import harness
import nemesis
import peers_faults
from harness import Failed, Row, print_row

FAULTS = {**peers_faults.FAULTS, **broker_faults.FAULTS, **disk_faults.FAULTS, **nemesis.FAULTS}


def rows_of(what):
    """A fault gives one row, none, or a row after the other."""
    if isinstance(what, Row):
        yield what
    else:
        yield from what


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="NAME", choices=[*FAULTS, "all", "list"])
    parser.add_argument("--build", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "release"))
    parser.add_argument("--count", type=int, help="how often the fault is injected")
    parser.add_argument("--seed", type=int, help="of everything that is drawn; another one each time")
    parser.add_argument("--long", action="store_true", help="as often as `./dev torture` wants it")
    parser.add_argument("--json", action="store_true", help="rows as JSON, one a line")
    parser.add_argument("--store", choices=["memory"], help="without the log: nothing survives the broker")
    parser.add_argument("--steps", action="store_true", help="say on standard error what is waited for")
    parser.add_argument("--keep", action="store_true", help="leave the folders of the runs")
    wanted = parser.parse_args()
    if "list" in wanted.names:
        for name, (fault, short, long) in FAULTS.items():
            print(f"{name:<16} {short:>8} {long:>8}  {fault.__doc__}")
        return 0
    harness.steps = wanted.steps
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left running, or mounted
    names = list(FAULTS) if "all" in wanted.names else wanted.names
    failed, heading = 0, True
    for name in names:
        fault, short, long = FAULTS[name]
        settings = argparse.Namespace(build=wanted.build, keep=wanted.keep, long=wanted.long,
                                      store="{plugin: memory}" if wanted.store else None,
                                      seed=random.randrange(1, 100_000) if wanted.seed is None else wanted.seed,
                                      count=wanted.count or (long if wanted.long else short))
        began = time.monotonic()
        try:
            for one in rows_of(fault(settings)):
                if wanted.json:
                    print(json.dumps(one._asdict()), flush=True)
                else:
                    print_row(one, heading)
                heading = False
                failed |= bool(one.bad)
        except Failed as why:
            print(f"{name} with seed {settings.seed} FAILED: {why}", flush=True)
            failed = 1
        if not wanted.json:
            print(f"    {time.monotonic() - began:.1f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
