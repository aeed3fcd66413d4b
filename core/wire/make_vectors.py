#!/usr/bin/python3
"""Writes vectors.json: frames of YMP/1 in hex, what they hold, and why each one is there.

usage: make_vectors.py          writes vectors.json beside this file
       make_vectors.py --check  exits 1 if vectors.json, or the example in PROTOCOL.md, is not what would be written
       make_vectors.py --corpus FOLDER  writes each frame to a file of its own, for a fuzzer to begin with

Written from PROTOCOL.md with nothing but struct, so that an encoder and its vectors cannot share a mistake.
Malformed frames are hand-written below, in hex or as octets that no encoder would make.
"""
import json
import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VERBS = {"HELLO": 1, "PUBLISH": 2, "SETTLE": 3, "CREDIT": 4, "HEARTBEAT": 5, "DRAIN": 6, "BYE": 7,
         "WELCOME": 17, "CONFIRM": 18, "DELIVER": 19, "LOST": 20, "REPLY": 21, "ERROR": 22}  # fmt: skip
TAGS = {"session": 1, "versions": 2, "queue": 3, "heartbeat-ms": 4, "bytes": 5, "through": 6, "priority": 7, "ttl-ms": 8,
        "not-before-ms": 9, "key": 10, "message-id": 11, "retry-after-ms": 12, "parts": 13, "text": 128, "topic": 129,
        "type": 130, "timestamp-ms": 131, "reply-to": 132, "correlation": 133, "content-type": 134, "encoding": 135,
        "traceparent": 136, "tracestate": 137, "fence": 138, "first-accepted-ms": 139, "property": 140, "boot": 141,
        "epoch": 142, "broker-time-ms": 143, "frame-max": 144, "records-max": 145, "last-tag": 146, "endpoint": 147}  # fmt: skip
SESSION = bytes(range(0xA0, 0xB0))
ACK, NACK, REJECT, THROTTLED, RELEASE, EXTEND, PART, RESULT = range(8)


def octets(value):
    return value.encode() if isinstance(value, str) else value


def field(tag, value):
    """(octets, what a decoder shows) of one field. A tag that is a number is unknown."""
    name = {"field": tag} if isinstance(tag, str) else {"tag": tag}
    number = TAGS[tag] if isinstance(tag, str) else tag
    if tag == "property" and isinstance(value, tuple):
        name["name"], name["value"] = value
        raw = bytes([len(octets(value[0]))]) + octets(value[0]) + octets(value[1])
    elif isinstance(value, int):
        name["number"] = json_number(value)
        raw = struct.pack(">Q", value)
    elif isinstance(value, str):
        name["text"] = value
        raw = octets(value)
    elif isinstance(value, Wrong):
        name["hex"], name["bad"] = value.raw.hex(), value.why
        raw = value.raw
    else:
        name["hex"] = value.hex()
        raw = value
    return struct.pack(">BH", number, len(raw)) + raw, name


class Wrong:
    """A value that is not of its field's kind: frame and record are well-formed, the field is not."""

    def __init__(self, raw, why):
        self.raw, self.why = raw, why


def json_number(value):
    return value if value < 2**53 else str(value)


def as_json(key, value):
    """A body as text where it is printable, else in hex."""
    raw = octets(value)
    if all(32 <= octet < 127 for octet in raw):
        return {key: raw.decode()}
    return {key + "_hex": raw.hex()}


def record(code, ident, fields=(), body=b""):
    """(octets, what a decoder shows) of one record."""
    pairs = [field(*one) for one in fields]
    raw_fields = b"".join(raw for raw, _ in pairs)
    head = struct.pack(">IHHQ", 16 + len(raw_fields) + len(octets(body)), 16 + len(raw_fields), code, ident)
    shown = {"code": code, "id": json_number(ident), "fields": [one for _, one in pairs], **as_json("body", body)}
    return head + raw_fields + octets(body), shown


