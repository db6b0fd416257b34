"""libtorrent that announces a hash by LSD and prints whom it hears:
lt_lsd.py HASH LISTEN_INTERFACES FOLDER"""
import json, re, sys
import libtorrent as lt
info_hash, interfaces, folder = sys.argv[1:4]
session = lt.session({
    'listen_interfaces': interfaces, 'enable_dht': False, 'enable_lsd': True,
    'enable_upnp': False, 'enable_natpmp': False,
    'alert_mask': lt.alert.category_t.all_categories})
magnet = lt.parse_magnet_uri('magnet:?xt=urn:btih:' + info_hash)
magnet.save_path = folder
session.add_torrent(magnet)
print(json.dumps({'type': 'ready'}), flush=True)
while True:
    session.wait_for_alert(500)
    for alert in session.pop_alerts():
        # The binding has no class for this alert, only its text.
        if alert.what() != 'lsd_peer':
            continue
        match = re.search(r'peer \[ ?(\S+):(\d+)', alert.message())
        host, port = match.groups() if match else (alert.message(), 0)
        line = {'type': 'peer', 'hostname': host.strip('[]'), 'port': int(port)}
        print(json.dumps(line), flush=True)
