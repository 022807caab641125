"""Sessions: kept, expired, taken over, and what waits in them."""

import time

from client import payloads
from scenario import V311, V5, main, scenario

FOREVER = {"SessionExpiryInterval": 3600}


def lasting(place, name, **more):
    """A client whose session outlives its connection."""
    return place.client(name, clean=False, **(FOREVER if place.is_v5 else {}), **more)


@scenario(V311, V5)
def session_present(place):
    for what, clean, spec in [("new", False, False), ("kept", False, True), ("clean", True, False), ("gone", False, False)]:
        expiry = FOREVER if place.is_v5 and not clean else {}
        client = place.client("a", clean=clean, **expiry)
        place.saw(what, client.session_present, spec, "3.2.2-2, 3.2.2-3")
        client.disconnect()


@scenario(V311, V5)
def offline_queueing(place):
    absent = lasting(place, "a")
    absent.subscribe("#")
    absent.disconnect()
    publisher = place.client("p")
    for qos in (1, 2):
        publisher.publish(f"{qos}", f"qos {qos}", qos)
    back = lasting(place, "a")
    place.saw("session present", back.session_present, True, "3.2.2-3")
    heard = sorted([message.payload, message.qos, message.dup] for message in back.take(2))
    place.saw("with 1 and 2", heard, [["qos 1", 1, False], ["qos 2", 2, False]], "4.1.0-1, 4.4.0-1")
    back.disconnect()
    publisher.publish("0", "qos 0", 0)
    publisher.publish("1", "after it", 1)
    first = lasting(place, "a").take(1)[0].payload
    place.saw("with 0, too", first == "qos 0", True, "4.1, 3.1.2.11.2: may be kept")


@scenario(V311, V5)
def offline_order(place):
    absent = lasting(place, "a")
    absent.subscribe("t", qos=1)
    absent.disconnect()
    publisher = place.client("p")
    sent = [str(number) for number in range(60)]
    for number in sent:
        publisher.publish("t", number)
    place.saw("order", payloads(lasting(place, "a").take(60)), sent, "4.6.0-6")


@scenario(V311, V5)
def subscriptions_are_kept(place):
    lasting(place, "a").subscribe("t")
    back = lasting(place, "a")
    place.client("p").publish("t", "m")
    place.saw("without subscribing again", payloads(back.take(1)), ["m"], "4.1")


@scenario(V311, V5)
def clean_connection_forgets(place):
    absent = lasting(place, "a")
    absent.subscribe("t")
    absent.disconnect()
    publisher = place.client("p")
    publisher.publish("t", "queued")
    clean = place.client("a", clean=True)
    publisher.publish("t", "live")
    place.saw("heard", payloads(clean.take(0)), [], "3.1.2-4 (3.1.1: 3.1.2-6)")


@scenario(V311, V5)
def take_over(place):
    first = lasting(place, "a")
    first.subscribe("t")
    second = lasting(place, "a")
    place.saw("the first", first.end(), 0x8E if place.is_v5 else "closed", "3.1.4-3 (3.1.1: 3.1.4-2)")
    place.saw("the session", second.session_present, True, "3.1.4-3")
    place.client("p").publish("t", "m")
    place.saw("the second", payloads(second.take(1)), ["m"], "3.1.4-3")


@scenario(V311, V5)
def redelivery_on_reconnect(place):
    """Nothing was acknowledged: all of it comes again, marked, in its old order."""
    silent = lasting(place, "a", manual_ack=True)
    silent.subscribe("#", qos=1)
    publisher = place.client("p")
    for payload in ("1", "2", "3"):
        publisher.publish("t", payload)
    place.saw("first", [[m.payload, m.dup] for m in silent.take(3)],
              [["1", False], ["2", False], ["3", False]], "3.3.1-2")
    silent.vanish()
    publisher.publish("t", "4")
    back = lasting(place, "a")
    again = back.take(4)
    place.saw("again", payloads(again), ["1", "2", "3", "4"], "4.4.0-1, 4.6.0-1")
    # Whether the last was sent before the broker noticed is open.
    place.saw("marked", [message.dup for message in again[:3]], [True, True, True], "3.3.1-1")
    back.disconnect()
    place.saw("a third time", payloads(lasting(place, "a").take(0)), [], "4.3.2")


