#!/usr/bin/python3
"""libtorrent with a crowd of idle peers, as crowd_session.ts is; prints JSON.

lt_crowd.py memory|leech NEAR_FREE COUNT TORRENT FOLDER [FILE PIECE_LENGTH]
"""
import json
import resource
import subprocess
import sys
import time

import libtorrent as lt

mode, program, count, torrent, folder = sys.argv[1:6]
count = int(count)
resource.setrlimit(resource.RLIMIT_NOFILE, (2 * count + 1000,) * 2)
session = lt.session({
    'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False,
    'enable_incoming_utp': False, 'enable_outgoing_utp': False,
    'in_enc_policy': 2, 'out_enc_policy': 2,
    'connections_limit': 2 * count + 100, 'connection_speed': 2 * count + 100,
    'listen_queue_size': 1000, 'allow_multiple_connections_per_ip': True,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(torrent)
params.save_path = folder
params.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
if mode == 'memory':
    params.flags |= lt.torrent_flags.seed_mode
handle = session.add_torrent(params)
handle.set_max_connections(2 * count + 100)
wanted = lt.torrent_status.seeding if mode == 'memory' else lt.torrent_status.downloading
while handle.status().state != wanted or session.listen_port() == 0:
    time.sleep(0.01)
info_hash = str(params.ti.info_hash())


def look():
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open('/proc/self/statm') as statm:
        pages = int(statm.read().split()[1])
    return used.ru_utime + used.ru_stime, pages * 4


def start(*args):
    child = subprocess.Popen([program, *args], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    return child, child.stdout.readline().strip()


before = look()
crowd, _ = start('idle', info_hash, str(session.listen_port()), str(count))
while handle.status().num_peers < count:
    time.sleep(0.01)
time.sleep(2)
children = [crowd]
if mode == 'leech':
    seed, port = start('seed', info_hash, *sys.argv[6:8])
    children.append(seed)
    before = look()
    handle.connect_peer(('127.0.0.1', int(port)))
    while not handle.status().is_seeding:
        time.sleep(0.01)
after = look()
print(json.dumps({'cpu': after[0] - before[0], 'rssKib': (after[1] - before[1]) / count}))
sys.stdout.flush()
for child in children:
    child.stdin.close()
    child.wait()
