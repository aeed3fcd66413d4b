"""Producers and workers that are killed, and stopped for longer than a lease."""
import signal
import time

from harness import Run, row


def load(run, workers=4, producers=2, rate=4000, **options):
    for i in range(workers):
        run.start_peer("worker", f"worker-{i}", seed=run.seed + i, credit=20, pause_us=2000, **options)
    for i in range(producers):
        run.start_peer("producer", f"producer-{i}", rate=rate, batch=100, size=60, size_max=400)


def run_of(settings, lease):
    return Run(settings.build, settings.seed, store=settings.store, lease=lease, keep=settings.keep)


def kill(settings, role, peers, why):
    """kill -9 of peers of a role, one after the other, and another process of its name in the place of each."""
    with run_of(settings, "10s") as run:
        run.start_broker()
        load(run)
        for _ in range(settings.count):
            time.sleep(run.random.uniform(0.02, 0.15))
            name = f"{role}-{run.random.randrange(peers)}"
            run.kill_peer(name)
            run.restart_peer(name)
        run.drain()
        found = run.check()
        return row(f"kill -9 of a {role}", settings.count, run, found, why(found))


def kill_workers(settings):
    """kill -9 of a worker with messages in its hands, and another process in its place."""
    return kill(settings, "worker", 4, because)


def kill_producers(settings):
    """kill -9 of a producer with messages under way; the next one of its name goes on behind them."""
    return kill(settings, "producer", 2, lambda found: f"recovered (nobody knew, and they came): {found['recovered']}")


def stop(run, role, count, seconds, at_once):
    """SIGSTOP of some peers at a time, each for so long."""
    done = 0
    while done < count:
        names = [name for name, process in run.peers.items() if process.role == role]
        some = run.random.sample(names, min(at_once, count - done))
        for name in some:
            run.peers[name].send_signal(signal.SIGSTOP)
        time.sleep(seconds * run.random.uniform(1.0, 1.2))
        for name in some:
            run.peers[name].send_signal(signal.SIGCONT)
        time.sleep(run.random.uniform(0.05, 0.2))
        done += len(some)


def stop_workers(settings):
    """SIGSTOP of a worker for longer than its lease: what it held goes to others, and its late acks are refused."""
    with run_of(settings, "500ms") as run:
        run.start_broker()
        load(run, workers=6, rate=2000)
        time.sleep(0.3)
        stop(run, "worker", settings.count, 0.75, 3)
        run.drain()
        found = run.check("--way-ms", "100")
        return row("SIGSTOP of a worker", settings.count, run, found, because(found))


def stop_producers(settings):
    """SIGSTOP of a producer for longer than a lease, and now and then for longer than the broker waits for a sign of life."""
    with run_of(settings, "500ms") as run:
        run.start_broker()
        load(run, producers=4, rate=2000)
        time.sleep(0.3)
        long = settings.count // 20
        stop(run, "producer", settings.count - long, 0.6, 2)
        stop(run, "producer", long, 2.8, 2)
        run.drain()
        return row("SIGSTOP of a producer", settings.count, run, run.check("--way-ms", "100"))


def because(found):
    return (f"duplicates because of a death {found['death']}, a lease's end {found['lease']}, a restart {found['restart']}; "
            f"late acks refused: {found['late_acks']}")


FAULTS = {"kill-workers": (kill_workers, 40, 200), "kill-producers": (kill_producers, 40, 200),
          "stop-workers": (stop_workers, 15, 200), "stop-producers": (stop_producers, 20, 200)}
