#!/usr/bin/python3
"""`yardmaster log` on the log of a real broker: while it runs, after it has ended, and with damage.

usage: log.py BUILD_DIR [unittest options]
"""
import base64
import glob
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "behaviour"))
from support import Broker  # noqa: E402

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)
PROGRAM = os.path.join(BUILD, "yardmaster")
FINE, DAMAGED, WRONG_WORDS, NO_INPUT = 0, 1, 2, 66
BODIES = [f"order {i}\x00\xff".encode("latin-1") for i in range(1, 31)]


def log(*words):
    done = subprocess.run([PROGRAM, "log", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def digests(folder):
    found = {}
    for path in sorted(glob.glob(folder + "/**", recursive=True)):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[path] = (hashlib.sha256(file.read()).hexdigest(), os.stat(path).st_mtime_ns)
    return found


class Log(unittest.TestCase):
    """30 messages in `orders` and `audit`; `orders` has acked 10 of them."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="ym-log-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.broker = Broker(PROGRAM, cls.folder, os.path.join(HERE, "log.yaml"))
        cls.addClassCleanup(lambda: cls.broker.kill())
        files = []
        for number, body in enumerate(BODIES):
            files.append(os.path.join(cls.folder, f"body-{number}"))
            with open(files[-1], "wb") as file:
                file.write(body)
        subprocess.run([PROGRAM, "send", "--endpoint", cls.broker.endpoint, "--to", "both", "--header", "a=b", *files],
                       check=True, timeout=60)
        subprocess.run([PROGRAM, "work", "orders", "--endpoint", cls.broker.endpoint, "--count", "10", "--exec", "true"],
                       check=True, timeout=60, stdout=subprocess.DEVNULL)
        cls.running = log("verify", cls.folder + "/data", "--json")
        cls.running_export = log("export", cls.folder + "/data")
        cls.ended = cls.broker.stop()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ym-log-copy-")
        self.addCleanup(folder.cleanup)
        self.data = folder.name + "/data"
        shutil.copytree(self.folder + "/data", self.data)
        self.before = digests(self.data)

    def segment(self):
        """The file that has frames."""
        (frames,) = {frame["segment"] for frame in lines_of(log("dump", self.data, "--json", "--frames")[1])}
        return f"{self.data}/shard-0/{frames}"

    def spoil(self, position, octets=b"\xa5"):
        with open(self.segment(), "r+b") as file:
            file.seek(position)
            file.write(octets)
        self.before = digests(self.data)

    def frames(self):
        return lines_of(log("dump", self.data, "--json")[1])

    def test_a_log_is_fine_while_the_broker_is_at_work(self):
        code, out, err = self.running
        self.assertEqual((code, err), (FINE, ""))
        (shard,) = json.loads(out)["shards"]
        self.assertTrue(shard["in_use"])
        self.assertGreater(shard["records"], 0)
        self.assertEqual(self.running_export[0], FINE)
        self.assertEqual(len(lines_of(self.running_export[1])), 30)

    def test_a_log_is_fine_after_an_orderly_end(self):
        self.assertEqual(self.ended, 0)
        code, out, err = log("verify", self.data)
        self.assertEqual((code, err), (FINE, ""))
        self.assertIn("\n  fine\n", out)
        self.assertNotIn("at work", out)
        (shard,) = json.loads(log("verify", self.data, "--json")[1])["shards"]
        self.assertEqual((shard["in_use"], shard["damages"], shard["notes"]), (False, [], []))
        self.assertEqual(self.before, digests(self.data))

    def test_the_folder_of_one_shard_will_do(self):
        code, out, _ = log("verify", self.data + "/shard-0", "--json")
        self.assertEqual((code, json.loads(out)["shards"][0]["shard"]), (FINE, 0))

    def test_export_gives_what_is_still_to_be_done(self):
        code, out, err = log("export", self.data)
        self.assertEqual((code, err), (FINE, ""))
        left = {}
        for message in lines_of(out):
            self.assertEqual(message["headers"], {"a": "b"})
            left[base64.b64decode(message["body_base64"])] = sorted(copy["queue"] for copy in message["queues"])
        self.assertEqual(left, {body: ["audit"] if i < 10 else ["audit", "orders"] for i, body in enumerate(BODIES)})
        self.assertEqual(len(lines_of(log("export", self.data, "--queue", "orders")[1])), 20)
        self.assertEqual(len(lines_of(log("export", self.data, "--queue", "audit")[1])), 30)
        self.assertEqual(log("export", self.data, "--queue", "no such"), (FINE, "", ""))
        self.assertEqual(self.before, digests(self.data))

    def test_dump_tells_every_record_in_words(self):
        code, out, err = log("dump", self.data)
        self.assertEqual((code, err), (FINE, ""))
        for words in ("queue 0 is ", "accepted message 1 in orders, audit", "frame 1 at 4096: epoch"):
            self.assertIn(words, out)
        self.assertRegex(out, r"settled messages? (\d+, )*10 in orders: acked")  # acks of one turn share a record
        self.assertNotIn("settled message 11", out)
        self.assertNotIn("DAMAGED", out)
        self.assertEqual(self.before, digests(self.data))

    def test_dump_gives_the_batches_that_are_asked_for(self):
        whole = [batch["number"] for frame in self.frames() for batch in frame.get("batches", [])]
        self.assertEqual(whole, list(range(1, len(whole) + 1)))
        code, out, _ = log("dump", self.data, "--json", "--from", "2", "--to", "3")
        numbers = [batch["number"] for frame in lines_of(out) for batch in frame.get("batches", [])]
        self.assertEqual((code, numbers), (FINE, [2, 3]))
        self.assertNotIn("record", log("dump", self.data, "--frames")[1])

    def test_damage_of_confirmed_batches_is_found_and_named_as_the_broker_names_it(self):
        frame = next(frame for frame in self.frames() if frame.get("batches"))
        self.spoil(frame["position"] + 200)
        code, out, _ = log("verify", self.data)
        self.assertEqual(code, DAMAGED)
        where = f"DAMAGED: {frame['segment']} octets {frame['position']}..{frame['position'] + frame['octets']}"
        self.assertIn(where, out)
        code, out, _ = log("verify", self.data, "--json")
        (shard,) = json.loads(out)["shards"]
        (damage,) = shard["damages"]
        self.assertEqual((code, damage["first_batch"], shard["fine"]), (DAMAGED, frame["batches"][0]["number"], False))
        # The broker refuses to start, and asks for the same word.
        os.rename(self.data, self.data + ".kept")
        folder = os.path.dirname(self.data)
        os.rename(self.data + ".kept", folder + "/data")
        done = subprocess.run([PROGRAM, "run", os.path.join(HERE, "log.yaml")], env=dict(os.environ, YM_FOLDER=folder),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(shard["accept_loss"], done.stdout.decode())

    def test_dump_and_export_go_on_behind_damage_and_say_so(self):
        frame = next(frame for frame in self.frames() if frame.get("batches"))
        self.spoil(frame["position"] + 200)
        code, out, err = log("dump", self.data)
        self.assertEqual(code, DAMAGED)
        self.assertIn("body DAMAGED", out)
        self.assertIn("damaged: ", err)
        self.assertRegex(out, r"settled messages? (\d+, )*10 ")
        code, out, err = log("export", self.data)
        self.assertEqual((code, "cannot be read" in err), (DAMAGED, True))
        self.assertEqual(self.before, digests(self.data))

    def test_an_unfinished_write_at_the_end_is_no_damage(self):
        last = self.frames()[-1]
        self.spoil(last["position"] + 40)
        code, out, _ = log("verify", self.data)
        self.assertEqual(code, FINE, out)
        self.assertIn("note: an unfinished write behind batch", out)

    def test_files_that_do_not_belong_together_are_named(self):
        first = self.segment()
        shutil.copy(first, os.path.join(os.path.dirname(first), "seg-00000000000000ff.log"))
        code, out, _ = log("verify", self.data)
        self.assertEqual((code, "PROBLEM: seg-00000000000000ff.log" in out), (DAMAGED, True))

    def test_whatever_is_spoilt_is_told_or_harmless(self):
        """Octets changed anywhere in the headers and frames: an answer each time, and never a message that was not sent."""
        chance = random.Random(7)
        path, end = self.segment(), self.frames()[-1]["position"] + 4096
        with open(path, "rb") as file:
            whole = file.read(end)
        told = 0
        for round_number in range(25):
            spoilt = bytearray(whole)
            for _ in range(chance.choice((1, 1, 1, 20))):
                spoilt[chance.randrange(end)] ^= 1 << chance.randrange(8)
            with open(path, "r+b") as file:
                file.write(spoilt)
            verified, exported, dumped = (log(command, self.data) for command in ("verify", "export", "dump"))
            with self.subTest(round_number):
                self.assertIn(verified[0], (FINE, DAMAGED))
                self.assertEqual(exported[0], verified[0])
                self.assertIn(dumped[0], (FINE, DAMAGED))
                left = {base64.b64decode(message["body_base64"]) for message in lines_of(exported[1])}
                self.assertLessEqual(left, set(BODIES))
                if verified[0] == FINE:
                    self.assertEqual(left, set(BODIES))
            told += verified[0] == DAMAGED
        self.assertGreater(told, 0)

    def test_there_may_be_no_log(self):
        for command in ("verify", "dump", "export"):
            code, out, err = log(command, self.folder + "/no-such-folder")
            self.assertEqual((code, out, "there is no folder" in err), (NO_INPUT, "", True))
            code, out, err = log(command, HERE)
            self.assertEqual((code, out, "there is no log in" in err), (NO_INPUT, "", True))
            self.assertEqual(log(command)[0], WRONG_WORDS)

    def test_help_tells_examples_and_exit_codes(self):
        for command in ("verify", "dump", "export"):
            code, out, _ = log(command, "--help")
            self.assertEqual(code, FINE)
            for words in ("Example", "yardmaster log " + command, "Exit codes", "66"):
                self.assertIn(words, out)


if __name__ == "__main__":
    unittest.main()
