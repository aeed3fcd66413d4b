"""What the behaviours stand on: a broker process, a connection that can be cut, and clients as processes of their own."""
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Failed(AssertionError):
    """A behaviour is not as it should be."""


class Lines:
    """A process that speaks in lines."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, **options)
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.decode())
        self._lines.put(None)

    def line(self, patience):
        try:
            line = self._lines.get(timeout=patience)
        except queue.Empty:
            raise Failed(f"no answer within {patience} s") from None
        if line is None:
            raise Failed("the process has ended")
        return line

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self._reader.join()
        self.process.stdout.close()


class Broker:
    """`yardmaster run` on broker.yaml, or on `settings`, with its sockets in `folder`."""

    def __init__(self, program, folder, settings=os.path.join(HERE, "broker.yaml")):
        self.program, self.folder, self.settings = program, folder, settings
        self.path, self.endpoint, self.small = f"{folder}/broker", f"ipc://{folder}/broker", f"ipc://{folder}/small"
        self.start()

    def start(self):
        environment = dict(os.environ, YM_FOLDER=self.folder)
        with open(f"{self.folder}/broker.log", "ab") as log:
            self.lines = Lines([self.program, "run", self.settings], env=environment, stderr=log)
        while not self.lines.line(20).startswith("Listening"):
            pass

    def signal(self, number):
        self.lines.process.send_signal(number)

    def stop(self):
        """By SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        return self.lines.process.wait(20)

    def kill(self):
        self.lines.kill()

    def status(self):
        answer = subprocess.run([self.program, "status", "--admin", f"ipc://{self.folder}/admin", "--json"],
                                stdout=subprocess.PIPE, check=False, timeout=20)
        if answer.returncode != 0:
            raise Failed(f"status exited with {answer.returncode}")
        return json.loads(answer.stdout)

    def queue(self, name):
        return next(one for one in self.status()["queues"] if one["name"] == name)

    def until(self, condition, what, patience=10.0):
        """Asks for the status until `condition` holds for it."""
        end = time.monotonic() + patience
        while not condition(self.status()):
            if time.monotonic() > end:
                raise Failed(f"not within {patience} s: {what}")
            time.sleep(0.02)


class Proxy:
    """Passes octets between a socket of its own and the broker's; connections can be cut, and kept from coming back."""

    def __init__(self, folder, target):
        self.target, self.endpoint, self.path = target, f"ipc://{folder}/proxy", f"{folder}/proxy"
        self.open, self.pairs, self.lock, self.going = True, [], threading.Lock(), True
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.going:
            with self.lock:
                sockets = [self.listener] + [one for pair in self.pairs for one in pair]
            try:
                ready = select.select(sockets, [], [], 0.01)[0]
            except (OSError, ValueError):  # one was closed by cut() meanwhile
                continue
            for one in ready:
                self._accept() if one is self.listener else self._pass(one)

    def _accept(self):
        near, _ = self.listener.accept()
        if not self.open:
            near.close()
            return
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self.target)
        except OSError:
            near.close()
            return
        with self.lock:
            self.pairs.append((near, far))

    def _pass(self, one):
        with self.lock:
            pair = next((pair for pair in self.pairs if one in pair), None)
        if pair is None:
            return
        try:
            octets = one.recv(1 << 16)
            if octets:
                pair[one is pair[0]].sendall(octets)
                return
        except OSError:
            pass
        self._close(pair)

    def _close(self, pair):
        with self.lock:
            if pair in self.pairs:
                self.pairs.remove(pair)
        for one in pair:
            one.close()

    def cut(self, stay_open=True):
        """Cuts all connections; with `stay_open` they may come back."""
        self.open = stay_open
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for one in pair:
                one.shutdown(socket.SHUT_RDWR)
                one.close()

    def close(self):
        self.going = False
        self.thread.join()
        self.cut()
        self.listener.close()
        os.unlink(self.path)


class Client:
    """One client in a process of its own; its calls are the commands of driver.py."""

    def __init__(self, command):
        self.lines = Lines(command, stdin=subprocess.PIPE)

    def start(self, do, **arguments):
        """Sends a command whose answer is taken later, by finish()."""
        self.lines.process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        self.lines.process.stdin.flush()

    def finish(self, patience=60.0):
        return json.loads(self.lines.line(patience))

    def __getattr__(self, do):
        def call(**arguments):
            self.start(do, **arguments)
            return self.finish()
        return call

    def signal(self, number):
        self.lines.process.send_signal(number)

    def kill(self):
        self.lines.kill()


def node(build):
    """The command that runs node with the packages that tests/support/node_modules.py has put beside the build."""
    return ["env", "NODE_PATH=" + os.path.join(build, "node", "node_modules"), "node"]


def driver_command(build, language):
    """Every client has a driver; to add one, name it here and in CMakeLists.txt."""
    return {
        "cpp": [os.path.join(build, "tests", "behaviour_driver")],
        "python": [sys.executable, os.path.join(HERE, "driver.py")],
        "node": [*node(build), os.path.join(HERE, "driver.js")],
    }[language]
