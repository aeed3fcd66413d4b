"""All of it by turns, as a seed says."""
import collections
import os
import signal
import time

import undo
from broker_faults import CREDIT, shim, times
from disk_faults import SmallDisk, may_mount
from harness import Run, row


class Nemesis:
    def __init__(self, run, disk):
        self.run, self.disk, self.journal, self.done = run, disk, os.path.join(run.folder, "undo"), collections.Counter()

    def peer(self, role):
        return self.run.random.choice([name for name, process in self.run.peers.items() if process.role == role])

    def kill_broker(self):
        self.run.kill_broker()
        os.unlink(self.journal)  # what was written stays
        self.run.start_broker()

    def cut_power(self):
        self.run.kill_broker("broker_power")
        undo.take_back(self.journal, self.run.random)
        self.run.start_broker()

    def stop_broker_in_order(self):
        if self.run.stop_broker() != 0:
            raise AssertionError(f"the broker ended with {self.run.broker.returncode}")
        os.unlink(self.journal)
        self.run.start_broker()

    def kill_worker(self):
        self.kill_and_restart(self.peer("worker"))

    def kill_producer(self):
        self.kill_and_restart(self.peer("producer"))

    def kill_and_restart(self, name):
        self.run.kill_peer(name)
        self.run.restart_peer(name)

    def stop_peer(self):
        name = self.peer(self.run.random.choice(["worker", "producer"]))
        self.run.peers[name].send_signal(signal.SIGSTOP)
        if self.run.random.random() < 0.3:
            self.kill_broker()  # which it learns when it wakes up
        time.sleep(self.run.random.choice([0.1, 0.5, 3.3]))  # the last one is beyond the lease
        self.run.peers[name].send_signal(signal.SIGCONT)

    def stop_broker_process(self):
        self.run.broker.send_signal(signal.SIGSTOP)
        time.sleep(self.run.random.choice([0.1, 1.3]))
        self.run.broker.send_signal(signal.SIGCONT)

    def fill_disk(self):
        self.disk.fill()
        time.sleep(self.run.random.uniform(0.1, 0.5))
        if self.run.random.random() < 0.3:
            self.run.kill_broker()
            os.unlink(self.journal)
            self.disk.free()
            self.run.start_broker()
        else:
            self.disk.free()

    def go(self, count):
        faults = [self.kill_broker, self.cut_power, self.stop_broker_in_order, self.kill_worker, self.kill_producer, self.stop_peer,
                  self.stop_broker_process] + [self.fill_disk] * (self.disk is not None)
        for _ in range(count):
            time.sleep(self.run.random.uniform(0.1, 0.6))
            fault = self.run.random.choice(faults)
            self.done[fault.__name__] += 1
            self.run.ledger.note("fault", fault.__name__)
            fault()


def nemesis(settings):
    """Kills, stops, power cuts and full disks by turns, drawn from the seed, under load."""
    with Run(settings.build, settings.seed, store=settings.store, lease="3s", keep=settings.keep) as run:
        disk = SmallDisk(run.store_folder, 400) if may_mount() else None
        try:
            if disk is None:
                os.mkdir(run.store_folder)
            nemesis_ = Nemesis(run, disk)
            shim(run, undo=nemesis_.journal)
            run.start_broker()
            for i in range(4):
                run.start_peer("worker", f"worker-{i}", credit=CREDIT, pause_us=3000, nack=2, seed=run.seed + i)
            for i in range(3):
                run.start_peer("producer", f"producer-{i}", rate=2000, size=60, size_max=2000)
            nemesis_.go(settings.count)
            run.drain()
        finally:
            if disk is not None:
                if run.broker is not None and run.broker.poll() is None:
                    run.broker.kill()
                    run.broker.wait()
                disk.__exit__()
        # What was handed out when the broker itself was stopped is on its way for so long.
        found = run.check("--way-ms", "2000")
        return row("all by turns", settings.count, run, found, ", ".join(f"{name} {count}" for name, count in sorted(nemesis_.done.items())),
                   times(run) if len(run.served_s) > 1 else "no restart",
                   f"duplicates because of a death {found['death']}, a lease's end {found['lease']}, a restart {found['restart']}")


FAULTS = {"nemesis": (nemesis, 20, 400)}
