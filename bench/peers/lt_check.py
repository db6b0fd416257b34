#!/usr/bin/env python3
"""Full check of a torrent by libtorrent, with two hashing threads.

Usage: lt_check.py TORRENT DIRECTORY RUNS

Prints the seconds of each run, one a line.
"""
import os
import sys
import time

import libtorrent as lt

torrent, directory, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
session = lt.session({
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_natpmp": False,
    "enable_upnp": False,
    "hashing_threads": 2,
    "checking_mem_usage": 512,
})
for _ in range(runs):
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = directory
    start = time.monotonic()
    handle = session.add_torrent(params)
    while not handle.status().is_seeding:
        time.sleep(0.002)
    print(time.monotonic() - start, flush=True)
    session.remove_torrent(handle)
    while session.get_torrents():
        time.sleep(0.002)
os._exit(0)
