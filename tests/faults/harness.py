"""A run: a broker, producers and workers as processes in a folder of their own, their ledgers, and what the checker says of them."""
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "clients", "python"))
import yardmaster  # noqa: E402

SETTINGS = """yardmaster: 1
listeners: {{main: {{bind: ["ipc://{folder}/broker"], heartbeat: {{every: 200ms, missed: 10, grace: 500ms}}, limits: {{frame: 256KiB}}}}}}
admin: {{bind: "ipc://{folder}/admin"}}
log: {{level: info}}
shutdown: {{drain: 5s}}
limits: {{memory: {memory}}}
store: {store}
retries: {{quick: {{plugin: fixed, delay: 0s, attempts: 1M}}}}
queues: {{work: {{durable: true, retry: quick, lease: {lease}, limits: {{messages: {messages}, bytes: 100GiB}}}}}}
"""


class Failed(AssertionError):
    """Something did not happen that must."""


def now_us():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


steps = False


def until(condition, what, patience=60.0, pause=0.01):
    if steps:
        print(f"{time.monotonic():.2f} {what}", file=sys.stderr, flush=True)
    end = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > end:
            raise Failed(f"not within {patience:g} s: {what}")
        time.sleep(pause)
    return found


class Ledger:
    """The driver's own."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, kind, *words):
        os.write(self.file, " ".join(map(str, [kind, now_us(), *words, "."])).encode() + b"\n")
        os.fdatasync(self.file)


class Run:
    """Everything of one run; a context that leaves no process behind. The folder is kept when something went wrong, or with `keep`."""

    def __init__(self, build, seed, store=None, lease="10s", memory="1GiB", messages="100M", keep=False, store_folder=None):
        self.build, self.seed, self.keep, self.random = os.path.abspath(build), seed, keep, random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix="ym-faults-")
        self.store_folder = store_folder or os.path.join(self.folder, "store")
        self.durable = store is None
        store = store or f"{{plugin: log, dir: {self.store_folder}}}"
        self.settings = os.path.join(self.folder, "broker.yaml")
        self.ledger = Ledger(os.path.join(self.folder, "driver.ledger"))
        self.endpoint, self.admin = f"ipc://{self.folder}/broker", f"ipc://{self.folder}/admin"
        self.broker, self.peers, self.environment, self.served_s = None, {}, {}, []
        self.store, self.lease, self.memory, self.messages = store, lease, memory, messages
        self.write_settings()

    def write_settings(self):
        with open(self.settings, "w", encoding="utf-8") as file:
            file.write(SETTINGS.format(folder=self.folder, store=self.store, lease=self.lease, memory=self.memory,
                                       messages=self.messages))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in [*self.peers.values(), self.broker]:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        if kind is None and not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"kept: {self.folder}", file=sys.stderr)

    # --- the broker

    def start_broker(self, patience=60.0, serving=True):
        """Starts it; seconds from there until it answers a HELLO. With serving=False it may end instead."""
        self.ledger.note("broker_start")
        began = time.monotonic()
        with open(os.path.join(self.folder, "broker.log"), "ab") as log:
            self.broker = subprocess.Popen([os.path.join(self.build, "yardmaster"), "run", self.settings], stdout=log, stderr=log,
                                           env=dict(os.environ, **self.environment))
        took = self.wait_serving(began, patience)
        if took is None and serving:
            raise Failed(f"the broker ended with {self.broker.returncode}, or does not serve: {self.log_tail()}")
        if took is not None:
            self.served_s.append(took)
        return took

    def wait_serving(self, began, patience):
        """Says HELLO until somebody answers WELCOME."""
        context = zmq.Context.instance()
        while time.monotonic() - began < patience and self.broker.poll() is None:
            socket = context.socket(zmq.DEALER)
            socket.linger, socket.reconnect_ivl = 0, 1
            socket.connect(self.endpoint)
            fields = yardmaster.encode_fields(dict(session=os.urandom(16), versions=b"\1"))
            socket.send(yardmaster.encode_frame(yardmaster.HELLO, b"is it serving", 0, [(0, 1, fields, b"")]))
            for _ in range(100):
                if socket.poll(10) or self.broker.poll() is not None:
                    break
            answer = socket.recv(zmq.DONTWAIT) if socket.poll(0) else b""
            if answer:
                socket.send(yardmaster.encode_frame(yardmaster.BYE))
                socket.close(200)
                return time.monotonic() - began
            socket.close(0)
        return None

    def kill_broker(self, kind="broker_kill"):
        self.ledger.note(kind)
        self.broker.kill()
        self.broker.wait()
        self.ledger.note("broker_gone")

    def cpu_s(self):
        """Seconds of the processor that the broker has used, by all its threads."""
        with open(f"/proc/{self.broker.pid}/stat", encoding="utf-8") as stat:
            words = stat.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def log_tail(self, lines=8):
        with open(os.path.join(self.folder, "broker.log"), encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def status(self):
        answer = subprocess.run([os.path.join(self.build, "yardmaster"), "status", "--admin", self.admin, "--json"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
        if answer.returncode != 0:
            raise Failed(f"status exited with {answer.returncode}: {answer.stderr.decode()}")
        return json.loads(answer.stdout)

    def queue(self, name="work"):
        return next(one for one in self.status()["queues"] if one["name"] == name)

    def stop_broker(self, patience=60.0):
        """By SIGTERM; its exit code."""
        self.broker.send_signal(signal.SIGTERM)
        code = self.broker.wait(patience)
        self.ledger.note("broker_gone")
        return code

    def rss_mib(self):
        with open(f"/proc/{self.broker.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    # --- producers and workers

    def start_peer(self, role, name, **options):
        """Another process of `name`; with the same ledger as one before it."""
        if role == "producer":
            options.setdefault("level", "durable" if self.durable else "memory")
        command = [os.path.join(self.build, "tests", "fault_load"), role, "--endpoint", self.endpoint, "--address", "work",
                   "--name", name, "--ledger", os.path.join(self.folder, name + ".ledger")]
        for option, value in options.items():
            word = "--" + option.replace("_", "-")
            command += [word] if value is True else [word, str(value)]
        starts = self.starts(name)
        self.peers[name] = process = subprocess.Popen(command)
        process.role, process.options, process.starts = role, options, starts
        return process

    def starts(self, name):
        """How many processes of this name have begun."""
        path = os.path.join(self.folder, name + ".ledger")
        if not os.path.exists(path):
            return 0
        with open(path, encoding="utf-8") as ledger:
            return sum(line.startswith("start ") for line in ledger)

    def kill_peer(self, name):
        process = self.peers[name]
        if process.role == "worker":
            self.ledger.note("worker_kill", name)
        process.kill()
        process.wait()

    def restart_peer(self, name):
        process = self.peers[name]
        return self.start_peer(process.role, name, **process.options)

    def end_peers(self, role, patience=90.0):
        """By SIGTERM, in order; each has to end with 0."""
        mine = {name: process for name, process in self.peers.items() if process.role == role}
        for name, process in mine.items():
            until(lambda: process.poll() is not None or self.starts(name) > process.starts, f"{name} has begun")
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for name, process in mine.items():
            try:
                code = process.wait(patience)
            except subprocess.TimeoutExpired:
                raise Failed(f"{name} does not end within {patience:g} s") from None
            if code != 0:
                raise Failed(f"{name} ended with {code}")

    def wait_producers(self, patience):
        for name, process in self.peers.items():
            if process.role == "producer" and process.wait(patience) != 0:
                raise Failed(f"{name} ended with {process.returncode}")

    def confirmed(self):
        """How many messages the producers have noted as confirmed."""
        total = 0
        for name, process in self.peers.items():
            if process.role == "producer" and os.path.exists(os.path.join(self.folder, name + ".ledger")):
                with open(os.path.join(self.folder, name + ".ledger"), encoding="utf-8") as ledger:
                    words = (line.split() for line in ledger if line.startswith("confirm "))
                    total += sum(int(one[4]) - int(one[3]) + 1 for one in words if one[-1] == "." and len(one) == 6)
        return total

    def drain(self, patience=120.0):
        """Producers end; workers take what is there and leave; what is left is noted."""
        self.end_peers("producer")
        until(lambda: self.queue()["live"] == 0, "the queue is empty", patience, 0.05)
        self.end_peers("worker")
        books = self.queue()
        self.ledger.note("drained", books["live"] + books["dead_letters"]["live"])
        if not books["ledger"]["balances"]:
            raise Failed(f"the broker's own ledger does not balance: {books['ledger']}")
        code = self.stop_broker()
        if code != 0:
            raise Failed(f"the broker ended with {code}: {self.log_tail()}")

    def check(self, *options):
        answer = subprocess.run([os.path.join(self.build, "tests", "fault_check"), self.folder, *options], stdout=subprocess.PIPE,
                                check=False)
        found = json.loads(answer.stdout)
        found["bad"] = {name: one for name, one in found["findings"].items() if one["count"]}
        return found


COLUMNS = ("fault", "injected", "attempted", "confirmed", "acked", "duplicates", "lost", "unexpected", "seed")
Row = collections.namedtuple("Row", (*COLUMNS, "notes", "bad"))


def row(fault, injected, run, found, *notes):
    """One line of the table. `bad` holds every finding of the checker, lost and unexpected among them."""
    return Row(fault, injected, found["attempted"], found["confirmed"], found["acked"], found["duplicates"],
               found["findings"]["lost"]["count"], found["findings"]["unexpected"]["count"], run.seed, notes, found["bad"])


def print_row(one, heading=False):
    widths = (30, 9, 10, 10, 10, 11, 6, 11, 7)
    line = lambda cells: "".join(f"{cell:<{width}}" if at == 0 else f"{cell:>{width}}"
                                 for at, (cell, width) in enumerate(zip(cells, widths)))
    if heading:
        print(line(COLUMNS))
    print(line(one[:9]))
    for note in one.notes:
        print(f"    {note}")
    for name, found in one.bad.items():
        print(f"    FAILED: {name}: {found['count']}, such as {'; '.join(found['examples'])}")
    sys.stdout.flush()
