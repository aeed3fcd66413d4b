"""What workers do."""
import signal
import time

from stage import behaviour, equal, statuses, tags, take, true


@behaviour
def a_worker_gets_no_more_than_its_credit(stage):
    producer, worker = stage.producer(), stage.worker("hello", credit=7)
    producer.publish(to="hello", bodies=["x"] * 20)
    equal(len(worker.receive(count=20, timeout=0.5)["deliveries"]), 7)
    equal(stage.broker.queue("hello")["in_flight"], 7)
    worker.settle(tags=[1, 3], how="ack")
    equal(len(worker.receive(count=20, timeout=0.5)["deliveries"]), 2)


@behaviour
def an_unknown_queue_ends_the_worker_with_404(stage):
    worker = stage.worker("helo")
    equal(worker.wait_connected(timeout=10)["connected"], False)
    equal(worker.state()["fault"][0], 404)
    true("hello" in worker.state()["fault"][1], f"the nearest name is not in {worker.state()['fault']}")


@behaviour
def nack_comes_again_and_reject_and_throttle_are_understood(stage):
    producer, worker = stage.producer(), stage.worker("hello", "once")
    producer.publish(to="hello", bodies=["nack"])
    worker.settle(tags=tags(take(worker, 1)), how="nack", text="not today")
    again = take(worker, 1)
    equal(again[0]["attempt"], 2)
    worker.settle(tags=tags(again), how="throttle", retry_after_ms=50)
    third = take(worker, 1)
    worker.settle(tags=tags(third), how="reject", text="never")
    stage.broker.until(lambda status: sum(one["ledger"]["dead"] for one in status["queues"]) == 1, "a dead letter")


@behaviour
def release_uses_up_no_attempt(stage):
    producer, worker = stage.producer(), stage.worker("once")
    producer.publish(to="once", bodies=["x"])
    worker.settle(tags=tags(take(worker, 1)), how="release")
    second = take(worker, 1)
    worker.settle(tags=tags(second), how="ack")
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 1, "acked")


@behaviour
def a_killed_worker_costs_a_second_attempt(stage):
    producer, victim = stage.producer(), stage.worker("hello")
    producer.publish(to="hello", bodies=["x"] * 5)
    first = take(victim, 5)
    victim.kill()
    second = take(stage.worker("hello"), 5)
    equal([one["attempt"] for one in second], [2] * 5)
    true(min(one["fence"] for one in second) > max(one["fence"] for one in first), "the fence did not grow")


@behaviour
def an_answer_after_the_lease_is_refused_and_told(stage):
    producer, late = stage.producer(), stage.worker("short", credit=1)  # a lease of 1 s
    producer.publish(to="short", bodies=["x"])
    held = take(late, 1)
    other = stage.worker("short")
    late.settle(tags=tags(held), how="ack", reply="stale", sleep=1.5)  # like a worker that computes: it hears nothing
    true(late.losses(count=1, timeout=10)["lost"][0][1] in (409, 504), "it was not told")
    second = take(other, 1)
    true(second[0]["attempt"] >= 2, "it did not come again")
    other.settle(tags=tags(second), how="ack")
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 1, "acked once")
    true(stage.broker.status()["stale"] >= 1, "the stale answer was not counted")


@behaviour
def a_lease_that_is_extended_holds(stage):
    producer, worker = stage.producer(), stage.worker("short", credit=1)
    producer.publish(to="short", bodies=["x"])
    held = take(worker, 1)
    for _ in range(6):
        worker.settle(tags=tags(held), how="extend")
        worker.sleep(seconds=0.3)
    equal(worker.settle(tags=tags(held), how="ack")["queued"], [True])
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 1, "acked")
    equal(worker.losses(count=0, timeout=0)["lost"], [])
    equal(stage.broker.queue("short")["redelivered"], 0)


@behaviour
def what_waits_in_the_buffer_keeps_its_lease(stage):
    producer, worker = stage.producer(), stage.worker("short", credit=20)
    producer.publish(to="short", bodies=["x"] * 20)
    stage.broker.until(lambda status: sum(one["in_flight"] for one in status["queues"]) == 20, "all in flight")
    time.sleep(2.5)  # nothing is taken out of the buffer, but the client is polled
    equal(stage.broker.queue("short")["redelivered"], 0)
    worker.settle(tags=tags(take(worker, 20)), how="ack")
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 20, "acked")


@behaviour
def a_session_resumed_within_the_grace_keeps_its_deliveries(stage):
    proxy, producer = stage.proxy(), stage.producer()
    worker = stage.worker("hello", endpoint=proxy.endpoint)
    producer.publish(to="hello", bodies=["x"] * 10)
    held = take(worker, 10)
    worker.settle(tags=tags(held[:3]), how="ack")
    proxy.cut()
    true(worker.wait_connected(timeout=10)["connected"], "it did not come back")
    equal(worker.settle(tags=tags(held[3:]), how="ack")["queued"], [True] * 7)
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 10, "all acked")
    equal(stage.broker.queue("hello")["redelivered"], 0)
    equal(worker.losses(count=0, timeout=0)["lost"], [])


