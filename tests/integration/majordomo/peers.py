#!/usr/bin/python3
"""Majordomo and Paranoid Pirate peers, written after the RFCs alone; and as processes that tests/integration/clients runs.

usage: peers.py producer DIALECT ENDPOINT SERVICE < LINES   asks for each line, prints "LINE 200 REPLY" for each
       peers.py worker DIALECT ENDPOINT SERVICE [MS]        answers with the body in capitals, after as many ms, until SIGTERM

DIALECT is mdp01, mdp02, mdp02-shifted, ppp-octets or ppp-words. A producer that hears nothing for 3 s asks again on a new
connection, as these protocols want it. Paranoid Pirate has ports instead of services: ENDPOINT-SERVICE-clients and -workers.
"""
import signal
import sys
import time

import zmq

LIVENESS = 3.0
HEARTBEAT_EVERY = 1.0
# READY, REQUEST, PARTIAL, REPLY, HEARTBEAT, DISCONNECT
WORKER = {"mdp01": (1, 2, None, 3, 4, 5), "mdp02": (1, 2, 3, 4, 5, 6), "mdp02-shifted": (1, 2, 3, 4, 5, 6)}


def octet(number):
    return bytes([number])


def connect(endpoint):
    peer = zmq.Context.instance().socket(zmq.DEALER)
    peer.linger, peer.sndhwm, peer.rcvhwm = 200, 0, 0
    peer.connect(endpoint)
    return peer


class Worker:
    def __init__(self, dialect, endpoint, service):
        self.dialect, self.endpoint, self.service = dialect, endpoint, service
        self.pirate = dialect.startswith("ppp")
        self.socket = None
        self.connect()

    def connect(self):
        if self.socket:
            self.socket.close()
        self.socket = connect(self.endpoint)
        self.heard = self.said = time.monotonic()
        if self.pirate:
            self.socket.send(octet(1) if self.dialect == "ppp-octets" else b"READY")
        else:
            self.say(0, self.service.encode())

    def say(self, verb, *frames):
        self.said = time.monotonic()
        header = b"MDPW01" if self.dialect == "mdp01" else b"MDPW02"
        front = [] if self.dialect == "mdp02" else [b""]
        self.socket.send_multipart([*front, header, octet(WORKER[self.dialect][verb]), *frames])

    def beat(self):
        self.said = time.monotonic()
        if self.pirate:
            self.socket.send(octet(2) if self.dialect == "ppp-octets" else b"HEARTBEAT")
        else:
            self.say(4)

    def request(self):
        """The next request as (token, body frames); None when there is none yet."""
        if self.socket.poll(50):
            frames = self.socket.recv_multipart()
            self.heard = time.monotonic()
            if self.pirate:
                return (frames[0], frames[2:]) if len(frames) >= 3 else None
            if self.dialect != "mdp02":
                assert frames.pop(0) == b"", "an empty frame stands in front"
            verb = WORKER[self.dialect].index(frames[1][0])
            if verb == 1:
                assert frames[3] == b"", "an empty frame stands behind the token"
                return frames[2], frames[4:]
            if verb == 5:
                self.connect()
        now = time.monotonic()
        if now - self.heard > LIVENESS:
            self.connect()
        elif now - self.said > HEARTBEAT_EVERY:
            self.beat()
        return None

    def reply(self, token, body):
        if self.pirate:
            self.socket.send_multipart([token, b"", *body])
        else:
            self.say(3, token, b"", *body)

    def run(self, milliseconds=0):
        stopped = []
        signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
        while not stopped:
            request = self.request()
            if request:
                time.sleep(milliseconds / 1000)
                self.reply(request[0], [frame.upper() for frame in request[1]])
        if not self.pirate:
            self.say(5)
        self.socket.close()


class Client:
    def __init__(self, dialect, endpoint, service):
        self.dialect, self.endpoint, self.service = dialect, endpoint, service.encode()
        self.socket = connect(endpoint)

    def reconnect(self):
        self.socket.close()
        self.socket = connect(self.endpoint)

    def ask(self, *body):
        front = {"mdp01": [b"", b"MDPC01", self.service], "mdp02": [b"MDPC02", octet(1), self.service],
                 "mdp02-shifted": [b"", b"MDPC02", octet(2), self.service]}.get(self.dialect, [b""])
        self.socket.send_multipart([*front, *body])

    def hear(self, patience=5.0):
        """The body of the next last reply; None if there is none within `patience` seconds."""
        until = time.monotonic() + patience
        while self.socket.poll(max(0, (until - time.monotonic()) * 1000)):
            frames = self.socket.recv_multipart()
            if self.dialect.startswith("ppp"):
                return frames[1:]
            if self.dialect == "mdp01":
                assert frames[:3] == [b"", b"MDPC01", self.service], frames
                return frames[3:]
            if self.dialect == "mdp02":
                assert frames[0] == b"MDPC02" and frames[2] == self.service, frames
                if frames[1] == octet(3):
                    return frames[3:]
            elif frames[2] == octet(4):
                assert frames[:2] == [b"", b"MDPC02"], frames
                return frames[3:]
        return None

    def run(self, lines, window=20, answered=lambda number, body: None):
        """Asks for each line, `window` at a time; calls answered() once for each. How often it had to ask again."""
        waiting, asked, again = {}, 0, 0
        while waiting or asked < len(lines):
            while asked < len(lines) and len(waiting) < window:
                waiting[lines[asked].upper()] = asked
                self.ask(lines[asked].encode())
                asked += 1
            body = self.hear(LIVENESS)
            if body is None:
                self.reconnect()
                again += len(waiting)
                for number in waiting.values():
                    self.ask(lines[number].encode())
                continue
            number = waiting.pop(body[0].decode(), None)
            if number is not None:  # else an answer to what was asked twice
                answered(number, body[0].decode())
        return again


def port(dialect, endpoint, service, side):
    return f"{endpoint}-{service}-{side}" if dialect.startswith("ppp") else endpoint


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    role, dialect, endpoint, service = sys.argv[1:5]
    if role == "worker":
        milliseconds = int(sys.argv[5]) if len(sys.argv) > 5 else 0
        Worker(dialect, port(dialect, endpoint, service, "workers"), service).run(milliseconds)
    else:
        client = Client(dialect, port(dialect, endpoint, service, "clients"), service)
        client.run(sys.stdin.read().splitlines(), answered=lambda number, body: print(number + 1, 200, body, flush=True))


if __name__ == "__main__":
    main()
