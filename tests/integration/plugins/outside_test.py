"""Plugins as somebody outside of this project makes them: from an installation alone, tested and loaded by a broker.

usage: outside_test.py CMAKE ROOT BUILD
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import Broker

CMAKE, ROOT, BUILD = sys.argv[1:4]
SETTINGS = """
plugins: {path: [FOLDER], load: {ID: {file: FILE}}}
queues: {germany: {durable: false}, france: {durable: false}, world: {durable: false}}
pipelines: {in: {route: {plugin: ID, countries: {de: germany, fr: france}, other: world}}}
"""


def run(*command, cwd=None, env=None, code=0):
    done = subprocess.run(command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=300, check=False)
    if done.returncode != code:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}")
    return done.stdout


class Outside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.prefix = os.path.join(cls.folder, "installed")
        run(CMAKE, "--install", BUILD, "--prefix", cls.prefix)
        cls.program = os.path.join(cls.prefix, "bin", "yardmaster")
        cls.sources = os.path.join(cls.folder, "by_country")
        shutil.copytree(os.path.join(ROOT, "examples/plugins/by_country"), cls.sources)
        cls.built = cls.build(cls.sources)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def build(cls, sources):
        built = os.path.join(sources, "build")
        run(CMAKE, "-S", sources, "-B", built, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={cls.prefix}")
        run(CMAKE, "--build", built, "-j", "2")
        return built

    def settings(self, identity, file):
        text = SETTINGS.replace("FOLDER", self.built).replace("ID", identity).replace("FILE", file)
        return text

    def test_it_takes_few_lines(self):
        with open(os.path.join(self.sources, "by_country.cc"), encoding="utf-8") as source:
            self.assertLess(len(source.readlines()), 40)

    def test_its_own_tests_pass_without_a_broker(self):
        out = run("ctest", "--test-dir", self.built, "--output-on-failure")
        self.assertIn("100% tests passed, 0 tests failed out of 2", out)

    def test_a_broker_loads_it_and_routes_by_it(self):
        for identity, file in (("example.com/by-country", "by_country.so"),
                               ("example.com/by-country-c", "by_country_c.so")):
            with self.subTest(plugin=identity), tempfile.TemporaryDirectory() as folder:
                with Broker(self.program, folder, self.settings(identity, file)) as broker:
                    for country, count in (("de", 3), ("fr", 2), ("nl", 1)):
                        text = "message\n" * count
                        code, said = broker.send("--to", "in", "--header", f"country={country}", text=text)
                        self.assertEqual(code, 0, said)
                    self.assertEqual(broker.ready(), {"germany": 3, "france": 2, "world": 1})

    def test_route_says_what_the_broker_does(self):
        with tempfile.TemporaryDirectory() as folder:
            broker = Broker(self.program, folder, self.settings("example.com/by-country", "by_country.so"))
            out = run(self.program, "route", broker.file, "--to", "in", "--header", "country=de")
            self.assertIn("-> broker.yaml:8  de to germany: taken", out.replace(folder + "/", ""))
            self.assertIn("=> germany\n", out)
            answer = json.loads(run(self.program, "route", broker.file, "--json", "--header", "country=nl"))
            self.assertEqual(answer["queues"], ["world"])
            self.assertEqual([b["verdict"] for b in answer["bindings"]], ["not_chosen", "not_chosen", "taken"])

    def test_what_it_refuses_is_shown_with_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            text = self.settings("example.com/by-country", "by_country.so").replace("fr: france", "fra: france")
            broker = Broker(self.program, folder, text)
            out = run(self.program, "check", broker.file, code=78)
            self.assertIn("broker.yaml:8:88: pipelines.in.route.countries.fra: found france", out)
            self.assertIn("a country code has two letters [plugin.refused]", out)

    def test_its_reference_page_shows_every_key(self):
        out = run(self.program, "plugin", "show", os.path.join(self.built, "by_country.so"))
        for line in ("example.com/by-country 1.0.0: Routes by a country code.",
                     "      plugin: example.com/by-country",
                     "      field:                        # [header.country] a field: topic, type, key or header.NAME. "
                     "Holds the country code.",
                     "      countries:                    # required: a map. Country code: queue or pipeline.",
                     "        NAME:                       # the name of a queue or pipeline. Where this country's "
                     "messages go."):
            self.assertIn(line + "\n", out)

    def test_the_template_builds_and_its_tests_pass(self):
        sources = os.path.join(self.folder, "template")
        shutil.copytree(os.path.join(self.prefix, "share/yardmaster/template"), sources)
        out = run("ctest", "--test-dir", self.build(sources), "--output-on-failure")
        self.assertIn("100% tests passed, 0 tests failed out of 2", out)

    def test_the_installed_program_knows_all_bundled_plugins(self):
        out = run(self.program, "plugin", "list")
        for name in ("topic", "key_hash", "headers", "weighted", "sticky", "single_active", "backoff", "memory"):
            self.assertRegex(out, rf"(?m)^\w+/1 +{name} ")
        self.assertIn("did you mean topic?", run(self.program, "plugin", "show", "topik", code=1))
        self.assertIn("[all] all or first.", run(self.program, "plugin", "show", "topic"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
