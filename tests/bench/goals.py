#!/usr/bin/python3
"""Prints what measurements have found of the project's goals: each as reached or missed, with its spread.

usage: goals.py FOLDER-OF-THE-JSON

Reads every bench-NAME.json there. Information: the exit status is 0, whatever was missed.
"""
import glob
import json
import os
import statistics
import sys


def digits(value):
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.2f}"


def rows():
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "bench-*.json"))):
        with open(path, encoding="utf-8") as opened:
            report = json.load(opened)
        for figure in report.get("figures", []):
            side = next((word for word in ("at_least", "at_most") if word in figure), None)
            if side is None:
                continue
            values = [value for value in figure["rounds"] if value is not None]
            median, goal = statistics.median(values), figure[side]
            yield (os.path.basename(path)[len("bench-"):-len(".json")],
                   figure["what"],
                   f"{side.replace('_', ' ')} {digits(goal)}",
                   "reached" if (median >= goal if side == "at_least" else median <= goal) else "MISSED",
                   digits(median),
                   f"({digits(min(values))} to {digits(max(values))})" +
                   ("" if report["complete"] else "  INCOMPLETE"))


def main():
    lines = list(rows())
    if not lines:
        return
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    print("\nGoals, as the last run of each measurement found them:")
    for line in lines:
        print("  ".join(cell.rjust(width) if i == 4 else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
    reached = sum(line[3] == "reached" for line in lines)
    print(f"{reached} of {len(lines)} are reached.")


if __name__ == "__main__":
    main()
