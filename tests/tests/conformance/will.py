"""Last wills: published when a client goes without a word, and only then."""

import math
import time

from client import payloads
from scenario import V311, V5, main, scenario


def watcher(place, qos=2, **options):
    client = place.client("w")
    client.subscribe("will", qos=qos, **options)
    return client


def mortal(place, payload="dead", qos=2, retain=False, will=None, **connect):
    return place.client("a", will=("will", payload, qos, retain, will or {}), **connect)


@scenario(V311, V5)
def gone_without_a_word(place):
    listener = watcher(place)
    for qos in (0, 1, 2):
        mortal(place, f"qos {qos}", qos).vanish()
        heard = [[message.payload, message.qos, message.retain] for message in listener.take(1)]
        place.saw(f"with {qos}", heard, [[f"qos {qos}", qos, False]], "3.1.2-8")


@scenario(V311, V5)
def gone_with_a_word(place):
    listener = watcher(place)
    mortal(place).disconnect()
    place.saw("heard", payloads(listener.take(0)), [], "3.1.2-10, 3.14.4-3")


@scenario(V311, V5)
def once_only(place):
    """A will is its connection's: the next connection without one has none."""
    listener = watcher(place)
    mortal(place).vanish()
    place.saw("first", payloads(listener.take(1)), ["dead"], "3.1.2-8")
    place.client("a").vanish()
    place.saw("second", payloads(listener.take(0)), [], "3.1.2-10")


@scenario(V311, V5)
def retained(place):
    listener = watcher(place)
    mortal(place, retain=True).vanish()
    place.saw("there before", [[m.payload, m.retain] for m in listener.take(1)], [["dead", False]],
              "3.1.2-15 (3.1.1: 3.1.2-17)")
    late = place.client("late")
    late.subscribe("will")
    place.saw("new", [[m.payload, m.retain] for m in late.take(1)], [["dead", True]], "3.1.2-15 (3.1.1: 3.1.2-17)")


@scenario(V311, V5)
def taken_over(place):
    listener = watcher(place)
    mortal(place)
    place.client("a")
    place.saw("heard", payloads(listener.take(1)), ["dead"], "3.1.2.5, 3.1.4-3: the network connection is closed")


@scenario(V5)
def wanted_all_the_same(place):
    listener = watcher(place)
    mortal(place).disconnect(code=4)
    place.saw("heard", payloads(listener.take(1)), ["dead"], "3.14.2.1: 0x04, Disconnect with Will Message")


@scenario(V5)
def properties(place):
    listener = watcher(place)
    pairs = [["a", "2"], ["c", "3"]]
    mortal(place, will={
        "UserProperty": [tuple(pair) for pair in pairs], "ContentType": "text", "ResponseTopic": "answers",
        "CorrelationData": b"334", "PayloadFormatIndicator": 1, "MessageExpiryInterval": 100,
    }).vanish()
    (heard,) = listener.take(1)
    for name, spec in [("UserProperty", pairs), ("ContentType", "text"), ("ResponseTopic", "answers"),
                       ("CorrelationData", "334"), ("PayloadFormatIndicator", 1)]:
        place.saw(name, heard.property(name), spec, "3.1.3.2")
    place.saw("MessageExpiryInterval", 50 < heard.property("MessageExpiryInterval") <= 100, True, "3.1.3.2.4")


def delay(place, will_delay, expiry):
    """After how many seconds the will is there; if it does not come, never."""
    listener = watcher(place)
    client = mortal(place, will={"WillDelayInterval": will_delay}, clean=True, SessionExpiryInterval=expiry)
    since = time.monotonic()
    client.vanish()
    heard = listener.take(1)
    return heard[0].at - since if heard else math.inf


# Clocks of whole seconds may be early by up to one; a busy machine may be late by a lot.
NEVER = 30


@scenario(V5)
def delay_before_expiry(place):
    place.saw("after the delay", 2 <= delay(place, 3, 60) < NEVER, True, "3.1.3.2.2")


@scenario(V5)
def delay_after_expiry(place):
    place.saw("at the end of the session", 1 <= delay(place, 60, 2) < NEVER, True, "3.1.3.2.2, 3.1.2-8")


@scenario(V5)
def delay_without_a_session(place):
    place.saw("at once", delay(place, 60, 0) < NEVER, True, "3.1.3.2.2, 3.1.2-8")


@scenario(V5)
def back_within_the_delay(place):
    listener = watcher(place)
    connect = {"clean": False, "SessionExpiryInterval": 60}
    mortal(place, will={"WillDelayInterval": 5}, **connect).vanish()
    back = place.client("a", **connect)
    place.saw("session present", back.session_present, True, "3.2.2-3")
    place.saw("heard", payloads(listener.take(0, linger=7)), [], "3.1.3-9")


@scenario(V5)
def another_session_within_the_delay(place):
    """A clean start ends the session, and with it the wait."""
    listener = watcher(place)
    mortal(place, will={"WillDelayInterval": 60}, clean=False, SessionExpiryInterval=60).vanish()
    place.client("a", clean=True)
    place.saw("heard", payloads(listener.take(1)), ["dead"], "3.1.2-8, 3.1.3.2.2")


@scenario(V5)
def disconnect_may_end_the_session_and_the_wait(place):
    listener = watcher(place)
    client = mortal(place, will={"WillDelayInterval": 60}, clean=False, SessionExpiryInterval=60)
    client.disconnect(code=4, SessionExpiryInterval=0)
    place.saw("heard", payloads(listener.take(1)), ["dead"], "3.1.2-8, 3.14.2.2.2")


main()
