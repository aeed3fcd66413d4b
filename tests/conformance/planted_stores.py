#!/usr/bin/python3
"""The conformance suite of stores finds each planted bug, and nothing in the store without one.

usage: planted_stores.py SUITE PLANTED.so
"""
import multiprocessing.pool
import os
import re
import subprocess
import sys
import unittest

SUITE, PLANTED = (os.path.abspath(argument) for argument in sys.argv[1:3])


def names():
    """The bugs, as the store itself lists them."""
    with open(PLANTED, "rb") as library:
        (found,) = re.findall(rb"none\|[a-z_|]+", library.read())
    return [name.decode() for name in found.split(b"|")]


def suite(bug):
    """Runs the suite, up to the first case that fails. A bug that looks like a crash is found as well."""
    words = [SUITE, "--store", PLANTED, "--patience", "1" if bug != "none" else "60", "--gtest_fail_fast", "--gtest_brief=1"]
    for option, more in {"settings": "", "full": ", full: 1MiB", "unknown": ", unknown: 5%", "fenced": ", fenced: 40",
                         "failed": ", failed: 40"}.items():  # fmt: skip
        words += [f"--{option}", f"{{bug: {bug}, store: {{file: DIR/batches.db{more}}}}}"]
    if bug == "none":
        words.append("--gtest_filter=-*Random*:*Reopened*")  # the long ones run on the store itself
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False)


class PlantedStores(unittest.TestCase):
    def test_there_are_bugs(self):
        self.assertGreater(len(names()), 20)

    def test_no_bug_is_found_where_there_is_none(self):
        done = suite("none")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_each_bug_is_found(self):
        bugs = names()[1:]
        with multiprocessing.pool.ThreadPool(4) as pool:  # most of the time is waiting for the disk
            found = pool.map(suite, bugs)
        for bug, done in zip(bugs, found):
            with self.subTest(bug):
                self.assertNotEqual(done.returncode, 0, "the suite finds nothing")
                self.assertIn("FAILED", done.stdout)
                failed = re.findall(r"\[  FAILED  \] (\S+?)(?:,| )", done.stdout)
                print(f"{bug}: {failed[0] if failed else 'crashed'}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
