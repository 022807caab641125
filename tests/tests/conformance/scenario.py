"""What a scenario is: a function that plays clients against one broker and says what they saw.

A scenario is played once for each protocol version it is for. Every observation names the clause that decides it
(3.1.1: OASIS MQTT 3.1.1; else OASIS MQTT 5.0) and what that clause demands; the two are printed side by side as one
line of JSON, and judged by whoever reads it.

usage of every file of scenarios: FILE.py PORT CA CERTIFICATE KEY
"""

import json
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

from client import Client

V311, V5 = 4, 5
VERSION_NAMES = {V311: "3.1.1", V5: "5"}

# Scenarios spend their time waiting.
AT_ONCE = 12

_scenarios = []
_printing = threading.Lock()


def scenario(*versions):
    """Makes a function a scenario for these versions."""

    def register(play):
        _scenarios.extend((play, version) for version in versions)
        return play

    return register


class Place:
    """Where one scenario is played: its broker, and topics and client ids that no other scenario uses."""

    def __init__(self, broker, name, version):
        self.broker, self.name, self.version = broker, name, version
        self.prefix = f"{name}/{version}/"
        # For what is about the first levels of a topic.
        self.top = f"{name}-{version}"
        self.observations = []
        self._clients = []

    @property
    def is_v5(self):
        return self.version == V5

    def topic(self, rest):
        return self.prefix + rest

    def client(self, name, **connect):
        """A client that is connected, or at least has heard why not."""
        client = Client(self, name)
        self._clients.append(client)
        client.connect(**connect)
        return client

    def saw(self, what, value, spec, clause):
        self.observations.append({"what": what, "saw": value, "spec": spec, "clause": clause})

    def leave(self):
        for client in self._clients:
            client.vanish()


def _play(broker, play, version):
    place = Place(broker, play.__name__, version)
    head = {"scenario": play.__name__, "version": VERSION_NAMES[version]}
    try:
        play(place)
        lines = [head | observation for observation in place.observations]
    except Exception:
        lines = [head | {"failed": traceback.format_exc()}]
    finally:
        place.leave()
    with _printing:
        for line in lines or [head | {"failed": "it observed nothing"}]:
            print(json.dumps(line), flush=True)


def main():
    port, ca, certificate, key = sys.argv[1:5]
    broker = {"port": int(port), "ca": ca, "certificate": certificate, "key": key}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for play, version in _scenarios:
            pool.submit(_play, broker, play, version)
