/**
 * Every bound of the peer protocol in one place, with its reason.
 *
 * @module
 */

/** Usual length of a block in bytes; what everybody requests (BEP 3). */
export const DEFAULT_BLOCK_LENGTH = 16_384;

/** Longest block that a piece message may carry, in bytes. Some clients ask for up to 128 KiB. */
export const MAX_BLOCK_LENGTH = 131_072;

/** Most pieces of a torrent; the bound of bitfields before the number is known. */
export const MAX_PIECE_COUNT = 2_097_152;

/** Longest payload of an extended message in bytes (BEP 10 sets none). */
export const MAX_EXTENDED_LENGTH = 1_048_576;

/** The same while only extensions of this package are spoken. */
export const MAX_STANDARD_EXTENDED_LENGTH = 131_072;

/** Longest payload of a message of an unknown type that is tolerated, in bytes. */
export const MAX_UNKNOWN_LENGTH = 65_536;

/** Most hashes of one hashes message: 8192 and a proof of at most 32 layers (BEP 52). */
export const MAX_HASHES: number = 8_192 + 32;

/** Most hashes that a request served by us may ask for (BEP 52: should not exceed 512). */
export const MAX_HASH_REQUEST_LENGTH = 512;

/** Deepest merkle layer a hash message may name (BEP 52; 2^32 leaves of 16 KiB are 64 TiB). */
export const MAX_HASH_LAYERS = 32;

/** Hash requests of one peer that wait for our answer; the rest is rejected. */
export const MAX_HASH_REQUESTS = 32;

/** Requests of one peer that wait for us; also the `reqq` we announce (BEP 10). */
export const MAX_QUEUED_REQUESTS = 2_000;

/** Most requests we keep outstanding at a peer, whatever its `reqq`. */
export const MAX_OUTSTANDING_REQUESTS = 2_000;

/** What a peer that announces no `reqq` is assumed to queue (BEP 10 suggests 250). */
export const DEFAULT_PEER_QUEUE = 250;

/** Requests outside of the torrent, too long, or for pieces we lack, before a peer is dropped. */
export const MAX_INVALID_REQUESTS = 50;

/** Blocks that were not requested before a peer is dropped. */
export const MAX_UNREQUESTED_BLOCKS = 50;

/** Blocks that were given up and are still welcome when they arrive late. */
export const MAX_LATE_BLOCKS = 2_000;

/** Allowed fast pieces granted to a peer (BEP 6; the usual number is 10, libtorrent grants 5). */
export const ALLOWED_FAST_COUNT = 5;

/** Pieces of a torrent for each that is granted: what is fetched without a slot is to be little. */
export const PIECES_PER_ALLOWED_FAST = 200;

/** Allowed fast pieces remembered of a peer. */
export const MAX_ALLOWED_FAST = 512;

/** Changes of a peer's choke state tolerated in ten seconds. */
export const MAX_CHOKE_FLIPS = 40;

/** Changes of a peer's interest tolerated in ten seconds; a fast swarm flips honestly with every piece. */
export const MAX_INTEREST_FLIPS = 1_000;

/** Length of the window in which changes are counted, in milliseconds. */
export const FLIP_WINDOW_MS = 10_000;

/** Silence of ours after which a keep-alive is sent, in milliseconds (BEP 3: two minutes). */
export const KEEP_ALIVE_MS = 100_000;

/**
 * The same for the first one over uTP: Transmission 3.00 looks at messages that
 * came right behind an encrypted handshake when another datagram comes.
 */
export const FIRST_UTP_KEEP_ALIVE_MS = 1_000;

/** Silence of the peer after which it is dropped, in milliseconds. */
export const SILENCE_TIMEOUT_MS = 150_000;

/** How long a connection may be useless to both sides, in milliseconds. */
export const IDLE_TIMEOUT_MS = 600_000;

/** How long a request may stay unanswered, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** How long an unchoked peer may send no block before it counts as snubbing us, in milliseconds. */
export const SNUB_TIMEOUT_MS = 30_000;

