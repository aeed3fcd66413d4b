"""The broker is killed under load, cut from its power, and killed with much in its queue."""
import os
import random
import time

import undo
from harness import Failed, Run, row, until

CREDIT, WORKERS = 100, 3


def shim(run, **variables):
    """What the broker needs in its environment, so that its syncs are watched, and its files fail as told."""
    os.makedirs(run.store_folder, exist_ok=True)  # it looks for the folder when the broker begins
    run.environment = {"LD_PRELOAD": os.path.join(run.build, "tests", "fault_shim.so"), "YM_SHIM_DIR": run.store_folder,
                       "YM_SHIM_LEDGER": os.path.join(run.folder, "syncs.ledger"),
                       **{f"YM_SHIM_{name.upper()}": str(value) for name, value in variables.items()}}


def load(run, rate):
    for i in range(WORKERS):
        run.start_peer("worker", f"worker-{i}", credit=CREDIT)
    for i in range(2):
        run.start_peer("producer", f"producer-{i}", rate=rate, size=60, size_max=1000)


def bounded(found, kills):
    """Duplicates only of what was in flight at a kill, and of acks that were too young to be written."""
    most = kills * CREDIT * WORKERS + found["acks_again"]
    if found["duplicates"] > most:
        found["bad"]["duplicates"] = {"count": found["duplicates"] - most, "examples": [f"at most {most} may be"]}
    return f"duplicates at most {most}: {CREDIT * WORKERS} in flight at each kill, and {found['acks_again']} acks just before it"


def times(run):
    later = run.served_s[1:]
    return f"from exec to serving: {1000 * min(later):.0f} to {1000 * max(later):.0f} ms, mean {1000 * sum(later) / len(later):.0f}"


def kill_broker(settings):
    """kill -9 of the broker under load, and another process on the same store."""
    with Run(settings.build, settings.seed, store=settings.store, keep=settings.keep) as run:
        shim(run)
        run.start_broker()
        load(run, 8000)
        for _ in range(settings.count):
            time.sleep(run.random.uniform(0.1, 0.8))
            run.kill_broker()
            run.start_broker()
        run.drain()
        found = run.check()
        return row("kill -9 of the broker", settings.count, run, found, times(run), bounded(found, settings.count),
                   f"oldest ack that came again: {found['oldest_ack_ms']} ms, longest sync: {found['longest_sync_ms']} ms; recovered: {found['recovered']}")


def power(settings):
    """kill -9 of the broker, and what it had written and not synced is taken back, all or block by block."""
    with Run(settings.build, settings.seed, store=settings.store, keep=settings.keep) as run:
        journal, lost = os.path.join(run.folder, "undo"), 0
        shim(run, undo=journal)
        run.start_broker()
        load(run, 4000)
        for _ in range(settings.count):
            time.sleep(run.random.uniform(0.1, 0.6))
            run.kill_broker("broker_power")
            lost += undo.take_back(journal, run.random)
            run.start_broker()
        run.drain()
        found = run.check()
        return row("power cut", settings.count, run, found, times(run), f"writes taken back, or torn: {lost}",
                   bounded(found, settings.count))


def lying_disk(settings):
    """The checker put to the test: a power cut on a disk that says "synced" and lies must be found out."""
    with Run(settings.build, settings.seed, keep=settings.keep) as run:
        journal = os.path.join(run.folder, "undo")
        shim(run, undo=journal, call="fdatasync", fault="lie", nth=60, times=0, hit=os.path.join(run.folder, "hit"))
        run.start_broker()
        # Nobody works on the queue before the cut: all that was confirmed is in the log.
        run.start_peer("producer", "producer-0", rate=4000)
        until(lambda: run.confirmed() > 1000 and os.path.getsize(os.path.join(run.folder, "hit")) > 5000, "lies")
        run.kill_broker("broker_power")
        undo.take_back(journal, random.Random(settings.seed), kept=0.0)
        shim(run)
        run.start_broker()
        run.start_peer("worker", "worker-0")
        run.drain()
        found = run.check()
        lost, early = (found["bad"].pop(name, {"count": 0})["count"] for name in ("lost", "early_confirm"))
        if lost == 0 or early != lost:
            found["bad"]["nothing"] = {"count": 1, "examples": [f"lost {lost}, confirmed too early {early}"]}
        return row("power cut, and syncs that lie", 1, run, found, "lost messages are what has to be found here, each confirmed too early")


