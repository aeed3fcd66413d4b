"""What producers do, and what becomes of requests and replies."""
import signal

from stage import behaviour, equal, statuses, tags, take, true


@behaviour
def each_publish_is_confirmed_and_delivered_in_order(stage):
    producer, worker = stage.producer(), stage.worker("hello", credit=100)
    bodies = [f"body {i}" for i in range(1000)]
    producer.publish(to="hello", bodies=bodies)
    true(producer.flush(timeout=10)["done"], "confirms are missing")
    equal(statuses(producer), [200] * 1000)
    got = []
    while len(got) < 1000:
        part = take(worker, 100)
        got += [one["body"] for one in part]
        worker.settle(tags=tags(part), how="ack")
    equal(got, bodies)
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 1000, "all acked")


@behaviour
def fields_arrive_as_they_were_sent(stage):
    producer, worker = stage.producer(), stage.worker("europe")
    producer.publish(to="orders", bodies=["a pair of shoes"], topic="order.new.eu", key="till 7", headers={"colour": "red", "empty": ""})
    delivery = take(worker, 1)[0]
    equal((delivery["topic"], delivery["key"], delivery["body"]), ("order.new.eu", "till 7", "a pair of shoes"))
    equal((delivery["headers"], delivery["queue"], delivery["attempt"]), ({"colour": "red", "empty": ""}, "europe", 1))


@behaviour
def an_unknown_address_is_refused_with_the_nearest_name(stage):
    producer = stage.producer()
    producer.publish(to="helo", bodies=["x"])
    producer.publish(to="hello", bodies=["y"])
    true(producer.flush(timeout=10)["done"], "answers are missing")
    (_, status, text), (_, other, _) = producer.answers()["answers"]
    equal((status, other), (404, 200))
    true("hello" in text, f"the nearest name is not in {text!r}")


@behaviour
def a_topic_without_a_binding_is_refused(stage):
    producer = stage.producer()
    producer.publish(to="orders", bodies=["x"], topic="order.new.us")
    true(producer.flush(timeout=10)["done"], "answers are missing")
    equal(statuses(producer), [406])


@behaviour
def more_than_a_window_is_published_without_a_refusal(stage):
    producer = stage.producer(stage.broker.small)  # 50 unconfirmed, 20 records a frame
    producer.publish(to="hello", bodies=["x"] * 2000)
    true(producer.flush(timeout=10)["done"], "confirms are missing")
    equal(statuses(producer), [200] * 2000)
    status = stage.broker.status()
    equal((status["refused"], status["malformed"]), (0, 0))


@behaviour
def a_body_beyond_the_frame_is_refused_by_the_client(stage):
    producer = stage.producer(stage.broker.small)  # frames of 64 KiB
    producer.publish(to="hello", size=65536)
    producer.publish(to="hello", size=60000)
    true(producer.flush(timeout=10)["done"], "answers are missing")
    equal(statuses(producer), [413, 200])
    equal(stage.broker.status()["malformed"], 0)


@behaviour
def a_full_queue_refuses_and_takes_later_what_is_tried_again(stage):
    producer, patient = stage.producer(), stage.producer(retry=30.0)
    producer.publish(to="tiny", bodies=["x"] * 8)
    true(producer.flush(timeout=10)["done"], "answers are missing")
    equal(sorted(statuses(producer)), [200] * 5 + [507] * 3)
    patient.publish(to="tiny", bodies=["y"])
    true(not patient.flush(timeout=0.5)["done"], "a full queue took a message")
    worker = stage.worker("tiny")
    worker.settle(tags=tags(take(worker, 5)), how="ack")
    true(patient.flush(timeout=10)["done"], "it was not tried again")
    equal(statuses(patient), [200])


@behaviour
def a_cut_connection_loses_and_doubles_nothing(stage):
    proxy = stage.proxy()
    producer = stage.producer(proxy.endpoint)
    for cut in range(5):
        producer.publish(to="hello", bodies=[f"{cut}"] * 300)
        producer.flush(timeout=0.001 * cut)
        proxy.cut()
    true(producer.flush(timeout=30)["done"], "answers are missing after the cuts")
    true(set(statuses(producer)) <= {200, 208}, f"refused: {set(statuses(producer))}")
    equal(stage.broker.queue("hello")["ledger"]["accepted"], 1500, "accepted")


