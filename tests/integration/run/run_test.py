"""The program as a process: what it prints, how it ends, what it says to bad input.

usage: run_test.py YARDMASTER [unittest options]     PYTHONPATH holds examples/clients/python
"""
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import yardmaster
import zmq

PROGRAM = sys.argv.pop(1)
PATIENCE = 30  # seconds until anything at all must have happened


class Broker:
    """`yardmaster run` in a folder of its own, gone at the end of the `with`."""

    def __init__(self, folder, extra="", listeners="", bind="tcp://127.0.0.1:*"):
        self.folder = folder
        self.admin = f"ipc://{folder}/admin.sock"
        self.file = os.path.join(folder, "broker.yaml")
        with open(self.file, "w") as file:
            file.write(
                f"yardmaster: 1\nlisteners: {{main: {{bind: ['{bind}']{listeners}}}}}\n"
                f"admin: {{bind: '{self.admin}'}}\nstore: {{plugin: memory}}\n"
                f"queues: {{hello: {{durable: false}}}}\n{extra}"
            )

    def __enter__(self):
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(
            [PROGRAM, "run", self.file], stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.hello = []
        for line in self.process.stdout:
            self.hello.append(line.rstrip("\n"))
            if line.startswith("Stop it"):
                break
        else:
            self.log.seek(0)
            raise AssertionError("the broker did not start: " + self.log.read())
        listening = next(line for line in self.hello if line.startswith("Listening on "))
        self.endpoint = listening.split()[-1]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def end(self, *signals):
        """Sends each signal, and returns the exit code and what was printed since the start."""
        for number in signals:
            self.process.send_signal(number)
        out = self.process.stdout.read()
        return self.process.wait(PATIENCE), out

    def logged(self):
        with open(os.path.join(self.folder, "log")) as file:
            return file.read()

    def status(self):
        return json.loads(run("status", "--json", "--admin", self.admin).stdout)

    def queue(self, name="hello"):
        return next(queue for queue in self.status()["queues"] if queue["name"] == name)


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE, **options)


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain for: " + what)
        time.sleep(0.02)


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = self.temporary.name


class CommandLine(WithFolder):
    def test_every_command_has_help_that_names_its_exit_codes(self):
        self.assertIn("78 wrong settings file", run("--help").stdout)
        for command in ("run", "check", "status"):
            with self.subTest(command):
                answer = run(command, "--help")
                self.assertEqual(answer.returncode, 0)
                self.assertIn("Exit codes:", answer.stdout)
                self.assertIn("Examples:", answer.stdout)

    def test_a_wrong_command_line_exits_2(self):
        for arguments in ([], ["explode"], ["run"], ["status", "--colour"], ["check", "a", "b"]):
            with self.subTest(arguments):
                self.assertEqual(run(*arguments).returncode, 2)

    def test_version_names_the_wire_and_libzmq(self):
        self.assertRegex(run("version").stdout, r"^yardmaster \d+\.\d+\.\d+ \(wire YMP/1.*libzmq \d")

    def test_a_wrong_settings_file_exits_78_and_says_where(self):
        missing = run("run", os.path.join(self.folder, "none.yaml"))
        self.assertEqual(missing.returncode, 78)
        self.assertIn("none.yaml", missing.stderr)
        path = os.path.join(self.folder, "broken.yaml")
        with open(path, "w") as file:
            file.write("yardmaster: 1\nlisteners: {main: {bind: ['tcp://127.0.0.1:*']}}\nqueues: {a: {lease: 30}}\n")
        for command in ("run", "check"):
            answer = run(command, path)
            self.assertEqual(answer.returncode, 78)
            self.assertRegex(answer.stderr + answer.stdout, r"broken\.yaml:3:\d+: queues\.a\.lease")

    def test_status_exits_69_when_nobody_answers(self):
        answer = run("status", "--admin", f"ipc://{self.folder}/nobody.sock")
        self.assertEqual(answer.returncode, 69)
        self.assertIn("yardmaster run", answer.stderr)


