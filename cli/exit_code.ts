/**
 * The exit codes of the `bip` command: a contract with scripts.
 *
 * @module
 */

/** Everything went well. */
export const EXIT_DONE = 0;
/** Something that should not happen. */
export const EXIT_UNEXPECTED = 1;
/** The command line makes no sense. */
export const EXIT_USAGE = 2;
/** The data does not match the torrent. */
export const EXIT_VERIFICATION_FAILED = 3;
/** The torrent file or magnet link is bad. */
export const EXIT_BAD_TORRENT = 4;
/** No peer, tracker or node answered, or not in time. */
export const EXIT_NO_PEERS = 5;
/** Reading or writing failed; the disk may be full. */
export const EXIT_IO = 6;
/** Ended by Ctrl-C. */
export const EXIT_INTERRUPTED = 130;
