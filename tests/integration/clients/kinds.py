"""Kinds of producers and workers: a table of commands. Every test of this folder runs all of them, in any mix.

A producer reads lines from its input, publishes each as a request to its address, and prints "LINE STATUS REPLY" for each, LINE counted
from 1; it ends with 0 when all are answered. A worker answers with the body in capitals, a given number of milliseconds later, holds at
most as many messages as HANDS says, and leaves in order at SIGTERM. To add a kind, add a line to a table, and its queue to broker.yaml.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "..", "examples", "clients")
sys.path.insert(0, os.path.join(HERE, "..", "behaviour"))
from support import node  # noqa: E402


# How many messages a worker holds; of the old protocols, one.
HANDS = {"cpp": 10, "python": 10, "node": 10, "perl": 10, "mdp01": 1, "mdp02": 1, "mdp02m": 1, "ppp": 1}


def commands(build, role):
    """The commands of one role, by kind; an endpoint and an address or queue are to follow."""
    majordomo = [sys.executable, os.path.join(HERE, "..", "majordomo", "peers.py"), role]
    return {
        "cpp": [os.path.join(build, "tests", "client_peers"), role],
        "python": [sys.executable, os.path.join(HERE, "peers.py"), role],
        "node": [*node(build), os.path.join(HERE, "peers.js"), role],
        "perl": ["/usr/bin/perl", os.path.join(EXAMPLES, "perl", role + ".pl")],
        "mdp01": [*majordomo, "mdp01"],
        "mdp02": [*majordomo, "mdp02"],
        "mdp02m": [*majordomo, "mdp02-shifted"],
        "ppp": [*majordomo, "ppp-octets"],
    }


def producers(build):
    return commands(build, "producer")


def workers(build):
    return commands(build, "worker")


# Those that speak YMP, and can be probed.
NATIVE = ("cpp", "python", "node", "perl")


class Requester:
    """A producer that runs: its requests, and what came of them."""

    def __init__(self, command, endpoint, address, lines, folder):
        self.lines, self.output = lines, open(os.path.join(folder, f"requester-{os.urandom(4).hex()}"), "w+b")
        self.process = subprocess.Popen([*command, endpoint, address], stdin=subprocess.PIPE, stdout=self.output)
        self.process.stdin.write("".join(line + "\n" for line in lines).encode())
        self.process.stdin.close()

    def answers(self):
        """(line, status, body) of each answer so far."""
        with open(self.output.name, "rb") as output:
            complete = output.read().decode().rpartition("\n")[0]
        return [(int(line), int(status), body) for line, status, body in (one.split(" ", 2) for one in complete.splitlines())]

    def faults(self):
        """What is wrong with its answers once it has ended: missing, doubled, refused, or not those of a worker."""
        seen, faults = set(), []
        for line, status, body in self.answers():
            if line in seen:
                faults.append(f"line {line} was answered twice")
            elif status != 200 or body != self.lines[line - 1].upper():
                faults.append(f"line {line} got {status} {body!r}")
            seen.add(line)
        missing = len(self.lines) - len(seen)
        return faults + [f"{missing} of {len(self.lines)} were never answered"] * bool(missing)

    def finish(self, patience):
        """Its exit code; None when it does not end in time."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.output.close()
