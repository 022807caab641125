"""Retained messages: the last word on a topic."""

import time

from client import payloads
from scenario import V311, V5, main, scenario

MANY = 300


@scenario(V311, V5)
def three_hundred(place):
    publisher = place.client("p")
    names = [f"{number % 10}/{number}" for number in range(MANY)]

    def publish(names, payload):
        for name in names[:-1]:
            publisher.publish_and_go(name, payload, retain=True)
        # They are taken in in order.
        publisher.publish(names[-1], payload, retain=True)

    publish(names, "first")

    def retained(name):
        client = place.client(name)
        client.subscribe("#", qos=1)
        return client

    found = retained("s1").take(MANY)
    place.saw("all", sorted(message.topic for message in found), sorted(names), "3.3.1-6")
    place.saw("flags", {message.retain for message in found} == {True}, True, "3.3.1-8")
    publish(names[::2], "second")
    found = retained("s2").take(MANY)
    replaced = sorted(message.topic for message in found if message.payload == "second")
    place.saw("one for each topic", len(found), MANY, "3.3.1-5")
    place.saw("replaced", replaced, sorted(names[::2]), "3.3.1-5")
    publish(names[:-1], "")
    place.saw("cleared", [message.topic for message in retained("s3").take(1)], names[-1:], "3.3.1-6")
    publisher.publish(names[-1], "", retain=True)
    place.saw("all cleared", payloads(retained("s4").take(0)), [], "3.3.1-6, 3.3.1-7")


@scenario(V311, V5)
def one_for_each_quality(place):
    """Published with 0, 1 and 2, found with the lower of that and what was asked for."""
    publisher = place.client("p")
    for qos in (0, 1, 2):
        publisher.publish(f"t/{qos}", f"qos {qos}", qos, retain=True)
    for granted in (0, 1, 2):
        client = place.client(f"s{granted}")
        client.subscribe("+/+", qos=granted)
        found = sorted([message.payload, message.qos] for message in client.take(3))
        place.saw(f"granted {granted}", found, [[f"qos {qos}", min(granted, qos)] for qos in range(3)], "3.8.4-8")
    for qos in (0, 1, 2):
        publisher.publish(f"t/{qos}", "", qos, retain=True)
    last = place.client("last")
    last.subscribe("+/+")
    place.saw("cleared", payloads(last.take(0)), [], "3.3.1-6")


@scenario(V311, V5)
def flag(place):
    """Set for a new subscription, not set for one that was there before."""
    before = place.client("before")
    before.subscribe("t")
    publisher = place.client("p")
    publisher.publish("t", "m", retain=True)
    place.saw("there before", [[m.payload, m.retain] for m in before.take(1)], [["m", False]],
              "3.3.1-12 (3.1.1: 3.3.1-9)")
    after = place.client("after")
    after.subscribe("t")
    place.saw("new", [[m.payload, m.retain] for m in after.take(1)], [["m", True]], "3.3.1-8")
    publisher.publish("t", "", retain=True)
    place.saw("cleared, there before", [[m.payload, m.retain] for m in before.take(1)], [["", False]], "3.3.1-12")


@scenario(V311, V5)
def only_what_is_published_as_retained_counts(place):
    publisher = place.client("p")
    publisher.publish("t", "kept", retain=True)
    publisher.publish("t", "passing")
    publisher.publish("t", "")
    client = place.client("s")
    client.subscribe("t")
    place.saw("found", payloads(client.take(1)), ["kept"], "3.3.1-8 (3.1.1: 3.3.1-12)")


@scenario(V311, V5)
def subscribing_again(place):
    place.client("p").publish("t", "m", retain=True)
    client = place.client("s")
    client.subscribe("t")
    place.saw("first", payloads(client.take(1)), ["m"], "3.3.1-9")
    client.subscribe("t")
    place.saw("again", payloads(client.take(1)), ["m"], "3.8.4-3, 3.3.1-9")


