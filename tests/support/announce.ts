import type { AnnounceRequest } from "../../_shared/announce.ts";

/** An announce like any other. */
export const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(1),
  peerId: new Uint8Array(20).fill(2),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
};
