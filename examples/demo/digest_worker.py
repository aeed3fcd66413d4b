#!/usr/bin/python3
"""A worker in Python: answers each message with the SHA-256 of its body, in hex.

    digest_worker.py ENDPOINT NAME CREDIT QUEUE...

Lines on standard input make it stumble, for the demo:
    hold N    take N messages and keep them, their leases extended; says `holding N`
    freeze    while holding: say `frozen`, then neither send nor hear anything until the next line, then answer them all
    end       leave; so does the end of the input
"""
import hashlib
import os
import select
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients", "python"))
from yardmaster import Worker  # noqa: E402


def digest(body):
    return hashlib.sha256(body).hexdigest()


def command():
    """The next command; empty if there is none."""
    return (sys.stdin.readline().strip() or "end") if select.select([sys.stdin], [], [], 0)[0] else ""


def hold(worker, count):
    """False when it is to leave."""
    held, line = [], ""
    while not line:
        if len(held) < count:
            delivery = worker.receive(0.05)
            held += [delivery] if delivery else []
            if len(held) == count:
                print("holding", count, flush=True)
        else:
            for delivery in held:
                delivery.extend()
            worker.poll(0.1)
        line = command()
    if line == "end":
        return False
    worker.poll()
    print("frozen", flush=True)
    sys.stdin.readline()
    for delivery in held:
        delivery.ack(digest(delivery.body))
    worker.poll()
    return True


def main(endpoint, name, credit, *queues):
    answered, lost = 0, []
    with Worker(endpoint, queues, int(credit), name, on_lost=lambda delivery, status: lost.append(status)) as worker:
        while (line := command()) != "end":
            if line.startswith("hold "):
                if not hold(worker, int(line.split()[1])):
                    break
            elif delivery := worker.receive(0.05):
                delivery.ack(digest(delivery.body))
                answered += 1
    print(f"answered {answered}, too late {len(lost)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