@scenario(V311, V5)
def filters(place):
    publisher = place.client("p")
    for name in ("a", "a/b", "a/b/c", "é/b"):
        publisher.publish(name, "m", retain=True)
    for number, (asked, names) in enumerate([
        ("a/#", ["a", "a/b", "a/b/c"]), ("+/b", ["a/b", "é/b"]), ("#", ["a", "a/b", "a/b/c", "é/b"]), ("a/b", ["a/b"]),
        ("b", []),
    ]):
        client = place.client(f"s{number}")
        client.subscribe(asked)
        place.saw(asked, sorted(message.topic for message in client.take(len(names))), names, "4.7.1")


@scenario(V311, V5)
def outlives_its_publisher(place):
    publisher = place.client("p", clean=True)
    publisher.publish("t", "m", retain=True)
    publisher.disconnect()
    client = place.client("s")
    client.subscribe("t")
    place.saw("found", payloads(client.take(1)), ["m"], "4.1: retained messages are no part of a session")


@scenario(V5)
def retain_handling(place):
    place.client("p").publish("t", "m", retain=True)
    for handling, first, again in [(0, ["m"], ["m"]), (1, ["m"], []), (2, [], [])]:
        client = place.client(f"s{handling}")
        client.subscribe("t", retainHandling=handling)
        place.saw(f"{handling}: new", payloads(client.take(len(first))), first, f"3.3.1-{9 + handling}")
        client.subscribe("t", retainHandling=handling)
        place.saw(f"{handling}: again", payloads(client.take(len(again))), again, f"3.3.1-{9 + handling}")
        client.unsubscribe("t")
        client.subscribe("t", retainHandling=handling)
        place.saw(f"{handling}: after UNSUBSCRIBE", payloads(client.take(len(first))), first, f"3.3.1-{9 + handling}")


@scenario(V5)
def retain_as_published(place):
    as_published, plain, publisher = place.client("r"), place.client("s"), place.client("p")
    as_published.subscribe("t", retainAsPublished=True)
    plain.subscribe("t", retainAsPublished=False)
    publisher.publish("t", "not", retain=False)
    publisher.publish("t", "retained", retain=True)
    for what, client, retain in [("as published", as_published, True), ("plain", plain, False)]:
        heard = [[m.payload, m.retain] for m in client.take(2)]
        place.saw(what, heard, [["not", False], ["retained", retain]], "3.3.1-12, 3.3.1-13")


@scenario(V5)
def properties_are_kept(place):
    pairs = [["a", "2"], ["c", "3"], ["a", "1"]]
    place.client("p").publish("t", "m", retain=True, UserProperty=[tuple(pair) for pair in pairs], ContentType="text",
                              ResponseTopic="answers", CorrelationData=b"334", PayloadFormatIndicator=1)
    client = place.client("s")
    client.subscribe("t")
    (found,) = client.take(1)
    for name, spec, clause in [
        ("UserProperty", pairs, "3.3.2-17, 3.3.2-18"), ("ContentType", "text", "3.3.2-20"),
        ("ResponseTopic", "answers", "3.3.2-15"), ("CorrelationData", "334", "3.3.2-16"),
        ("PayloadFormatIndicator", 1, "3.3.2-4"),
    ]:
        place.saw(name, found.property(name), spec, clause)


@scenario(V5)
def expiry(place):
    publisher = place.client("p")
    publisher.publish("short", "m", retain=True, MessageExpiryInterval=1)
    publisher.publish("long", "m", retain=True, MessageExpiryInterval=100)
    publisher.publish("none", "m", retain=True)
    time.sleep(2.5)
    client = place.client("s")
    client.subscribe("+")
    found = {message.topic: message.property("MessageExpiryInterval") for message in client.take(2)}
    place.saw("found", sorted(found), ["long", "none"], "3.3.2-5")
    place.saw("what is left", found["none"] is None and 50 < found["long"] < 99, True, "3.3.2-6")


main()
