#!/usr/bin/python3
"""A libtorrent peer for the interop suite, on one address, by TCP or by uTP only.

usage: libtorrent_peer.py seed|leech|hashes FILE.torrent|MAGNET [DIR] [--peer HOST:PORT]...
                          [--listen HOST] [--dht HOST:PORT]... [--lsd] [--seconds N] [--stay]
                          [--down-limit BYTES_PER_SECOND] [--up-limit BYTES_PER_SECOND] [--no-plugins]
                          [--encryption off|both|rc4] [--utp] [--as-it-comes]

Prints one JSON object a line: {"type": "listening", "port": N}, then {"type": "complete"} once
everything is there and checked; `hashes` prints what libtorrent makes of the file.
"""
import argparse
import json
import os
import sys
import time

import libtorrent as lt


def say(**fields):
    print(json.dumps(fields), flush=True)


def hashes(path):
    info = lt.torrent_info(path)
    both = info.info_hashes()
    say(
        type="hashes",
        v1=str(both.v1) if both.has_v1() else None,
        v2=str(both.v2) if both.has_v2() else None,
        name=info.name(),
        pieceLength=info.piece_length(),
        pieceCount=info.num_pieces(),
        files=[
            {"path": info.files().file_path(i), "length": info.files().file_size(i)}
            for i in range(info.num_files())
            if not info.files().file_flags(i) & lt.file_storage.flag_pad_file
        ],
        private=info.priv(),
        trackers=[{"tier": t.tier, "url": t.url} for t in info.trackers()],
        webSeeds=[w["url"] for w in info.web_seeds()],
        comment=info.comment(),
    )


def flush(session, handle):
    """Waits until what was fetched is on the disk."""
    handle.flush_cache()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            if type(alert).__name__ == "cache_flushed_alert":
                return


def forgive(handle, status):
    """Goes on after an error of libtorrent 2.0 that is none; whether there was one.

    It takes a hybrid torrent for inconsistent when the proven v2 hashes of a piece come between
    its check by v1 hash and its write: torrent::add_hashes asks have_piece, which is false until
    the piece is written.
    """
    if status.errc.message() != "v1 and v2 hashes do not describe the same data":
        return False
    handle.clear_error()
    handle.resume()
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["seed", "leech", "hashes"])
    parser.add_argument("torrent")
    parser.add_argument("dir", nargs="?")
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--listen", default="127.0.0.1")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("--down-limit", type=int, default=0)
    parser.add_argument("--up-limit", type=int, default=0)
    parser.add_argument("--no-plugins", action="store_true", help="neither ut_metadata nor ut_pex")
    parser.add_argument("--peer-timeout", type=int, help="seconds without a message after which a peer is gone")
    parser.add_argument("--lsd", action="store_true")
    parser.add_argument("--utp", action="store_true", help="uTP only")
    parser.add_argument("--as-it-comes", action="store_true", help="transports and encryption as by default")
    parser.add_argument("--encryption", choices=["off", "both", "rc4"], default="off")
    parser.add_argument("--dht", action="append", default=None)
    args = parser.parse_args()
    if args.mode == "hashes":
        return hashes(args.torrent)
    settings = {
        "listen_interfaces": f"{args.listen}:0",
        "alert_mask": lt.alert.category_t.storage_notification,
        "enable_dht": args.dht is not None,
        "enable_lsd": args.lsd,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": args.utp,
        "enable_outgoing_utp": args.utp,
        "enable_incoming_tcp": not args.utp,
        "enable_outgoing_tcp": not args.utp,
        "allow_multiple_connections_per_ip": True,
        # 0 is forced, 2 is disabled; level 2 is RC4, 3 is both.
        "in_enc_policy": 2 if args.encryption == "off" else 0,
        "out_enc_policy": 2 if args.encryption == "off" else 0,
        "allowed_enc_level": 2 if args.encryption == "rc4" else 3,
        "unchoke_slots_limit": -1,
        "connections_limit": 500,
        "min_reconnect_time": 1,
    }
    if args.peer_timeout is not None:
        settings["peer_timeout"] = args.peer_timeout
    if args.as_it_comes:
        for name in [name for name in settings if name.endswith(("_utp", "_tcp", "_policy", "_level"))]:
            del settings[name]
    if args.dht is not None:
        settings.update({
            "dht_bootstrap_nodes": ",".join(node for node in args.dht if node),
            "dht_restrict_routing_ips": False,
            "dht_restrict_search_ips": False,
            "dht_ignore_dark_internet": False,
            "dht_enforce_node_id": False,
            "dht_announce_interval": 5,
        })
    session = lt.session(settings, 0 if args.no_plugins else 1)
    if args.torrent.startswith("magnet:"):
        params = lt.parse_magnet_uri(args.torrent)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(args.torrent)
    params.save_path = args.dir
    params.flags &= ~lt.torrent_flags.auto_managed
    params.flags &= ~lt.torrent_flags.paused
    if args.mode == "seed":
        params.flags |= lt.torrent_flags.seed_mode
    handle = session.add_torrent(params)
    if args.down_limit > 0:
        handle.set_download_limit(args.down_limit)
    if args.up_limit > 0:
        handle.set_upload_limit(args.up_limit)
    for peer in args.peer:
        host, port = peer.rsplit(":", 1)
        host = host.strip("[]")
        handle.connect_peer((host, int(port)))
    for _ in range(200):
        if session.listen_port() != 0:
            break
        time.sleep(0.02)
    say(type="listening", port=session.listen_port())
    start = time.monotonic()
    complete = False
    alarms = 0
    while time.monotonic() - start < args.seconds:
        status = handle.status()
        if alarms < 2 and forgive(handle, status):
            alarms += 1
        if not complete and status.is_seeding:
            complete = True
            flush(session, handle)
            say(type="complete", seconds=time.monotonic() - start)
            if args.mode == "leech" and not args.stay:
                break
        time.sleep(0.02)
    if args.mode == "leech" and not complete:
        status = handle.status()
        say(type="timeout", progress=status.progress, peers=status.num_peers, error=status.errc.message())
    sys.stdout.flush()
    os._exit(0 if complete or args.mode == "seed" else 1)


main()
