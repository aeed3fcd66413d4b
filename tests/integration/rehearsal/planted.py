#!/usr/bin/python3
"""Wrong expectations and mistakes, planted in a scenario that is right: each must be found, at its place.

usage: planted.py YARDMASTER
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv[1])

RIGHT = """test: 1
about: everything that may be expected
config:
  queues: {orders: {retry: short}, quotes: ~}
  retries: {short: {plugin: fixed, delay: 10s, attempts: 2}}
given:
  workers:
    alice: {takes: [orders, quotes], does: [{body: bad, then: nack}, {queue: quotes, then: ack, parts: [a, b], reply: done}]}
steps:
  - send: {to: orders, body: good}
  - send: {to: orders, body: bad}
  - send: {to: quotes, body: ask, wants_reply: true}
  - expect:
      messages: {good: acked, bad: {is: waiting, in: orders, for: 10s, because: nack, attempts: 1, status: 200}, ask: {is: acked, by: alice}}
      deliveries: [good, {message: bad, to: alice, queue: orders, attempt: 1, at: 0s}, ask]
      queues: {orders: {waiting: 1, acked: 1, nack: 1}, nowhere: {exists: false}}
      workers: {alice: {got: [good, bad, ask], holds: 0, lost: 0}}
      replies: {ask: {text: done, parts: [a, b]}}
      broker: {duplicates: 0, ended: false}
      ledger: balanced
  - advance: 10s
  - expect: {messages: {bad: dead}, deliveries: [bad]}
"""

# What is changed; what the answer must name, as expected and as found.
WRONG = [
    ("good: acked", "good: ready", "is ready", "acked in orders"),
    ("in: orders, for", "in: quotes, for", "in quotes", "waiting in orders"),
    ("for: 10s", "for: 11s", "for 11s", "for 10s"),
    ("because: nack", "because: reject", "because reject", "because nack"),
    ("attempts: 1,", "attempts: 2,", "attempts 2", "attempts 1"),
    ("status: 200", "status: 208", "status 208", "status 200"),
    ("by: alice", "by: bob", "by bob", "by alice"),
    ("bad: dead", "bad: waiting", "is waiting", "dead in orders"),
    ("[good, {message", "[{message", "bad to alice", "ask"),
    ("to: alice, queue", "to: bob, queue", "to bob", "to alice"),
    ("attempt: 1, at", "attempt: 3, at", "attempt 3", "attempt 1"),
    ("at: 0s", "at: 3s", "at 3s", "at 0s"),
    ("waiting: 1", "waiting: 2", "2", "1"),
    ("acked: 1,", "acked: 7,", "7", "1"),
    ("nowhere: {exists: false}", "orders2: {ready: 0}", "0", "no such queue"),
    ("got: [good, bad, ask]", "got: [bad, good, ask]", "bad, good, ask", "good, bad, ask"),
    ("holds: 0", "holds: 1", "1", "0"),
    ("lost: 0", "lost: 1", "1", "0"),
    ("text: done", "text: other", "other", "done"),
    ("parts: [a, b]}}\n", "parts: [b, a]}}\n", "b, a", "a, b"),
    ("duplicates: 0", "duplicates: 1", "1", "0"),
    ("ended: false", "ended: true", "true", "false"),
    ("deliveries: [bad]", "deliveries: []", "nothing", "bad"),
    ("{bad: dead}", "{nobody: dead}", "a message", "no message of this name was sent"),
]

MISTAKES = [
    ("good: acked", "good: aked", 14, "did you mean acked"),
    ("advance: 10s", "advance: 10", 21, "a duration"),
    ("then: nack", "then: nak", 8, "did you mean nack"),
    ("retry: short", "retry: shrt", 4, "short"),
    ("- send: {to: orders, body: good}", "- sent: {to: orders, body: good}", 10, "did you mean send"),
    ("waiting: 1", "wating: 1", 16, "did you mean waiting"),
    ("{plugin: fixed, delay: 10s", "{plugin: fixed, delai: 10s", 5, "delai"),
    ("{to: quotes, body: ask", "{body: ask", 12, "an address to send to"),
]


def play(texts, *options):
    """Plays all `texts` with one command, in a folder: the files are called 000.yaml and so on, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        for i, text in enumerate(texts):
            with open(os.path.join(folder, f"{i:03}.yaml"), "w", encoding="utf-8") as out:
                out.write(text)
        return subprocess.run([PROGRAM, "test", *options, folder], capture_output=True, text=True, timeout=60, check=False)


def line_of(text):
    return RIGHT[: RIGHT.index(text)].count("\n") + 1


class Planted(unittest.TestCase):
    def run_it(self, text, *options):
        return play([text], *options)

    def test_what_is_right_passes(self):
        done = self.run_it(RIGHT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_wrong_expectation_is_found_and_no_other(self):
        texts = []
        for right, wrong, _, _ in WRONG:
            self.assertEqual(RIGHT.count(right), 1, right)
            texts.append(RIGHT.replace(right, wrong))
        done = play(texts, "--json")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for (right, wrong, expected, found), line in zip(WRONG, done.stdout.splitlines(), strict=True):
            with self.subTest(wrong=wrong):
                unmet = json.loads(line)["unmet"]
                self.assertEqual(len(unmet), 1, unmet)
                self.assertIn(expected, unmet[0]["expected"])
                self.assertIn(found, unmet[0]["found"])
                self.assertEqual(unmet[0]["line"], line_of(right))

    def test_a_person_sees_what_was_expected_and_what_was_found(self):
        right, wrong, _, _ = WRONG[2]
        done = self.run_it(RIGHT.replace(right, wrong))
        self.assertRegex(done.stdout, rf"000.yaml:{line_of(right)}:\d+: .*for\n *- expected: for 11s\n *\+ found: *waiting in orders, for 10s")

    def test_each_mistake_is_told_with_its_place(self):
        texts = [RIGHT.replace(right, wrong, 1) for right, wrong, _, _ in MISTAKES]
        done = play(texts, "--json")
        self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
        for (_, wrong, line, hint), answer in zip(MISTAKES, done.stdout.splitlines(), strict=True):
            with self.subTest(wrong=wrong):
                problems = json.loads(answer)["problems"]
                self.assertIn(line, [problem["line"] for problem in problems])
                self.assertIn(hint, answer)
        self.assertRegex(self.run_it(texts[0]).stderr, r"000.yaml:14:\d+: .*found aked; expected one of")

    def test_what_cannot_be_done_is_told(self):
        for step, why in (("{crash: nobody}", "nobody is called nobody"), ("{send: {again: never}}", "no message is called never")):
            done = self.run_it(RIGHT + f"  - {step}\n")
            self.assertEqual(done.returncode, 1)
            self.assertIn(why, done.stdout)

    def test_going_round_in_circles_ends(self):
        done = self.run_it(RIGHT.replace("{body: bad, then: nack}", "{body: bad, then: release}"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not come to rest", done.stdout)

    def test_nothing_to_play_is_no_success(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in (folder, folder + "/none.yaml"):
                done = subprocess.run([PROGRAM, "test", path], capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 66)
        self.assertEqual(subprocess.run([PROGRAM, "test"], capture_output=True, timeout=60, check=False).returncode, 2)

    def test_the_timeline_is_told(self):
        self.assertIn('alice: nacks "bad"', self.run_it(RIGHT, "--verbose").stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