/** How long the peer may take nothing out of a filled send buffer, in milliseconds. */
export const SEND_TIMEOUT_MS = 120_000;

/** Bytes waiting to be sent above which a slow reader is dropped. */
export const MAX_SEND_BUFFER = 8_388_608;

/** Least bytes in the send buffer below which blocks are served. */
export const MIN_SEND_WATERMARK = 10_240;

/** Most bytes in the send buffer below which blocks are served. */
export const MAX_SEND_WATERMARK = 1_048_576;

/** Watermark while nothing is known of the rate, in bytes. */
export const INITIAL_SEND_WATERMARK = 32_768;

/** Most names that an extension handshake may map (BEP 10 sets none). */
export const MAX_EXTENSIONS = 64;

/** Most peers read from one field of a ut_pex message (BEP 11 allows 50). */
export const MAX_PEX_ENTRIES = 100;

/** Most peers sent in one field of a ut_pex message (BEP 11). */
export const PEX_SEND_ENTRIES = 50;

/** Shortest time between two ut_pex messages in milliseconds (BEP 11: one a minute, some slack). */
export const PEX_INTERVAL_MS = 50_000;

/** Refusals in a row from a peer that does not choke us, without a block, before it is dropped. */
export const MAX_REJECTS = 1_000;

/** Bytes in the send buffer above which metadata and hashes are refused (BEP 9 leaves it open). */
export const ANSWER_SEND_WATERMARK = 262_144;

/** Bytes in the send buffer above which the peer is not read any more. */
export const READ_SEND_WATERMARK = 2_097_152;

/** Extension handshakes of one peer heeded in ten seconds. */
export const MAX_EXTENSION_HANDSHAKES = 20;

/** What a peer may cost us a second, in units of {@linkcode MESSAGE_COST}. */
export const BUDGET_RATE = 1_000;

/** What a peer may cost us at once. */
export const BUDGET_BURST = 20_000;

/** What a peer may cost us above a part of the rate before it is dropped. */
export const BUDGET_PATIENCE = 60_000;

/** That part. */
export const PATIENCE_RATE: number = BUDGET_RATE / 4;

/** What a message costs by its type; a unit is about a microsecond. */
export const MESSAGE_COST = {
  "keep-alive": 2,
  choke: 4,
  unchoke: 4,
  interested: 2,
  "not-interested": 2,
  have: 0.02,
  bitfield: 20,
  request: 0,
  piece: 0,
  cancel: 1,
  port: 20,
  suggest: 2,
  "have-all": 20,
  "have-none": 20,
  reject: 0.5,
  "allowed-fast": 2,
  extended: 4,
  "hash-request": 2,
  hashes: 2,
  "hash-reject": 2,
  unknown: 4,
} as const;

/** What a message costs that tells nothing, or cannot be. */
export const ODDITY_COST = 20;

/** Length below which a request counts as tiny, in bytes. */
export const TINY_REQUEST = 4_096;

/** What a tiny request costs that is for no whole block. */
export const TINY_COST = 2;

/** What a "have" costs that is no news. */
export const REPEAT_COST = 1;

/** Pieces that are looked at for a unit. */
export const PIECES_A_UNIT = 256;

/** Bytes of what is of no use that cost a unit. */
export const JUNK_BYTES = 8;

/** Bytes of other extended messages that cost a unit, up to so many bytes. */
export const EXTENDED_BYTES = 128;
export const USUAL_EXTENDED = 2_048;

/** What an extension handshake costs. */
export const HANDSHAKE_COST = 200;

/** What a message of gossip costs: ut_pex, ut_holepunch. */
export const GOSSIP_COST = 200;

/** What one small read of the socket costs. */
export const READ_COST = 1;

/** Bytes below which a read counts as small. */
export const SMALL_READ = 512;

/** Part of a peer's `reqq` that we use: some count otherwise than we do. */
export const QUEUE_SHARE = 0.97;
