"""Adds torrents that seed and have no peers, then idles; prints one JSON line.

lt_idle.py TORRENTS IDLE_SECONDS FOLDER
"""
import json, os, struct, sys, time
import libtorrent as lt

count, seconds = int(sys.argv[1]), float(sys.argv[2])


def bencode(x):
    if isinstance(x, int):
        return b"i%de" % x
    if isinstance(x, bytes):
        return b"%d:%s" % (len(x), x)
    return b"d" + b"".join(bencode(k) + bencode(x[k]) for k in sorted(x)) + b"e"


def cpu():
    t = os.times()
    return t.user + t.system


def rss():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


infos = [
    lt.torrent_info(lt.bdecode(bencode({b"info": {
        b"length": 1048576, b"name": b"idle-%d.bin" % i, b"piece length": 262144,
        b"pieces": struct.pack(">I", i) + bytes(76)}})))
    for i in range(count)
]
session = lt.session({
    "listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False,
    "enable_upnp": False, "enable_natpmp": False, "active_limit": -1, "active_seeds": -1,
    "active_downloads": -1, "alert_mask": 0})
DONE = (lt.torrent_status.seeding, lt.torrent_status.finished)
before, base = cpu(), rss()
handles = []
for info in infos:
    handles.append(session.add_torrent({
        "ti": info, "save_path": sys.argv[3], "flags": lt.torrent_flags.seed_mode}))
while not all(h.status(0).state in DONE for h in handles):
    time.sleep(0.01)
added = cpu() - before
start = cpu()
time.sleep(seconds)
print(json.dumps({
    "added": added, "idle": (cpu() - start) * 60 / seconds,
    "rssKib": (rss() - base) / count}))
