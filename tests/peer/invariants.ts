import type { PeerSessionMachine } from "../../peer/mod.ts";

function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Broken invariant: ${what}`);
}

/** What always holds in a session, whatever the peer does. */
export function assertSessionInvariants(
  machine: PeerSessionMachine,
  limits: { pieceCount: number; maxOutstanding: number; maxQueued: number },
): void {
  const { peerHas } = machine;
  holds(
    peerHas.length === 0 || peerHas.length === limits.pieceCount,
    "one bit a piece once the number is known",
  );
  holds([...peerHas].length === peerHas.count, "the count equals the bits");
  holds(
    machine.outstanding <= limits.maxOutstanding,
    "outstanding requests are bounded",
  );
  let count = 0;
  for (const request of machine.outstandingRequests) {
    count++;
    holds(peerHas.has(request.pieceIndex), "requests are for what it has");
  }
  holds(count === machine.outstanding, "the ledger counts right");
  holds(
    machine.queuedRequests <= limits.maxQueued,
    "queued requests are bounded",
  );
  const { deadline } = machine;
  holds(
    machine.isClosed ? deadline === undefined : Number.isFinite(deadline),
    "a live session has a deadline",
  );
}
