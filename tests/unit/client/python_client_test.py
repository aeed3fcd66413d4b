"""The Python client passes every vector of core/wire, both ways, and keeps its promise of size.

usage: python_client_test.py (from anywhere; paths are found from this file)
"""
import ast
import collections
import json
import os
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
CLIENT = os.path.join(ROOT, "examples", "clients", "python")
sys.path.insert(0, CLIENT)
import yardmaster  # noqa: E402

with open(os.path.join(ROOT, "core", "wire", "vectors.json"), encoding="utf-8") as opened:
    VECTORS = json.load(opened)["vectors"]


def name_here(field):
    return "headers" if field == "property" else field.replace("-", "_")


def value_of(field):
    """The value that a vector gives, as the client shows it."""
    if "number" in field:
        return int(field["number"])
    return field["text"] if "text" in field else bytes.fromhex(field["hex"])


def expected_fields(fields):
    """The dict that the client makes of a vector's list of fields: of a repeated one the last counts."""
    wanted = {}
    for field in fields:
        name = name_here(field["field"]) if "field" in field else field["tag"]
        if name == "headers":
            wanted.setdefault(name, {})[field["name"]] = field["value"].encode()
        else:
            wanted[name] = value_of(field)
    return wanted


def must_refuse(field):
    """A value of the wrong form, or a field that has to be understood."""
    return "bad" in field or ("tag" in field and field["tag"] < 0x80)


class Vectors(unittest.TestCase):
    def test_good_frames_are_decoded(self):
        for vector in VECTORS:
            if "error" in vector or any("error" in record for record in vector["decoded"]["records"]):
                continue
            with self.subTest(vector["name"], why=vector["why"]):
                self.check_decoded(vector["hex"], vector["decoded"])

    def check_decoded(self, octets, decoded):
        verb, name, number, records, flags = yardmaster.decode_frame(bytes.fromhex(octets))
        self.assertEqual(verb, getattr(yardmaster, decoded["verb"]))
        self.assertEqual((name.decode("utf-8"), number, flags), (decoded["name"], int(decoded["number"]), decoded["flags"]))
        self.assertEqual(len(records), len(decoded["records"]))
        for (code, ident, fields, body), wanted in zip(records, decoded["records"]):
            wanted_body = bytes.fromhex(wanted["body_hex"]) if "body_hex" in wanted else wanted["body"].encode()
            self.assertEqual((code, ident, body), (wanted["code"], int(wanted["id"]), wanted_body))
            if any(must_refuse(field) for field in wanted["fields"]):
                self.assertRaises(yardmaster.Refused, yardmaster.decode_fields, fields)
            else:
                self.assertEqual(yardmaster.decode_fields(fields), expected_fields(wanted["fields"]))

    def test_good_frames_are_encoded(self):
        fields_encoded = 0
        for vector in VECTORS:
            if "error" in vector or any("error" in record for record in vector["decoded"]["records"]):
                continue
            with self.subTest(vector["name"]):
                verb, name, number, records, flags = yardmaster.decode_frame(bytes.fromhex(vector["hex"]))
                self.assertEqual(yardmaster.encode_frame(verb, name, number, records, flags).hex(), vector["hex"])
                for (_, _, fields, _), wanted in zip(records, vector["decoded"]["records"]):
                    names = [field.get("field") for field in wanted["fields"]]
                    distinct = [field.get("name", field.get("field")) for field in wanted["fields"] if field.get("field") != "queue"]
                    repeated = len(set(distinct)) < len(distinct)
                    if repeated or None in names or any(must_refuse(field) for field in wanted["fields"]):
                        continue  # what this client would not say
                    given = expected_fields(wanted["fields"])
                    if "queue" in given:  # a list repeats the field
                        given["queue"] = [field["text"] for field in wanted["fields"] if field["field"] == "queue"]
                    self.assertEqual(yardmaster.encode_fields(given).hex(), fields.hex())
                    fields_encoded += len(names)
        self.assertGreater(fields_encoded, 40)

    def test_malformed_frames_are_refused_with_their_status(self):
        refused = 0
        for vector in VECTORS:
            with self.subTest(vector["name"], why=vector["why"]):
                if "error" in vector:
                    with self.assertRaises(yardmaster.Refused) as raised:
                        yardmaster.decode_frame(bytes.fromhex(vector["hex"]))
                    self.assertEqual(raised.exception.status, vector["error"]["status"])
                    refused += 1
                elif any("error" in record for record in vector["decoded"]["records"]):
                    with self.assertRaises(yardmaster.Refused):
                        for record in yardmaster.decode_frame(bytes.fromhex(vector["hex"]))[3]:
                            yardmaster.decode_fields(record[2])
                    refused += 1
        self.assertGreater(refused, 30)


