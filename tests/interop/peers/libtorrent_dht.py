#!/usr/bin/python3
"""A libtorrent DHT node for the interop suite, on loopback only.

usage: libtorrent_dht.py [--node HOST:PORT]... [--seconds N] COMMAND [ARGS]

  stay                              answers others
  get-peers HASH                    {"type": "peers", "peers": ["host:port", ...]}
  announce HASH                     announces itself, at the port it listens at
  put-immutable TEXT                {"type": "put", "target": HEX, "stored": N}
  get-immutable TARGET              {"type": "item", "text": TEXT}
  put-mutable SECRET PUBLIC SALT TEXT
  get-mutable PUBLIC SALT           {"type": "item", "text": TEXT, "seq": N}

Prints one JSON object a line, {"type": "listening", "port": N} first.
"""
import argparse
import json
import socket
import time
import warnings

import libtorrent as lt

warnings.simplefilter("ignore")


def say(**fields):
    print(json.dumps(fields), flush=True)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--node", action="append", default=[])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("command")
    parser.add_argument("args", nargs="*")
    options = parser.parse_args()
    port = free_port()
    session = lt.session(
        {
            "listen_interfaces": f"127.0.0.1:{port}",
            "enable_dht": True,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "dht_bootstrap_nodes": ",".join(options.node),
            "dht_block_ratelimit": 1000000,
            "dht_upload_rate_limit": 1000000000,
            "dht_restrict_routing_ips": False,
            "dht_restrict_search_ips": False,
            "dht_ignore_dark_internet": False,
            "dht_enforce_node_id": False,
            "alert_mask": lt.alert.category_t.all_categories,
        }
    )
    say(type="listening", port=port)
    for node in options.node:
        host, _, number = node.rpartition(":")
        session.add_dht_node((host, int(number)))

    command, args = options.command, options.args
    handle = None
    seen = set()
    end = time.time() + options.seconds
    again = time.time() + 1.0
    while time.time() < end:
        session.wait_for_alert(100)
        if time.time() >= again:
            again = time.time() + 3.0
            if command == "get-peers":
                session.dht_get_peers(lt.sha1_hash(bytes.fromhex(args[0])))
            elif command == "announce":
                # The binding has no way to make the flags of dht_announce().
                if handle is None:
                    parameters = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{args[0]}")
                    parameters.save_path = "/nonexistent"
                    handle = session.add_torrent(parameters)
                handle.force_dht_announce()
            elif command == "put-immutable":
                session.dht_put_immutable_item(args[0])
            elif command == "get-immutable":
                session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(args[0])))
            elif command == "put-mutable":
                session.dht_put_mutable_item(
                    bytes.fromhex(args[0]), bytes.fromhex(args[1]), args[3].encode(), args[2].encode()
                )
            elif command == "get-mutable":
                session.dht_get_mutable_item(bytes.fromhex(args[0]), args[1].encode())
        for alert in session.pop_alerts():
            kind = type(alert).__name__
            if kind == "dht_get_peers_reply_alert":
                peers = [f"{host}:{number}" for host, number in alert.peers()]
                fresh = [peer for peer in peers if peer not in seen]
                seen.update(fresh)
                if fresh:
                    say(type="peers", peers=fresh)
            elif kind == "dht_put_alert":
                say(type="put", target=str(alert.target), stored=alert.num_success)
            elif kind == "dht_immutable_item_alert":
                say(type="item", text=str(alert.item))
            elif kind == "dht_mutable_item_alert":
                if alert.seq > 0 or alert.signature != bytes(64):
                    say(type="item", text=str(alert.item), seq=alert.seq)
            elif kind == "dht_bootstrap_alert":
                say(type="bootstrapped")


main()
