#!/usr/bin/python3
"""The checker itself, tested: ledgers of a good run, in which it may find nothing, and the same with one lie each, which it has to find.

usage: planted.py BUILD_DIR

The good run has all that may happen: a broker that is killed with an ack under way, a worker that dies with a message in its hands, a
lease that ends, a nack, a dead letter, a refusal, a message of which nobody knew, a line that a kill has cut, and watched syncs.
"""
import json
import os
import subprocess
import sys
import tempfile

SECOND = 1_000_000


def good():
    """The ledgers, by name, as lists of lines; times in seconds are made microseconds by `at`."""
    def at(seconds):
        return int(seconds * SECOND)

    return {
        "driver": [
            f"broker_start {at(1)} .", f"broker_kill {at(10)} .", f"broker_gone {at(10.2)} .", f"broker_start {at(11)} .", f"worker_kill {at(20)} b .",
            f"drained {at(60)} 0 ."],
        "syncs": [
            f"start {at(1)} syncs broker - .", f"sync {at(3)} {at(2.9)} 0 7 .", f"sync {at(5)} {at(4.9)} 0 7 .", f"sync {at(9.5)} {at(9.4)} 0 7 .",
            f"start {at(11)} syncs broker - .", f"sync {at(15)} {at(14.9)} 0 7 .", f"sync {at(40)} {at(39.9)} 0 7 ."],
        "p": [
            f"start {at(2)} producer p durable .", f"attempt {at(2)} 1 10 .", f"confirm {at(4)} 200 1 9 .", f"refused {at(4)} 413 10 10 .",
            f"attempt {at(9)} 11 12 .", f"confirm {at(16)} 208 11 11 .", f"attempt {at(16)} 13", f"start {at(17)} producer p durable .",
            f"unknown {at(17)} 0 12 12 .", f"end {at(50)} ."],
        "a": [
            f"start {at(2)} worker a live .",
            f"deliver {at(4)} p 1 5 1 101 1 4000 {at(3.9)} .", f"ack {at(4.5)} 1 5 .", f"settled {at(5.1)} 1 5 .",
            f"deliver {at(9.9)} p 6 6 6 106 1 4000 {at(9.8)} .", f"ack {at(9.999)} 6 6 .", f"sent {at(9.999)} 6 6 .",                     # the kill is too soon
            f"deliver {at(12)} p 6 6 7 201 2 4000 {at(11.9)} .", f"ack {at(12.1)} 7 7 .", f"settled {at(15.1)} 7 7 .",
            f"deliver {at(13)} p 9 9 8 203 1 4000 {at(12.9)} .", f"nack {at(13.1)} 8 8 .", f"settled {at(15.1)} 8 8 .",
            f"deliver {at(21)} p 7 7 9 205 2 4000 {at(20.9)} .", f"ack {at(21.1)} 9 9 .",                      # b died with it
            f"deliver {at(22)} p 8 8 10 206 1 4000 {at(21.9)} .",                                              # held for too long
            f"deliver {at(30)} p 11 12 11 208 1 4000 {at(29.9)} .", f"ack {at(30.1)} 10 12 .", f"lost {at(30.2)} 409 10 10 .",
            f"settled {at(41)} 11 12 .", f"leave {at(50)} .", f"end {at(50)} ."],
        "b": [
            f"start {at(2)} worker b live .", f"deliver {at(19)} p 7 7 1 204 1 4000 {at(18.9)} .", "ack 1900",
            f"start {at(23)} worker b live .", f"deliver {at(27)} p 8 8 1 207 2 4000 {at(26.9)} .", f"ack {at(27.1)} 1 1 .", f"end {at(50)} ."],
        "c": [f"start {at(2)} worker c dead .", f"deliver {at(14)} p 9 9 1 210 1 4000 {at(13.9)} .", f"ack {at(14)} 1 1 .", f"end {at(50)} ."],
    }


COUNTS = {"attempted": 12, "confirmed": 10, "refused": 1, "acked": 10, "dead": 1, "recovered": 1, "deliveries": 15, "duplicates": 3,
          "restart": 1, "death": 1, "lease": 1, "acks_again": 1, "late_acks": 1}

