#!/usr/bin/python3
"""`yardmaster send` and `yardmaster work`, as a person or a script uses them.

usage: send_and_work.py BUILD_DIR [unittest options]
"""
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "behaviour"))
from support import Broker  # noqa: E402

BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)
PROGRAM = os.path.join(BUILD, "yardmaster")


class WithBroker(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ym-cli-")
        self.addCleanup(self.folder.cleanup)
        self.broker = Broker(PROGRAM, self.folder.name)
        self.addCleanup(self.broker.kill)

    def path(self, name, octets):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(octets)
        return path

    def command(self, name, *arguments):
        return [PROGRAM, name, "--endpoint", self.broker.endpoint, *arguments]

    def send(self, *arguments, lines=b""):
        return subprocess.run(self.command("send", *arguments), input=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, timeout=60)

    def work(self, *arguments):
        return subprocess.run(self.command("work", *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, timeout=60)

    def start(self, *arguments, **options):
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process


class Send(WithBroker):
    def bodies(self, count, *options):
        return self.work("hello", "--count", str(count), *options).stdout

    def test_each_line_is_a_message_and_silence_means_that_all_are_confirmed(self):
        sent = self.send("--to", "hello", lines=b"one\n\nthree without an end")
        self.assertEqual((sent.returncode, sent.stdout, sent.stderr), (0, b"", b""))
        self.assertEqual(self.bodies(3), b"one\n\nthree without an end\n")

    def test_records_may_end_with_nul(self):
        self.assertEqual(self.send("--null", lines=b"a\nb\0c\0").returncode, 0)
        self.assertEqual(self.bodies(2, "--null"), b"a\nb\0c\0")

    def test_a_file_is_one_message_and_with_lines_many(self):
        file = self.path("two-lines", b"first\nsecond\n")
        self.assertEqual(self.send(file, file).returncode, 0)
        self.assertEqual(self.send("--lines", file).returncode, 0)
        records = [json.loads(line) for line in self.bodies(4, "--json").splitlines()]
        self.assertEqual([record["body"] for record in records], ["first\nsecond\n"] * 2 + ["first", "second"])

    def test_fields_go_with_every_message(self):
        self.send("--topic", "a.b", "--key", "k", "--type", "t", "--header", "colour=red", "--header", "empty=", "--priority", "3", lines=b"x\n")
        record = json.loads(self.bodies(1, "--json"))
        self.assertEqual((record["topic"], record["key"], record["type"], record["priority"]), ("a.b", "k", "t", "3"))
        self.assertEqual(record["headers"], {"colour": "red", "empty": ""})

    def test_octets_that_are_no_text_are_shown_in_hex(self):
        self.send(self.path("octets", b"\xff\x00"))
        self.assertEqual(json.loads(self.bodies(1, "--json"))["body_hex"], "ff00")

    def test_a_refusal_says_why_and_what_to_do(self):
        sent = self.send("--to", "helo", lines=b"1\n2\n")
        self.assertEqual(sent.returncode, 1)
        self.assertIn(b"2 sent, 0 confirmed, 2 refused", sent.stderr)
        self.assertIn(b"2 refused with 404", sent.stderr)
        self.assertIn(b"hello", sent.stderr)
        self.assertIn(b"yardmaster status", sent.stderr)

    def test_each_answer_is_a_line_of_json(self):
        sent = self.send("--to", "helo", "--json", lines=b"1\n")
        answer = json.loads(sent.stdout)
        self.assertEqual((answer["sequence"], answer["status"]), (1, 404))

    def test_what_is_too_large_is_refused(self):
        sent = subprocess.run([PROGRAM, "send", "--endpoint", self.broker.small, self.path("large", bytes(70000))],
                              stderr=subprocess.PIPE, check=False, timeout=60)
        self.assertEqual(sent.returncode, 1)
        self.assertIn(b"1 refused with 413", sent.stderr)

    def test_a_missing_file_fails_after_the_others_are_sent(self):
        sent = self.send("/no/such/file", self.path("there", b"x"))
        self.assertEqual(sent.returncode, 1)
        self.assertIn(b"/no/such/file: No such file", sent.stderr)
        self.assertEqual(self.bodies(1), b"x\n")

    def test_nobody_at_the_endpoint_is_told_in_time(self):
        began = time.monotonic()
        sent = subprocess.run([PROGRAM, "send", "--endpoint", f"ipc://{self.folder.name}/nobody", "--timeout", "0.5"], input=b"x\n",
                              stderr=subprocess.PIPE, check=False, timeout=60)
        self.assertEqual(sent.returncode, 69)
        self.assertIn(b"nobody answers", sent.stderr)
        self.assertLess(time.monotonic() - began, 20)

    def test_progress_is_shown_on_a_terminal_only(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(self.command("send"), stdin=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown = b""
        while b" 1 confirmed" not in shown:
            process.stdin.write(b"x\n")
            process.stdin.flush()
            shown += os.read(ours, 1000)
        process.stdin.close()
        self.assertEqual(process.wait(30), 0)
        os.close(ours)
        self.assertRegex(shown, rb"\d+ sent, \d+ confirmed, 0 refused, \d+/s")

    def test_an_interrupt_ends_it_with_a_summary(self):
        process = self.start("send", stdin=subprocess.PIPE)
        process.stdin.write(b"x\n")
        process.stdin.flush()
        self.broker.until(lambda status: any(peer["name"] == "yardmaster send" and peer["published"] for peer in status["peers"]), "sent")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 1)


class Work(WithBroker):
    def test_a_command_gets_the_body_and_the_fields_and_options_of_its_own(self):
        self.send("--topic", "a.b", "--header", "colour=red", lines=b"a body\n")
        done = self.work("hello", "--count", "1", "--show", "--exec", "sh", "-c", 'cat; echo " $YM_TOPIC $YM_ATTEMPT $YM_HEADER_COLOUR $1"', "-", "--json")
        self.assertEqual((done.returncode, done.stdout), (0, b"a body a.b 1 red --json\n"))

    def test_a_command_of_one_word_is_a_line_for_the_shell(self):
        self.send(lines=b"abc\n")
        self.assertEqual(self.work("hello", "--count", "1", "--show", "--exec", "tr a-z A-Z | rev").stdout, b"CBA")

    def test_its_output_is_the_reply(self):
        worker = self.start("work", "hello", "--count", "2", "--exec", "sha256sum")
        sent = self.send("--reply", lines=b"hello\nworld\n")
        self.assertEqual(sent.returncode, 0, sent.stderr)
        self.assertEqual(sorted(sent.stdout.split()[::2]), [
            b"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            b"486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"])
        self.assertEqual(worker.wait(30), 0)

    def test_a_large_body_and_a_large_output_pass(self):
        worker = self.start("work", "hello", "--count", "1", "--exec", "cat")
        body = os.urandom(1 << 20).hex().encode()
        sent = self.send("--reply", self.path("large", body))
        self.assertEqual((sent.returncode, sent.stdout), (0, body + b"\n"))
        self.assertEqual(worker.wait(30), 0)

    def test_a_command_need_not_read_its_input(self):
        self.send(self.path("unread", bytes(1 << 20)))
        self.assertEqual(self.work("hello", "--count", "1", "--exec", "true").returncode, 0)

    def test_another_exit_status_is_a_nack(self):
        self.send(lines=b"x\n")
        done = self.work("hello", "--count", "2", "--show", "--exec", "echo $YM_ATTEMPT; exit $((3 - $YM_ATTEMPT - 1))")
        self.assertEqual(done.stdout, b"1\n2\n")
        self.assertIn(b"attempt 1: exit status 1", done.stderr)

    def test_a_command_that_is_not_there_is_a_nack(self):
        self.send(lines=b"x\n")
        done = self.work("hello", "--count", "1", "--exec", "/no/such/command", "x")
        self.assertIn(b"cannot start /no/such/command: No such file", done.stderr)
        self.work("hello", "--count", "1")

    def test_the_lease_is_extended_while_the_command_runs(self):
        self.send("--to", "short", lines=b"x\n")  # a lease of 1 s
        done = self.work("short", "--count", "1", "--exec", "sleep 2.5")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(self.broker.queue("short")["redelivered"], 0)

    def test_a_signal_lets_the_command_finish(self):
        file = os.path.join(self.folder.name, "running")
        self.send("--to", "short", lines=b"x\n")
        worker = self.start("work", "short", "--exec", f"touch {file}; sleep 0.5")
        while not os.path.exists(file):
            time.sleep(0.01)
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(30), 0)
        self.assertEqual(self.broker.queue("short")["ledger"]["acked"], 1)

    def test_a_second_signal_ends_the_command_and_releases_its_message(self):
        file = os.path.join(self.folder.name, "endless")
        self.send("--to", "short", lines=b"x\n")
        worker = self.start("work", "short", "--exec", f"touch {file}; sleep 1000")
        while not os.path.exists(file):
            time.sleep(0.01)
        for _ in range(2):
            worker.send_signal(signal.SIGTERM)
            time.sleep(0.7)
        self.assertEqual(worker.wait(30), 0)
        self.assertEqual(json.loads(self.work("short", "--count", "1", "--json").stdout)["attempt"], 1)

    def test_an_unknown_queue_is_told_with_the_nearest_name(self):
        done = self.work("helo")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"hello", done.stderr)

    def test_wrong_options_are_told(self):
        self.assertEqual(self.work("hello", "--exec").returncode, 2)
        self.assertEqual(self.work("hello", "--no-such-option").returncode, 2)
        self.assertEqual(self.send("--header", "no-equals-sign").returncode, 2)
        self.assertEqual(self.send("--exec", "true").returncode, 2)


if __name__ == "__main__":
    unittest.main()
