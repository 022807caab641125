"""Quality of service and order, as a subscriber sees them."""

from client import payloads
from scenario import V311, V5, main, scenario


@scenario(V311, V5)
def basic(place):
    """Connect and leave, connect again, and hear oneself with every quality of service."""
    place.client("a").disconnect()
    client = place.client("a")
    place.saw("subscribed", client.subscribe("t"), [2], "3.9.3")
    for qos in (0, 1, 2):
        place.saw(f"published with {qos}", client.publish("t", f"qos {qos}", qos), 0, "4.3")
    heard = sorted((message.payload, message.qos) for message in client.take(3))
    place.saw("heard", [list(each) for each in heard], [["qos 0", 0], ["qos 1", 1], ["qos 2", 2]], "4.3")


@scenario(V311, V5)
def lower_of_two_qualities(place):
    subscriber, publisher = place.client("s"), place.client("p")
    for granted in (0, 1, 2):
        place.saw(f"granted {granted}", subscriber.subscribe(f"{granted}/+", qos=granted), [granted], "3.8.4-8")
        for published in (0, 1, 2):
            publisher.publish(f"{granted}/{published}", "m", published)
    heard = sorted([message.topic, message.qos] for message in subscriber.take(9))
    spec = [[f"{granted}/{published}", min(granted, published)] for granted in range(3) for published in range(3)]
    place.saw("heard", heard, spec, "3.8.4-8")


@scenario(V311, V5)
def order_of_one_publisher(place):
    subscriber, publisher = place.client("s"), place.client("p")
    for qos in (0, 1, 2):
        subscriber.subscribe(f"{qos}", qos=qos)
        sent = [str(number) for number in range(100)]
        for number in sent:
            publisher.publish_and_go(f"{qos}", number, qos)
        place.saw(f"order with {qos}", payloads(subscriber.take(100)), sent, "4.6.0-6")


@scenario(V311, V5)
def everyone_gets_a_copy(place):
    subscribers = [place.client(f"s{number}") for number in range(3)]
    for subscriber, name in zip(subscribers, ("t/x", "t/+", "#")):
        subscriber.subscribe(name)
    place.client("p").publish("t/x", "m", 2)
    place.saw("copies", [payloads(each.take(1)) for each in subscribers], [["m"]] * 3, "4.7")


@scenario(V311, V5)
def empty_payload(place):
    client = place.client("a")
    client.subscribe("t")
    client.publish("t", "", 1)
    place.saw("heard", [[m.payload, m.retain] for m in client.take(1)], [["", False]], "3.3.3")


@scenario(V311, V5)
def dollar_topics(place):
    """A wildcard in the first level does not match a topic that begins with $; a filter that begins so does."""
    listener, publisher = place.client("s"), place.client("p")
    listener.subscribe(("#",), ("+/#",), ("+/dollar/+",))
    named, topic = place.client("n"), f"$other/dollar/{place.version}"
    place.saw("named", named.subscribe((f"{topic}/#",)), [2], "4.7.2")
    place.saw("published", publisher.publish((topic,), "m"), 0, "4.7.2")
    place.saw("wildcards", payloads(listener.take(0)), [], "4.7.2-1")
    place.saw("the name itself", payloads(named.take(1)), ["m"], "4.7.2")


@scenario(V311, V5)
def levels(place):
    """Empty levels are levels, # includes its parent, and topics are compared letter by letter."""
    client = place.client("a")
    for number, (asked, names) in enumerate([
        ("f/#", ["f", "f/a", "f/a/b", "f/"]),
        ("g/+", ["g/a", "g/"]),
        ("h/+/#", ["h/a", "h/a/b", "h//"]),
        ("i", ["i"]),
        ("é/+", ["é/ü"]),
    ]):
        client.subscribe(asked)
        for name in ("f", "f/a", "f/a/b", "f/", "F", "g/a", "g/", "g", "g/a/b", "h/a", "h/a/b", "h//", "h", "i", "I", "i/",
                     "é/ü"):
            client.publish(name, str(number))
        place.saw(asked, sorted(message.topic for message in client.take(len(names))), sorted(names), "4.7.1")
        client.unsubscribe(asked)


main()
