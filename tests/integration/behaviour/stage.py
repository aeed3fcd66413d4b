"""The stage of a behaviour: its broker and clients, what it checks with, and the list of all behaviours."""
import os

from support import Broker, Client, Failed, Proxy, driver_command

BEHAVIOURS = []


def behaviour(function):
    BEHAVIOURS.append(function)
    return function


class Stage:
    """A broker and the clients of one behaviour; all of them end with it."""

    def __init__(self, build, language, folder):
        self.command, self.folder, self.clients, self.proxies = driver_command(build, language), folder, [], []
        self.broker = Broker(os.path.join(build, "yardmaster"), folder)

    def client(self):
        self.clients.append(Client(self.command))
        return self.clients[-1]

    def producer(self, endpoint=None, **options):
        client = self.client()
        client.producer(endpoint=endpoint or self.broker.endpoint, **options)
        return client

    def worker(self, *queues, endpoint=None, **options):
        client = self.client()
        client.worker(endpoint=endpoint or self.broker.endpoint, queues=list(queues), **options)
        return client

    def proxy(self):
        self.proxies.append(Proxy(self.folder, self.broker.path))
        return self.proxies[-1]

    def close(self):
        for client in self.clients:
            client.kill()
        for proxy in self.proxies:
            proxy.close()
        self.broker.kill()


def short(value):
    text = repr(value)
    return text if len(text) < 500 else text[:500] + "..."


def equal(got, wanted, what=""):
    if got != wanted:
        raise Failed(f"{what}: {short(got)} is not {short(wanted)}")


def true(condition, what):
    if not condition:
        raise Failed(what)


def statuses(producer):
    return [status for _, status, _ in producer.answers()["answers"]]


def take(worker, count, timeout=10):
    deliveries = worker.receive(count=count, timeout=timeout)["deliveries"]
    equal(len(deliveries), count, "deliveries")
    return deliveries


def tags(deliveries):
    return [one["tag"] for one in deliveries]
