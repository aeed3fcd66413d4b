#!/usr/bin/python3
"""Plants one fault after the other into a small tree and expects the rules of style.py to find exactly that one."""
import os
import subprocess
import sys
import tempfile
import unittest

import style

CXX = os.environ.get("CXX") or "c++"
CLANG_FORMAT_STYLE = "BasedOnStyle: Google\nIndentWidth: 4\n"


class Tree(unittest.TestCase):
    """A project of one file a module, without faults until a test plants one."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.write(".clang-format", CLANG_FORMAT_STYLE)
        self.write("core/wire/ymp.h", '#pragma once\n#include <cstdint>\n\n#include "base/bytes.h"\n')
        self.write("core/broker/broker.cc", '#include "wire/ymp.h"\n')
        self.write("core/plugin/yardmaster/routing.h", "#include <stdint.h>\n")
        self.write("plugins/routing/topic/trie.cc", '#include "trie.h"\n\n#include <yardmaster/routing.h>\n')

    def write(self, file, text):
        path = os.path.join(self.root, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(text)

    def faults(self, rule, *more):
        return list(getattr(style, "rule_" + rule)(self.root, *more))

    def assert_only(self, faults, start):
        self.assertEqual(len(faults), 1, faults)
        self.assertTrue(faults[0].startswith(start), faults[0])


class ATreeWithoutFaults(Tree):
    def test_passes_every_rule_of_files(self):
        for rule in ("includes", "layout", "length", "format", "words"):
            self.assertEqual(self.faults(rule), [], rule)


class TheIncludeRule(Tree):
    def check(self, file, text, start):
        self.write(file, text)
        self.assert_only(self.faults("includes"), start)

    def test_finds_an_include_to_the_right(self):
        self.check("core/wire/mdp.cc", '#include "broker/event.h"\n', "core/wire/mdp.cc:1: wire may not include")

    def test_finds_a_client_that_reaches_into_the_broker(self):
        self.check("core/client/session.cc", '#include "broker/event.h"\n', "core/client/session.cc:1:")

    def test_finds_a_clock_in_the_broker(self):
        self.check("core/broker/timer.cc", "#include <sys/time.h>\n", "core/broker/timer.cc:1: broker is pure")

    def test_finds_a_thread_in_the_wire(self):
        self.check("core/wire/queue.cc", "#include <mutex>\n", "core/wire/queue.cc:1: wire is pure")

    def test_finds_a_heavy_header_in_a_header(self):
        self.check("core/settings/node.h", "#pragma once\n#include <yaml-cpp/yaml.h>\n", "core/settings/node.h:2:")

    def test_finds_a_heavy_header_in_another_module(self):
        self.check("core/store/dump.cc", "#include <nlohmann/json.hpp>\n", "core/store/dump.cc:1:")

    def test_finds_cpp_in_the_c_abi(self):
        self.check("core/plugin/yardmaster/retry.h", "#include <cstdint>\n", "core/plugin/yardmaster/retry.h:1:")

    def test_finds_a_plugin_that_includes_the_core(self):
        self.check("plugins/retry/backoff.cc", '#include "base/prng.h"\n', "plugins/retry/backoff.cc:1: a plugin includes")


class TheSymbolScan(Tree):
    def library(self, text, name="libym_broker.a", unit="unit.cc"):
        self.write(unit, text)
        source, obj = os.path.join(self.root, unit), os.path.join(self.root, unit + ".o")
        library = os.path.join(self.root, name)
        subprocess.run([CXX, "-std=c++20", "-O2", "-c", source, "-o", obj], check=True)
        subprocess.run(["ar", "rcs", library, obj], check=True)
        return library

    def check(self, text, what):
        faults = self.faults("symbols", self.library(text))
        self.assertTrue(any(what in fault for fault in faults), faults)

    def test_passes_a_pure_library(self):
        pure = self.library("#include <map>\n#include <string>\nstd::map<int, std::string> f(std::string s) { return {{1, s}}; }\n")
        self.assertEqual(self.faults("symbols", pure), [])

    def test_finds_each_kind_of_system_call(self):
        for name, include, call in (
            ("clock_gettime", "time.h", "timespec t; clock_gettime(CLOCK_MONOTONIC, &t)"),
            ("time", "time.h", "time(nullptr)"),
            ("socket", "sys/socket.h", "socket(AF_INET, SOCK_STREAM, 0)"),
            ("open", "fcntl.h", 'open("x", O_RDONLY)'),
            ("read", "unistd.h", "char c; (void)!read(0, &c, 1)"),
            ("write", "unistd.h", "(void)!write(1, f, 1)"),
            ("fopen", "stdio.h", '(void)!fopen("x", "r")'),
            ("getenv", "stdlib.h", '(void)!getenv("HOME")'),
            ("rand", "stdlib.h", "rand()"),
            ("pthread_self", "pthread.h", "pthread_join(pthread_self(), nullptr)"),
            ("abort", "stdlib.h", "abort()"),
        ):
            self.check(f"#include <{include}>\nvoid f(const char* f) {{ {call}; }}\n", f"calls {name};")

    def test_finds_a_clock_of_the_cpp_library(self):
        self.check("#include <chrono>\nauto f() { return std::chrono::steady_clock::now(); }\n", "steady_clock::now")

    def test_finds_a_random_device(self):
        self.check("#include <random>\nauto f() { return std::random_device{}(); }\n", "random_device")

    def test_finds_a_file_stream(self):
        self.check('#include <fstream>\nvoid f() { std::ofstream("x") << 1; }\n', "basic_")

    def test_lets_only_the_check_of_base_print_and_abort(self):
        text = '#include <cstdio>\n#include <cstdlib>\nvoid f(int i) { std::fprintf(stderr, "%d", i); std::abort(); }\n'
        self.assertEqual(self.faults("symbols", self.library(text, "libym_base.a", "check.cc")), [])
        self.assertNotEqual(self.faults("symbols", self.library(text, "libym_base.a", "bytes.cc")), [])

    def test_does_not_pass_when_nothing_was_scanned(self):
        self.assertNotEqual(self.faults("symbols"), [])
        self.assertNotEqual(self.faults("symbols", self.library("\n")), [])


class TheOtherRules(Tree):
    def test_find_a_folder_and_a_file_that_do_not_belong_at_the_top(self):
        self.write("scripts/build.sh", "")
        self.assert_only(self.faults("layout"), "scripts/build.sh:1:")
        os.remove(os.path.join(self.root, "scripts/build.sh"))
        self.write("Makefile", "")
        self.assert_only(self.faults("layout"), "Makefile:1:")

    def test_find_a_module_that_the_layout_does_not_name(self):
        self.write("core/util/strings.h", "#pragma once\n")
        self.assert_only(self.faults("layout"), "core/util/strings.h:1:")

    def test_find_a_name_in_another_spelling(self):
        self.write("core/broker/LeaseTable.h", "#pragma once\n")
        self.assert_only(self.faults("layout"), "core/broker/LeaseTable.h:1:")

    def test_find_a_file_that_is_too_long(self):
        self.write("core/broker/all.cc", "// x\n" * (style.LINES_MAX + 1))
        self.assert_only(self.faults("length"), "core/broker/all.cc:")

    def test_find_what_clang_format_would_change(self):
        self.write("core/broker/format.cc", "int   a;\n")
        self.assert_only(self.faults("format"), "core/broker/format.cc:1:")

    def test_find_work_left_over(self):
        self.write("core/broker/left.cc", "// TO" + "DO: later\n")
        self.assert_only(self.faults("words"), "core/broker/left.cc:1:")

    def test_find_blanks_at_the_end(self):
        self.write("core/broker/blank.cc", "int a; \n")
        self.assert_only(self.faults("words"), "core/broker/blank.cc:1:")


if __name__ == "__main__":
    sys.exit(unittest.main())