# What is made wrong, and what has to be found: (finding, ledger, line that holds this text, what stands in its place).
LIES = {
    "a confirmed message never comes": ("lost", "b", "deliver 27000000 p 8 8 1 207 2 4000 26900000 .\nack 27100000 1 1 .", ""),
    "a message comes, and its ack is lost": ("lost", "a", "settled 41000000 11 12 .", "lost 41000000 409 11 11 ."),
    "an ack that no broker can have had": ("lost", "a", "ack 4500000 1 5 .\nsettled 5100000 1 5 .", "ack 10300000 1 5 ."),
    "a confirm before the message is safe, found by the kill": ("early_confirm", "a", "deliver 4000000 p 1 5 1 101 1 4000 3900000 .",
                                                                "deliver 4000000 p 1 4 1 101 1 4000 3900000 .\n"
                                                                "deliver 4000000 p 4 4 5 105 1 4000 3900000 ."),
    "a confirm before its sync has ended": ("early_confirm", "p", "confirm 4000000 200 1 9 .", "confirm 2950000 200 1 9 ."),
    "a confirm behind a sync that failed": ("early_confirm", "syncs", "sync 3000000 2900000 0 7 .", "sync 3000000 2900000 5 7 ."),
    "a sync that had begun before the message": ("early_confirm", "p", "attempt 9000000 11 12 .", "attempt 15500000 11 12 ."),
    "an ack told to be durable before its sync": ("early_settled", "a", "settled 5100000 1 5 .", "settled 4900000 1 5 ."),
    "a message that nobody sent": ("unexpected", "a", "deliver 30000000 p 11 12 11 208", "deliver 30000000 p 13 14 11 208"),
    "a message of nobody": ("unexpected", "a", "deliver 30000000 p 11 12 11 208", "deliver 30000000 q 11 12 11 208"),
    "a body that is not as it was sent": ("unexpected", "a", "deliver 22000000 p 8 8 10 206 1 4000 21900000 .", "wrong 22000000 10 206 ."),
    "a confirm for what nobody sent": ("unexpected", "p", "confirm 4000000 200 1 9 .", "confirm 4000000 200 1 9 .\nconfirm 4000000 200 20 20 ."),
    "a refused message comes": ("refused_came", "a", "deliver 4000000 p 1 5", "deliver 4000000 p 10 14"),
    "a message in two hands": ("overlapping", "driver", "worker_kill 20000000 b .", ""),
    "the lease has not ended when another gets it": ("overlapping", "b", "deliver 27000000 p 8 8", "deliver 24000000 p 8 8"),
    "two acks of one message are durable": ("settled_twice", "a", "ack 9999000 6 6 .", "ack 9999000 6 6 .\nsettled 9999900 6 6 ."),
    "a delivery behind a durable ack": ("after_settled", "a", "settled 15100000 7 7 .", "settled 15100000 6 6 ."),
    "a dead letter that was acked": ("settled_twice", "a", "nack 13100000 8 8 .", "ack 13100000 8 8 ."),
    "a fence that was given before": ("fence", "b", "1 207 2 4000", "1 206 2 4000"),
    "a fence that falls": ("fence", "a", "7 201 2 4000", "7 99 2 4000"),
    "an ack forgotten with the kill though it was old": ("forgotten_ack", "a", "deliver 9900000 p 6 6 6 106 1 4000 9800000 .\nack 9999000 6 6 .\nsent 9999000 6 6 .",
                                                         "deliver 9100000 p 6 6 6 106 1 4000 9000000 .\nack 9200000 6 6 .\nsent 9200000 6 6 ."),
    "messages are left at the end": ("undrained", "driver", "drained 60000000 0 .", "drained 60000000 3 ."),
    "nobody has looked at the end": ("undrained", "driver", "drained 60000000 0 .", ""),
    "a line that a kill cannot have cut": ("unreadable", "a", "nack 13100000 8 8 .", "nack 13100000 8"),
    "a settlement of what was never delivered": ("unreadable", "a", "ack 30100000 10 12 .", "ack 30100000 10 13 ."),
}


def check(program, ledgers):
    with tempfile.TemporaryDirectory(prefix="ym-planted-") as folder:
        for name, text in ledgers.items():
            with open(os.path.join(folder, name + ".ledger"), "w", encoding="utf-8") as ledger:
                ledger.write(text)
        answer = subprocess.run([program, folder], stdout=subprocess.PIPE, check=False)
        found = json.loads(answer.stdout)
        findings = {name: one["examples"] for name, one in found["findings"].items() if one["count"]}
        if (answer.returncode != 0) != bool(findings):
            raise SystemExit(f"exit code {answer.returncode} with {findings}")
        return found, findings


def main(build):
    program, failed = os.path.join(build, "tests", "fault_check"), []
    ledgers = {name: "\n".join(lines) + "\n" for name, lines in good().items()}
    counts, findings = check(program, ledgers)
    wrong = {name: counts[name] for name, wanted in COUNTS.items() if counts[name] != wanted}
    print(f"a good run: {COUNTS}")
    if findings or wrong:
        failed.append(f"the good run: {findings}, {wrong}")
    for lie, (wanted, name, honest, planted) in LIES.items():
        if honest not in ledgers[name]:
            failed.append(f"{lie}: {honest!r} is not in the ledger {name}")
            continue
        text = ledgers[name].replace(honest, planted)
        _, findings = check(program, dict(ledgers, **{name: text}))
        examples = findings.get(wanted)
        print(f"{lie:<58} {wanted:<15} {examples[0] if examples else 'NOT FOUND; but ' + str(findings)}")
        if not examples:
            failed.append(lie)
    print(f"{len(LIES) - len(failed)} of {len(LIES)} lies were found" + "".join(f"\nFAILED: {one}" for one in failed))
    return int(bool(failed))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
