"""A device and a service on Eclipse Paho: telemetry up, a command down, a borrowed client id refused.

usage: paho_journey.py PORT CA VERSION DEVICE_CERT DEVICE_KEY SERVICE_CERT SERVICE_KEY
VERSION is 4 (MQTT 3.1.1) or 5. Prints one word per step that went well.
"""

import queue
import sys

import paho.mqtt.client as mqtt

PATIENCE = 15
PORT, CA, VERSION = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
DEVICE, SERVICE = sys.argv[4:6], sys.argv[6:8]


class Peer:
    def __init__(self, client_id, credential):
        self.events = queue.Queue()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=VERSION)
        self.client.tls_set(ca_certs=CA, certfile=credential[0], keyfile=credential[1])
        self.client.on_connect = lambda c, u, flags, code, p: self.events.put(("connected", code.value))
        self.client.on_subscribe = lambda c, u, mid, codes, p: self.events.put(("subscribed", codes[0].value))
        self.client.on_message = lambda c, u, m: self.events.put(
            ("message", m.topic, m.payload.decode(), m.qos))
        self.client.connect("127.0.0.1", PORT, keepalive=30)
        self.client.loop_start()

    def expect(self, *wanted):
        found = self.events.get(timeout=PATIENCE)
        assert found == wanted, f"{found} instead of {wanted}"
        print(wanted[0])

    def publish(self, topic, payload, qos):
        self.client.publish(topic, payload, qos=qos).wait_for_publish(PATIENCE)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


service = Peer("backend/paho", SERVICE)
service.expect("connected", 0)
service.client.subscribe("devices/+/telemetry/#", qos=2)
service.expect("subscribed", 2)

device = Peer("dev-1", DEVICE)
device.expect("connected", 0)
device.client.subscribe("devices/dev-1/commands/#", qos=1)
device.expect("subscribed", 1)

for qos in (0, 1, 2):
    device.publish("devices/dev-1/telemetry/paho", f"up {qos}", qos)
    service.expect("message", "devices/dev-1/telemetry/paho", f"up {qos}", qos)
service.publish("devices/dev-1/commands/paho", "down", 1)
device.expect("message", "devices/dev-1/commands/paho", "down", 1)

device.client.subscribe("devices/dev-2/commands/#", qos=1)
device.expect("subscribed", 0x87 if VERSION == 5 else 0x80)
device.leave()
service.leave()

# Paho's second API gives the return code 2 of 3.1.1 the number MQTT 5 has for it.
borrower = Peer("dev-2", DEVICE)
borrower.expect("connected", 0x85)
borrower.leave()
print("done")
