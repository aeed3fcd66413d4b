#!/usr/bin/python3
"""The demo: every package of this machine goes through a broker, while workers are killed and stopped.

    run.py BUILD_DIR      (needs the programs built; takes about ten seconds)

Each record of /var/lib/dpkg/status is published with its section as topic and its source package as key, routed by topic to five
queues, and answered by workers in C++, Python and shell with the SHA-256 of its body. In the middle two workers are killed and a
third is stopped for longer than its lease, each while it holds eight messages. Exits 0 only if every record was answered exactly
once with the right digest, what the victims held was delivered again, the late answers were refused, and the ledger balances.
"""
import collections
import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "clients", "python"))
from yardmaster import REPLY, Producer, Refused  # noqa: E402

PACKAGES = "/var/lib/dpkg/status"
QUEUES = ["libraries", "headers", "languages", "tools", "others"]
HELD = 8  # messages that each victim holds
PATIENCE = 120.0  # seconds for everything; an idle machine needs ten


class Failed(Exception):
    """The demo did not show what it promises."""


def check(condition, what):
    if not condition:
        raise Failed(what)


def records(file):
    """(topic, key, body) of each stanza."""
    with open(file, "rb") as opened:
        stanzas = [stanza for stanza in opened.read().split(b"\n\n") if stanza.strip()]
    for stanza in stanzas:
        fields = dict(line.split(b": ", 1) for line in stanza.split(b"\n") if b": " in line and not line.startswith(b" "))
        package = fields.get(b"Package", b"unknown")
        key = fields.get(b"Source", package).split(b" ")[0]
        topic = fields.get(b"Section", b"unknown").replace(b"/", b".")
        yield topic.decode(), key.decode(), stanza


class Child:
    """A process whose lines of output can be waited for."""

    def __init__(self, name, *command, **options):
        self.name, self.lines = name, queue.Queue()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode("utf-8", "replace").rstrip("\n"))
        self.lines.put(None)

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def expect(self, start, patience=30.0):
        """The next line that begins so."""
        end = time.monotonic() + patience
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{self.name} did not say {start!r} within {patience} s") from None
            check(line is not None, f"{self.name} ended before it said {start!r}")
            if line.startswith(start):
                return line

    def end(self, by_signal, patience=15.0):
        """Asks it to leave, by SIGTERM or by the end of its input; its exit code."""
        self.process.stdin.close()
        if by_signal:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience)

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


class CountingProducer(Producer):
    """Counts the last replies of each request: the client itself would pass on the first and drop the others."""

    def __init__(self, *arguments, **options):
        self.finals = collections.Counter()
        super().__init__(*arguments, **options)

    def _take_records(self, verb, name, number, records):
        if verb == REPLY and records[0][0] == 200:
            self.finals[number] += 1
        super()._take_records(verb, name, number, records)