@scenario(V311, V5)
def redelivery_of_a_part(place):
    """What was acknowledged does not come again."""
    client = lasting(place, "a", manual_ack=True)
    client.subscribe("#", qos=1)
    publisher = place.client("p")
    for payload in ("1", "2", "3"):
        publisher.publish("t", payload)
    client.acknowledge(client.take(3)[0])
    client.publish("elsewhere/x", "so that the acknowledgement is before the end", 1)
    client.vanish()
    back = lasting(place, "a")
    again = [[m.payload, m.dup] for m in back.take(3) if m.topic == "t"]
    place.saw("again", again, [["2", True], ["3", True]], "4.4.0-1, 4.3.2")


@scenario(V5)
def session_expiry(place):
    def present(expiry, clean=False):
        client = place.client("a", clean=clean, SessionExpiryInterval=expiry)
        return client, client.session_present

    client, _ = present(0, clean=True)
    client.disconnect()
    client, found = present(0)
    place.saw("0: gone at once", found, False, "3.1.2.11.2")
    client.disconnect()

    client, _ = present(60, clean=True)
    client.disconnect()
    client, found = present(1)
    place.saw("60: there", found, True, "3.1.2-23")
    client.disconnect()
    time.sleep(3)
    client, found = present(1)
    place.saw("1: gone after three", found, False, "3.1.2-23")

    client.disconnect(SessionExpiryInterval=60)
    time.sleep(3)
    client, found = present(1)
    place.saw("made longer by DISCONNECT", found, True, "3.14.2.2.2")
    client.disconnect(SessionExpiryInterval=0)
    client, found = present(0)
    place.saw("ended by DISCONNECT", found, False, "3.14.2.2.2")

    client.disconnect(SessionExpiryInterval=60)
    client, found = present(0)
    place.saw("cannot be made to last at the end", found, False, "3.14.2.2.2: a Protocol Error")


@scenario(V5)
def expired_session_is_empty(place):
    absent = place.client("a", clean=False, SessionExpiryInterval=1)
    absent.subscribe("t")
    absent.disconnect()
    publisher = place.client("p")
    publisher.publish("t", "queued")
    time.sleep(3)
    back = place.client("a", clean=False, SessionExpiryInterval=1)
    publisher.publish("t", "live")
    place.saw("heard", payloads(back.take(0)), [], "3.1.2-23, 4.1")


@scenario(V5)
def no_client_id(place):
    for clean in (False, True):
        client = place.client("", clean=clean)
        place.saw(f"clean {clean}: let in", client.connack, 0, "3.1.3-6")
        place.saw(f"clean {clean}: given one", bool(client.assigned("AssignedClientIdentifier")), True, "3.2.2-16")
        place.saw(f"clean {clean}: a new session", client.session_present, False, "3.2.2-3")
        client.disconnect()
    one, two = place.client(""), place.client("")
    ids = {one.assigned("AssignedClientIdentifier"), two.assigned("AssignedClientIdentifier")}
    place.saw("each its own", len(ids), 2, "3.1.3-6")
    place.saw("both live", [one.subscribe("t"), two.subscribe("t")], [[2], [2]], "3.1.3-6")
    own = place.client("own")
    place.saw("none for who has one", own.assigned("AssignedClientIdentifier"), None, "3.2.2-16")


@scenario(V311)
def no_client_id_and_a_clean_session(place):
    client = place.client("", clean=True)
    place.saw("let in", client.connack, 0, "3.1.1: 3.1.3-6, 3.1.3-7")
    place.saw("served", client.subscribe("t"), [2], "3.1.1: 3.1.3-6")


@scenario(V311, V5)
def keep_alive(place):
    """A client that is silent for one and a half times its keep-alive is gone, and its will is published."""
    watcher = place.client("w")
    watcher.subscribe("will")
    since = time.monotonic()
    silent = place.client("a", keep_alive=2, will=("will", "keep-alive", 2, False, {}))
    silent.fall_silent()
    heard = watcher.take(1)
    place.saw("the will", payloads(heard), ["keep-alive"], "3.1.2-22 (3.1.1: 3.1.2-24)")
    place.saw("not too early", bool(heard) and heard[0].at - since > 2, True, "3.1.2-22 (3.1.1: 3.1.2-24)")


main()