def fill(run, count, size, patience=600):
    """So many messages in the queue, all confirmed."""
    began = time.monotonic()
    for i in range(2):
        run.start_peer("producer", f"producer-{i}", count=count // 2, size=size, batch=1000)
    run.wait_producers(patience)
    live = run.queue()["live"]
    if live != count:
        raise Failed(f"{live} of {count} messages are in the queue")
    return count / (time.monotonic() - began)


def empty(run, patience=600):
    began, count = time.monotonic(), run.queue()["live"]
    for i in range(2):
        run.start_peer("worker", f"worker-{i}", credit=1000)
    until(lambda: run.queue()["live"] == 0, "all is acked", patience, 0.2)
    return count / (time.monotonic() - began)


def told(took, cpu):
    return f"from exec to serving: {1000 * took:.0f} ms, with {1000 * cpu:.0f} ms of processor time (load of the machine {os.getloadavg()[0]:.1f})"


def kill_full(settings):
    """kill -9 with so many messages in the queue; it has to serve again within 2 s."""
    with Run(settings.build, settings.seed, store=settings.store, keep=settings.keep) as run:
        run.start_broker()
        fill(run, settings.count, 128)
        run.kill_broker()
        took, cpu = run.start_broker(), run.cpu_s()
        empty(run)
        run.drain()
        found = run.check()
        if took > 2:
            found["bad"]["slow"] = {"count": 1, "examples": [f"{took:.2f} s"]}
        return row(f"kill -9 with {settings.count:,} queued", 1, run, found, told(took, cpu))


def ten_million(settings):
    """Messages of 100 octets queued with 64 MiB for bodies: memory under 500 MiB, and serving within 5 s after a kill."""
    with Run(settings.build, settings.seed, store=settings.store, memory="64MiB", keep=settings.keep) as run:
        run.start_broker()
        rate = fill(run, settings.count, 100)
        before = run.rss_mib()
        run.kill_broker()
        took, cpu = run.start_broker(), run.cpu_s()
        after = run.rss_mib()
        drained = empty(run)
        last = run.rss_mib()
        run.drain()
        found = run.check()
        if took > 5:
            found["bad"]["slow"] = {"count": 1, "examples": [f"{took:.2f} s"]}
        if max(before, after, last) > 500:
            found["bad"]["memory"] = {"count": 1, "examples": [f"{max(before, after, last):.0f} MiB"]}
        return row(f"{settings.count:,} queued", 1, run, found, told(took, cpu),
                   f"memory when full {before:.0f} MiB, after the restart {after:.0f}, emptied {last:.0f}",
                   f"filled at {rate:,.0f}/s, emptied at {drained:,.0f}/s")


def stuck(settings):
    """One message is held unacked while many pass: disk under 512 MiB, memory under 128 MiB."""
    with Run(settings.build, settings.seed, store=settings.store, lease="12h", messages="50k", keep=settings.keep) as run:
        # A full queue holds the producers back, so that what lies on the disk is not a backlog.
        options = {"count": settings.count // 2, "size": 128, "batch": 1000, "retry_ms": 600_000}
        run.start_broker()
        run.start_peer("worker", "holder", credit=1, hold_first=True)
        run.start_peer("producer", "producer-0", **options)
        until(lambda: run.queue()["in_flight"] == 1, "the holder holds one")
        run.start_peer("producer", "producer-1", **options)
        for i in range(2):
            run.start_peer("worker", f"worker-{i}", credit=1000)
        disk = memory = 0
        producers = [run.peers["producer-0"], run.peers["producer-1"]]
        while any(one.poll() is None for one in producers) or run.queue()["live"] > 1:
            time.sleep(0.5)
            disk, memory = max(disk, disk_mib(run.store_folder)), max(memory, run.rss_mib())
        if run.queue()["live"] != 1:
            raise Failed("the message that is held is gone")
        run.end_peers("worker")
        run.drain()
        found = run.check()
        if disk > 512 or memory > 128:
            found["bad"]["bounds"] = {"count": 1, "examples": [f"disk {disk:.0f} MiB, memory {memory:.0f} MiB"]}
        return row(f"one stuck, {settings.count:,} pass", 1, run, found, f"disk at most {disk:.0f} MiB, memory at most {memory:.0f} MiB")


def disk_mib(folder):
    if not os.path.isdir(folder):
        return 0  # the store is no log
    total = 0
    for inner, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(inner, name)).st_blocks * 512
            except FileNotFoundError:  # it has just gone
                pass
    return total / (1 << 20)


FAULTS = {"kill-broker": (kill_broker, 15, 100), "power": (power, 10, 100), "lying-disk": (lying_disk, 1, 1),
          "kill-full": (kill_full, 200_000, 1_000_000),
          "ten-million": (ten_million, 300_000, 10_000_000), "stuck": (stuck, 1_000_000, 20_000_000)}
