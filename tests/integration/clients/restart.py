#!/usr/bin/python3
"""Every kind of producer and worker at once, while their broker is drained twice, killed once, and started again each time.

usage: restart.py BUILD_DIR [REQUESTS]     requests of each producer, 2000

All clients have to come back by themselves and finish: each request is answered once, in the end. The test keeps a ledger outside the
broker: a producer of its own that notes at each WELCOME which requests had been confirmed and never answered. A drain may leave none. What
a memory queue held at kill -9 is lost with it: that is counted, and its producer, which still waits, sends it again.
"""
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import kinds
from matrix import until
from support import Broker, Failed

sys.path.insert(0, os.path.join(kinds.EXAMPLES, "python"))
import yardmaster  # noqa: E402

QUEUE = "all"


class Witness(yardmaster.Client):
    """A producer that keeps twenty requests under way until it is told to end, and remembers what each broker owed it."""

    def __init__(self, endpoint):
        self.owed, self.published, self.wrong, self.going = [], [], [], True
        super().__init__(endpoint, name="witness")
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def _take_welcome(self, told):
        self.owed.append(sum(one.status is not None for one in self.unanswered.values()))  # of the broker before this one
        super()._take_welcome(told)

    def run(self):
        while self.going or self.unanswered:
            while self.going and len(self.unanswered) < 20:
                self.published.append(self.publish(QUEUE, f"witness {len(self.published)}", reply=True))
            self.poll(0.05)
        self.close()

    def finish(self, patience):
        self.going = False
        self.thread.join(patience)
        if self.thread.is_alive():
            raise Failed(f"{len(self.unanswered)} requests of the witness were never answered")
        wrong = [one.sequence for number, one in enumerate(self.published) if one.reply != 200 or one.parts != [f"WITNESS {number}".encode()]]
        if wrong:
            raise Failed(f"sequences {wrong[:10]} of the witness got a wrong answer")


class Load:
    """The clients, and the broker that comes and goes."""

    def __init__(self, build, folder, requests):
        self.build, self.requests = build, requests
        self.broker = Broker(os.path.join(build, "yardmaster"), folder, os.path.join(kinds.HERE, "restart.yaml"))
        self.workers = {kind: subprocess.Popen([*command, self.broker.endpoint, QUEUE, "1"]) for kind, command in kinds.workers(build).items()}
        self.witness = Witness(self.broker.endpoint)
        self.producers = {
            kind: kinds.Requester(command, self.broker.endpoint, QUEUE, [f"{kind} {number}" for number in range(requests)], folder)
            for kind, command in kinds.producers(build).items()
        }

    def answered(self):
        return sum(len(one.answers()) for one in self.producers.values())

    def wait_for(self, share):
        """Until this share of all requests is answered, and some are confirmed and not answered."""
        wanted = share * self.requests * len(self.producers)
        until(lambda: self.answered() >= wanted and self.broker.queue(QUEUE)["in_flight"] > 0, f"{share:.0%} answered", 120)

    def drain(self):
        self.broker.signal(signal.SIGTERM)
        code = self.broker.lines.process.wait(60)
        text = "".join(iter(lambda: self.rest_of_output(), ""))
        if code != 0 or "The ledger balances" not in text or " 0 live" not in text:
            raise Failed(f"the broker was drained with exit code {code}:\n{text}")

    def rest_of_output(self):
        try:
            return self.broker.lines.line(5)
        except Failed:  # it has ended
            return ""

    def start(self):
        """A new broker; everybody who has not finished finds it."""
        before = len(self.witness.owed)
        self.broker.start()

        def all_are_back():
            peers = [peer for peer in self.broker.status()["peers"] if peer["connected"]]
            unfinished = sum(one.process.poll() is None for one in self.producers.values())
            working = sum(bool(peer["queues"]) for peer in peers)
            return working == len(self.workers) and len(peers) - working >= unfinished and len(self.witness.owed) > before
        until(all_are_back, "all clients are back", 60)
        return self.witness.owed[-1]

    def finish(self):
        for kind, one in self.producers.items():
            code = one.finish(40)
            if code != 0 or one.faults():
                raise Failed(f"the {kind} producer ended with {code}: {one.faults()[:5]}")
        self.witness.finish(30)
        for kind, worker in self.workers.items():
            worker.terminate()
            if worker.wait(20) != 0:
                raise Failed(f"the {kind} worker left with {worker.returncode}")
        self.drain()

    def close(self):
        self.witness.going = False
        for one in self.producers.values():
            one.kill()
        for worker in self.workers.values():
            worker.kill()
            worker.wait()
        self.broker.kill()
        self.witness.unanswered.clear()
        self.witness.thread.join()


def main(build, requests="2000"):
    with tempfile.TemporaryDirectory(prefix="ym-restart-") as folder:
        load, began = Load(build, folder, int(requests)), time.monotonic()

        def say(what):
            print(f"{time.monotonic() - began:6.1f} s  {load.answered():>6} answered  {what}", flush=True)

        try:
            for share in (0.15, 0.35):
                load.wait_for(share)
                say("SIGTERM")
                load.drain()
                say("drained: the ledger balances, nothing is live")
                owed = load.start()
                say(f"started again, all clients are back; confirmed and never answered: {owed}")
                if owed:
                    raise Failed(f"the drain lost {owed} requests that had been confirmed")
            load.wait_for(0.6)
            say("kill -9")
            load.broker.kill()
            owed = load.start()
            say(f"started again, all clients are back; confirmed, lost with the memory queue, and sent again: {owed} of the witness")
            load.finish()
            say(f"all {len(load.producers)} x {requests} requests were answered once, and {len(load.witness.published)} of the witness")
            return 0
        except Failed as why:
            say(f"FAILED: {why}")
            with open(os.path.join(folder, "broker.log"), encoding="utf-8") as log:
                print("".join(log.readlines()[-20:]), file=sys.stderr)
            return 1
        finally:
            load.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), *sys.argv[2:]))
