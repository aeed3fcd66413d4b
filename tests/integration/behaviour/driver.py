#!/usr/bin/python3
"""The Python client, driven by lines of JSON: one command in, one answer out. driver.cc does the same for the C++ client, so that
one list of behaviours (behaviours.py) holds for both. While no command comes the client is polled; `sleep` does not poll it."""
import json
import os
import select
import sys
import time
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "examples", "clients", "python"))
import yardmaster  # noqa: E402


class Driver:
    def __init__(self):
        self.client, self.fault, self.published, self.deliveries, self.lost = None, None, {}, {}, []

    def guarded(self, call, *arguments):
        """Runs a call of the client; what the broker refuses for good is kept as the fault."""
        try:
            return call(*arguments)
        except yardmaster.Refused as refused:
            self.fault = [refused.status, refused.text]
            return None

    def until(self, condition, timeout):
        end = time.monotonic() + timeout
        while not self.fault and not condition() and time.monotonic() < end:
            self.guarded(self.client.poll, min(0.05, max(0.0, end - time.monotonic())))
        return bool(condition())

    def producer(self, endpoint, retry=0.0, heartbeat=0.1):
        self.client = yardmaster.Producer(endpoint, name="behaviour producer", retry=retry, heartbeat=heartbeat)

    def worker(self, endpoint, queues, credit=10, name="behaviour worker", heartbeat=0.1):
        self.client = yardmaster.Worker(endpoint, queues, credit, name, self.on_lost, heartbeat)

    def on_lost(self, delivery, status):
        self.lost.append([delivery.tag, status])

    def publish(self, to, bodies=None, size=0, count=1, reply=False, **fields):
        bodies = bodies if bodies is not None else ["x" * size] * count
        if len(bodies) > 1:
            self.published.update((one.sequence, one) for one in self.client.publish_many(to, bodies, reply, **fields))
            bodies = []
        for body in bodies:
            try:
                one = self.client.publish(to, body, reply, **fields)
            except yardmaster.Refused as refused:  # it has no sequence, and stands between its neighbours
                one = types.SimpleNamespace(sequence=max(self.published, default=0) + 0.5, status=refused.status, text=refused.text,
                                            done=True, reply=None)
            self.published[one.sequence] = one
        return {"sequences": list(self.published)}

    def flush(self, timeout, replies=False):
        def done():
            return all(one.done if replies else one.status is not None for one in self.published.values())
        return {"done": self.until(done, timeout)}

    def answers(self):
        return {"answers": [[sequence, one.status, one.text] for sequence, one in sorted(self.published.items())
                            if one.status is not None]}

    def replies(self):
        return {"replies": [[sequence, one.reply, [part.decode() for part in one.parts or []]]
                            for sequence, one in sorted(self.published.items()) if one.reply is not None]}

    def request(self, to, body, timeout):
        try:
            return {"status": 200, "body": self.client.request(to, body, timeout).decode()}
        except yardmaster.Refused as refused:
            return {"status": refused.status, "body": ""}

    def receive(self, count, timeout):
        end, got = time.monotonic() + timeout, []
        while len(got) < count and time.monotonic() < end and not self.fault:
            for one in self.guarded(self.client.receive_many, count - len(got), min(0.1, max(0.0, end - time.monotonic()))) or ():
                self.deliveries[one.tag] = one
                headers = {name: value.decode() for name, value in one.fields.get("headers", {}).items()}
                got.append({"tag": one.tag, "attempt": one.attempt, "queue": one.queue, "body": one.body.decode(), "headers": headers,
                            "fence": one.fields["fence"], "topic": one.fields.get("topic", ""), "key": one.fields.get("key", "")})
        return {"deliveries": got}

    def settle(self, tags, how, reply="", text="", retry_after_ms=0, poll=True, sleep=0.0):
        time.sleep(sleep)
        queued = []
        if how == "ack" and not reply and len(tags) > 1:
            many, tags = [self.deliveries[tag] for tag in tags], []
            queued = [self.client.held.get(one.tag) is one for one in many]
            if self.client.ack_many(many) != sum(queued):
                queued = ["ack_many() miscounts"]
        for tag in tags:
            one = self.deliveries[tag]
            if how in ("ack", "part"):
                queued.append(getattr(one, how)(reply))
            elif how in ("nack", "reject"):
                queued.append(getattr(one, how)(text=text))
            elif how == "throttle":
                queued.append(one.throttle(retry_after_ms=retry_after_ms))
            else:
                queued.append(getattr(one, how)())
        if poll:
            self.guarded(self.client.poll)
        return {"queued": queued}

    def losses(self, count, timeout):
        self.until(lambda: len(self.lost) >= count, timeout)
        return {"lost": self.lost}

    def state(self):
        return {"connected": self.client.connected, "fault": self.fault, "held": len(getattr(self.client, "held", ()))}

    def wait_connected(self, timeout):
        return {"connected": self.until(lambda: self.client.connected, timeout)}

    def sleep(self, seconds):
        time.sleep(seconds)

    def close(self, timeout=5.0):
        self.guarded(self.client.close, timeout)
        self.client = None


def main():
    driver = Driver()
    while True:
        if not select.select([sys.stdin], [], [], 0 if driver.client and not driver.fault else None)[0]:
            driver.guarded(driver.client.poll, 0.005)
            continue
        line = sys.stdin.readline()
        if not line:
            return
        command = json.loads(line)
        answer = getattr(driver, command.pop("do"))(**command)
        print(json.dumps(answer or {}), flush=True)


if __name__ == "__main__":
    main()