class Size(unittest.TestCase):
    def test_has_fewer_than_400_lines(self):
        """All of them: code, comments, blank lines. What one copies beside a program should be read in one sitting."""
        with open(os.path.join(CLIENT, "yardmaster.py"), encoding="utf-8") as file:
            lines = file.readlines()
        self.assertLess(len(lines), 400)
        self.assertLess(max(len(line) for line in lines), 140)
        statements = collections.Counter(node.lineno for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.stmt))
        self.assertEqual(statements.most_common(1)[0][1], 1, "several statements on a line")


class Socket:
    """Stands in for the broker: what is put into `come` can be received; keeps what was sent, and how long was waited."""

    def __init__(self):
        self.come, self.sent, self.waits = collections.deque(), [], []

    events = property(lambda self: 1 if self.come else 0)  # zmq.POLLIN

    def recv_multipart(self):
        return [self.come.popleft()]

    def send(self, octets, _flags):
        self.sent.append(yardmaster.decode_frame(octets))

    def poll(self, milliseconds):
        self.waits.append(milliseconds)
        return self.events

    def close(self, _linger):
        pass


class Offline(yardmaster.Client):
    """A client with a Socket; connected from the start."""

    def _open(self, credit=0):
        self._socket, self._heard, self._sent = Socket(), yardmaster.monotonic(), yardmaster.monotonic()
        told = dict(heartbeat_ms=3_600_000, frame_max=1000, records_max=500, through=1000, last_tag=0)
        self._take_welcome(told)

    def deliver(self, first, last):
        records = [(1, tag, b"", b"body %d" % tag) for tag in range(first, last + 1)]
        self._socket.come.append(yardmaster.encode_frame(yardmaster.DELIVER, b"queue", 30_000, records))

    def settled(self):
        """Records of all SETTLE so far: code, tag, the last tag of a range, body."""
        frames = [frame for frame in self._socket.sent if frame[0] == yardmaster.SETTLE]
        return [(code, tag, yardmaster.decode_fields(fields).get("through"), body) for frame in frames for code, tag, fields, body in frame[3]]


class Batches(unittest.TestCase):
    def test_what_has_come_is_handed_out_without_a_wait_for_more(self):
        worker = Offline(queues=["queue"])
        worker.deliver(1, 1)
        self.assertTrue(worker.until(lambda: worker.held, 60))
        self.assertEqual(worker._socket.waits, [])
        worker.poll(0.5)
        self.assertEqual(worker._socket.waits, [500])

    def test_neighbours_are_acked_in_one_record(self):
        worker = Offline(queues=["queue"])
        worker.deliver(1, 10)
        some, more = worker.receive_many(6), worker.receive_many(100)
        self.assertEqual(([one.tag for one in some], [one.tag for one in more]), ([1, 2, 3, 4, 5, 6], [7, 8, 9, 10]))
        more[1].nack(text="why")
        self.assertEqual(worker.ack_many(some + more), 9)
        worker.poll()
        ack, nack = yardmaster.ACK, yardmaster.NACK
        self.assertCountEqual(worker.settled(), [(nack, 8, None, b""), (ack, 1, 7, b""), (ack, 9, 10, b"")])
        self.assertEqual(worker.ack_many(some), 0, "they are settled")

    def test_a_reply_stands_in_a_record_of_its_own(self):
        worker = Offline(queues=["queue"])
        worker.deliver(1, 4)
        for one, reply in zip(worker.receive_many(), (b"", b"", b"reply", b"reply")):
            one.ack(reply)
        worker.poll()
        self.assertEqual(worker.settled(), [(0, 1, 2, b""), (0, 3, None, b"reply"), (0, 4, None, b"reply")])

    def test_none_of_a_batch_is_published_when_one_is_too_large(self):
        producer = Offline()
        with self.assertRaises(yardmaster.Refused):
            producer.publish_many("queue", [b"small", bytes(2000)])
        producer.publish_many("queue", ["a", "b"], topic="t")
        producer.poll()
        self.assertEqual([(verb, name, [(ident, body) for _, ident, _, body in records]) for verb, name, _, records, _ in producer._socket.sent],
                         [(yardmaster.PUBLISH, b"queue", [(1, b"a"), (2, b"b")])])

    def test_each_of_a_batch_has_its_own_answer(self):
        producer = Offline()
        many = producer.publish_many("queue", ["a", "b", "c", "d"])
        producer.poll()
        through = yardmaster.encode_fields({"through": 2})
        producer._socket.come.append(yardmaster.encode_frame(yardmaster.CONFIRM, b"", 1000, [(200, 1, through, b""), (406, 3, b"", b""), (208, 4, b"", b"")]))
        producer.poll()
        self.assertEqual(producer.unanswered, {})
        self.assertEqual([(one.status, one.ok) for one in many], [(200, True), (200, True), (406, False), (208, True)])


class Handwritten(unittest.TestCase):
    def test_have_fewer_than_60_lines_each(self):
        """They show that an hour and PROTOCOL.md are enough, without a library."""
        for name in ("producer.pl", "worker.pl"):
            with open(os.path.join(ROOT, "examples", "clients", "perl", name), encoding="utf-8") as file:
                self.assertLess(len(file.readlines()), 60, name)


if __name__ == "__main__":
    unittest.main()
