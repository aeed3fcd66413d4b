#!/usr/bin/python3
"""Runs what README.md shows: every block, in the order of the page, against a broker of its own.

usage: readme_test.py ROOT YARDMASTER

bash    ./dev COMMAND must be a command that ./dev help knows (this test is run by one of them); g++ and yardmaster are run
python  is run
cpp     is written to by_country.cc, for the g++ of a later block
yaml    is a whole file for `yardmaster check`
text    is a drawing
Endpoints are replaced by ones of this run. Paths that the page names must exist.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT, PROGRAM = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's pyzmq
ENDPOINT = "tcp://127.0.0.1:5555"  # what the page and config/quickstart.yaml say


def read(file):
    with open(os.path.join(ROOT, file), encoding="utf-8") as opened:
        return opened.read()


def blocks(page):
    """(language, text) of each fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.endpoint = f"ipc://{self.folder}/main.sock"
        self.admin = f"ipc://{self.folder}/admin.sock"

    def start_broker(self):
        settings = os.path.join(self.folder, "quickstart.yaml")
        with open(settings, "w", encoding="utf-8") as out:
            out.write(self.here(read("config/quickstart.yaml")).replace("./data", self.folder + "/data") + f'\nadmin: {{bind: "{self.admin}"}}\n')
        broker = subprocess.Popen([PROGRAM, "run", settings], stdout=subprocess.DEVNULL)
        self.addCleanup(self.stop, broker)
        for _ in range(1000):
            if subprocess.run([PROGRAM, "status", "--admin", self.admin], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.02)
        self.fail("the broker did not start")

    def stop(self, broker):
        broker.send_signal(signal.SIGTERM)
        self.assertEqual(broker.wait(timeout=60), 0, "the broker's ledger does not balance, or it could not drain")

    def here(self, text):
        self.assertIn(ENDPOINT, text)
        return text.replace(ENDPOINT, self.endpoint)

    def run_it(self, command, cwd):
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def run_bash(self, text):
        for line in text.splitlines():
            line = line.split("  #")[0].strip()
            dev = re.fullmatch(r"\./dev (\w+)", line)
            if dev:
                self.assertRegex(self.run_it([ROOT + "/dev", "help"], ROOT), rf"(?m)^\./dev {dev.group(1)}\b")
            elif line.startswith("g++ "):
                self.run_it(["bash", "-c", line.replace("-I ", f"-I {ROOT}/")], self.folder)
            elif "build/release/yardmaster " in line:
                line = line.replace("build/release/yardmaster", PROGRAM)
                line = re.sub(r" (send|work) ", rf" \1 --endpoint {self.endpoint} ", line)
                line = re.sub(r" status\b", f" status --admin {self.admin}", line)
                self.run_it(["bash", "-o", "pipefail", "-c", line], ROOT)
            else:
                self.fail(f"nobody knows how to check this line: {line}")

    def run_python(self, text):
        out = self.run_it([PYTHON, "-c", self.here(text)], ROOT)
        self.assertIn("AN OLD CLIENT" if "MDPC01" in text else "a first message - attempt 1", out)

    def run_cpp(self, text):
        with open(os.path.join(self.folder, "by_country.cc"), "w", encoding="utf-8") as out:
            out.write(text)

    def run_yaml(self, text):
        scenario = text.startswith("test:")  # about the settings before it
        file = os.path.join(self.folder, "scenario.yaml" if scenario else "broker.yaml")
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)
        self.run_it([PROGRAM, "test" if scenario else "check", file], self.folder)

    def test_every_block_does_what_it_says(self):
        self.start_broker()
        found = blocks(read("README.md"))
        self.assertEqual({language for language, _ in found}, {"bash", "python", "yaml", "cpp", "text"})
        for language, text in found:
            if language != "text":
                with self.subTest(block=text[:80]):
                    getattr(self, "run_" + language)(text)

    def test_every_path_and_link_exists(self):
        page = read("README.md")
        named = set(re.findall(r"\]\(([^)#:]+)\)", page))
        named |= {p for p in re.findall(r"`([a-z_.]+/[A-Za-z0-9_./-]+)`", page) if not p.startswith("build/")}
        self.assertGreater(len(named), 20)
        for path in sorted(named):
            self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)
        for anchor in re.findall(r"\]\(#([a-z-]+)\)", page):
            self.assertRegex(page.lower().replace(" ", "-"), rf"(?m)^#+-{anchor}$")

    def test_files_of_the_map_exist_where_it_says(self):
        for row in re.findall(r"^\| .* \| (`core/broker.*) \|$", read("README.md"), re.MULTILINE):
            for file in re.findall(r"`([a-z_]+\.(?:cc|h))`", row):
                self.assertTrue(os.path.exists(os.path.join(ROOT, "core/broker", file)), file)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
