#!/usr/bin/python3
"""Writes the figures of README.md anew, from what `./dev bench throughput --peers` and `latency --peers` left behind.

usage: readme.py ROOT FOLDER-OF-THE-JSON

Between the lines <!-- NAME --> and <!-- end of NAME --> of the page stands what this writes. A row that was not measured is
left out; nothing is taken from another run.
"""
import json
import os
import statistics
import sys

BASE = "100 octets, tcp, plugin topic with 1 binding, 2 producers, 2 workers"
LARGE = BASE.replace("100 octets", "1 KiB")

BATCHES = (("batches of 1,000", "1000"), ("batches of 100", "100"), ("one message a frame", "1"))
MEMORY = [
    *((f"**Yardmaster, {words}**", "yardmaster", batch) for words, batch in BATCHES),
    *((f"bare ZeroMQ forwarder, {words}", "forwarder", batch) for words, batch in BATCHES),
    ("`zmq_proxy`: one way, no acks", "zmq_proxy", "1"),
    ("Redis 7.0, a stream with one group, no AOF", "redis streams", None),
]
DURABLE = [
    *((f"**Yardmaster, {words}**", "yardmaster, durable", batch) for words, batch in BATCHES),
    *((f"bare forwarder with synced writes, {words}", "forwarder, synced", batch) for words, batch in BATCHES),
    ("Redis 7.0, the same, `appendfsync always`", "redis, always", None),
    ("RabbitMQ 3.10, quorum queue", "rabbitmq quorum", None),
    ("RabbitMQ 3.10, classic queue, durable", "rabbitmq classic", None),
]
LATENCY = [
    ("**Yardmaster**, in memory", "yardmaster"),
    ("bare forwarder", "forwarder"),
    ("Redis, no AOF", "redis streams"),
    ("**Yardmaster**, durable", "yardmaster, durable"),
    ("bare forwarder with synced writes", "forwarder, synced"),
    ("Redis, `appendfsync always`", "redis, always"),
    ("RabbitMQ, quorum queue", "rabbitmq quorum"),
    ("RabbitMQ, classic queue, durable", "rabbitmq classic"),
]
LATENCY_IS = """Latency at 5,000 messages a second, from when a message was due until a worker had it, and until its producer had the
confirm:
"""


def load(folder, name):
    path = os.path.join(folder, f"bench-{name}.json")
    if not os.path.exists(path):
        sys.exit(f"readme.py: {path} is not there: first ./dev bench {name} --peers")
    with open(path, encoding="utf-8") as opened:
        report = json.load(opened)
    if not report["complete"]:
        sys.exit(f"readme.py: {path} is of a run that was incomplete")
    return report


def rows_of(report, title):
    return next((table["rows"] for table in report["tables"] if table["title"] == title), [])


def medians(report, title, middle, batch=None):
    """Median of each figure of a row, or None."""
    for row in rows_of(report, title):
        if row["middle"] == middle and batch in (None, row.get("batch")):
            names = row["rounds"][0].keys()
            values = {name: [r[name] for r in row["rounds"] if r[name] is not None] for name in names}
            return {name: statistics.median(of) for name, of in values.items() if of}
    return None


def rounded(value):
    """Three digits that mean something, and thousands apart."""
    if value >= 1000:
        digits = len(str(int(value))) - 3
        value = round(value / 10**digits) * 10**digits
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def speed(report, rows, durable):
    head = ["", "messages a second", "of 1 KiB", "CPU, us a message"] + (["messages a sync"] if durable else [])
    lines = [head, ["---"] * len(head)]
    for words, middle, batch in rows:
        small, large = medians(report, BASE, middle, batch), medians(report, LARGE, middle, batch)
        if small is None:
            continue
        cells = [words, rounded(small["k msgs/s"] * 1000), rounded(large["k msgs/s"] * 1000) if large else "-",
                 rounded(small["CPU us/msg"])]
        lines.append(cells + ([rounded(small["msgs/sync"]) if "msgs/sync" in small else "-"] if durable else []))
    return table(lines)


def latency(report):
    titles = [one["title"] for one in report["tables"]]
    receipts = next(title for title in titles if "worker" in title)
    confirms = next(title for title in titles if "confirm" in title)
    lines = [["us", "worker has it: p50", "p99", "p99.9", "confirmed: p50", "p99"], ["---"] * 6]
    for words, middle in LATENCY:
        got, told = medians(report, receipts, middle), medians(report, confirms, middle)
        if got is not None:
            lines.append([words, *(rounded(got[p]) for p in ("p50", "p99", "p99.9")),
                          *(rounded(told[p]) for p in ("p50", "p99"))])
    return LATENCY_IS + "\n" + table(lines)


def table(lines):
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines).replace("| --- ", "|---").replace("|--- |", "|---|")


def put(page, name, text):
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"readme.py: the page has no place for {name}")
    return before + begin + "\n" + text + "\n" + end + after


def main():
    root, folder = sys.argv[1:]
    throughput, late = load(folder, "throughput"), load(folder, "latency")
    path = os.path.join(root, "README.md")
    with open(path, encoding="utf-8") as opened:
        page = opened.read()
    page = put(page, "speed in memory", speed(throughput, MEMORY, False))
    page = put(page, "speed on disk", speed(throughput, DURABLE, True))
    page = put(page, "latency", latency(late))
    with open(path, "w", encoding="utf-8") as out:
        out.write(page)


if __name__ == "__main__":
    main()