def bad_record(raw, ident, name, at):
    """A record given in octets, and what a decoder says about it: `at` counts from the record's start."""
    return raw, {"id": ident, "error": {"status": 400, "field": name, "at": at}}


def head(verb, flags=0, name=b"", number=0):
    code = VERBS[verb] if isinstance(verb, str) else verb
    return b"YMP1" + struct.pack(">BBHQ", code, flags, len(octets(name)), number) + octets(name)


vectors = []


def good(name, why, verb, records=(), number=0, to="", flags=0, body_frame=None):
    start = head(verb, flags, to, number)
    shown, at = [], len(start)
    for raw, one in records:
        if "error" in one:
            one = {"at": at, **one, "error": {**one["error"], "at": at + one["error"]["at"]}}
        shown.append({"at": at, **one})
        at += len(raw)
    vector = {"name": name, "why": why, "hex": (start + b"".join(raw for raw, _ in records)).hex()}
    if body_frame is not None:
        vector["body_frame_hex"] = octets(body_frame).hex()
    vector["decoded"] = {"verb": verb, "flags": flags, "name": to, "number": json_number(number), "records": shown}
    vectors.append(vector)


def bad(name, why, raw, status, what, at):
    vectors.append({"name": name, "why": why, "hex": raw.hex(), "error": {"status": status, "field": what, "at": at}})


def hellos():
    good("hello-producer", "The smallest HELLO of a producer: no queues, no credit.", "HELLO",
         [record(0, 1, [("session", SESSION), ("versions", b"\x01")])], to="till-7")
    good("hello-worker", "A worker of two queues, with credit in messages and in octets.", "HELLO",
         [record(0, 0, [("session", SESSION), ("versions", b"\x01"), ("queue", "orders-eu"), ("queue", "orders-us"),
                        ("heartbeat-ms", 1000), ("bytes", 1048576)])], number=10, to="packer")
    good("hello-resumes", "Number 0 until WELCOME tells the last tag; 41 is the lowest sequence without an answer.", "HELLO",
         [record(0, 41, [("session", SESSION), ("versions", b"\x01\x02")])], to="till-7")
    good("hello-with-a-short-session", "Well-formed octets; the broker answers ERROR 400 `session`.", "HELLO",
         [record(0, 1, [("session", SESSION[:15]), ("versions", b"\x01")])])
    good("welcome-new", "All limits of a new session. WELCOME's number: nothing is accepted yet.", "WELCOME",
         [record(0, 0, [("boot", 7001), ("epoch", 3), ("broker-time-ms", 1760000000000), ("heartbeat-ms", 1000),
                        ("frame-max", 16777216), ("records-max", 10000), ("bytes", 67108864), ("last-tag", 0),
                        ("through", 2000)])], to="yardmaster")
    good("welcome-resumed", "Sequence 40 was the highest accepted one, tag 12 the last one used; no limit in octets.", "WELCOME",
         [record(0, 0, [("boot", 7001), ("epoch", 3), ("broker-time-ms", 1760000005000), ("heartbeat-ms", 1000),
                        ("frame-max", 16777216), ("records-max", 10000), ("last-tag", 12), ("through", 2040)])],
         number=40, to="yardmaster")


