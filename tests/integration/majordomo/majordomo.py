#!/usr/bin/python3
"""Majordomo and Paranoid Pirate against the real broker.

usage: majordomo.py BUILD_DIR [unittest options]
"""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "behaviour")]
from peers import Client, Worker  # noqa: E402
from support import Broker  # noqa: E402

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)
DIALECTS = ("mdp01", "mdp02", "mdp02-shifted")


class Majordomo(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ym-majordomo-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.broker = Broker(os.path.join(BUILD, "yardmaster"), folder.name, os.path.join(HERE, "broker.yaml"))
        self.addCleanup(self.broker.kill)

    def ports(self, dialect):
        """Where clients of the dialect connect, and where its workers do."""
        if not dialect.startswith("ppp"):
            return self.broker.endpoint, self.broker.endpoint
        return f"{self.broker.endpoint}-tasks-clients", f"{self.broker.endpoint}-tasks-workers"

    def start_worker(self, dialect, service="tasks"):
        process = subprocess.Popen([sys.executable, os.path.join(HERE, "peers.py"), "worker", dialect, self.broker.endpoint, service])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def worker(self, dialect, service="tasks"):
        worker = Worker(dialect, self.ports(dialect)[1], service)
        self.addCleanup(lambda: worker.socket.close())
        return worker

    def client(self, dialect, service="tasks"):
        client = Client(dialect, self.ports(dialect)[0], service)
        self.addCleanup(lambda: client.socket.close())
        return client

    def dealer(self):
        peer = zmq.Context.instance().socket(zmq.DEALER)
        peer.linger, peer.sndhwm, peer.rcvhwm = 0, 0, 0
        peer.connect(self.broker.endpoint)
        self.addCleanup(peer.close)
        return peer

    def take(self, worker, patience=5.0):
        until = time.monotonic() + patience
        while time.monotonic() < until:
            request = worker.request()
            if request:
                return request
        raise AssertionError("the worker got no request")

    def test_every_dialect_of_client_is_served_by_every_dialect_of_worker(self):
        for worker_dialect in (*DIALECTS, "ppp-octets", "ppp-words"):
            process = self.start_worker(worker_dialect)
            for dialect in (*DIALECTS, "ppp-octets"):
                with self.subTest(worker=worker_dialect, client=dialect):
                    answers = []
                    lines = [f"{dialect} {number}" for number in range(50)]
                    again = self.client(dialect).run(lines, 10, lambda number, body: answers.append(body))
                    self.assertEqual((again, sorted(answers)), (0, sorted(line.upper() for line in lines)))
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(10), 0)
            if worker_dialect.startswith("ppp"):  # it has no word for its end
                self.broker.kill()
                self.broker.start()

    def test_a_request_in_the_hand_of_a_killed_worker_is_with_another_within_a_second(self):
        for dialect in DIALECTS:
            with self.subTest(worker=dialect):
                first = self.start_worker(dialect, f"kill-{dialect}")
                client = self.client("mdp02", f"kill-{dialect}")
                client.ask(b"warm")
                self.assertEqual(client.hear(10.0), [b"WARM"])
                first.send_signal(signal.SIGSTOP)
                client.ask(b"x")
                second = self.worker(dialect, f"kill-{dialect}")
                # The stopped one is idle and first in line: it has the request.
                time.sleep(0.2)
                self.assertIsNone(second.request())
                first.kill()
                killed = time.monotonic()
                token, body = self.take(second)
                self.assertLess(time.monotonic() - killed, 1.0)
                second.reply(token, [b"X"])
                self.assertEqual(client.hear(), [b"X"])
                self.assertIsNone(client.hear(0.3))

    def test_a_client_that_asks_a_hundred_thousand_times_before_it_reads_gets_as_many_replies(self):
        count = 100_000
        for _ in range(2):
            self.start_worker("mdp01", "echo")
        client = self.client("mdp01", "echo")
        for number in range(count):
            client.ask(b"%d" % number)
        seen = set()
        while len(seen) < count:
            body = client.hear(20.0)
            self.assertIsNotNone(body, f"{len(seen)} replies")
            self.assertNotIn(body[0], seen)
            seen.add(body[0])

    def test_req_sockets_work_with_and_without_a_number_in_their_envelope(self):
        self.start_worker("mdp01", "echo")
        for correlate in (0, 1):
            with self.subTest(correlate=correlate):
                peer = zmq.Context.instance().socket(zmq.REQ)
                peer.linger, peer.req_correlate = 0, correlate
                peer.connect(self.broker.endpoint)
                self.addCleanup(peer.close)
                for number in range(20):
                    peer.send_multipart([b"MDPC01", b"echo", b"body %d" % number, b"more"])
                    self.assertTrue(peer.poll(5000))
                    self.assertEqual(peer.recv_multipart(), [b"MDPC01", b"echo", b"BODY %d" % number, b"MORE"])

    def test_partial_replies_come_one_by_one_or_gathered(self):
        worker = self.worker("mdp02", "parts")
        for dialect, expected in (("mdp02", [[b"MDPC02", b"\2", b"parts", b"1"], [b"MDPC02", b"\3", b"parts", b"2", b"3"]]),
                                  ("mdp02-shifted", [[b"", b"MDPC02", b"\3", b"1"], [b"", b"MDPC02", b"\4", b"2", b"3"]]),
                                  ("mdp01", [[b"", b"MDPC01", b"parts", b"1", b"2", b"3"]])):
            with self.subTest(client=dialect):
                client = self.client(dialect, "parts")
                client.ask(b"x")
                token, _ = self.take(worker)
                worker.say(2, token, b"", b"1")
                worker.say(3, token, b"", b"2", b"3")
                worker.say(2, b"undefined", b"", b"stray")
                got = []
                while len(got) < len(expected):
                    self.assertTrue(client.socket.poll(5000))
                    got.append(client.socket.recv_multipart())
                self.assertEqual(got, expected)

    def test_hostile_and_unexpected_messages_disturb_nobody(self):
        self.start_worker("mdp01", "echo")
        client = self.client("mdp01", "echo")
        client.ask(b"before")
        self.assertEqual(client.hear(), [b"BEFORE"])
        hostile = [[b"x"], [b""], [b"", b"MDPC01"], [b"", b"MDPC01", b"echo"], [b"", b"MDPW01"], [b"", b"MDPW01", b"\1"],
                   [b"", b"MDPW01", b"\3"], [b"", b"MDPW01", b"\1", b"mmi.x"], [b"", b"MDPW01", b"\4"], [b"", b"MDPW01", b"\x09"],
                   [b"MDPC02", b"\x09", b"echo", b"x"], [b"", b"MDPW01", b"\3", b"\0\1\2\3", b"", b"x"], [b"x"] * 2000,
                   [b""] * 2000, [b"", b"MDPC01", b"echo", *([b"y"] * 2000)], [b"", b"MDPW01", b"\1", b"s" * 300]]
        for frames in hostile:
            with self.subTest(frames=frames[:4]):
                self.dealer().send_multipart(frames)
                client.ask(b"still there")
                self.assertEqual(client.hear(), [b"STILL THERE"])
        # A worker that says READY twice is sent away, and only that one.
        twice = self.worker("mdp01", "echo")
        twice.say(0, b"echo")
        client.ask(b"and now")
        self.assertEqual(client.hear(), [b"AND NOW"])

    def test_mmi_tells_which_services_have_a_worker(self):
        client = self.client("mdp01", "mmi.service")
        client.ask(b"echo")
        self.assertEqual(client.hear(), [b"404"])
        worker = self.worker("mdp02", "echo")
        probe = self.client("mdp02", "echo")
        probe.ask(b"x")
        self.take(worker)
        client.ask(b"first", b"echo")
        self.assertEqual(client.hear(), [b"first", b"200"])
        other = self.client("mdp02-shifted", "mmi.nothing")
        other.ask(b"echo")
        self.assertEqual(other.hear(), [b"501"])

    def test_a_service_may_be_an_address_of_another_name(self):
        worker = self.worker("mdp01", "renamed")
        client = self.client("mdp02", "Old Name")
        client.ask(b"x")
        token, body = self.take(worker)
        worker.reply(token, [b"y"])
        self.assertEqual(client.hear(), [b"y"])

    def test_a_refused_request_is_silence_and_a_count(self):
        client = self.client("mdp01", "tiny")
        client.ask(b"taken")
        client.ask(b"refused")
        self.assertIsNone(client.hear(0.3))
        self.assertEqual(self.broker.status()["refused"], 1)

    def test_a_worker_registers_again_with_a_broker_that_was_killed_and_started(self):
        worker = self.start_worker("mdp01", "echo")
        client = self.client("mdp01", "echo")
        client.ask(b"x")
        self.assertEqual(client.hear(), [b"X"])
        self.broker.kill()
        self.broker.start()
        client.ask(b"y")
        self.assertEqual(client.hear(10.0), [b"Y"])
        self.assertIsNone(worker.poll())

    def test_drain_sends_workers_away_when_they_are_done(self):
        worker = self.worker("mdp01", "echo")
        client = self.client("mdp01", "echo")
        client.ask(b"x")
        token, body = self.take(worker)
        self.broker.signal(signal.SIGTERM)
        time.sleep(0.2)
        worker.reply(token, [b"X"])
        self.assertEqual(client.hear(), [b"X"])
        self.assertEqual(self.broker.lines.process.wait(10), 0)
        frames = []
        while worker.socket.poll(1000):
            frames.append(worker.socket.recv_multipart())
        self.assertIn([b"", b"MDPW01", b"\5"], frames)


class MajordomoThatTells(Majordomo):
    """With on_refused: reply."""

    def setUp(self):
        os.environ["YM_ON_REFUSED"] = "reply"
        self.addCleanup(os.environ.pop, "YM_ON_REFUSED")
        super().setUp()

    def test_a_refused_request_is_told(self):
        client = self.client("mdp02", "tiny")
        client.ask(b"taken")
        client.ask(b"refused")
        self.assertTrue(client.hear()[0].startswith(b"507 "))


def load_tests(loader, _tests, _pattern):
    """Of the second class, its own test alone."""
    suite = unittest.TestSuite([loader.loadTestsFromTestCase(Majordomo)])
    suite.addTest(MajordomoThatTells("test_a_refused_request_is_told"))
    return suite


if __name__ == "__main__":
    unittest.main()
