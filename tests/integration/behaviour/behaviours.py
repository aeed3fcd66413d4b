#!/usr/bin/python3
"""What every client of YMP does, against a real broker: one list, run for each client.

usage: behaviours.py BUILD_DIR cpp|python|node [WORD...]     only those whose name has one of the words
"""
import os
import sys
import tempfile
import time
import traceback

import producers  # noqa: F401: puts its behaviours on the list
import workers  # noqa: F401
from stage import BEHAVIOURS, Stage


def run(build, language, function):
    with tempfile.TemporaryDirectory(prefix="ym-behaviour-") as folder:
        stage = None
        try:
            stage = Stage(build, language, folder)
            function(stage)
            return True
        except Exception:  # whatever it is, the next behaviour is still of interest
            traceback.print_exc()
            with open(os.path.join(folder, "broker.log"), encoding="utf-8") as log:
                print("".join(log.readlines()[-20:]), file=sys.stderr)
            return False
        finally:
            if stage is not None:
                stage.close()


def main(build, language, *words):
    failed, ran = [], 0
    for function in BEHAVIOURS:
        if words and not any(word in function.__name__ for word in words):
            continue
        began, ran = time.monotonic(), ran + 1
        good = run(os.path.abspath(build), language, function)
        print(f"{'ok' if good else 'FAILED':<7}{time.monotonic() - began:5.1f} s  {language}: {function.__name__.replace('_', ' ')}", flush=True)
        if not good:
            failed.append(function.__name__)
    print(f"{ran - len(failed)} of {ran} behaviours hold for {language}")
    return 1 if failed or ran == 0 else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[2] not in ("cpp", "python", "node"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
