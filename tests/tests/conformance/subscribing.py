"""SUBSCRIBE and UNSUBSCRIBE, their options, and who gets what of overlapping subscriptions."""

from client import SURPLUS, payloads
from scenario import V311, V5, main, scenario


@scenario(V311, V5)
def several_at_once(place):
    client = place.client("s")
    place.saw("answered in order", client.subscribe("a", "b/#", "c/+"), [2, 2, 2], "3.8.4-6 (3.1.1: 3.8.4-5)")
    publisher = place.client("p")
    for name in ("a", "b/x", "c/x", "d"):
        publisher.publish(name, name)
    place.saw("heard", sorted(payloads(client.take(3))), ["a", "b/x", "c/x"], "3.8.4-5")


@scenario(V311, V5)
def denied(place):
    """One filter that is not allowed, among others that are."""
    client = place.client("s")
    no = 0x87 if place.is_v5 else 0x80
    place.saw("answer", client.subscribe("a", ("$nosubscribe/x",), "b"), [2, no, 2], "3.9.3 (3.1.1: 3.9.3-2)")
    publisher = place.client("p")
    publisher.publish("b", "m")
    place.saw("the others work", payloads(client.take(1)), ["m"], "3.8.4-5")
    place.saw("alone", client.subscribe(("$nosubscribe/x",)), [no], "3.9.3")


@scenario(V311, V5)
def replaced(place):
    """The same filter again is the same subscription, with another quality."""
    client, publisher = place.client("s"), place.client("p")
    for qos in (2, 0, 1):
        client.subscribe("t", qos=qos)
        publisher.publish("t", f"{qos}", 2)
        heard = [[message.payload, message.qos] for message in client.take(1)]
        place.saw(f"asked for {qos}", heard, [[f"{qos}", qos]], "3.8.4-3")


@scenario(V311, V5)
def unsubscribe(place):
    client, publisher = place.client("s"), place.client("p")
    client.subscribe("a", "b", "c", "d/+")
    codes = client.unsubscribe("a", "unknown", "d/+")
    place.saw("answer", codes, [0, 0x11, 0] if place.is_v5 else [], "3.10.4-4, 3.11.3-1")
    for name in ("a", "b", "c", "d/x"):
        publisher.publish(name, name)
    place.saw("heard", payloads(client.take(2)), ["b", "c"], "3.10.4-1, 3.10.4-2")
    codes = client.unsubscribe("a")
    place.saw("a second time", codes, [0x11] if place.is_v5 else [], "3.10.4-5 (3.1.1: 3.10.4-5)")
    client.subscribe("a")
    publisher.publish("a", "back")
    place.saw("subscribed again", payloads(client.take(1)), ["back"], "3.8.4-3")


@scenario(V311, V5)
def unsubscribing_is_by_letter(place):
    client, publisher = place.client("s"), place.client("p")
    client.subscribe("t/+")
    client.unsubscribe("t/x")
    client.unsubscribe("t/#")
    publisher.publish("t/x", "m")
    place.saw("heard", payloads(client.take(1)), ["m"], "3.10.4-1")


@scenario(V311, V5)
def overlapping(place):
    """One copy at the highest quality, and perhaps one for each other subscription at its own."""
    client = place.client("s")
    top = place.top
    client.subscribe((f"{top}/#",), qos=2)
    client.subscribe((f"{top}/+",), qos=1)
    client.subscribe((f"+/{top}",), qos=0)
    place.client("p").publish((f"{top}/{top}",), "m", 2)
    qualities = sorted(message.qos for message in client.take(1, SURPLUS))
    place.saw("the highest", qualities[-1:], [2], "3.3.4-2 (3.1.1: 3.3.5-1)")
    place.saw("the others", qualities[:-1], [], "3.3.4: one copy, or one for each (3.1.1: 3.3.5)")


@scenario(V311, V5)
def own_messages(place):
    client = place.client("a")
    client.subscribe("t")
    client.publish("t", "m")
    place.saw("heard", payloads(client.take(1)), ["m"], "3.8.3.1")


@scenario(V5)
def no_local(place):
    one, two = place.client("a"), place.client("b")
    one.subscribe("t", noLocal=True)
    two.subscribe("t", noLocal=True)
    one.publish("t", "m")
    place.saw("the other", payloads(two.take(1)), ["m"], "3.8.3-3")
    place.saw("the publisher", payloads(one.take(0)), [], "3.8.3-3")
    one.subscribe("t", noLocal=False)
    one.publish("t", "again")
    place.saw("without the option", payloads(one.take(1)), ["again"], "3.8.3-3")


@scenario(V5)
def no_local_is_about_the_session(place):
    """The same client over another connection is the same client."""
    first = place.client("a", clean=False, SessionExpiryInterval=60)
    first.subscribe("t", noLocal=True)
    first.disconnect()
    second = place.client("a", clean=False, SessionExpiryInterval=60)
    second.publish("t", "own")
    place.client("b").publish("t", "another's")
    place.saw("heard", payloads(second.take(1)), ["another's"], "3.8.3-3")


@scenario(V5)
def identifiers(place):
    one, two, publisher = place.client("a"), place.client("b"), place.client("p")
    topic = place.top
    one.subscribe((topic,), identifier=268435455)
    two.subscribe((topic,), identifier=2)
    two.subscribe((f"{topic}/#",), identifier=3)
    two.subscribe("other")
    publisher.publish((topic,), "m")
    place.saw("one", [message.property("SubscriptionIdentifier") for message in one.take(1)], [[268435455]], "3.3.4-3")
    copies = [message.property("SubscriptionIdentifier") for message in two.take(1, SURPLUS)]
    place.saw("all of them", sorted({each for copy in copies for each in copy}), [2, 3], "3.3.4-3, 3.3.4-4, 3.3.4-5")
    place.saw("in one copy", len(copies), 1, "3.3.4: one copy, or one for each")
    publisher.publish("other", "m")
    place.saw("without", [message.property("SubscriptionIdentifier") for message in two.take(1)], [None], "3.3.4-3")


@scenario(V5)
def identifier_replaced(place):
    client, publisher = place.client("a"), place.client("p")
    for identifier, spec in [(7, [7]), (8, [8]), (None, None)]:
        client.subscribe("t", identifier=identifier)
        publisher.publish("t", "m")
        found = [message.property("SubscriptionIdentifier") for message in client.take(1)]
        place.saw(f"{identifier}", found, [spec], "3.8.4-3")


@scenario(V5)
def identifier_of_a_retained_message(place):
    place.client("p").publish("t", "m", retain=True)
    client = place.client("s")
    client.subscribe("t", identifier=9)
    found = [message.property("SubscriptionIdentifier") for message in client.take(1)]
    place.saw("found", found, [[9]], "3.3.4-3")


main()
