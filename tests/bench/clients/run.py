#!/usr/bin/python3
"""`./dev bench clients`: one producer and one worker of each client library, through the broker and a queue in memory, in turns.

usage: run.py BUILD_DIR [--rounds 5] [--messages 200000] [--only NAME...] [--quick] [--json FILE]

The producer waits for every confirm, the worker acks every message and waits until that is applied; the clock runs from the first
publish to the last of both. Counts and the sum of the numbers in the bodies are checked; a time is never a reason to fail.
Each end is a program (load.py, load.js, load.cc) that prints `ready`, begins when it reads a line, and prints what it saw.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = """yardmaster: 1
listeners: {{main: {{bind: ["tcp://127.0.0.1:*"], heartbeat: {{every: 5s}}}}}}
admin: {{bind: "ipc://{folder}/admin"}}
log: {{level: warning}}
store: {{plugin: memory}}
queues: {{jobs: {{durable: false}}}}
pipelines: {{in: {{route: {{plugin: topic, bindings: [{{match: "job.#", to: jobs}}]}}}}}}
"""

# A pair of ends. `how`: `one` message a call, or `many`; `limit`: packing alone, without a broker.
Pair = namedtuple("Pair", "name command how roles", defaults=(("publish", "work"),))


def pairs(build):
    python = [sys.executable, os.path.join(HERE, "load.py")]
    node = ["env", "NODE_PATH=" + os.path.join(build, "node", "node_modules"), "node", os.path.join(HERE, "load.js")]
    return [
        Pair("C++", [os.path.join(build, "tests", "bench_client_load")], "one"),
        Pair("Python", python, "one"),
        Pair("Python, batches", python, "many"),
        Pair("Python, packing alone", python, "limit", ("pack", "parse")),
        Pair("Node", node, "one"),
        Pair("Node, batches", node, "many"),
    ]


class Broker:
    def __init__(self, build, folder):
        with open(os.path.join(folder, "bench.yaml"), "w", encoding="utf-8") as file:
            file.write(SETTINGS.format(folder=folder))
        self.program, self.folder = os.path.join(build, "yardmaster"), folder
        self.process = subprocess.Popen([self.program, "run", file.name], stdout=subprocess.PIPE, text=True)
        self.endpoint = next(line for line in self.process.stdout if line.startswith("Listening on ")).split()[-1]

    def cpu(self):
        """Seconds of user and system time so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            user, system = stat.read().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def acked(self):
        """Messages, by the ledger of their queue."""
        words = [self.program, "status", "--admin", f"ipc://{self.folder}/admin", "--json"]
        status = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=20).stdout)
        return sum(queue["ledger"]["acked"] for queue in status["queues"])

    def end(self):
        self.process.terminate()
        self.process.stdout.read()
        if self.process.wait(20) != 0:
            raise SystemExit(f"the broker ended with {self.process.returncode}")


def measure(pair, endpoint, messages):
    """Both ends at once: the rate, the CPU us a message of each end, and what is wrong with the counts."""
    ends = []
    try:
        for role in pair.roles:
            words = [*pair.command, role, pair.how, endpoint, str(messages)]
            ends.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for one in ends:
            if one.stdout.readline() != "ready\n":
                raise SystemExit(f"{pair.name}: an end did not start")
        for one in reversed(ends):  # the worker is there when the first message is
            one.stdin.write("go\n")
            one.stdin.flush()
        said = [json.loads(one.stdout.read()) for one in ends]
    finally:
        for one in ends:
            one.kill()
            one.wait()
    seconds = (max(one["ended"] for one in said) - said[0]["began"]) / 1e9
    wrong = [f"{role} saw {one['count']} of {messages}" for role, one in zip(pair.roles, said) if one["count"] != messages]
    if "work" in pair.roles and said[1]["sum"] != messages * (messages - 1) // 2:
        wrong.append("the worker's sum is wrong: what came is not what was sent")
    return messages / seconds, [one["cpu"] * 1e6 / messages for one in said], wrong


