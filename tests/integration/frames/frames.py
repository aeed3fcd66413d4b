#!/usr/bin/python3
"""Single frames against the real broker: what it answers to first, repeated, late, large and broken ones.

usage: frames.py BUILD_DIR [unittest options]
"""
import os
import sys
import tempfile
import unittest

import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "behaviour"), os.path.join(HERE, "..", "..", "..", "examples", "clients", "python")]
from support import Broker  # noqa: E402
from yardmaster import (  # noqa: E402
    ACK, BYE, CONFIRM, CREDIT, DELIVER, ERROR, HEARTBEAT, HELLO, LOST, PUBLISH, RELEASE, REPLY, SETTLE, TELL_DURABLE, WELCOME,
    decode_fields, decode_frame, encode_fields, encode_frame)

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)


class Dealer:
    """A socket that sends what it is told, and hears everything but heartbeats."""

    def __init__(self, test, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger, self.socket.reconnect_ivl = 0, 10
        self.socket.connect(endpoint)
        test.addCleanup(self.socket.close)

    def send(self, *frame):
        self.socket.send(encode_frame(*frame))

    def hear(self):
        while self.socket.poll(10000):
            frame = decode_frame(self.socket.recv())
            if frame[0] != HEARTBEAT:
                return frame
        raise AssertionError("no answer within 10 s")

    def hello(self, session=b"s" * 16, queues=(), credit=0, lowest=1):
        self.send(HELLO, b"by hand", credit, [(0, lowest, encode_fields({"session": session, "versions": b"\1", "queue": list(queues)}), b"")])
        return self.hear()

    def publish(self, *sequences, to=b"hello", code=0, body=b"x"):
        self.send(PUBLISH, to, 0, [(code, sequence, b"", body) for sequence in sequences])

    def answers(self, count):
        """(sequence, status) of as many sequences, from CONFIRM or LOST."""
        got = []
        while len(got) < count:
            verb, _, _, records, _ = self.hear()
            assert verb in (CONFIRM, LOST), verb
            for status, first, fields, _ in records:
                if status:
                    got += [(one, status) for one in range(first, decode_fields(fields).get("through", first) + 1)]
        return got


class Frames(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ym-frames-")
        self.addCleanup(folder.cleanup)
        self.broker = Broker(os.path.join(BUILD, "yardmaster"), folder.name)
        self.addCleanup(self.broker.kill)

    def dealer(self, endpoint=None):
        return Dealer(self, endpoint or self.broker.endpoint)

    def small(self):
        """A peer of the listener with frames of 64 KiB, 20 records and 50 unconfirmed messages; and its WELCOME."""
        peer = self.dealer(self.broker.small)
        return peer, peer.hello()

    def assert_error(self, frame, status):
        self.assertEqual(frame[0], ERROR)
        self.assertEqual(frame[3][0][0], status)

    def test_welcome_tells_the_limits_of_the_listener(self):
        _, (verb, name, number, records, _) = self.small()
        told = decode_fields(records[0][2])
        self.assertEqual((verb, name, number), (WELCOME, b"yardmaster", 0))
        self.assertEqual((told["frame_max"], told["records_max"], told["through"]), (65536, 20, 50))
        self.assertEqual((told["heartbeat_ms"], told["last_tag"]), (100, 0))
        self.assertGreater(told["boot"], 0)
        self.assertGreater(told["broker_time_ms"], 1_600_000_000_000)

    def test_every_verb_of_an_unknown_peer_gets_428(self):
        peer = self.dealer()
        for verb in (PUBLISH, SETTLE, CREDIT, BYE):
            peer.send(verb, b"hello", 0, [(0, 1, b"", b"")])
            self.assert_error(peer.hear(), 428)
        self.assertEqual(peer.hello()[0], WELCOME)

    def test_an_accepted_sequence_is_a_duplicate_on_any_connection(self):
        peer = self.dealer()
        peer.hello()
        peer.publish(1, 2)
        peer.publish(2, 3)
        self.assertEqual(sorted(peer.answers(4)), [(1, 200), (2, 200), (2, 208), (3, 200)])
        other = self.dealer()
        self.assertEqual(other.hello()[2], 3)  # the highest accepted
        other.publish(3)
        self.assertEqual(other.answers(1), [(3, 208)])
        self.assertEqual(self.broker.queue("hello")["ledger"]["accepted"], 3)

    def test_a_refused_sequence_may_be_sent_again(self):
        peer = self.dealer()
        peer.hello(queues=["tiny"], credit=0)
        peer.publish(1, 2, 3, 4, 5, 6, to=b"tiny")
        self.assertEqual(dict(peer.answers(6))[6], 507)
        peer.send(CREDIT, b"", 1)
        self.assertEqual(peer.hear()[0], DELIVER)
        peer.send(SETTLE, b"", 1, [(ACK, 1, b"", b"")], TELL_DURABLE)
        self.assertEqual(peer.answers(1), [(1, 1000)])
        peer.publish(6, to=b"tiny")
        self.assertEqual(peer.answers(1), [(6, 200)])

    def test_a_sequence_beyond_the_window_gets_429(self):
        peer, _ = self.small()
        peer.publish(51)
        self.assertEqual(peer.answers(1), [(51, 429)])

    def test_a_frame_beyond_the_limit_gets_413_and_the_peer_goes_on(self):
        peer, _ = self.small()
        peer.publish(1, 2, body=bytes(33000))
        self.assertEqual(peer.answers(2), [(1, 413), (2, 413)])
        peer.publish(1)
        self.assertEqual(peer.answers(1), [(1, 200)])

    def test_a_frame_beyond_twice_the_limit_cuts_the_connection(self):
        peer, _ = self.small()
        peer.publish(1, body=bytes(200_000))
        peer.publish(1)
        self.assert_error(peer.hear(), 428)  # libzmq came back, and this was queued
        self.assertEqual(peer.hello()[0], WELCOME)

    def test_records_beyond_the_limit_are_refused_alone(self):
        peer, _ = self.small()
        peer.publish(*range(1, 26))
        answers = dict(peer.answers(25))
        self.assertEqual([answers[sequence] for sequence in range(1, 26)], [200] * 20 + [413] * 5)

    def test_a_bad_record_spoils_only_itself(self):
        peer = self.dealer()
        peer.hello()
        peer.send(PUBLISH, b"hello", 0, [(0, 1, b"", b"x"), (0, 2, b"\x7f\0\0", b"x"), (0, 3, b"\x08\0\1x", b"x"), (0, 4, b"", b"x")])
        self.assertEqual(sorted(peer.answers(4)), [(1, 200), (2, 400), (3, 400), (4, 200)])

    def test_garbage_is_answered_counted_and_survived(self):
        peer = self.dealer()
        peer.hello()
        for octets in (b"YMP1", b"YMP1\2", encode_frame(99), encode_frame(PUBLISH, b"hello") + b"\0\0\0\1" + bytes(12)):
            peer.socket.send(octets)
            self.assert_error(peer.hear(), 400)
        self.assertGreaterEqual(self.broker.status()["malformed"], 4)
        flood = self.dealer()
        for number in range(5000):
            flood.socket.send(bytes((number % 256,)) * (number % 50))
        peer.publish(1)
        while (verb := peer.hear()[0]) == ERROR:
            pass
        self.assertEqual(verb, CONFIRM)

    def test_another_version_gets_426(self):
        peer = self.dealer()
        peer.socket.send(b"YMP2" + bytes(12))
        self.assert_error(peer.hear(), 426)
        peer.send(HELLO, b"", 0, [(0, 1, encode_fields({"session": b"s" * 16, "versions": b"\2"}), b"")])
        self.assert_error(peer.hear(), 426)

    def test_a_hello_ends_the_earlier_use_of_its_session(self):
        first, second = self.dealer(), self.dealer()
        first.hello(queues=["hello"], credit=10)
        first.publish(1)
        self.assertEqual(sorted((first.hear()[0], first.hear()[0])), [CONFIRM, DELIVER])
        welcome = second.hello(queues=["hello"])
        self.assertEqual(decode_fields(welcome[3][0][2])["last_tag"], 1)
        first.publish(2)
        self.assert_error(first.hear(), 428)
        second.send(SETTLE, b"", 10, [(ACK, 1, b"", b"")], TELL_DURABLE)  # what the first was given
        self.assertEqual(second.answers(1), [(1, 1000)])

    def test_a_stale_tag_and_one_that_never_was_are_refused(self):
        peer = self.dealer()
        peer.hello(queues=["hello"], credit=10)
        peer.publish(1)
        self.assertEqual(sorted((peer.hear()[0], peer.hear()[0])), [CONFIRM, DELIVER])
        for _ in range(2):
            peer.send(SETTLE, b"", 10, [(ACK, 1, b"", b"")], TELL_DURABLE)
        self.assertEqual(sorted(peer.answers(2)), [(1, 409), (1, 1000)])
        peer.send(SETTLE, b"", 10, [(ACK, 77, b"", b"")])
        self.assertEqual(peer.answers(1), [(77, 409)])
        peer.send(SETTLE, b"", 10, [(RELEASE, 1, encode_fields({"through": 1 << 63}), b"")])  # a range that no loop may walk
        self.assertEqual(peer.hear()[0], LOST)

    def test_a_request_that_is_sent_again_has_one_reply(self):
        peer = self.dealer()
        peer.hello(queues=["hello"], credit=10)
        peer.publish(1, 1, code=1)
        heard = [peer.hear() for _ in range(2)]
        self.assertEqual({frame[0] for frame in heard}, {CONFIRM, DELIVER})
        peer.send(SETTLE, b"", 10, [(ACK, 1, b"", b"done")])
        verb, _, number, records, _ = peer.hear()
        self.assertEqual((verb, number, records[0][0], records[0][3]), (REPLY, 1, 200, b"done"))
        self.assertEqual(self.broker.status()["replies_sent"], 1)

    def test_bye_is_answered_when_all_before_it_is_applied(self):
        peer = self.dealer()
        peer.hello(queues=["hello"], credit=10)
        peer.publish(1)
        self.assertEqual(sorted((peer.hear()[0], peer.hear()[0])), [CONFIRM, DELIVER])
        peer.send(SETTLE, b"", 10, [(ACK, 1, b"", b"")])
        peer.send(BYE)
        self.assertEqual(peer.hear()[0], BYE)
        self.assertEqual(self.broker.queue("hello")["ledger"]["acked"], 1)
        peer.publish(2)
        self.assert_error(peer.hear(), 428)


if __name__ == "__main__":
    unittest.main()