class Demo:
    def __init__(self, build, folder):
        self.program, self.folder, self.children = os.path.join(build, "yardmaster"), folder, []
        self.digest_worker = os.path.join(build, "examples", "digest_worker")
        self.endpoint, self.admin = f"ipc://{folder}/broker", f"ipc://{folder}/admin"
        self.end_by = time.monotonic() + PATIENCE

    def start(self, name, *command, **options):
        self.children.append(Child(name, *command, **options))
        return self.children[-1]

    def cpp_worker(self, name, *queues):
        return self.start(name, self.digest_worker, self.endpoint, name, str(HELD), *queues)

    def python_worker(self, name, *queues):
        return self.start(name, sys.executable, os.path.join(HERE, "digest_worker.py"), self.endpoint, name, str(HELD), *queues)

    def shell_worker(self, name, *queues):
        return self.start(name, self.program, "work", *queues, "--endpoint", self.endpoint, "--name", name, "--exec", "sha256sum")

    def status(self):
        answer = subprocess.run([self.program, "status", "--admin", self.admin, "--json"], stdout=subprocess.PIPE, check=False)
        check(answer.returncode == 0, f"`yardmaster status` exited with {answer.returncode}: the ledger does not balance")
        return json.loads(answer.stdout)

    def in_flight(self, name):
        return sum(peer["in_flight"] for peer in self.status()["peers"] if peer["name"] == name)

    def wait(self, condition, what):
        while not condition():
            check(time.monotonic() < self.end_by, f"{what}: not within {PATIENCE:.0f} s")
            self.producer.poll(0.05)

    def run(self):
        environment = dict(os.environ, DEMO_ENDPOINT=self.endpoint, DEMO_ADMIN=self.admin)
        with open(os.path.join(self.folder, "broker.log"), "wb") as log:
            broker = self.start("broker", self.program, "run", os.path.join(HERE, "demo.yaml"), env=environment, stderr=log)
        broker.expect("Listening")
        self.packages, self.published = list(records(PACKAGES)), []
        with CountingProducer(self.endpoint, name="demo") as self.producer:
            self.start_victims()
            self.start_workers()
            self.stumble()
            self.check_answers()
            status = self.check_broker()
        self.finish(broker)
        return status

    def publish(self, count):
        """Publishes the next records."""
        for topic, key, body in self.packages[len(self.published):][:count]:
            self.published.append(self.producer.publish("packages", body, reply=True, topic=topic, key=key))

    def answered(self):
        return sum(one.reply is not None for one in self.published)

    def report(self, what, text):
        print(f"{what:<10}{text}; {self.answered()} of {len(self.packages)} answered", flush=True)

    def start_victims(self):
        """They come first, so that each gets its share before there is anybody else."""
        self.victims = {
            "cpp-killed": self.cpp_worker("cpp-killed", "headers", "tools"),
            "python-killed": self.python_worker("python-killed", "languages", "others"),
            "python-stopped": self.python_worker("python-stopped", "libraries"),
        }
        for victim in self.victims.values():
            victim.say(f"hold {HELD}")
        self.publish(len(self.packages) // 2)
        self.wait(lambda: all(one.status for one in self.published), "confirms")
        for victim in self.victims.values():
            victim.expect("holding")
        self.report("publish", f"half of the records of {PACKAGES}; three workers hold {HELD} each")

    def start_workers(self):
        names = []
        for kind in (self.shell_worker, self.python_worker, self.cpp_worker):
            names += [f"{kind.__name__.split('_')[0]}-{number}" for number in (1, 2)]
            for name in names[-2:]:
                kind(name, *QUEUES)
        self.wait(lambda: {peer["name"] for peer in self.status()["peers"]}.issuperset(names), "six workers")
        self.report("start", "six more workers: " + " ".join(names))

    def stumble(self):
        """Publishes the rest in small lots, and lets the victims fall in the middle of it."""
        falls = iter((self.kill_one("cpp-killed"), self.kill_one("python-killed"), self.stop_one("python-stopped")))
        lots = 12
        lot = -(-(len(self.packages) - len(self.published)) // lots)
        for number in range(lots):
            self.publish(lot)
            self.producer.poll(0.01)
            if number % 4 == 2:
                next(falls)()
        self.wait(lambda: all(one.status for one in self.published), "confirms")
        refused = [one for one in self.published if not one.ok]
        check(not refused, f"{len(refused)} records were refused: {refused[0].status if refused else 0}")
        self.report("publish", "the other half, all confirmed")
        self.wait(lambda: self.answered() == len(self.packages), "all replies")
        self.report("answer", "what the victims held was delivered again")
        stopped = self.victims["python-stopped"]
        stopped.say("go on")
        stopped.process.send_signal(signal.SIGCONT)
        self.wait(lambda: self.status()["stale"] >= 1, "the late answers of the stopped worker")
        self.report("SIGCONT", "python-stopped answers what it held: too late, and refused")

    def kill_one(self, name):
        def fall():
            held = self.in_flight(name)
            check(held >= 5, f"{name} held {held} messages when it was to be killed")
            self.victims[name].process.kill()
            self.report("kill -9", f"{name}, which holds {held} messages")
        return fall

    def stop_one(self, name):
        def fall():
            self.victims[name].say("freeze")
            self.victims[name].expect("frozen")
            self.victims[name].process.send_signal(signal.SIGSTOP)
            held = self.in_flight(name)
            check(held >= 5, f"{name} held {held} messages when it was stopped")
            self.report("SIGSTOP", f"{name}, which holds {held} messages")
        return fall

    def check_answers(self):
        self.producer.poll(0.2)  # a second reply to any request would be here by now
        for (_, key, body), one in zip(self.packages, self.published):
            check(one.reply == 200, f"{key}: no reply, but {one.reply} {one.text}")
            check(self.producer.finals[one.sequence] == 1, f"{key}: {self.producer.finals[one.sequence]} replies")
            digest = one.parts[-1].decode()[:64]
            check(digest == hashlib.sha256(body).hexdigest(), f"{key}: the digest {digest} is wrong")

    def check_broker(self):
        status = self.status()
        queues = {one["name"]: one for one in status["queues"]}
        ledgers = {name: one["ledger"] for name, one in queues.items()}
        taken = [name for name in QUEUES if ledgers[name]["accepted"] > 0]
        check(len(taken) >= 4, f"only {taken} got messages")
        for name, ledger in ledgers.items():
            out = sum(ledger[term] for term in ("acked", "dead", "expired", "deleted", "moved_out")) + sum(ledger["dropped"].values())
            into = ledger["accepted"] + ledger["moved_in"]
            check(into == out + queues[name]["live"], f"{name}: {into} in, {out} out, {queues[name]['live']} live")
            check(ledger["accepted"] == ledger["acked"], f"{name}: {ledger['accepted']} accepted, {ledger['acked']} acked")
        redelivered = sum(one["redelivered"] for one in queues.values())
        check(redelivered >= 5, f"only {redelivered} messages were delivered again")
        check(status["stale"] >= 1, "no late answer was refused")
        self.acked = {peer["name"]: peer["acked"] for peer in status["peers"]}
        for kind in ("cpp", "python", "shell"):
            check(any(self.acked.get(f"{kind}-{number}", 0) > 0 for number in (1, 2)), f"no {kind} worker answered anything")
        return status

    def finish(self, broker):
        for child in self.children:
            if child is broker or child.process.poll() is not None:
                continue
            code = child.end(by_signal=child.name.startswith("shell"))
            check(code == 0, f"{child.name} exited with {code}")
        ledger = subprocess.run([self.program, "status", "--admin", self.admin], stdout=subprocess.PIPE, check=True).stdout.decode()
        print("\n" + ledger[ledger.index("LEDGER"):])
        code = broker.end(by_signal=True)
        check(code == 0, f"the broker exited with {code}")

    def kill(self):
        for child in self.children:
            child.kill()


def main(build):
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="yardmaster-demo-") as folder:
        demo = Demo(os.path.abspath(build), folder)
        try:
            status = demo.run()
        except (Failed, Refused, OSError, subprocess.SubprocessError) as why:
            print(f"demo: FAILED: {why}", file=sys.stderr)
            with open(os.path.join(folder, "broker.log"), encoding="utf-8") as log:
                print("the broker's log ends:\n" + "".join(log.readlines()[-30:]), file=sys.stderr)
            return 1
        finally:
            demo.kill()
    redelivered = sum(one["redelivered"] for one in status["queues"])
    kinds = {kind: sum(demo.acked.get(f"{kind}-{number}", 0) for number in (1, 2)) for kind in ("cpp", "python", "shell")}
    print(f"Every one of {len(demo.packages)} records was answered exactly once, with the right digest.")
    print("Answers by C++ {cpp}, Python {python}, shell {shell}.".format(**kinds),
          f"Delivered again {redelivered}, late answers refused {status['stale']}. {time.monotonic() - began:.1f} s.")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
