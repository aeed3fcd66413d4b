#!/usr/bin/env python3
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "clients", "python"))
from yardmaster import Worker

with Worker(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555", ["hello"]) as worker:
    for delivery in worker:
        delivery.ack("hello, " + delivery.body.decode())
