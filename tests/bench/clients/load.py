#!/usr/bin/python3
"""One end of a measured load with the Python client, or its packing alone. See run.py for what it prints.

usage: load.py publish|work one|many ENDPOINT MESSAGES
       load.py pack|parse limit - MESSAGES     what the struct module allows: records of the same size, no socket, no client
"""
import json
import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "examples", "clients", "python"))
import yardmaster  # noqa: E402

BODY, BATCH, CREDIT, TOPIC = 100, 100, 2000, "job.load"
REST = bytes(BODY - 8)
number_of = struct.Struct("=Q")


def now():
    return time.monotonic_ns(), time.process_time()


def wait_for_go():
    print("ready", flush=True)
    sys.stdin.readline()
    return now()


def bodies(first, count):
    return [number_of.pack(number) + REST for number in range(first, first + count)]


def publish(how, endpoint, messages):
    with yardmaster.Producer(endpoint) as producer:
        producer.until(lambda: producer.connected)
        began, taken, waiting = wait_for_go(), 0, []
        for first in range(0, messages, BATCH):
            if how == "many":
                waiting += producer.publish_many("in", bodies(first, BATCH), topic=TOPIC)
            else:
                waiting += [producer.publish("in", body, topic=TOPIC) for body in bodies(first, BATCH)]
            if len(waiting) >= 40 * BATCH:  # a program that looks at each answer
                producer.until(lambda: waiting[len(waiting) // 2].done)
                taken += sum(one.ok for one in waiting if one.done)
                waiting = [one for one in waiting if not one.done]
        producer.flush()
        taken += sum(one.ok for one in waiting)
        return began, now(), taken, 0


def work(how, endpoint, messages):
    with yardmaster.Worker(endpoint, ["jobs"], CREDIT) as worker:
        worker.until(lambda: worker.connected)
        began, seen, total = wait_for_go(), 0, 0
        while seen < messages:
            if how == "many":
                batch = worker.receive_many(BATCH)
                total += sum(number_of.unpack_from(one.body)[0] for one in batch)
                seen += len(batch)
                worker.ack_many(batch)
            else:
                one = worker.receive()
                total += number_of.unpack_from(one.body)[0]
                seen += 1
                one.ack()
        worker.flush()
        return began, now(), seen, total


def pack(_, __, messages):
    """Every octet that a producer sends: a record each, joined by the batch."""
    fields = yardmaster.encode_fields({"topic": TOPIC})
    head, length, body_at = struct.Struct(">IHHQ"), 16 + len(fields) + BODY, 16 + len(fields)
    given = bodies(0, BATCH)
    began = wait_for_go()
    for first in range(0, messages, BATCH):
        frame = []
        for number, body in enumerate(given, first):
            frame += (head.pack(length, body_at, 0, number), fields, body)
        b"".join(frame)
    return began, now(), messages, 0


def parse(_, __, messages):
    """Every record of what a worker gets: its head, its fields and its body."""
    fields = yardmaster.encode_fields({"fence": 1, "first_accepted_ms": 1, "topic": TOPIC})
    head, length, body_at = struct.Struct(">IHHQ"), 16 + len(fields) + BODY, 16 + len(fields)
    frame = b"".join(head.pack(length, body_at, 1, number) + fields + body for number, body in enumerate(bodies(0, BATCH)))
    began = wait_for_go()
    for _ in range(0, messages, BATCH):
        at, got = 0, []
        while at < len(frame):
            size, start, attempt, tag = head.unpack_from(frame, at)
            got.append((attempt, tag, frame[at + 16:at + start], frame[at + start:at + size]))
            at += size
    return began, now(), messages, 0


if __name__ == "__main__":
    role, how, endpoint, messages = sys.argv[1:]
    work_of = {"publish": publish, "work": work, "pack": pack, "parse": parse}
    (began, cpu), (ended, cpu_then), count, total = work_of[role](how, endpoint, int(messages))
    print(json.dumps({"began": began, "ended": ended, "cpu": cpu_then - cpu, "count": count, "sum": total}))