def publishes():
    good("publish-one", "One message with a topic and a body.", "PUBLISH",
         [record(0, 1, [("topic", "order.new.eu")], "one pair of shoes")], to="orders")
    good("publish-empty", "Neither fields nor body: `body at` equals `length`.", "PUBLISH", [record(0, 2)], to="orders")
    good("publish-batch", "Three messages; the second wants a reply.", "PUBLISH",
         [record(0, 3, [("topic", "a")], "x"), record(1, 4, [], "y"), record(0, 5, [("key", "k")])], to="orders")
    good("publish-every-field", "Each field that a producer may send.", "PUBLISH",
         [record(1, 6, [("priority", 31), ("ttl-ms", 60000), ("not-before-ms", 1760000600000), ("key", "customer-9"),
                        ("message-id", "b7f1"), ("topic", "order.new.us"), ("type", "order"),
                        ("timestamp-ms", 1760000000123), ("reply-to", "till-7"), ("correlation", b"\x00\x01\xff"),
                        ("content-type", "application/json"), ("encoding", "gzip"),
                        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "a=1"),
                        ("property", ("colour", "red"))], "{}")], to="orders")
    good("publish-properties", "Properties may repeat, be empty, and hold any octets in their value.", "PUBLISH",
         [record(0, 7, [("property", ("a", "1")), ("property", ("a", "2")), ("property", ("none", "")),
                        ("property", ("n" * 255, "long name"))])], to="orders")
    good("publish-parts", "A body of two parts, `u32 length, octets` each, and the field that says so.", "PUBLISH",
         [record(0, 8, [("parts", b"")], struct.pack(">I", 2) + b"ab" + struct.pack(">I", 0))], to="orders")
    good("publish-body-in-second-frame", "Flag bit 0: the second message's body is the second ZeroMQ frame.", "PUBLISH",
         [record(0, 9, [], "small"), record(0, 10, [("content-type", "image/png")])], to="orders", flags=1,
         body_frame=b"\x89PNG")
    good("publish-unknown-field-to-pass-on", "Tags from 0x80 on are passed on by who does not know them.", "PUBLISH",
         [record(0, 11, [(0xFE, b"\x01\x02"), ("topic", "t")])], to="orders")
    good("publish-unknown-field-to-understand", "Well-formed octets; who does not know tag 0x7f refuses the record with 400.",
         "PUBLISH", [record(0, 12, [(0x7F, b"\x01")])], to="orders")
    good("publish-fields-of-wrong-kind", "Well-formed octets, but the values are not what these fields hold.", "PUBLISH",
         [record(0, 13, [("priority", Wrong(b"\x00\x00\x00\x05", "not 8 octets"))]),
          record(0, 14, [("ttl-ms", Wrong(b"", "not 8 octets"))]),
          record(0, 15, [("property", Wrong(b"", "no name"))]),
          record(0, 16, [("property", Wrong(b"\x00x", "no name"))]),
          record(0, 17, [("property", Wrong(b"\x04abc", "name beyond the value"))])], to="orders")
    good("publish-empty-texts", "A text may be empty.", "PUBLISH", [record(0, 18, [("topic", ""), ("key", "")], "b")], to="orders")
    good("publish-to-a-long-name", "255 octets, the longest name.", "PUBLISH", [record(0, 19)], to="q" * 255)
    good("publish-to-a-name-in-utf-8", "Lengths count octets, not characters.", "PUBLISH", [record(0, 20)], to="Aufträge")
    good("publish-largest-numbers", "All 64 bits count, with no sign.", "PUBLISH",
         [record(65535, 2**64 - 1, [("ttl-ms", 2**64 - 1)], b"\x00\xff")], number=2**64 - 1, to="orders")
    good("publish-unknown-flags", "Flag bits without a meaning are ignored, and kept apart from those with one.", "PUBLISH",
         [record(0, 21, [], "b")], to="orders", flags=0xFC)
    good("publish-no-records", "A head alone is well-formed; there is nothing to answer.", "PUBLISH", to="orders")