class Running(WithFolder):
    def test_it_says_in_ten_lines_at_most_how_to_try_it(self):
        with Broker(self.folder) as broker:
            self.assertLessEqual(len(broker.hello), 10)
            for word in (" send ", " work ", " status", "python3"):
                self.assertTrue(any(word in line for line in broker.hello), word)

    def test_the_lines_that_it_prints_can_be_copied(self):
        with Broker(self.folder) as broker:
            lines = [line.strip() for line in broker.hello if line.startswith("  ")]
            send = next(line for line in lines if " send " in line)
            work = next(line for line in lines if " work " in line)
            status = next(line for line in lines if " status" in line)
            python = next(line for line in lines if "python3" in line)
            options = {"shell": True, "timeout": PATIENCE, "capture_output": True, "text": True}
            self.assertEqual(subprocess.run(send, **options).returncode, 0)
            python = re.sub(r"^PYTHONPATH=\S+ python3", sys.executable, python)
            self.assertEqual(subprocess.run(python, **options).returncode, 0)
            worked = subprocess.run(work + " --count 2", **options)
            self.assertEqual(worked.stdout.split(), ["hello", "hello"])
            self.assertIn("The ledger balances: 2 in, 2 out, 0 live.", subprocess.run(status, **options).stdout)

    def test_a_signal_drains_and_prints_the_ledger(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Broker(self.folder) as broker:
                with yardmaster.Producer(broker.endpoint) as producer:
                    producer.wait(producer.publish("hello", b"body"), timeout=PATIENCE)
                code, out = broker.end(number)
                self.assertEqual(code, 0, out)
                self.assertIn("The ledger balances: 1 in, 0 out, 1 live.", out)
                self.assertIn("1 messages were still in queues", out)

    def test_a_drain_waits_for_the_worker_that_holds_a_message(self):
        with Broker(self.folder) as broker:
            with yardmaster.Producer(broker.endpoint) as producer:
                producer.wait(producer.publish("hello", b"body"), timeout=PATIENCE)
            worker = yardmaster.Worker(broker.endpoint, ["hello"])
            delivery = worker.receive(timeout=PATIENCE)
            broker.process.send_signal(signal.SIGTERM)
            until(lambda: broker.status()["draining"], "draining")
            self.assertIsNone(broker.process.poll())
            delivery.ack()
            worker.flush(PATIENCE)
            code, out = broker.end()
            self.assertEqual(code, 0)
            self.assertIn("The ledger balances: 1 in, 1 out, 0 live.", out)
            worker.close(0)

    def test_the_second_signal_stops_at_once_and_says_what_is_lost(self):
        with Broker(self.folder) as broker:
            with yardmaster.Producer(broker.endpoint) as producer:
                producer.wait(producer.publish("hello", b"body"), timeout=PATIENCE)
            worker = yardmaster.Worker(broker.endpoint, ["hello"])
            self.assertIsNotNone(worker.receive(timeout=PATIENCE))
            broker.process.send_signal(signal.SIGINT)
            until(lambda: broker.status()["draining"], "draining")
            began = time.monotonic()
            code, out = broker.end(signal.SIGINT)
            self.assertEqual(code, 1)
            self.assertLess(time.monotonic() - began, 10)
            self.assertIn("the leases of 1 deliveries in flight are lost", out)
            worker.close(0)

    def test_hanging_up_does_not_end_it(self):
        with Broker(self.folder) as broker:
            broker.process.send_signal(signal.SIGHUP)
            self.assertEqual(broker.queue()["live"], 0)
            self.assertEqual(broker.end(signal.SIGTERM)[0], 0)

    def test_the_log_can_be_json(self):
        with Broker(self.folder, "log: {format: json}\n") as broker:
            with yardmaster.Producer(broker.endpoint, name='a "name"') as producer:
                producer.wait(producer.publish("hello", b"body"), timeout=PATIENCE)
            self.assertEqual(broker.end(signal.SIGTERM)[0], 0)
            events = [json.loads(line) for line in broker.logged().splitlines()]
            self.assertIn(("peer_joined", 'a "name"'), [(event["event"], event.get("name")) for event in events])

    def test_status_shows_rates_and_mean_times(self):
        with Broker(self.folder) as broker:
            with yardmaster.Producer(broker.endpoint) as producer:
                producer.wait(producer.publish("hello", b"body"), timeout=PATIENCE)
            with yardmaster.Worker(broker.endpoint, ["hello"]) as worker:
                worker.receive(timeout=PATIENCE).ack()
            text = run("status", "--rates", "--file", broker.file).stdout
            self.assertRegex(text, r"QUEUE.*MEAN TIME.*IN/s")
            self.assertRegex(text, r"hello +0 +0 B +0 +0 +0 +0 +[\d.]+ (us|ms|s)")
            processed = broker.queue()
            self.assertEqual(processed["processed"], 1)
            self.assertGreater(processed["processing_us"], 0)


class Conflicts(WithFolder):
    def test_a_port_in_use_exits_69_and_says_who_to_ask(self):
        with Broker(self.folder) as broker, tempfile.TemporaryDirectory() as other:
            second = Broker(other, bind=broker.endpoint)
            answer = run("run", second.file)
            self.assertEqual(answer.returncode, 69)
            self.assertIn("ss -ltnp", answer.stderr)
            self.assertEqual(broker.queue()["live"], 0)

    def test_a_second_broker_on_the_same_admin_socket_exits_69(self):
        with Broker(self.folder) as broker:
            answer = run("run", broker.file)
            self.assertEqual(answer.returncode, 69)
            self.assertIn("a running program answers there", answer.stderr)
            self.assertEqual(broker.queue()["live"], 0)

    def test_a_killed_broker_starts_again_over_its_socket_files(self):
        bind = f"ipc://{self.folder}/main.sock"
        with Broker(self.folder, bind=bind) as broker:
            broker.process.kill()
            broker.process.wait()
        self.assertTrue(os.path.exists(f"{self.folder}/admin.sock"))
        with Broker(self.folder, bind=bind) as broker:
            with yardmaster.Producer(broker.endpoint) as producer:
                self.assertTrue(producer.wait(producer.publish("hello", b"body"), timeout=PATIENCE))
            self.assertEqual(broker.end(signal.SIGTERM)[0], 0)
        self.assertFalse(os.path.exists(f"{self.folder}/admin.sock"))

    def test_a_folder_that_does_not_exist_is_named(self):
        broker = Broker(self.folder, bind=f"ipc://{self.folder}/missing/main.sock")
        answer = run("run", broker.file)
        self.assertEqual(answer.returncode, 69)
        self.assertIn(f"'{self.folder}/missing' does not exist", answer.stderr)


class BadPeers(WithFolder):
    """What strangers send is counted, and hurts nobody else."""

    def setUp(self):
        super().setUp()
        self.context = zmq.Context()
        self.addCleanup(self.context.term)

    def dealer(self, broker):
        socket = self.context.socket(zmq.DEALER)
        self.addCleanup(socket.close, 0)
        socket.connect(broker.endpoint)
        return socket

    def works(self, broker):
        with yardmaster.Producer(broker.endpoint) as producer:
            self.assertTrue(producer.wait(producer.publish("hello", b"body"), timeout=PATIENCE))
        with yardmaster.Worker(broker.endpoint, ["hello"]) as worker:
            worker.receive(timeout=PATIENCE).ack()
        until(lambda: broker.queue()["live"] == 0, "the ack")
        self.assertTrue(broker.queue()["ledger"]["balances"])

    @staticmethod
    def garbage(random_):
        """The frames of one message that is none."""
        octets = random_.randbytes(random_.randrange(1, 200))
        head = struct.pack(">IBBHQ", 0x594D5031, random_.randrange(256), 0, random_.randrange(4), 1)
        return random_.choice([[octets], [b"YMP1" + octets], [b"", b"x"] * random_.randrange(1, 50), [head + octets], [b""]])

    def test_a_flood_of_garbage_is_counted(self):
        with Broker(self.folder) as broker:
            random_ = random.Random(7)
            sockets = [self.dealer(broker) for _ in range(10)]
            for _ in range(1000):
                for socket in sockets:
                    socket.send_multipart(self.garbage(random_))
            self.works(broker)
            self.assertGreater(broker.status()["malformed"], 1000)
            self.assertEqual(broker.end(signal.SIGTERM)[0], 0)
            self.assertLess(len(broker.logged().splitlines()), 200)

    def test_a_frame_above_the_limit_is_refused_in_words_and_a_huge_one_cuts_only_its_own_connection(self):
        with Broker(self.folder, listeners=", limits: {frame: 64KiB}") as broker:
            socket = self.dealer(broker)
            socket.send(b"YMP1" + bytes([2]) + bytes(100_000))
            self.assertTrue(socket.poll(PATIENCE * 1000))
            self.assertEqual(socket.recv()[4], 22)  # ERROR
            socket.send(bytes(1_000_000))
            self.works(broker)
            self.assertEqual(broker.end(signal.SIGTERM)[0], 0)

    def test_peers_beyond_the_limit_are_refused_and_leave_room_when_they_go(self):
        with Broker(self.folder, listeners=", limits: {peers: 5}, heartbeat: {every: 100ms, missed: 3, grace: 100ms}") as broker:
            many = [yardmaster.Producer(broker.endpoint, heartbeat=0.1) for _ in range(5)]
            for producer in many:
                producer.wait(producer.publish("hello", b"body"), timeout=PATIENCE)
            extra = self.dealer(broker)
            field = bytes([1]) + struct.pack(">H", 16) + b"sixteen octets.."
            record = struct.pack(">IHHQ", 16 + len(field), 16 + len(field), 0, 0) + field
            extra.send(struct.pack(">IBBHQ", 0x594D5031, 1, 0, 0, 0) + record)
            self.assertTrue(extra.poll(PATIENCE * 1000))
            refusal = extra.recv()
            self.assertEqual(refusal[4], 22)
            self.assertIn(struct.pack(">H", 507), refusal)
            for producer in many:
                producer.close(1)
            until(lambda: len(broker.status()["peers"]) == 0, "the peers to go")

    def test_a_peer_that_reads_nothing_does_not_hold_up_the_others(self):
        with Broker(self.folder) as broker:
            deaf = self.dealer(broker)
            deaf.rcvhwm = 1
            for _ in range(20_000):
                deaf.send(b"YMP1" + bytes(12))
            self.works(broker)


if __name__ == "__main__":
    unittest.main()
