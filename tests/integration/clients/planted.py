#!/usr/bin/python3
"""Clients with one fault each, for the probe to find: the Python client, with one method made wrong.

usage: planted.py FAULT ENDPOINT     the faults are the functions below; each says which role it plays and which rule it breaks
"""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "examples", "clients", "python"))
import yardmaster as ym  # noqa: E402

FAULTS = {}  # name: (role, rule, class)


def fault(role, rule):
    def add(one):
        FAULTS[one.__name__] = (role, rule, one)
        return one
    return add


@fault("producer", 1)
class HelloForEach428(ym.Client):
    def _take(self, parts):
        verb, _, _, records, _ = ym.decode_frame(parts[0])
        if verb == ym.ERROR and records[0][0] == 428 and not self.connected:
            self._open()
        super()._take(parts)


@fault("producer", 1)
class PublishesBeforeWelcome(ym.Client):
    def _open(self, credit=0):
        super()._open(credit)
        for one in list(self._publishing)[:1]:
            self._send(ym.PUBLISH, one.name, 0, [one.record])
        self._send(ym.HEARTBEAT)


@fault("producer", 1)
class AnotherSessionEachTime(ym.Client):
    def _open(self, credit=0):
        self.session = os.urandom(16)
        super()._open(credit)


@fault("producer", 1)
class ForgetsWhatWasUnanswered(ym.Client):
    def _take_welcome(self, told):
        waiting = self._publishing
        super()._take_welcome(told)
        self._publishing = waiting


@fault("producer", 1)
class SendsAgainBackwards(ym.Client):
    def _take_welcome(self, told):
        super()._take_welcome(told)
        self._publishing = type(self._publishing)(reversed(self._publishing))


@fault("producer", 2)
class NoLimitOfRecords(ym.Client):
    def _take_welcome(self, told):
        super()._take_welcome({**told, "records_max": 10000})


@fault("producer", 3)
class NoWindow(ym.Client):
    def _take_welcome(self, told):
        super()._take_welcome({**told, "through": 10000})


@fault("producer", 3)
class NoWindowInOctets(ym.Client):
    def _take_welcome(self, told):
        super()._take_welcome({**told, "bytes": 1 << 40})


@fault("producer", 3)
class TakesARefusalForFinal(ym.Client):
    def _answer(self, one, verb, status, *rest):
        super()._answer(one, verb, 413 if status == 429 else status, *rest)


@fault("producer", 3)
class DoesNotWaitToRetry(ym.Client):
    def _answer(self, *arguments):
        super()._answer(*arguments)
        self._hold = 0.0


@fault("producer", 4)
class NoHeartbeats(ym.Client):
    def _send(self, verb, *rest):
        if verb == ym.HEARTBEAT:
            self._sent = time.monotonic()
        else:
            super()._send(verb, *rest)


@fault("producer", 4)
class TrustsASilentBroker(ym.Client):
    def poll(self, timeout=0.0):
        self._patience = 1e9
        super().poll(timeout)


@fault("producer", 5)
class SendsAgainWhatIsRefused(ym.Client):
    def _answer(self, one, verb, status, *rest):
        if status == 404:
            self._publishing.appendleft(one)
        super()._answer(one, verb, status, *rest)


@fault("producer", 7)
class DoesNotWaitForBye(ym.Client):
    def close(self, timeout=5.0):
        self.flush(timeout)
        self._send(ym.BYE)
        time.sleep(0.05)  # so that it leaves at all
        self._socket.close(0)


@fault("worker", 1)
class KeepsWhatWasForgotten(ym.Client):
    def _take_welcome(self, told):
        held = dict(self.held)
        super()._take_welcome(told)
        self.held.update(held)
        self._buffer.extend(one for one in held.values() if one not in self._buffer)


@fault("worker", 1)
class KeepsQuietAboutWhatWasLostOnTheWay(ym.Client):
    def _take_welcome(self, told):
        self._tag = max(self._tag, told["last_tag"]) if told["last_tag"] else self._tag
        super()._take_welcome(told)


@fault("worker", 3)
class PromisesCreditWhenItResumes(ym.Client):
    def _open(self, credit=0):
        super()._open(self.credit)


@fault("worker", 3)
class CreditIsNotAbsolute(ym.Client):
    def _send(self, verb, name=b"", number=0, *rest):
        super()._send(verb, name, min(number, self.credit), *rest)


@fault("worker", 3)
class SettlesTwice(ym.Client):
    def _send_settling(self, credit):
        again = [(one.how[0], one.tag, *one.how[1:]) for one in self._settling]
        super()._send_settling(credit)
        for record in again:
            self._send(ym.SETTLE, b"", 0, [record])


@fault("worker", 5)
class NeverExtends(ym.Client):
    def _settle(self, one, code, *rest):
        return code != ym.EXTEND and super()._settle(one, code, *rest)


@fault("worker", 5)
class DoesNotHearOfLosses(ym.Client):
    def _lose(self, tag, status):
        pass


@fault("worker", 6)
class KnowsOneFrameOnly(ym.Client):
    def _take(self, parts):
        if len(parts) == 1:
            super()._take(parts)


@fault("worker", 7)
class LeavesWithoutBye(ym.Client):
    def close(self, timeout=5.0):
        self.flush(timeout)
        self._socket.close(0)


def main(name, endpoint):
    role, _, client = FAULTS[name]
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    if role == "producer":
        with client(endpoint) as producer:
            for number in range(40):
                producer.publish("probe", f"message {number}", reply=number % 2 == 0)
            producer.flush(20)
        return
    with client(endpoint, ["probe"], 10) as worker:
        while going:
            one = worker.receive(0.1)
            if one is not None:
                time.sleep(0.2)
                one.ack()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
