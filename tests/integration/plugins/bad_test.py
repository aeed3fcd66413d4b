"""Plugins that are wrong or lie, in a real broker: refused at the start, or bounded, counted and told.

usage: bad_test.py YARDMASTER FOLDER_OF_BAD_PLUGINS
"""
import os
import subprocess
import sys
import tempfile
import unittest

from support import Broker

PROGRAM, BAD = sys.argv[1:3]
SETTINGS = """
plugins: {path: [BAD], budget: 20ms, load: {ID: {file: FILE, on_failure: ON_FAILURE}}}
queues: {good: {durable: false}, rest: {durable: false}}
pipelines: {in: {route: {plugin: ID, to: good}, unmatched: rest}}
"""


class Bad(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def broker(self, identity, file="bad_lies.so", on_failure="reject"):
        text = SETTINGS.replace("BAD", BAD).replace("ID", identity).replace("FILE", file)
        return Broker(PROGRAM, self.folder, text.replace("ON_FAILURE", on_failure))

    def test_what_cannot_be_used_stops_the_start_and_says_what_to_do(self):
        with open(os.path.join(self.folder, "text.so"), "w", encoding="utf-8") as out:
            out.write("this is no library\n")
        for identity, file, expected in (
                ("example.com/x", "bad_old_abi.so", "bad_old_abi.so: the symbol ym_plugin_0; expected the symbol "
                 "ym_plugin_1; build the plugin with the headers of this version of Yardmaster [plugin.abi]"),
                ("example.com/x", "bad_new_abi.so", "the plugin is for a newer Yardmaster; update Yardmaster"),
                ("example.com/x", "bad_no_symbol.so", "this is no plugin of Yardmaster, or its symbol is hidden"),
                ("example.com/only-retry", "bad_lies.so", "with retry/1; expected a plugin for routing/1"),
                ("example.com/x", self.folder + "/text.so", "expected a shared library; is it built for this machine"),
                ("example.com/x", "nowhere.so", "nowhere.so: no such file in "),
                ("example.com/x", "bad_wrong.so", "expected the plugin example.com/x; name it under plugins.load as "
                 "the library does")):
            with self.subTest(file=file):
                broker = self.broker(identity, file)
                for command in ("check", "run"):
                    done = subprocess.run([PROGRAM, command, broker.file], capture_output=True, text=True, timeout=60,
                                          check=False)
                    self.assertEqual(done.returncode, 78, done.stderr)
                    found = done.stderr
                    self.assertIn(expected, found)
                    self.assertIn(os.path.basename(file), found)

    def test_a_route_that_throws_rejects_or_leaves_unmatched_and_is_counted(self):
        for on_failure, code, ready in (("reject", 1, {"good": 0, "rest": 0}), ("unmatched", 0, {"good": 0, "rest": 2})):
            with self.subTest(on_failure=on_failure), self.broker("example.com/throws", on_failure=on_failure) as broker:
                found, said = broker.send("--to", "in", text="one\ntwo\n")
                self.assertEqual(found, code, said)
                self.assertEqual(broker.ready(), ready)
                plugins = broker.status()["plugins"]
                self.assertEqual([(p["place"], p["plugin"]) for p in plugins], [("pipeline in", "example.com/throws")])
                self.assertGreater(plugins[0]["failed"], 0)
                self.assertIn("thrown on purpose", broker.said())
                text = subprocess.run([PROGRAM, "status", "--admin", broker.admin], capture_output=True, text=True,
                                      timeout=60, check=True).stdout
                self.assertIn("PLUGIN TROUBLE: example.com/throws of pipeline in failed", text)

    def test_a_wrong_target_costs_its_message_alone(self):
        with self.broker("example.com/wrong-target") as broker:
            code, said = broker.send("--to", "in", text="zero\none\ntwo\n")
            self.assertEqual(code, 1, said)
            self.assertEqual(broker.ready(), {"good": 2, "rest": 0})

    def test_a_route_beyond_its_budget_is_counted_and_asked_less_often(self):
        with self.broker("example.com/sleeps", on_failure="unmatched") as broker:
            for _ in range(3):
                code, said = broker.send("--to", "in", text="one\n")
                self.assertEqual(code, 0, said)
            plugin = broker.status()["plugins"][0]
            self.assertGreater(plugin["slow"], 0)
            self.assertEqual(plugin["slow"] + plugin["spared"], 3, "none of the calls was quick enough")
            self.assertEqual(broker.ready(), {"good": 0, "rest": 3})
            self.assertIn("plugins.budget is 20 ms: its answer does not count", broker.said())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
