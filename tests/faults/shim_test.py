#!/usr/bin/python3
"""The shim that makes a disk fail, on a program of a few calls.

usage: shim_test.py BUILD_DIR [TEST]
"""
import errno
import os
import random
import subprocess
import sys
import tempfile
import unittest

import undo

# Says what became of each call: a number, or the name of the error.
PROGRAM = """
import errno, os, sys
os.chdir(sys.argv[1])
def tell(call, *arguments):
    try:
        print(call.__name__, call(*arguments))
    except OSError as why:
        print(call.__name__, errno.errorcode[why.errno])
elsewhere = os.open(sys.argv[1] + "-elsewhere", os.O_RDWR | os.O_CREAT, 0o600)
os.pwrite(elsewhere, b"not ours", 0)
os.fdatasync(elsewhere)
one = os.open("one", os.O_RDWR | os.O_CREAT, 0o600)
for at in range(3):
    tell(os.pwrite, one, b"%d" % at * 1000, 1000 * at)
    tell(os.fdatasync, one)
tell(os.rename, "one", "two")
tell(os.open, "three", os.O_RDWR | os.O_CREAT)
tell(os.pwrite, one, b"x" * 700, 500)
tell(os.pwrite, one, b"y" * 700, 2800)
"""


class Shim(unittest.TestCase):
    build = ""

    def setUp(self):
        self.above = tempfile.TemporaryDirectory(prefix="ym-shim-")
        self.folder = os.path.join(self.above.name, "store")
        os.mkdir(self.folder)

    def tearDown(self):
        self.above.cleanup()

    def path(self, name):
        return os.path.join(self.above.name, name)

    def run_with(self, **variables):
        """The lines that the program prints, by the call."""
        environment = dict(os.environ, LD_PRELOAD=os.path.join(self.build, "tests", "fault_shim.so"), YM_SHIM_DIR=self.folder,
                           YM_SHIM_LEDGER=self.path("syncs"), YM_SHIM_HIT=self.path("hit"))
        environment.update({f"YM_SHIM_{name.upper()}": value for name, value in variables.items()})
        text = subprocess.run([sys.executable, "-c", PROGRAM, self.folder], env=environment, stdout=subprocess.PIPE, check=True).stdout.decode()
        return [tuple(line.split()) for line in text.splitlines()]

    def test_changes_nothing_when_nothing_is_asked_for(self):
        calls = self.run_with()
        self.assertEqual(calls[:2], [("pwrite", "1000"), ("fdatasync", "None")])
        self.assertEqual(calls[-2:], [("pwrite", "700"), ("pwrite", "700")])
        self.assertEqual(os.path.getsize(os.path.join(self.folder, "two")), 3500)
        self.assertEqual(os.path.getsize(self.path("hit")), 0)

    def test_notes_the_syncs_of_its_folder_alone(self):
        self.run_with(call="fdatasync", nth="2", fault="EIO")
        with open(self.path("syncs"), encoding="utf-8") as ledger:
            lines = [line.split() for line in ledger]
        self.assertEqual([lines[0][0], lines[0][2]], ["start", "syncs"])
        self.assertEqual([line[3] for line in lines[1:]], ["0", str(errno.EIO), "0"])
        self.assertTrue(all(int(line[2]) <= int(line[1]) for line in lines[1:]))

    def test_fails_the_nth_call_of_a_kind_and_no_other(self):
        for call, wanted in (("pwrite", 5), ("fdatasync", 3), ("rename", 1), ("open", 2)):
            for nth in range(1, wanted + 2):
                with self.subTest(call=call, nth=nth):
                    before = os.path.getsize(self.path("hit")) if os.path.exists(self.path("hit")) else 0
                    for name in os.listdir(self.folder):
                        os.unlink(os.path.join(self.folder, name))
                    if call == "open" and nth == 1:
                        continue  # the program ends with it
                    calls = self.run_with(call=call, nth=str(nth), fault="ENOSPC")
                    failed = [one for one in calls if one[1] == "ENOSPC"]
                    self.assertEqual(failed, [(call, "ENOSPC")] if nth <= wanted else [])
                    self.assertEqual(os.path.getsize(self.path("hit")) > before, nth <= wanted)

    def test_fails_all_from_the_nth_on(self):
        calls = self.run_with(call="pwrite", nth="2", fault="EIO", times="0")
        self.assertEqual([result for call, result in calls if call == "pwrite"], ["1000", "EIO", "EIO", "EIO", "EIO"])

    def test_a_short_write_is_half_done_and_says_so(self):
        calls = self.run_with(call="pwrite", nth="3", fault="short")
        self.assertEqual([result for call, result in calls if call == "pwrite"], ["1000", "1000", "500", "700", "700"])

    def test_takes_back_what_was_not_synced_over_a_rename(self):
        self.run_with(undo=self.path("undo"))
        pending = undo.read(self.path("undo"))
        self.assertEqual([(one.offset, one.size, os.path.basename(one.path)) for one in pending], [(500, 3000, b"two"), (2800, 3000, b"two")])
        for seed in range(20):  # whatever is drawn, what was synced and not written again stays
            subprocess.run(["cp", self.path("undo"), self.path("copy")], check=True)
            subprocess.run(["cp", os.path.join(self.folder, "two"), self.path("kept")], check=True)
            self.assertEqual(undo.take_back(self.path("copy"), random.Random(seed)), 2)
            with open(os.path.join(self.folder, "two"), "rb") as file:
                octets = file.read()
            self.assertEqual((octets[:500], octets[1200:2800]), (b"0" * 500, b"1" * 800 + b"2" * 800))
            if len(octets) == 3000:
                self.assertEqual(octets, b"0" * 1000 + b"1" * 1000 + b"2" * 1000)
            subprocess.run(["cp", self.path("kept"), os.path.join(self.folder, "two")], check=True)

    def test_what_was_synced_is_not_taken_back(self):
        self.run_with(undo=self.path("undo"), call="fdatasync", nth="3", fault="EIO")
        self.assertEqual([one.offset for one in undo.read(self.path("undo"))], [2000, 500, 2800])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    Shim.build = os.path.abspath(sys.argv.pop(1))
    unittest.main()
