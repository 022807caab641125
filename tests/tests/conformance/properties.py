"""Properties of MQTT 5 that travel with a message, or shorten its way."""

import time

from client import payloads
from scenario import V5, main, scenario

# In the order of the specification, with the clause that says that it is passed on unaltered.
PASSED_ON = [
    ("PayloadFormatIndicator", 1, "3.3.2-4"),
    ("ResponseTopic", "answers/é", "3.3.2-15"),
    ("CorrelationData", "334", "3.3.2-16"),
    ("UserProperty", [["a", "2"], ["c", "3"], ["a", ""]], "3.3.2-17, 3.3.2-18"),
    ("ContentType", "My name", "3.3.2-20"),
]


@scenario(V5)
def passed_on_with_every_quality(place):
    subscriber, publisher = place.client("s"), place.client("p")
    subscriber.subscribe("t")
    for qos in (0, 1, 2):
        publisher.publish(
            "t", "m", qos, PayloadFormatIndicator=1, ResponseTopic="answers/é", CorrelationData=b"334",
            UserProperty=[("a", "2"), ("c", "3"), ("a", "")], ContentType="My name")
        (heard,) = subscriber.take(1)
        for name, spec, clause in PASSED_ON:
            place.saw(f"{name} with {qos}", heard.property(name), spec, clause)
    publisher.publish("t", "plain")
    (heard,) = subscriber.take(1)
    for name, _, clause in PASSED_ON:
        place.saw(f"no {name}", heard.property(name), None, clause)


@scenario(V5)
def request_and_response(place):
    requester, responder = place.client("a"), place.client("b")
    requester.subscribe("answers")
    responder.subscribe("questions", noLocal=True)
    requester.publish("questions", "request", ResponseTopic=place.topic("answers"), CorrelationData=b"\x01\x02")
    (request,) = responder.take(1)
    place.saw("response topic", request.property("ResponseTopic"), place.topic("answers"), "4.10.1")
    responder.publish((request.property("ResponseTopic"),), "response",
                      CorrelationData=request.properties.CorrelationData)
    answer = [[message.payload, message.property("CorrelationData")] for message in requester.take(1)]
    place.saw("answer", answer, [["response", "\x01\x02"]], "4.10.1")


@scenario(V5)
def message_expiry(place):
    absent = place.client("s", clean=False, SessionExpiryInterval=60)
    absent.subscribe("t")
    absent.disconnect()
    publisher = place.client("p")
    for qos in (1, 2):
        publisher.publish("t", f"short {qos}", qos, MessageExpiryInterval=1)
        publisher.publish("t", f"long {qos}", qos, MessageExpiryInterval=100)
        publisher.publish("t", f"none {qos}", qos)
    time.sleep(2.5)
    found = place.client("s", clean=False, SessionExpiryInterval=60).take(4)
    place.saw("found", payloads(found), ["long 1", "none 1", "long 2", "none 2"], "3.3.2-5")
    left = [message.property("MessageExpiryInterval") for message in found]
    place.saw("what is left", [each and 50 < each < 99 for each in left], [True, None, True, None], "3.3.2-6")


@scenario(V5)
def message_expiry_on_the_way(place):
    """A message that does not wait keeps the life it was given, but for the second that may just have ended."""
    subscriber = place.client("s")
    subscriber.subscribe("t")
    place.client("p").publish("t", "m", MessageExpiryInterval=100)
    (heard,) = subscriber.take(1)
    place.saw("what is left", 80 < heard.property("MessageExpiryInterval") <= 100, True, "3.3.2-6")


@scenario(V5)
def topic_aliases(place):
    subscriber, publisher = place.client("s"), place.client("p")
    subscriber.subscribe("#")
    place.saw("allowed", publisher.assigned("TopicAliasMaximum") >= 2, True, "3.2.2.3.8: a server may allow some")
    for qos in (0, 1, 2):
        publisher.publish("one", f"set {qos}", qos, TopicAlias=1)
        publisher.publish(("",), f"used {qos}", qos, TopicAlias=1)
    publisher.publish("two", "another", TopicAlias=2)
    publisher.publish(("",), "first again", TopicAlias=1)
    publisher.publish("three", "replaced", TopicAlias=1)
    publisher.publish(("",), "used", TopicAlias=1)
    publisher.publish(("",), "second", TopicAlias=2)
    heard = sorted([message.topic, message.payload] for message in subscriber.take(11))
    place.saw("heard", heard, sorted([
        ["one", "set 0"], ["one", "used 0"], ["one", "set 1"], ["one", "used 1"], ["one", "set 2"], ["one", "used 2"],
        ["two", "another"], ["one", "first again"], ["three", "replaced"], ["three", "used"], ["two", "second"],
    ]), "3.3.2.3.4")


@scenario(V5)
def topic_aliases_are_not_passed_on(place):
    subscriber = place.client("s")
    subscriber.subscribe("t")
    place.client("p").publish("t", "m", TopicAlias=1)
    (heard,) = subscriber.take(1)
    place.saw("alias", heard.property("TopicAlias"), None, "3.1.2-26, 3.3.2.3.4: an alias is one connection's")


@scenario(V5)
def topic_aliases_end_with_the_connection(place):
    publisher = place.client("p", clean=False, SessionExpiryInterval=60)
    publisher.publish("t", "m", TopicAlias=1)
    publisher.disconnect()
    back = place.client("p", clean=False, SessionExpiryInterval=60)
    place.saw("let in", back.session_present, True, "3.2.2-3")
    back.publish_and_go(("",), "m", TopicAlias=1)
    place.saw("ended with", back.end(), 0x82, "3.3.2.3.4: an alias without a meaning is a Protocol Error")


@scenario(V5)
def topic_alias_over_the_limit(place):
    publisher = place.client("p")
    publisher.publish_and_go("t", "m", TopicAlias=publisher.assigned("TopicAliasMaximum") + 1)
    place.saw("ended with", publisher.end(), 0x94, "3.3.2-9, 3.3.2.3.4: Topic Alias invalid")


main()