def workers():
    good("deliver-one", "Tag 1, first attempt, lease 30 s: the broker's fields come before the producer's.", "DELIVER",
         [record(1, 1, [("fence", 3298534883329), ("first-accepted-ms", 1760000000200), ("topic", "order.new.eu")],
                 "one pair of shoes")], number=30000, to="orders-eu")
    good("deliver-batch", "Two deliveries; attempts stay at 65535.", "DELIVER",
         [record(2, 2, [("fence", 3298534883330), ("first-accepted-ms", 1760000000201)], "x"),
          record(65535, 3, [("fence", 3298534883331), ("first-accepted-ms", 1)])], number=1000, to="orders-us")
    good("deliver-body-in-second-frame", "As for PUBLISH.", "DELIVER",
         [record(1, 4, [("fence", 3298534883332), ("first-accepted-ms", 2)])], number=30000, to="orders-us", flags=1,
         body_frame=b"\x00" * 40)
    good("settle-ack", "Done, no reply; and credit up to tag 11.", "SETTLE", [record(ACK, 1)], number=11)
    good("settle-reply", "Two parts and the last, in one frame.", "SETTLE",
         [record(PART, 2, [], "one"), record(PART, 2, [], "two"), record(ACK, 2, [("content-type", "text/plain")], "three")])
    good("settle-result", "A message for the queue's `next` stands before its ack.", "SETTLE",
         [record(RESULT, 3, [("topic", "parsed"), ("property", ("pages", "4"))], "text"), record(ACK, 3)])
    good("settle-range", "Tags 5 to 9 at once.", "SETTLE", [record(ACK, 5, [("through", 9)])], number=19)
    good("settle-failures", "nack, reject, throttled, release, extend.", "SETTLE",
         [record(NACK, 10, [("text", "no ink")]), record(REJECT, 11, [("text", "no such page")]),
          record(THROTTLED, 12, [("retry-after-ms", 2500)]), record(RELEASE, 13, [("through", 14)]), record(EXTEND, 15)])
    good("settle-tell-durable", "Flag bit 1: CONFIRM 1000 follows when it is durable.", "SETTLE", [record(ACK, 16)], flags=2)
    good("credit", "Tags up to 20.", "CREDIT", number=20)
    good("credit-with-bytes", "Tags up to 20, and body octets up to 2 MiB since WELCOME.", "CREDIT",
         [record(0, 0, [("bytes", 2097152)])], number=20)
    good("lost-leases", "Two leases ended without an answer; one settlement came too late.", "LOST",
         [record(504, 5, [("through", 6)]), record(409, 2)])
    good("lost-result-refused", "The next queue is full: the lease goes on.", "LOST",
         [record(507, 3, [("text", "index is full"), ("retry-after-ms", 1000)])])


def answers():
    good("confirm-one", "Sequence 1 is taken; sequences up to 2001 may be sent.", "CONFIRM", [record(200, 1)], number=2001)
    good("confirm-range", "Sequences 1 to 5.", "CONFIRM", [record(200, 1, [("through", 5)])], number=2005)
    good("confirm-mixed", "Each record is answered alone.", "CONFIRM",
         [record(208, 6), record(404, 7, [("text", "no address ordres; orders is near")]),
          record(507, 8, [("retry-after-ms", 500)]), record(429, 9), record(503, 10), record(410, 11), record(413, 12),
          record(406, 13), record(400, 14, [("text", "priority: 8 octets are expected")])], number=2013)
    good("confirm-window", "No answers, a wider window; octets too.", "CONFIRM", [record(0, 0, [("bytes", 134217728)])],
         number=4000)
    good("confirm-settled", "Settlements of tags 16 and 17 are durable.", "CONFIRM", [record(1000, 16, [("through", 17)])],
         number=2013)
    good("reply-part", "The first part of an answer to request 4.", "REPLY", [record(206, 0, [], "one")], number=4)
    good("reply-last", "The last part.", "REPLY", [record(200, 1, [("content-type", "text/plain")], "two")], number=4)
    good("reply-timeout", "No answer in time.", "REPLY", [record(504, 0, [("text", "no reply within 2s")])], number=6)
    good("reply-dead", "The request became a dead letter.", "REPLY", [record(410, 0)], number=6)
    good("heartbeat", "A head alone: 16 octets.", "HEARTBEAT")
    good("drain", "The broker is ending.", "DRAIN", [record(0, 0, [("text", "back in a minute")])])
    good("drain-with-endpoint", "Reserved for a redirect.", "DRAIN", [record(0, 0, [("endpoint", "tcp://10.0.0.2:5555")])])
    good("bye", "A head alone.", "BYE")
    good("error-say-hello", "The broker does not know this peer.", "ERROR", [record(428, 0, [("text", "say HELLO first")])])
    good("error-malformed", "The name is the part at fault, the number its offset.", "ERROR",
         [record(400, 0, [("text", "verb 9 is unknown")])], number=4, to="verb")
    good("error-version", "Another version.", "ERROR", [record(426, 0, [("text", "this broker speaks YMP/1")])], to="magic")


