"""A client on Eclipse Paho whose every answer is waited for, and whose every message is kept in order."""

import socket
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

# How long an answer may take on a busy machine, in seconds.
PATIENCE = 10

# How long a client listens on for what should not come, in seconds. If that is too short a fault may go unseen; none is
# made up.
LINGER = 0.4

# The same for what mosquitto is known to send too much of: that must be seen.
SURPLUS = 2


def properties(packet, **values):
    """Properties of MQTT 5 by their names; user properties as a list of pairs."""
    made = Properties(packet)
    for name, value in values.items():
        for each in value if name == "UserProperty" else [value]:
            setattr(made, name, each)
    return made


class Message:
    """A message that has arrived."""

    def __init__(self, message, prefix):
        self.topic = message.topic.removeprefix(prefix)
        self.payload = message.payload.decode()
        self.qos, self.retain, self.dup, self.mid = message.qos, message.retain, message.dup, message.mid
        self.properties = getattr(message, "properties", None)
        self.at = time.monotonic()

    def property(self, name):
        value = getattr(self.properties, name, None)
        if isinstance(value, bytes):
            return value.decode()
        return [list(pair) for pair in value] if name == "UserProperty" and value else value


class Client:
    def __init__(self, place, name):
        self.place = place
        # An assigned client id takes the place of an empty one.
        self.client_id = f"{place.name}/{place.version}/{name}" if name else ""
        self.paho = None
        self._news = threading.Condition()
        self._messages, self._answers = [], {}
        self.connack = self.connack_properties = self.disconnect_code = None
        self.session_present = False
        self.is_gone = False

    # ---- connecting -------------------------------------------------------------------------------------------------

    def connect(self, clean=True, keep_alive=60, will=None, manual_ack=False, **connect):
        """Connects, with the properties of CONNECT by name. `will` is (topic, payload, qos, retain, properties)."""
        version, broker = self.place.version, self.place.broker
        clean_session = None if self.place.is_v5 else clean
        self.paho = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, self.client_id, clean_session, protocol=version,
            reconnect_on_failure=False, manual_ack=manual_ack)
        self.paho.tls_set(ca_certs=broker["ca"], certfile=broker["certificate"], keyfile=broker["key"])
        if will:
            topic, payload, qos, retain, will_properties = will
            self.paho.will_set(
                self.place.topic(topic), payload, qos, retain,
                properties(PacketTypes.WILLMESSAGE, **will_properties) if self.place.is_v5 else None)
        self.paho.on_connect = self._on_connect
        self.paho.on_disconnect = self._on_disconnect
        self.paho.on_message = self._on_message
        self.paho.on_publish = lambda c, u, mid, code, p: self._answer("publish", mid, code.value)
        self.paho.on_subscribe = lambda c, u, mid, codes, p: self._answer(
            "subscribe", mid, [code.value for code in codes])
        self.paho.on_unsubscribe = lambda c, u, mid, codes, p: self._answer(
            "unsubscribe", mid, [code.value for code in codes])
        options = {}
        if self.place.is_v5:
            options = {"clean_start": clean, "properties": properties(PacketTypes.CONNECT, **connect)}
        self.paho.connect("127.0.0.1", broker["port"], keepalive=keep_alive, **options)
        self.paho.loop_start()
        self._wait(lambda: self.connack is not None or self.is_gone, "CONNACK")

    def _on_connect(self, client, userdata, flags, code, connack_properties):
        with self._news:
            self.connack, self.session_present = code.value, flags.session_present
            self.connack_properties = connack_properties
            self._news.notify_all()

    def assigned(self, name):
        """A property of CONNACK."""
        return getattr(self.connack_properties, name, None)

    # ---- leaving ----------------------------------------------------------------------------------------------------

    def _on_disconnect(self, client, userdata, flags, code, disconnect_properties):
        with self._news:
            self.is_gone = True
            if flags.is_disconnect_packet_from_server:
                # Paho overlooks the code of a DISCONNECT that has no properties.
                packet = client._in_packet["packet"]
                self.disconnect_code = packet[0] if packet else 0
            self._news.notify_all()

    def disconnect(self, code=None, **values):
        """Says good-bye, and waits until the broker has closed the connection."""
        options = {}
        if self.place.is_v5:
            made = mqtt.ReasonCode(PacketTypes.DISCONNECT, identifier=code or 0)
            options = {"reasoncode": made, "properties": properties(PacketTypes.DISCONNECT, **values)}
        self.paho.disconnect(**options)
        self._wait(lambda: self.is_gone, "the end of the connection")
        self.paho.loop_stop()

    def vanish(self):
        """Is gone without a word."""
        if self.paho is None:
            return
        connection = self.paho.socket()
        if connection is not None:
            try:
                # That of a TLS socket would let the network thread read what is left as if it were not encrypted.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                pass  # The broker was first.
        self.paho.loop_stop()

    def fall_silent(self):
        """Stays connected, and sends nothing more, not even a ping."""
        self.paho.loop_stop()

    def end(self):
        """How the broker ended the connection: the reason code of its DISCONNECT, "closed", or not at all."""
        with self._news:
            if not self._news.wait_for(lambda: self.is_gone, PATIENCE):
                return "not at all"
        return "closed" if self.disconnect_code is None else self.disconnect_code

    # ---- packets and their answers ----------------------------------------------------------------------------------

    def subscribe(self, *filters, qos=2, identifier=None, **options):
        """Subscribes to filters below the scenario's prefix ("$…" and (filter,) as they are); the reason codes."""
        if self.place.is_v5:
            wanted = [(self._filter(each), SubscribeOptions(qos, **options)) for each in filters]
            extra = {} if identifier is None else {"SubscriptionIdentifier": identifier}
            _, mid = self.paho.subscribe(wanted, properties=properties(PacketTypes.SUBSCRIBE, **extra))
        else:
            _, mid = self.paho.subscribe([(self._filter(each), qos) for each in filters])
        return self._answer_to("subscribe", mid)

    def unsubscribe(self, *filters):
        _, mid = self.paho.unsubscribe([self._filter(each) for each in filters])
        return self._answer_to("unsubscribe", mid)

    def _filter(self, each):
        if isinstance(each, tuple):
            return each[0]
        if each.startswith("$share/"):
            share, group, rest = each.split("/", 2)
            return f"{share}/{group}/{self.place.topic(rest)}"
        return self.place.topic(each)

    def publish(self, topic, payload, qos=1, retain=False, **values):
        """Publishes, and waits for the whole exchange; the reason code. A topic in a tuple is taken as it is."""
        return self._answer_to("publish", self.publish_and_go(topic, payload, qos, retain, **values))

    def publish_and_go(self, topic, payload, qos=1, retain=False, **values):
        """Publishes, and waits for nothing; the packet id."""
        name = topic[0] if isinstance(topic, tuple) else self.place.topic(topic)
        made = properties(PacketTypes.PUBLISH, **values) if self.place.is_v5 else None
        return self.paho.publish(name, payload, qos, retain, made).mid

    def acknowledge(self, message):
        """For a client with `manual_ack`."""
        self.paho.ack(message.mid, message.qos)

    def _answer(self, kind, mid, answer):
        with self._news:
            self._answers[kind, mid] = answer
            self._news.notify_all()

    def _answer_to(self, kind, mid):
        self._wait(lambda: (kind, mid) in self._answers or self.is_gone, f"the answer to {kind}")
        return self._answers.get((kind, mid), "closed")

    # ---- messages ---------------------------------------------------------------------------------------------------

    def _on_message(self, client, userdata, message):
        # A scenario that subscribes to everything hears of all the others.
        if message.topic.startswith((self.place.prefix, self.place.top, "$")):
            with self._news:
                self._messages.append(Message(message, self.place.prefix))
                self._news.notify_all()

    def take(self, count, linger=LINGER):
        """The next `count` messages, or as many as there are; and whatever else comes within `linger` seconds."""
        with self._news:
            self._news.wait_for(lambda: len(self._messages) >= count or self.is_gone, PATIENCE)
        time.sleep(linger)
        with self._news:
            taken, self._messages = self._messages, []
        return taken

    def _wait(self, condition, what):
        with self._news:
            if not self._news.wait_for(condition, 2 * PATIENCE):
                raise TimeoutError(f"{self.client_id} waited {2 * PATIENCE} s for {what}")


def payloads(messages):
    return [message.payload for message in messages]
