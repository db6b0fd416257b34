/**
 * Who may import whom: modules, their rooms, and the files that may touch the
 * outside world. The lint plugin holds the checkout against these tables.
 *
 * @module
 */

const BELOW_CLIENT: readonly string[] = [
  "bencode",
  "metainfo",
  "disk",
  "handshake",
  "peer",
  "select",
  "dht",
  "tracker",
  "utp",
  "utracker",
  "lpd",
  "htracker",
  "webseed",
  "portmap",
];

/** Module folders, and the other module folders each may import from. */
export const FOLDER_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  _shared: [],
  bencode: [],
  metainfo: ["bencode"],
  disk: ["metainfo"],
  handshake: [],
  peer: ["bencode", "handshake"],
  select: ["metainfo"],
  dht: ["bencode"],
  tracker: [],
  utracker: ["tracker"],
  lpd: [],
  utp: [],
  htracker: ["bencode", "tracker"],
  webseed: ["metainfo"],
  portmap: [],
  client: BELOW_CLIENT,
  daemon: [...BELOW_CLIENT, "client"],
  cli: [...BELOW_CLIENT, "client", "daemon"],
  testing: ["metainfo", "disk", "select", "tracker", "client"],
};

/**
 * Where only some files of another folder may be imported: which ones. The key
 * is "importing folder > imported folder".
 */
export const NARROW_IMPORTS: Readonly<Record<string, RegExp>> = {
  "select > metainfo": /^piece_layout\.ts$/,
  "disk > metainfo":
    /^(piece_layout|piece_digest|hash_thread|disk_paths|path_tree|sha256|verify|node)\.ts$/,
};

/** Rooms of one module, and the rooms beside it that each may import. */
export type Rooms = Readonly<Record<string, readonly string[]>>;

/**
 * The rooms of each module: room, and the rooms beside it that it may import.
 * A room is a folder inside a module folder, and private to it: modules above
 * import files of the module's top. Files of the top import any room, and rooms
 * import files of the top as long as these lead to no room that is not named
 * here (`tests/tools/import_graph_test.ts` follows them). `_shared` is private to the
 * package as a whole, so all modules see its rooms.
 */
export const ROOM_IMPORTS: Readonly<Record<string, Rooms>> = {
  client: {
    bound: [],
    limits: [],
    peers: [],
    trackers: [],
    content: ["limits", "peers", "trackers"],
    metadata: ["peers", "content"],
    swarm: ["limits", "peers", "content", "metadata"],
    reading: ["content"],
    torrent: [
      "limits",
      "peers",
      "trackers",
      "content",
      "reading",
      "metadata",
      "swarm",
    ],
    session: ["limits", "peers", "trackers", "content", "bound"],
  },
  bencode: { syntax: [] },
  utp: { socket: [], driver: ["socket"] },
  metainfo: { hash: [], parse: [], create: ["hash"] },
  disk: {
    object: [],
    files: [],
    resume: ["files"],
    pieces: [],
    check: ["files", "pieces"],
    storage: ["files", "resume", "pieces", "check"],
  },
  handshake: {
    encryption: [],
    proxy: [],
    core: ["encryption"],
    dial: ["core", "encryption"],
  },
  peer: { wire: [], session: ["wire"] },
  select: { picker: [] },
  dht: {
    krpc: [],
    table: [],
    lookup: ["krpc", "table"],
    server: ["table"],
    driver: [],
  },
  tracker: { table: [], kv: ["table"] },
  testing: { audit: [], compliance: [], simulation: [] },
  daemon: {
    http: [],
    state: [],
    rules: ["state"],
    run: ["rules", "state"],
    page: ["http"],
    figures: ["rules", "state"],
    rpc: ["http", "rules", "run", "state"],
  },
  cli: {
    daemon: ["torrent", "transfer"],
    discovery: [],
    remote: ["torrent"],
    torrent: [],
    tracker: ["torrent"],
    transfer: ["torrent"],
  },
  _shared: { http: [] },
  utracker: {},
  htracker: {},
  webseed: {},
  portmap: { codec: [], protocol: ["codec"] },
  lpd: {},
};

/** Files that own sockets, files, timers, randomness; all others are pure. */
export const DRIVER_FILES: readonly RegExp[] = [
  /^_shared\/(\w+\/)?(clock|random|datagram|byte_conn|checked_fetch|tls)\.ts$/,
  /^metainfo\/(create\/(walk|entry|folder|hash|info)|hash\/\w+|hash_options|hash_thread|node|piece_digest|verify)\.ts$/,
  /^disk\/(native_file_system|files\/native_file_handle|object\/s3_(client|answer))\.ts$/,
  /^dht\/(node|driver\/ed25519)\.ts$/,
  /^tracker\/(http_server|https_listener|stats_server)\.ts$/,
  /^utracker\/(client|server)\.ts$/,
  /^htracker\/(client|server)\.ts$/,
  /^lpd\/(\w+\/)?discovery\.ts$/,
  /^webseed\/web_seed\.ts$/,
  /^portmap\/port_mapper\.ts$/,
  /^client\/(\w+\/)?(?!\w+_machine\.ts$)\w+\.ts$/,
  /^daemon\/(daemon_server|remote_client|http\/(front|password)|rpc\/add_torrent)\.ts$/,
  /^daemon\/(daemon|first_there|state\/state_file|run\/(load|hook_runner|intake|upkeep|watch_folder))\.ts$/,
  /^daemon\/page\/\w+\.js$/,
  /^cli\/(\w+\/)?\w+\.ts$/,
  /^testing\/(\w+\/)?\w+\.ts$/,
];
