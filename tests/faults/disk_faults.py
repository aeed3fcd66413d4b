"""A disk that fails at its n-th call, for every n, and one that is full."""
import collections
import os
import signal
import subprocess
import time

from broker_faults import shim
from harness import Failed, Row, Run, row, until

EXIT_STORE = 74
# Small segments, so that the fixed workload passes from one to the next, makes new ones and frees old ones.
SMALL = "{{plugin: log, dir: {0}, segment: 2MiB, reserve: 2MiB}}"
KINDS = [("fdatasync", "EIO"), ("pwrite", "EIO"), ("pwrite", "short"), ("pwrite", "ENOSPC"), ("open", "EIO"), ("open", "ENOSPC"),
         ("rename", "EIO"), ("rename", "ENOSPC")]


def small_run(settings, seed):
    run = Run(settings.build, seed, store="-", keep=settings.keep)
    run.store, run.durable = SMALL.format(run.store_folder), True
    run.write_settings()
    return run


def workload(run):
    """300 messages of up to 30,000 octets for a worker that nacks some; the broker may end while it runs."""
    run.start_peer("worker", "worker-0", credit=30, nack=5, seed=1)
    run.start_peer("producer", "producer-0", count=300, size=100, size_max=30000, batch=10, ahead=40)


def is_empty(run):
    try:
        return run.queue()["live"] == 0
    except Failed:
        return False  # it may just have ended


def one_fault(settings, seed, call, fault, n):
    """A whole run whose n-th call fails. None if there is no n-th call; else what happened, and what the checker says."""
    with small_run(settings, seed) as run:
        hit = os.path.join(run.folder, "hit")
        shim(run, call=call, fault=fault, nth=n, hit=hit)
        outcome = "went on"
        began = time.monotonic()
        serves = run.start_broker(serving=False) is not None
        workload(run)
        producer = run.peers["producer-0"]
        # To its end, or that of the broker.
        while run.broker.poll() is None and producer.poll() is None and time.monotonic() - began < 60:
            time.sleep(0.005)
        if run.broker.poll() is None and producer.poll() is None:
            raise Failed(f"{call} {n} {fault}: the producer does not end; {run.log_tail()}")
        run.environment = {name: value for name, value in run.environment.items()
                           if name not in ("YM_SHIM_CALL", "YM_SHIM_NTH")}
        if run.broker.poll() is None:
            until(lambda: run.broker.poll() is not None or is_empty(run), "the queue is empty")
        if run.broker.poll() is None:
            run.stop_broker()  # its last calls are part of the workload
            outcome = "went on" if run.broker.returncode == 0 else f"exit {run.broker.returncode} at the end"
            run.start_broker()
        else:
            run.ledger.note("broker_gone")
            outcome = f"exit {run.broker.returncode}" + ("" if serves else " at the start")
            run.start_broker()
        run.wait_producers(60)
        run.drain()
        if os.path.getsize(hit) == 0:
            return None
        found = run.check("--ack-ms", "60000")  # when the broker ended by itself is known by and by only
        code = outcome.split()[1] if outcome.startswith("exit") else "0"
        if code not in ("0", str(EXIT_STORE)) or (call == "fdatasync" and code != str(EXIT_STORE)):
            found["bad"]["exit code"] = {"count": 1, "examples": [f"{call} {n} {fault}: {outcome}"]}
        return outcome, found


def nth_calls(settings):
    """The n-th pwrite, fdatasync, open, rename fails (EIO, short, ENOSPC), for every n of a fixed workload; a few n without --long."""
    for call, fault in KINDS:
        n, done, total, outcomes = 1, 0, collections.Counter(), collections.Counter()
        bad = {}
        while True:
            answer = one_fault(settings, settings.seed, call, fault, n)
            if answer is None:
                break
            outcome, found = answer
            outcomes[outcome] += 1
            done += 1
            for name in ("attempted", "confirmed", "acked", "duplicates"):
                total[name] += found[name]
            for name in ("lost", "unexpected"):
                total[name] += found["findings"][name]["count"]
            for name, one in found["bad"].items():
                merged = bad.setdefault(name, {"count": 0, "examples": []})
                merged["count"] += one["count"]
                merged["examples"] += [f"{call} {n} {fault}: {example}" for example in one["examples"][:1]]
            # Without --long: the first calls, which make the store, then ever wider steps.
            n += 1 if settings.long else max(1, n * 3 // settings.count)
        yield Row(f"{call} fails: {fault}", done, total["attempted"], total["confirmed"], total["acked"], total["duplicates"],
                        total["lost"], total["unexpected"], settings.seed,
                        [f"{'every' if settings.long else 'some'} n below {n}: " + ", ".join(f"{what} {count}" for what, count in outcomes.items())],
                  bad)


class SmallDisk:
    """A tmpfs of its own for the store; a ballast file takes all the room there is."""

    def __init__(self, folder, mib):
        self.folder, self.ballast = folder, os.path.join(folder, "ballast")
        os.mkdir(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], check=True)
        os.rmdir(self.folder)

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def free(self):
        os.unlink(self.ballast)


