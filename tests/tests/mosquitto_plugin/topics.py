"""A device on Eclipse Paho: what it may subscribe to, what it hears, and how it comes back to its session.

usage: topics.py PORT CA VERSION ID CERT KEY
VERSION is 4 (MQTT 3.1.1) or 5. Prints what it sees, a line each.
"""

import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE = 15
PORT, CA, VERSION, ID, CERT, KEY = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:]
FILTERS = ["devices/ME/#", "board/+", "#", "+/ME/#", "devices/other/#", "$share/group/#", "$SYS/#"]
TOPICS = ["devices/ME/a", "board/ME", "board/other", "devices/other/a", "lobby"]


class Device:
    """A connection to a session that outlives it."""

    def __init__(self):
        self.events = queue.Queue()
        session = {} if VERSION == 5 else {"clean_session": False}
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, ID, protocol=VERSION, **session)
        self.client.tls_set(ca_certs=CA, certfile=CERT, keyfile=KEY)
        self.client.on_connect = lambda c, u, flags, code, p: self.events.put(
            ("connected", code.value, flags.session_present)
        )
        self.client.on_subscribe = lambda c, u, mid, codes, p: self.events.put(("subscribed", codes[0].value))
        self.client.on_message = lambda c, u, m: self.events.put(("message", m.topic, m.payload.decode(), m.qos))
        self.client.on_publish = lambda c, u, mid, code, p: self.events.put(("published", code.value >= 0x80))
        options = {}
        if VERSION == 5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 600
            options = {"clean_start": False, "properties": properties}
        self.client.connect("127.0.0.1", PORT, keepalive=30, **options)
        self.client.loop_start()
        self.tell()

    def tell(self, count=1):
        """The next events, in an order that does not depend on who is faster."""
        events = [self.events.get(timeout=PATIENCE) for _ in range(count)]
        for event in sorted(events, key=str):
            print(*[str(part).replace(ID, "ME") for part in event])

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


device = Device()
for topic_filter in FILTERS:
    device.client.subscribe(topic_filter.replace("ME", ID), qos=2)
    print(topic_filter, end=" ")
    device.tell()
for topic in TOPICS:
    # Paho goes on after a PUBREC that says no (MQTT 5 §4.3.3), and brokers differ in what they say to that.
    for qos in (1, 2) if topic in TOPICS[:2] else (1,):
        print(topic, qos)
        device.client.publish(topic.replace("ME", ID), topic, qos=qos)
        device.tell(2 if topic in TOPICS[:2] else 1)
device.leave()
device = Device()
device.client.publish(f"devices/{ID}/again", "again", qos=1)
device.tell(2)
device.leave()
print("done")
