"""Drives a daemon with transmission-rpc; prints a JSON object a step.

Usage: transmission_rpc_flow.py PORT TORRENT URL OTHER_DIR
"""
import json
import sys
import time

import transmission_rpc

port, torrent_path, url, other_dir = sys.argv[1:]
client = transmission_rpc.Client(host="127.0.0.1", port=int(port))


def tell(step, **values):
    print(json.dumps({"type": step, **values}), flush=True)


def wait(check):
    for _ in range(200):
        torrent = client.get_torrent(id_)
        if check(torrent):
            return torrent
        time.sleep(0.05)
    raise SystemExit("nothing happens: " + str(torrent.fields))


with open(torrent_path, "rb") as file:
    added = client.add_torrent(file, paused=True, labels=["one"])
id_ = added.id
tell("added", name=added.name, hash=added.hashString, id=id_)
client.verify_torrent(id_)
wait(lambda t: t.percent_done == 1 and str(t.status) == "stopped")
client.start_torrent(id_)
seeding = wait(lambda t: str(t.status) == "seeding")
tell(
    "seeding",
    percent=seeding.percent_done,
    left=seeding.left_until_done,
    size=seeding.total_size,
    private=seeding.is_private,
    error=seeding.error,
    metadata=seeding.metadata_percent_complete,
    pieces=seeding.pieces,
    trackers=[(t.announce, t.tier) for t in seeding.trackers],
    stats=[(s.announce, s.tier) for s in seeding.tracker_stats],
)
client.stop_torrent(id_)
wait(lambda t: str(t.status) == "stopped")

client.change_torrent(id_, files_unwanted=[0], priority_high=[1])
files = client.get_torrent(id_).get_files()
tell("files", files=[(f.name, f.size, f.completed, f.priority, f.selected) for f in files])
client.change_torrent(
    id_,
    download_limit=55,
    download_limited=True,
    upload_limit=44,
    upload_limited=True,
    seed_ratio_limit=1.5,
    seed_ratio_mode=1,
    seed_idle_limit=20,
    seed_idle_mode=1,
    bandwidth_priority=1,
    labels=["two", "three"],
)
changed = client.get_torrent(id_)
tell(
    "changed",
    down=[changed.download_limit, changed.download_limited],
    up=[changed.upload_limit, changed.upload_limited],
    ratio=[changed.seed_ratio_limit, changed.seed_ratio_mode],
    idle=[changed.seed_idle_limit, changed.seed_idle_mode],
    priority=changed.bandwidth_priority,
    labels=sorted(changed.labels),
)

magnet = client.add_torrent("magnet:?xt=urn:btih:" + "ab" * 20 + "&dn=linked", paused=True)
fetched = client.add_torrent(url, paused=True)
tell("more", magnet=magnet.name, fetched=fetched.name)
client.queue_top(fetched.id)
order = sorted(client.get_torrents(), key=lambda t: t.queue_position)
tell("queue", order=[t.name for t in order])
client.queue_down(fetched.id)
order = sorted(client.get_torrents(), key=lambda t: t.queue_position)
tell("queue", order=[t.name for t in order])

renamed = client.rename_torrent_path(id_, location="payload/a.txt", name="z.txt")
names = lambda: sorted(f.name for f in client.get_torrent(id_).get_files())
tell("renamed", result=list(renamed), names=names())
client.move_torrent_data(id_, other_dir)
for _ in range(200):
    if client.get_torrent(id_).download_dir == other_dir:
        break
    time.sleep(0.05)
tell("moved", dir=client.get_torrent(id_).download_dir == other_dir, names=names())

client.set_session(
    speed_limit_down=123,
    speed_limit_down_enabled=True,
    alt_speed_up=7,
    download_queue_size=3,
    seed_ratio_limit=3,
    seed_ratio_limited=True,
    encryption="required",
)
session = client.get_session()
tell(
    "session",
    down=[session.speed_limit_down, session.speed_limit_down_enabled],
    alt=session.alt_speed_up,
    queue=session.download_queue_size,
    ratio=[session.seed_ratio_limit, session.seed_ratio_limited],
    encryption=session.encryption,
    units=session.units.size_bytes,
)
stats = client.session_stats()
tell("stats", torrents=stats.torrent_count, paused=stats.paused_torrent_count)
tell("free", free=client.free_space(other_dir) > 0)
active, removed = client.get_recently_active_torrents()
tell("active", names=sorted(t.name for t in active), removed=removed)
client.reannounce_torrent(id_)
client.remove_torrent([magnet.id, fetched.id])
client.remove_torrent(id_, delete_data=True)
for _ in range(200):
    if not client.get_torrents():
        break
    time.sleep(0.05)
_, removed = client.get_recently_active_torrents()
tell("removed", left=len(client.get_torrents()), removed=sorted(removed))