def bad_heads():
    whole = head("HEARTBEAT")
    bad("empty", "No octets.", b"", 400, "head", 0)
    bad("head-of-one-octet", "Cut.", b"Y", 400, "head", 0)
    bad("head-cut", "15 octets.", whole[:15], 400, "head", 0)
    bad("magic-of-majordomo", "The magic is asked for after the length.", b"MDPC01" + bytes(20), 400, "magic", 0)
    bad("magic-in-lower-case", "Magic is octets, not letters.", b"ymp1" + whole[4:], 400, "magic", 0)
    bad("magic-without-digit", "Not a version at all.", b"YMPX" + whole[4:], 400, "magic", 0)
    bad("version-2", "Another version of YMP.", b"YMP2" + whole[4:], 426, "magic", 0)
    bad("version-0", "An older one.", b"YMP0" + whole[4:], 426, "magic", 0)
    bad("version-9-short", "Another version may have a shorter head.", b"YMP9", 426, "magic", 0)
    for verb, why in ((0, "below"), (8, "behind the peers' verbs"), (16, "before the broker's"), (23, "behind them"), (255, "above")):
        bad(f"verb-{verb}", f"No such verb: {why}.", head(verb), 400, "verb", 4)
    bad("name-beyond-the-frame", "The name ends one octet behind the frame.", head("PUBLISH", name=b"orders")[:-1], 400, "name length", 6)
    bad("name-of-65535-octets", "And nothing behind the head.", b"YMP1\x02\x00\xff\xff" + bytes(8), 400, "name length", 6)
    bad("name-too-long", "256 octets, all there.", head("PUBLISH", name=b"q" * 256), 400, "name length", 6)


