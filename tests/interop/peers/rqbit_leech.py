"""rqbit with the settings it comes with: rqbit_leech.py FILE.torrent DIR"""
import json
import sys

import pyrqbit

session = pyrqbit.Session(sys.argv[2])
handle = session.add_torrent(sys.argv[1])
handle.wait_until_completed(60)
print(json.dumps({"type": "complete"}), flush=True)