def shown(values, digits):
    return f"{statistics.median(values):8.{digits}f} {f'({min(values):.{digits}f} to {max(values):.{digits}f})':>16}"


COLUMNS = (("k msgs/s", 1), ("producer CPU us/msg", 2), ("worker CPU us/msg", 2), ("broker CPU us/msg", 2))


def print_table(rows):
    print("\n100 octets, a queue in memory, one producer and one worker: median (low to high)")
    print(f"{'client':<22}" + "".join(f" {name:>25}" for name, _ in COLUMNS))
    for name, runs in rows.items():
        print(f"{name:<22}" + "".join(" " + shown([run[column] for run in runs], digits) for column, digits in COLUMNS))
    print()


def figures(rows):
    """What the project has promised of the Python client: so many messages, or else half of what packing alone allows."""
    batches, alone = rows.get("Python, batches", ()), rows.get("Python, packing alone", ())
    found = []

    def add(what, rounds, at_least=None):
        middle = statistics.median(rounds)
        goal = {} if at_least is None else {"at_least": at_least, "reached": middle >= at_least}
        found.append({"what": what, "low": min(rounds), "median": middle, "high": max(rounds), "rounds": rounds, **goal})

    if batches:
        add("Python, batches, thousand messages a second", [run["k msgs/s"] for run in batches], 100)
    if batches and alone:
        ratios = [one["k msgs/s"] / limit["k msgs/s"] for one, limit in zip(batches, alone)]
        add("Python, batches : its packing and parsing alone, each in a process", ratios)
    return found


def print_figure(figure):
    goal = f"at least {figure['at_least']}  {'reached' if figure['reached'] else 'MISSED'}" if "at_least" in figure else ""
    print(f"{figure['what']:<76} {goal:<22} {shown(figure['rounds'], 2)}")


def run_once(build, pair, messages):
    """The figures of one run, and what is wrong with its counts."""
    with tempfile.TemporaryDirectory(prefix="yardmaster-bench-") as folder:
        broker = Broker(build, folder)
        before = broker.cpu()
        rate, (producer, worker), wrong = measure(pair, broker.endpoint, messages)
        used = (broker.cpu() - before) * 1e6 / messages
        if "work" in pair.roles and broker.acked() != messages:
            wrong.append(f"the broker counts {broker.acked()} acks")
        broker.end()
    return dict(zip((name for name, _ in COLUMNS), (rate / 1e3, producer, worker, used))), wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--messages", type=int, default=200_000)
    arguments.add_argument("--only", nargs="+", help="names of the table")
    arguments.add_argument("--quick", action="store_true", help="a short form, to look rather than to compare")
    arguments.add_argument("--json", help="writes every run to this file")
    given = arguments.parse_args()
    if given.quick:
        given.rounds, given.messages = min(given.rounds, 2), min(given.messages, 50_000)
    if given.rounds < 1 or given.messages < 100 or given.messages % 100:
        arguments.error("at least one round, and messages in hundreds")
    build = os.path.abspath(given.build)
    chosen = [pair for pair in pairs(build) if not given.only or pair.name in given.only]
    rows, failed = {pair.name: [] for pair in chosen}, False
    for number in range(1, given.rounds + 1):
        for pair in chosen:
            run, wrong = run_once(build, pair, given.messages)
            rows[pair.name].append(run)
            failed |= bool(wrong)
            print(f"round {number} of {given.rounds}  {pair.name:<22} {run['k msgs/s']:8.1f}k/s", flush=True)
            print("".join(f"    INCOMPLETE: {one}\n" for one in wrong), end="", flush=True)
    print_table(rows)
    for figure in figures(rows):
        print_figure(figure)
    if given.json:
        table = {"title": "Clients", "rows": [{"client": name, "rounds": runs} for name, runs in rows.items()]}
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"name": "clients", "complete": not failed, "tables": [table], "figures": figures(rows)}, file, indent=1)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
