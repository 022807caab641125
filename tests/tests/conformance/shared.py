"""Shared subscriptions: every message goes to one member of a group."""

import time

from client import PATIENCE, payloads
from scenario import V311, V5, main, scenario

# mosquitto gives them to clients of 3.1.1, too, and so does Countersign.


def members(place, count, filters=("$share/g/t",), **connect):
    clients = [place.client(f"m{number}", **connect) for number in range(count)]
    for client in clients:
        client.subscribe(*filters)
    return clients


def split(clients, count):
    """What the members have heard, when together they have heard `count` messages, and what more there is."""
    heard = [[] for _ in clients]
    deadline = time.monotonic() + PATIENCE
    is_enough = False
    while not is_enough and time.monotonic() < deadline:
        is_enough = sum(map(len, heard)) >= count
        heard = [more + client.take(0, linger=0.2) for more, client in zip(heard, clients)]
    return [payloads(messages) for messages in heard]


@scenario(V311, V5)
def one_of_a_group(place):
    clients = members(place, 3)
    publisher = place.client("p")
    sent = [str(number) for number in range(30)]
    for qos in (0, 1, 2):
        for number in sent:
            publisher.publish("t", number, qos)
            # Of a burst a member may take all before another has woken up; whose turn it is shows one by one.
            time.sleep(0.02)
        heard = split(clients, len(sent))
        together = sorted((each for messages in heard for each in messages), key=int)
        place.saw(f"together with {qos}", together, sent, "4.8.2: to only one of the sessions")
        place.saw(f"everybody with {qos}", all(heard), True, "4.8.2: a server decides; both take turns")


@scenario(V311, V5)
def beside_others(place):
    """A shared subscription changes nothing for who has one of its own, and a group nothing for another."""
    group, others = members(place, 2), members(place, 1, ("$share/h/t", "$share/g/+"))
    own = place.client("own")
    own.subscribe("t")
    place.client("p").publish("t", "m")
    place.saw("one of the group", sorted(split(group, 1)), [[], ["m"]], "4.8.2")
    place.saw("one of each other group", split(others, 2), [["m", "m"]], "4.8.2: share name and filter make the group")
    place.saw("who shares with nobody", payloads(own.take(1)), ["m"], "4.8.2")


@scenario(V5)
def no_retained_messages(place):
    publisher = place.client("p")
    publisher.publish("t", "retained", retain=True)
    (client,) = members(place, 1)
    place.saw("at first", payloads(client.take(0)), [], "4.8.2, 3.3.1-9: non-shared subscriptions only")
    publisher.publish("t", "live", retain=True)
    place.saw("afterwards", [[m.payload, m.retain] for m in client.take(1)], [["live", False]], "3.3.1-12")


@scenario(V5)
def no_local_on_a_group(place):
    client = place.client("m")
    client.subscribe("$share/g/t", noLocal=True)
    place.saw("ended with", client.end(), 0x82, "3.8.3-4: a Protocol Error")


@scenario(V5)
def options_are_each_members_own(place):
    publisher = place.client("p")
    client = place.client("m")
    client.subscribe("$share/g/t", qos=1, identifier=5, retainAsPublished=True)
    publisher.publish("t", "m", 2, retain=True, UserProperty=[("a", "1")])
    (heard,) = client.take(1)
    place.saw("quality", heard.qos, 1, "4.8.2, 3.8.4-8")
    place.saw("identifier", heard.property("SubscriptionIdentifier"), [5], "3.3.4-3")
    place.saw("retain", heard.retain, True, "3.3.1-13")
    place.saw("user property", heard.property("UserProperty"), [["a", "1"]], "3.3.2-17")
    client.subscribe("$share/g/t", qos=0)
    publisher.publish("t", "m", 2)
    heard = [[message.qos, message.property("SubscriptionIdentifier")] for message in client.take(1)]
    place.saw("replaced", heard, [[0, None]], "3.8.4-3; no retained message, 3.3.1-9")


@scenario(V311, V5)
def leaving(place):
    one, two = members(place, 2)
    place.saw("answer", one.unsubscribe("$share/g/t"), [0] if place.is_v5 else [], "3.10.4-1, 3.11.3-1")
    place.saw("again", one.unsubscribe("$share/g/t"), [0x11] if place.is_v5 else [], "3.10.4-5")
    place.saw("not a filter of its own", one.unsubscribe("t"), [0x11] if place.is_v5 else [], "3.10.4-1")
    publisher = place.client("p")
    for number in range(4):
        publisher.publish("t", str(number))
    place.saw("who left", payloads(one.take(0)), [], "3.10.4-2")
    place.saw("who stayed", payloads(two.take(4)), ["0", "1", "2", "3"], "4.8.2")
    two.disconnect()
    one.subscribe("$share/g/t")
    publisher.publish("t", "back")
    place.saw("who came back", payloads(one.take(1)), ["back"], "3.8.4-3")


@scenario(V5)
def unacknowledged_and_ended(place):
    """What a member had not acknowledged when its session ended is another's, if the quality of service is 1."""
    lost, heir = place.client("lost", manual_ack=True, ReceiveMaximum=10), place.client("heir")
    lost.subscribe("$share/g/+")
    publisher = place.client("p")
    for number in range(3):
        publisher.publish("t", str(number), 1)
    place.saw("first", payloads(lost.take(3)), ["0", "1", "2"], "4.8.2")
    heir.subscribe("$share/g/+")
    lost.vanish()
    place.saw("afterwards", payloads(heir.take(3)), ["0", "1", "2"], "4.8.2: should be sent to another client")


@scenario(V5)
def unacknowledged_and_back(place):
    """What a member had not acknowledged waits in its session, if that lasts."""
    connect = {"clean": False, "SessionExpiryInterval": 60}
    away, other = place.client("away", manual_ack=True, **connect), place.client("other")
    away.subscribe("$share/g/t")
    publisher = place.client("p")
    publisher.publish("t", "m", 1)
    away.take(1)
    other.subscribe("$share/g/t")
    away.vanish()
    place.saw("the other", payloads(other.take(0)), [], "4.8.2: may wait")
    back = place.client("away", **connect)
    place.saw("who is back", payloads(back.take(1)), ["m"], "4.8.2, 4.4.0-1")


@scenario(V5)
def nobody_there(place):
    """Messages wait for a group whose sessions last, and are lost with its last one."""
    connect = {"clean": False, "SessionExpiryInterval": 60}
    members(place, 1, **connect)[0].disconnect()
    publisher = place.client("p")
    publisher.publish("t", "waits")
    (back,) = [place.client("m0", **connect)]
    place.saw("who is back", payloads(back.take(1)), ["waits"], "4.8.2, 4.1.0-1")
    back.disconnect(SessionExpiryInterval=0)
    publisher.publish("t", "nobody's")
    place.saw("who is new", payloads(members(place, 1)[0].take(0)), [], "4.8.2")


main()
