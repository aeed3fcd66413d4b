#!/usr/bin/python3
"""A producer and a worker with the Python client, as kinds.py wants them.

usage: peers.py producer ENDPOINT ADDRESS < LINES     publishes each line as a request, prints "LINE STATUS REPLY" for each
       peers.py worker ENDPOINT QUEUE [MS]            answers with the body in capitals, after as many ms, until SIGTERM
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "examples", "clients", "python"))
from yardmaster import Producer, Worker  # noqa: E402


def produce(endpoint, address):
    with Producer(endpoint, name="python producer") as producer:
        waiting = [producer.publish(address, line, reply=True) for line in sys.stdin.read().splitlines()]
        while waiting:
            producer.poll(0.1)
            for one in waiting:
                if one.done:
                    print(one.sequence, one.reply or one.status, one.parts[-1].decode() if one.parts else "", flush=True)
            waiting = [one for one in waiting if not one.done]


def work(endpoint, queue, milliseconds="0"):
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    with Worker(endpoint, [queue], 10, name="python worker") as worker:
        while going:
            one = worker.receive(0.1)
            if one is not None:
                time.sleep(int(milliseconds) / 1000)
                one.ack(one.body.upper())


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    {"producer": produce, "worker": work}[sys.argv[1]](*sys.argv[2:])
