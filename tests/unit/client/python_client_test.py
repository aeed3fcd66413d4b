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
    def test_has_fewer_than_300_lines(self):
        """All of them: code, comments, blank lines. What one copies beside a program should be read in one sitting."""
        with open(os.path.join(CLIENT, "yardmaster.py"), encoding="utf-8") as file:
            lines = file.readlines()
        self.assertLess(len(lines), 300)
        self.assertLess(max(len(line) for line in lines), 140)
        statements = collections.Counter(node.lineno for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.stmt))
        self.assertEqual(statements.most_common(1)[0][1], 1, "several statements on a line")


class Handwritten(unittest.TestCase):
    def test_have_fewer_than_60_lines_each(self):
        """They show that an hour and PROTOCOL.md are enough, without a library."""
        for name in ("producer.pl", "worker.pl"):
            with open(os.path.join(ROOT, "examples", "clients", "perl", name), encoding="utf-8") as file:
                self.assertLess(len(file.readlines()), 60, name)


if __name__ == "__main__":
    unittest.main()
