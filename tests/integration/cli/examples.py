#!/usr/bin/python3
"""The examples run, and a program builds against the installed client library.

usage: examples.py BUILD_DIR [unittest options]
"""
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "behaviour"))
from support import Broker  # noqa: E402

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)
EXAMPLES = os.path.join(HERE, "..", "..", "..", "examples")


class Examples(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ym-examples-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.broker = Broker(os.path.join(BUILD, "yardmaster"), self.folder)
        self.addCleanup(self.broker.kill)

    def start(self, *command):
        process = subprocess.Popen(command)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def test_hello_in_python(self):
        self.start(sys.executable, os.path.join(EXAMPLES, "hello", "worker.py"), self.broker.endpoint)
        answer = subprocess.run([sys.executable, os.path.join(EXAMPLES, "hello", "producer.py"), self.broker.endpoint],
                                stdout=subprocess.PIPE, check=True, timeout=60)
        self.assertEqual(answer.stdout, b"hello, world\n")

    def test_hello_in_cpp_against_the_installed_library(self):
        prefix, program = os.path.join(self.folder, "prefix"), os.path.join(self.folder, "hello")
        subprocess.run(["cmake", "--install", BUILD, "--component", "client", "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
        found = [folder for folder, _, files in os.walk(prefix) if "yardmaster-client.pc" in files]
        environment = dict(os.environ, PKG_CONFIG_PATH=found[0])
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "yardmaster-client"], env=environment, check=True, stdout=subprocess.PIPE)
        subprocess.run(["c++", "-std=c++20", "-Wall", "-Werror", os.path.join(EXAMPLES, "hello", "hello.cc"), "-o", program,
                        *flags.stdout.decode().split()], check=True, timeout=170)
        answer = subprocess.run([program, self.broker.endpoint], stdout=subprocess.PIPE, check=True, timeout=60)
        self.assertEqual(answer.stdout, b"hello, world\n")


if __name__ == "__main__":
    unittest.main()