@behaviour
def settlements_survive_a_cut_connection(stage):
    proxy, producer = stage.proxy(), stage.producer()
    worker = stage.worker("hello", endpoint=proxy.endpoint, credit=50)
    for _ in range(5):
        producer.publish(to="hello", bodies=["x"] * 50)
        held = take(worker, 50)
        worker.settle(tags=tags(held), how="ack", poll=False)
        proxy.cut()
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 250, "all acked")
    equal(stage.broker.queue("hello")["redelivered"], 0)


@behaviour
def a_session_lost_after_the_grace_loses_its_deliveries(stage):
    proxy, producer = stage.proxy(), stage.producer()
    worker = stage.worker("hello", endpoint=proxy.endpoint)
    producer.publish(to="hello", bodies=["x"] * 3)
    held = take(worker, 3)
    proxy.cut(stay_open=False)
    other = stage.worker("hello")
    second = take(other, 3)
    equal([one["attempt"] for one in second], [2] * 3)
    proxy.open = True
    true(worker.wait_connected(timeout=20)["connected"], "it did not come back")
    worker.settle(tags=tags(held), how="ack")
    true(all(status == 409 for _, status in worker.losses(count=3, timeout=10)["lost"]), "it was not told")
    other.settle(tags=tags(second), how="ack")
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 3, "acked once each")
    producer.publish(to="hello", bodies=["y"] * 20)
    take(worker, 5)  # it works on


@behaviour
def a_worker_comes_back_to_a_restarted_broker(stage):
    producer, worker = stage.producer(), stage.worker("hello")
    producer.publish(to="hello", bodies=["before"] * 30)
    true(producer.flush(timeout=10)["done"], "confirms are missing")  # or it sends them again to the new broker
    held = take(worker, 10)
    stage.broker.kill()
    stage.broker.start()
    true(worker.losses(count=10, timeout=20)["lost"][0][1] == 409, "it was not told that its deliveries are gone")
    equal(worker.settle(tags=tags(held), how="ack")["queued"], [False] * 10)
    producer.publish(to="hello", bodies=["after"] * 30)
    equal([one["body"] for one in take(worker, 10)], ["after"] * 10)  # and not 20: the credit is for the new tags


@behaviour
def leaving_loses_no_settlement_and_releases_the_rest(stage):
    producer = stage.producer()
    for round_ in range(5):
        worker = stage.worker("hello", credit=100)
        producer.publish(to="hello", bodies=["x"] * 100)
        held = take(worker, 100)
        worker.settle(tags=tags(held[:90]), how="ack", poll=False)
        worker.close()
        ledger = stage.broker.queue("hello")
        equal(ledger["ledger"]["acked"], 100 * round_ + 90)
        rest = stage.worker("hello", credit=10)
        again = take(rest, 10)
        equal([one["attempt"] for one in again], [1] * 10)  # released, not failed
        rest.settle(tags=tags(again), how="ack")
        rest.close()


@behaviour
def a_busy_worker_is_not_lost(stage):
    producer, worker = stage.producer(), stage.worker("hello", credit=2)
    producer.publish(to="hello", bodies=["x"] * 3)
    held = take(worker, 2)
    worker.sleep(seconds=2.0)  # twenty heartbeats
    equal(worker.settle(tags=tags(held), how="ack")["queued"], [True, True])
    take(worker, 1)
    equal(worker.losses(count=0, timeout=0)["lost"], [])
    equal(stage.broker.queue("hello")["redelivered"], 0)


@behaviour
def an_idle_client_stays_connected(stage):
    producer, worker = stage.producer(), stage.worker("hello")
    for client in (producer, worker):
        true(client.wait_connected(timeout=10)["connected"], "it is not connected")
    time.sleep(2.5)
    peers = stage.broker.status()["peers"]
    equal([(peer["connected"], peer["silent"]) for peer in peers], [(True, False)] * 2)
    true(producer.state()["connected"] and worker.state()["connected"], "it took another connection")


@behaviour
def a_broker_that_stood_still_is_found_again(stage):
    producer, worker = stage.producer(), stage.worker("hello")
    producer.publish(to="hello", bodies=["x"])
    held = take(worker, 1)
    stage.broker.signal(signal.SIGSTOP)
    producer.publish(to="hello", bodies=["y"] * 5)
    time.sleep(1.6)  # more than ten heartbeats: the clients try other connections
    stage.broker.signal(signal.SIGCONT)
    true(producer.flush(timeout=30)["done"], "answers are missing")
    true(set(statuses(producer)) <= {200, 208}, f"refused: {set(statuses(producer))}")
    worker.settle(tags=tags(held), how="ack")
    take(worker, 5)
    equal(stage.broker.queue("hello")["ledger"]["accepted"], 6)