def bad_records():
    before, behind = record(0, 1, [("topic", "t")], "one"), record(0, 3, [], "three")
    def one(name, why, raw, ident, what, at, *more):
        good(name, why, "PUBLISH", [before, bad_record(raw, ident, what, at), *more], to="orders")

    one("record-of-one-octet", "What is left cannot be a record: all behind it is lost, and there is no id.", b"\x00", 0, "record", 0)
    one("record-head-cut", "15 octets.", behind[0][:15], 0, "record", 0)
    one("record-cut", "The record ends one octet behind the frame.", behind[0][:-1], 0, "length", 0)
    one("record-length-0", "It would never end.", bytes(4) + behind[0][4:], 0, "length", 0)
    one("record-length-15", "Less than its own head.", bytes.fromhex("0000000f00100000") + bytes(8), 0, "length", 0)
    one("record-length-max", "2^32 - 1: the end wraps round in 32 bits.", b"\xff\xff\xff\xff" + behind[0][4:], 0, "length", 0)
    rest = "a record behind it is read"
    one("body-at-0", f"Inside the record's head; {rest}.", bytes.fromhex("00000010000000000000000000000002"), 2, "body at", 4, behind)
    one("body-at-15", f"Inside the record's head; {rest}.", bytes.fromhex("00000011000f0000000000000000000261"), 2, "body at", 4, behind)
    one("body-at-beyond", f"Behind the record; {rest}.", bytes.fromhex("00000010001100000000000000000002"), 2, "body at", 4, behind)
    one("body-at-max", f"Behind the record; {rest}.", bytes.fromhex("00000010ffff00000000000000000002"), 2, "body at", 4, behind)
    one("field-head-cut-1", f"One octet of fields; {rest}.", bytes.fromhex("0000001100110000000000000000000281"), 2, "field", 16, behind)
    one("field-head-cut-2", f"Two octets of fields; {rest}.", bytes.fromhex("000000120012000000000000000000028100"), 2, "field", 16, behind)
    one("field-into-the-body", f"Its value reaches one octet into the body; {rest}.",
        bytes.fromhex("00000015001400000000000000000002" "810002" "7462"), 2, "field", 16, behind)
    one("field-beyond-the-record", f"65,535 octets of value; {rest}.", bytes.fromhex("00000013001300000000000000000002" "81ffff"),
        2, "field", 16, behind)
    one("second-field-cut", f"The offset is that of the second field; {rest}.",
        bytes.fromhex("00000016001600000000000000000002" "81000174" "8200"), 2, "field", 20, behind)
    good("two-bad-records-of-four", "Each is answered alone.", "SETTLE",
         [record(ACK, 1), bad_record(bytes.fromhex("00000010000000000000000000000002"), 2, "body at", 4), record(ACK, 3),
          bad_record(bytes.fromhex("00000011001100000000000000000004" "81"), 4, "field", 16)])
    good("record-too-long-by-one", "Its length is believable, so it swallows an octet of the next record, which spoils the rest.", "PUBLISH",
         [before, record(0, 2, [], b"\x00"), bad_record(behind[0][1:], 0, "length", 0)], to="orders")
    good("first-record-bad", "A frame may begin with it.", "PUBLISH", [bad_record(b"\x00" * 16, 0, "length", 0)], to="orders")
    good("no-name-and-a-bad-record", "Offsets count from the frame's start, name included.", "SETTLE",
         [bad_record(b"\x01", 0, "record", 0)])


def text_of(made):
    """One key a line, so that a change of one vector is a change of a few lines."""
    lines = []
    for vector in made:
        keys = [f'  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}' for key, value in vector.items()]
        lines.append(" {\n" + ",\n".join(keys) + "\n }")
    about = "Frames of YMP/1; PROTOCOL.md says how to read this file. Made by make_vectors.py: do not edit."
    return f'{{"protocol": "YMP/1", "about": {json.dumps(about)}, "vectors": [\n' + ",\n".join(lines) + "\n]}\n"


def example_faults(made):
    """The frames in PROTOCOL.md's fences ```hex NAME``` against the vectors of these names."""
    with open(os.path.join(HERE, "PROTOCOL.md"), encoding="utf-8") as opened:
        fences = re.findall(r"```hex ([\w-]+)\n(.*?)```", opened.read(), re.S)
    known = {vector["name"]: vector["hex"] for vector in made}
    if not fences:
        yield "PROTOCOL.md: has no example"
    for name, block in fences:
        shown = "".join(re.match(r"(?:[0-9a-f]{2} ?)*", line).group(0) for line in block.splitlines()).replace(" ", "")
        if shown != known.get(name):
            yield f"PROTOCOL.md: example {name} is not the vector of that name"


def main(arguments):
    for group in (hellos, publishes, workers, answers, bad_heads, bad_records):
        group()
    path = os.path.join(HERE, "vectors.json")
    wanted = text_of(vectors)
    if arguments[:1] == ["--corpus"]:
        os.makedirs(arguments[1], exist_ok=True)
        for vector in vectors:
            with open(os.path.join(arguments[1], vector["name"]), "wb") as opened:
                opened.write(bytes.fromhex(vector["hex"]))
        return 0
    if arguments != ["--check"]:
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(wanted)
        print(f"{len(vectors)} vectors")
        return 0
    faults = list(example_faults(vectors))
    with open(path, encoding="utf-8") as opened:
        if opened.read() != wanted:
            faults.append("vectors.json: is not what make_vectors.py writes; run it")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
