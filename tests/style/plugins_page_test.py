#!/usr/bin/python3
"""Does what plugins/README.md says, from the installation to the broker's own answers.

usage: plugins_page_test.py ROOT CMAKE BUILD

cpp   the first block is refunds.cc, the second refunds_test.cc
yaml  is broker.yaml
text  is what the block of `yardmaster route` before it prints
bash  is run, line by line, in the order of the page; what needs a later block is run once that is there
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT, CMAKE, BUILD = (os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3]))


class PluginsPage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(os.path.join(ROOT, "plugins/README.md"), encoding="utf-8") as page:
            self.blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page.read(), re.MULTILINE | re.DOTALL)

    def of(self, language):
        return [text for found, text in self.blocks if found == language]

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as out:
            out.write(text)

    def run_line(self, line):
        line = line.replace("cmake --install build/release", f"'{CMAKE}' --install '{BUILD}'")
        environment = dict(os.environ, HOME=self.folder)
        done = subprocess.run(["bash", "-c", line], cwd=self.folder, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}")
        return done.stdout

    def test_what_it_says_can_be_done_in_its_order(self):
        plugin, test = self.of("cpp")
        self.write("refunds.cc", plugin)
        self.write("refunds_test.cc", test)
        (settings,) = self.of("yaml")
        self.write("broker.yaml", settings)
        (answer,) = self.of("text")
        said = {}
        for block in self.of("bash"):
            for line in block.splitlines():
                said[line] = self.run_line(line)
        routed = [out for line, out in said.items() if " route " in line]
        self.assertEqual(routed, [answer])
        drawn = "".join(out for line, out in said.items() if "--graph" in line)
        self.assertIn('"in" -> "back-office"', drawn)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "my_router/my_router.cc")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
