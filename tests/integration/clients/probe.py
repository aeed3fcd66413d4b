#!/usr/bin/python3
"""`yardmaster probe` finds nothing wrong with any client of ours, and finds each fault that planted.py plants, under its rule.

usage: probe.py BUILD_DIR [WORD...]     only those whose name has one of the words
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

import kinds
import planted


def run(build, role, command, lines, timeout):
    """What the probe found, as its JSON, and its exit code."""
    with tempfile.TemporaryDirectory(prefix="ym-probe-") as folder:
        endpoint = f"ipc://{folder}/probe"
        probe = subprocess.Popen([os.path.join(build, "yardmaster"), "probe", role, endpoint, "--json", "--timeout", str(timeout)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        client = subprocess.Popen([word.replace("ENDPOINT", endpoint) for word in command], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            client.stdin.write("".join(f"message {number}\n" for number in range(lines)).encode())
            client.stdin.close()
            for line in probe.stderr:
                if "now end the worker" in line:
                    client.terminate()
            found = probe.stdout.read()
            return json.loads(found), probe.wait(10)
        finally:
            for process in (probe, client):
                process.kill()
                process.wait()
            probe.stdout.close()
            probe.stderr.close()


def good(build, role, kind):
    """Every rule is seen, and none broken."""
    commands = kinds.producers(build) if role == "producer" else kinds.workers(build)
    command = [*commands[kind], "ENDPOINT", "probe"] + ["200"] * (role == "worker")
    found, code = run(build, role, command, 40, 20)
    wrong = [f"rule {one['rule']} is {one['state']}: {one.get('seen', '')}" for one in found["rules"] if one["state"] != "ok"]
    return wrong + found["notes"] + [f"exit code {code}"] * (code != 0)


def bad(build, name):
    """The rule of the fault is broken; what else it breaks does not matter."""
    role, rule, _ = planted.FAULTS[name]
    found, code = run(build, role, [sys.executable, os.path.join(kinds.HERE, "planted.py"), name, "ENDPOINT"], 0, 5)
    states = {one["rule"]: one["state"] for one in found["rules"]}
    if states[rule] == "broken" and code == 1:
        return []
    return [f"rule {rule} is {states[rule]}, exit code {code}; all: {states}; {found['notes']}"]


def main(build, *words):
    tests = [(f"{kind} {role}: nothing wrong", good, role, kind) for role in ("producer", "worker") for kind in kinds.NATIVE]
    tests += [(f"planted: {name} breaks rule {rule}", bad, name) for name, (_, rule, _) in planted.FAULTS.items()]
    tests = [test for test in tests if not words or any(word in test[0] for word in words)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # they wait most of the time
        for (name, *_), wrong in zip(tests, pool.map(lambda test: test[1](build, *test[2:]), tests)):
            failed += bool(wrong)
            print(f"{'FAILED' if wrong else 'ok':<7} {name}", *wrong, sep="\n        " if wrong else "", flush=True)
    print(f"{len(tests) - failed} of {len(tests)} as they should be")
    return int(failed > 0 or not tests)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), *sys.argv[2:]))
