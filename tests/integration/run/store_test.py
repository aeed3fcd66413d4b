"""A broker whose store is on disk: how it starts, and how it ends when the store does not let it.

usage: store_test.py YARDMASTER [unittest options]     PYTHONPATH holds examples/clients/python
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

import yardmaster

PROGRAM = sys.argv.pop(1)
PATIENCE = 30  # seconds until anything at all must have happened


class Broker:
    """`yardmaster run` over the log in `folder`/data; its sockets have names of their own."""

    def __init__(self, folder, name="broker", more=""):
        self.file = os.path.join(folder, name + ".yaml")
        self.endpoint = f"ipc://{folder}/{name}.main"
        with open(self.file, "w") as file:
            file.write(
                f"yardmaster: 1\nlisteners: {{main: {{bind: ['{self.endpoint}'], limits: {{frame: 64KiB}}}}}}\n"
                f"admin: {{bind: 'ipc://{folder}/{name}.admin'}}\n"
                f"store: {{plugin: log, dir: {folder}/data, segment: 4MiB, reserve: 0B{more}}}\n"
                "queues: {hello: {}}\n"
            )

    def __enter__(self):
        self.process = subprocess.Popen(
            [PROGRAM, "run", self.file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def end(self, *signals):
        """Sends each signal; returns the exit code, what was printed and what was logged."""
        for number in signals:
            self.process.send_signal(number)
        out, log = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, log

    def publish(self, count):
        if self.process.poll() is not None:
            raise AssertionError("the broker has ended: " + self.process.stderr.read())
        with yardmaster.Producer(self.endpoint) as producer:
            for number in range(count):
                producer.publish("hello", b"message %d" % number)


def octets_of_files(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


class Store(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def test_says_what_it_read_back(self):
        with Broker(self.folder) as first:
            first.publish(100)
            code, out, log = first.end(signal.SIGTERM)
        self.assertEqual((code, "read back" in log), (0, False), log)
        self.assertIn("100 messages are kept in the store for the next start.", out)
        with Broker(self.folder) as second:
            second.publish(1)
            code, out, log = second.end(signal.SIGTERM)
        self.assertEqual(code, 0, log)
        self.assertRegex(log, r"read back \d+ batches with \d+ records in \d+ ms: 100 messages are in queues")
        self.assertIn("101 messages are kept in the store for the next start.", out)

    def test_exits_75_while_another_broker_has_it(self):
        with Broker(self.folder) as first:
            first.publish(1)
            with Broker(self.folder, "second") as second:
                code, out, log = second.end()
            self.assertEqual(code, 75, log)
            self.assertIn("It served nobody", out)
            self.assertIn("another broker has this store: stop it, or give this one a store of its own", log)
            first.publish(1)
            self.assertEqual(first.end(signal.SIGTERM)[0], 0)

    def test_exits_74_with_the_range_when_it_is_damaged(self):
        with Broker(self.folder) as broker:
            for _ in range(3):
                broker.publish(10)
            self.assertEqual(broker.end(signal.SIGTERM)[0], 0)
        folder = os.path.join(self.folder, "data", "shard-0")
        oldest = min(name for name in os.listdir(folder) if name.startswith("seg-"))
        with open(os.path.join(folder, oldest), "r+b") as file:
            file.seek(file.read().index(b"message 7"))
            file.write(b"MESSAGE")
        before = octets_of_files(folder)
        with Broker(self.folder) as broker:
            code, out, log = broker.end()
        self.assertEqual(code, 74, log)
        self.assertIn("It served nobody", out)
        self.assertTrue(re.search(rf"damaged: {oldest} octets \d+\.\.\d+: batch", log), log)
        self.assertTrue(before == octets_of_files(folder), "the log was changed")
        # The loss is accepted: what is left comes back, though the batch that is gone told the queue's name.
        digest = re.search(r'set accept_loss: "(\w+)"', log).group(1)
        with Broker(self.folder, more=f', accept_loss: "{digest}"') as broker:
            broker.publish(1)
            code, out, log = broker.end(signal.SIGTERM)
        self.assertEqual(code, 0, log)
        self.assertRegex(out, r"unnamed-0 \(orphan\) +20 ")
        self.assertIn("21 messages are kept in the store for the next start.", out)

    def test_exits_74_when_it_cannot_be_opened(self):
        with open(os.path.join(self.folder, "data"), "w"):
            pass
        with Broker(self.folder) as broker:
            code, _, log = broker.end()
        self.assertEqual(code, 74, log)
        self.assertIn("data", log)


if __name__ == "__main__":
    unittest.main()