def may_mount():
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False, stderr=subprocess.DEVNULL).returncode == 0


def counts(run):
    """(confirmed, refused with 507, acks that are durable), as the ledgers say so far."""
    totals = collections.Counter()
    for name in run.peers:
        path = os.path.join(run.folder, name + ".ledger")
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as ledger:
            for words in (line.split() for line in ledger):
                if words[-1:] == ["."] and words[0] in ("confirm", "refused") and len(words) == 6:
                    totals[words[0] + words[2]] += int(words[4]) - int(words[3]) + 1
                elif words[-1:] == ["."] and words[0] == "settled":
                    totals["settled"] += int(words[3]) - int(words[2]) + 1
    return totals["confirm200"] + totals["confirm208"], totals["refused507"], totals["settled"]


def grows(run, which, by, what, patience=30):
    before = counts(run)[which]

    def more():
        if run.broker.poll() is not None:
            raise Failed(f"the broker ended with {run.broker.returncode}: {run.log_tail()}")
        return counts(run)[which] >= before + by
    until(more, what, patience, 0.05)


def disk_full(settings):
    """A tmpfs is full: publishes are refused with 507, acks still work, and it recovers by itself."""
    if not may_mount():
        print("disk-full is skipped: it mounts a tmpfs, for which it has to be root, in no container that forbids it")
        return []
    with Run(settings.build, settings.seed, store="-", keep=settings.keep) as run, SmallDisk(run.store_folder, 48) as disk:
        run.store, run.durable = f"{{plugin: log, dir: {run.store_folder}, segment: 4MiB, reserve: 4MiB}}", True
        run.write_settings()
        run.start_broker()
        run.start_peer("producer", "producer-0", rate=4000, size=500)
        for _ in range(settings.count):
            # Somebody else takes the room while nobody works on the queue.
            grows(run, 0, 200, "confirms, with room")
            disk.fill()
            grows(run, 1, 200, "refused with 507, without room")
            acked = run.queue()["ledger"]["acked"]
            run.start_peer("worker", "worker-0", credit=20, pause_us=20000)
            grows(run, 2, 50, "acks, without room")
            run.peers["worker-0"].send_signal(signal.SIGSTOP)
            if run.queue()["ledger"]["acked"] <= acked:
                raise Failed("no ack was applied while the disk was full")
            disk.free()
            grows(run, 0, 200, "confirms again, with room")
            run.peers["worker-0"].send_signal(signal.SIGCONT)
            run.end_peers("worker")
            # The queue itself takes the room, until somebody works on it.
            run.start_peer("producer", "producer-1", size=4000, rate=4000)
            grows(run, 1, 200, "refused with 507, with a long queue", 60)
            for i in range(2):
                run.start_peer("worker", f"worker-{i}", credit=100)
            grows(run, 0, 2000, "confirms again, as the queue becomes shorter")
            run.end_peers("worker")
            run.peers["producer-1"].send_signal(signal.SIGTERM)
            if run.peers["producer-1"].wait(60) != 0:
                raise Failed("producer-1 did not end in order")
        for i in range(2):
            run.start_peer("worker", f"worker-{i}", credit=100)
        confirmed, refused, _ = counts(run)
        # The store is read back at the end, too.
        run.kill_broker()
        run.start_broker()
        run.drain()
        found = run.check()
        return row("disk full (48 MiB tmpfs)", 2 * settings.count, run, found, f"confirmed {confirmed} and refused with 507 {refused} before the last kill")


FAULTS = {"nth-calls": (nth_calls, 4, 0), "disk-full": (disk_full, 1, 10)}