@behaviour
def a_producer_comes_back_to_a_restarted_broker(stage):
    producer = stage.producer()
    producer.publish(to="hello", bodies=["before"] * 2500)  # past the first window, which a new broker begins anew
    true(producer.flush(timeout=10)["done"], "confirms are missing")
    stage.broker.kill()
    producer.publish(to="hello", bodies=["between"] * 10)
    stage.broker.start()
    producer.publish(to="hello", bodies=["after"] * 10)
    true(producer.flush(timeout=30)["done"], "answers are missing after the restart")
    equal(set(statuses(producer)), {200})
    equal(stage.broker.queue("hello")["ledger"]["accepted"], 20, "accepted")


@behaviour
def what_a_draining_broker_refuses_goes_to_the_next_one(stage):
    producer, worker = stage.producer(), stage.worker("hello")
    producer.publish(to="hello", bodies=["held"])
    held = take(worker, 1)
    stage.broker.signal(signal.SIGTERM)
    stage.broker.until(lambda status: status["draining"], "draining")
    producer.publish(to="hello", bodies=["too late"])
    true(not producer.flush(timeout=0.3)["done"] or statuses(producer) == [200, 200], "a draining broker answered for good")
    worker.settle(tags=tags(held), how="ack")
    equal(stage.broker.lines.process.wait(20), 0, "the broker's exit code")
    stage.broker.start()
    true(producer.flush(timeout=30)["done"], "no answer after the restart")
    equal(statuses(producer), [200, 200])
    equal([one["body"] for one in take(worker, 1)], ["too late"])


@behaviour
def a_request_gets_its_reply(stage):
    producer, worker = stage.producer(), stage.worker("hello")
    producer.start("request", to="hello", body="ping", timeout=10)
    delivery = take(worker, 1)[0]
    worker.settle(tags=[delivery["tag"]], how="ack", reply="pong " + delivery["body"])
    equal(producer.finish(), {"status": 200, "body": "pong ping"})


@behaviour
def a_reply_comes_in_parts_and_those_of_a_failed_attempt_are_void(stage):
    producer, worker = stage.producer(), stage.worker("hello")
    producer.publish(to="hello", bodies=["long"], reply=True)
    first = take(worker, 1)
    worker.settle(tags=tags(first), how="part", reply="void")
    worker.settle(tags=tags(first), how="nack")
    second = take(worker, 1)
    equal(second[0]["attempt"], 2)
    worker.settle(tags=tags(second), how="part", reply="one")
    worker.settle(tags=tags(second), how="part", reply="two")
    worker.settle(tags=tags(second), how="ack", reply="three")
    true(producer.flush(timeout=10, replies=True)["done"], "no reply")
    equal(producer.replies()["replies"], [[1, 200, ["one", "two", "three"]]])


@behaviour
def a_request_without_an_answer_in_time_gets_504(stage):
    producer = stage.producer()
    producer.publish(to="impatient", bodies=["x"], reply=True)
    true(producer.flush(timeout=10, replies=True)["done"], "no word about the reply")
    equal(producer.replies()["replies"], [[1, 504, []]])
    equal(producer.request(to="hello", body="x", timeout=0.2)["status"], 504)  # the client's own patience


@behaviour
def a_request_that_is_rejected_gets_410(stage):
    producer, worker = stage.producer(), stage.worker("once")
    producer.publish(to="once", bodies=["x"], reply=True)
    worker.settle(tags=tags(take(worker, 1)), how="reject", text="never")
    true(producer.flush(timeout=10, replies=True)["done"], "no word about the reply")
    equal(producer.replies()["replies"], [[1, 410, []]])


@behaviour
def replies_wait_for_a_producer_that_is_away(stage):
    proxy = stage.proxy()
    producer, worker = stage.producer(proxy.endpoint), stage.worker("hello", credit=50)
    producer.publish(to="hello", bodies=["x"] * 50, reply=True)
    held = take(worker, 50)
    worker.settle(tags=tags(held[:25]), how="ack", reply="early")
    stage.broker.until(lambda status: status["replies_sent"] == 25, "the early replies")
    proxy.cut(stay_open=False)
    stage.broker.until(lambda status: not all(peer["connected"] for peer in status["peers"]), "the producer is away")
    worker.settle(tags=tags(held[25:]), how="ack", reply="late")
    stage.broker.until(lambda status: sum(one["ledger"]["acked"] for one in status["queues"]) == 50, "acked")
    proxy.open = True
    true(producer.flush(timeout=30, replies=True)["done"], "replies are missing")
    equal([(status, len(parts)) for _, status, parts in producer.replies()["replies"]], [(200, 1)] * 50)
