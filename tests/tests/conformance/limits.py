"""What client and broker tell each other they can take (both brokers are set to the same)."""

from client import SURPLUS, payloads
from scenario import V311, V5, main, scenario


@scenario(V5)
def told_in_connack(place):
    client = place.client("a", keep_alive=120)
    for name, spec, clause in [
        ("ServerKeepAlive", 60, "3.1.2-21, 3.2.2-21"),
        ("ReceiveMaximum", 20, "3.2.2.3.3"),
        ("MaximumPacketSize", 20000, "3.2.2.3.6"),
    ]:
        place.saw(name, client.assigned(name), spec, clause)
    # What is not said is available.
    for name in ("MaximumQoS", "RetainAvailable", "WildcardSubscriptionAvailable", "SubscriptionIdentifierAvailable",
                 "SharedSubscriptionAvailable"):
        place.saw(name, client.assigned(name) in (None, 1), True, "3.2.2.3")


@scenario(V5)
def keep_alive_within_the_limit(place):
    place.saw("not altered", place.client("a", keep_alive=30).assigned("ServerKeepAlive"), None, "3.2.2-22")


def receive_maximum(place, qos):
    """Two unanswered messages at a time."""
    slow = place.client(f"s{qos}", manual_ack=True, ReceiveMaximum=2)
    slow.subscribe(f"{qos}", qos=qos)
    publisher = place.client(f"p{qos}")
    for number in range(4):
        publisher.publish(f"{qos}", str(number), qos)
    first = slow.take(2)
    place.saw(f"first with {qos}", payloads(first), ["0", "1"], "3.3.4-9")
    slow.acknowledge(first[0])
    third = slow.take(1, SURPLUS)
    place.saw(f"after one answer with {qos}", payloads(third), ["2"], "3.3.4-9, 4.9")
    slow.acknowledge(first[1])
    slow.acknowledge(third[0])
    place.saw(f"after all answers with {qos}", payloads(slow.take(1)), ["3"], "4.9")


@scenario(V5)
def receive_maximum_of_the_client_for_1(place):
    receive_maximum(place, 1)


@scenario(V5)
def receive_maximum_of_the_client_for_2(place):
    receive_maximum(place, 2)


@scenario(V5)
def maximum_packet_size_of_the_client(place):
    """What is too long is not sent and counts as delivered; what comes after it is."""
    client, publisher = place.client("s", MaximumPacketSize=100), place.client("p")
    client.subscribe("t")
    head = len(place.topic("t")) + 2 + 1 + 2  # The topic, no properties, type and length.
    for qos, identifier in ((0, 0), (1, 2), (2, 2)):
        longest = 100 - head - identifier
        publisher.publish("t", "x" * (longest + 1), qos)
        publisher.publish("t", "y" * longest, qos)
        publisher.publish("t", "z", qos)
        found = [[message.payload[0], len(message.payload)] for message in client.take(2, SURPLUS)]
        place.saw(f"with {qos}", found, [["y", longest], ["z", 1]], "3.1.2-24, 3.1.2-25")


@scenario(V5)
def maximum_packet_size_of_the_server(place):
    client = place.client("a")
    limit = client.assigned("MaximumPacketSize")
    client.subscribe("t")
    place.saw("below", client.publish("t", "x" * (limit - 100)), 0, "3.2.2-15")
    place.saw("heard", [len(message.payload) for message in client.take(1)], [limit - 100], "3.2.2-15")
    client.publish_and_go("t", "x" * limit)
    place.saw("above", client.end(), 0x95, "3.2.2.3.6: DISCONNECT with Packet too large")


@scenario(V311, V5)
def many_in_flight(place):
    """More messages than may be unanswered at a time: they wait for each other, and all arrive."""
    subscriber, publisher = place.client("s"), place.client("p")
    subscriber.subscribe("t", qos=2)
    sent = [str(number) for number in range(200)]
    for number in sent:
        publisher.publish_and_go("t", number, 2)
    place.saw("heard", payloads(subscriber.take(200)), sent, "4.3.3, 4.9")


main()
