"""A device on Eclipse Paho against mosquitto with the plugin: its own topics, another's, another's client id.

usage: device.py PORT CA VERSION CERT KEY
VERSION is 4 (MQTT 3.1.1) or 5. Prints one word per step that went well.
"""

import queue
import sys

import paho.mqtt.client as mqtt

PATIENCE = 15
PORT, CA, VERSION, CERT, KEY = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
DENIED = 0x87 if VERSION == 5 else 0x80


class Device:
    def __init__(self, client_id):
        self.events = queue.Queue()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=VERSION)
        self.client.tls_set(ca_certs=CA, certfile=CERT, keyfile=KEY)
        self.client.on_connect = lambda c, u, flags, code, p: self.events.put(("connected", code.value))
        self.client.on_subscribe = lambda c, u, mid, codes, p: self.events.put(("subscribed", codes[0].value))
        self.client.on_message = lambda c, u, m: self.events.put(("message", m.topic, m.payload.decode(), m.qos))
        self.client.connect("127.0.0.1", PORT, keepalive=30)
        self.client.loop_start()

    def expect(self, *wanted):
        found = self.events.get(timeout=PATIENCE)
        assert found == wanted, f"{found} instead of {wanted}"
        print(wanted[0])

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


device = Device("dev-1")
device.expect("connected", 0)
device.client.subscribe("devices/dev-1/#", qos=2)
device.expect("subscribed", 2)
device.client.subscribe("devices/dev-2/#", qos=2)
device.expect("subscribed", DENIED)
for qos in (0, 1, 2):
    device.client.publish("devices/dev-1/a", f"{qos}", qos=qos).wait_for_publish(PATIENCE)
    device.expect("message", "devices/dev-1/a", f"{qos}", qos)
device.leave()

stranger = Device("dev-2")
stranger.expect("connected", 0x87)
stranger.client.loop_stop()
print("done")
