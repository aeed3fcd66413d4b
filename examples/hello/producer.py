#!/usr/bin/env python3
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "clients", "python"))
from yardmaster import Producer

with Producer(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555") as producer:
    print(producer.request("hello", "world", topic="greeting").decode())
