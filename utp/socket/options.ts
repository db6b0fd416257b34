/**
 * What a connection is made of, and what it counts.
 *
 * @module
 */
/** Options of `UtpSocketMachine`. */
export interface UtpSocketMachineOptions {
  /** Connection id of the SYN, 16 bits. */
  readonly connectionId: number;
  /** Sequence number of our first packet, 16 bits, drawn at random. */
  readonly seqNr: number;
  /**
   * Sequence number of the other side's SYN, 16 bits, which is answered already
   * (see `UtpAcceptor`). @default this side sends one
   */
  readonly synSeqNr?: number | undefined;
  /** Datagram that every path carries, in bytes. @default {548} */
  readonly mtuFloor?: number | undefined;
  /** Longest datagram to try, in bytes. @default {1472} */
  readonly mtuCeiling?: number | undefined;
  /** Bytes that wait for the reader, at most. @default {1048576} */
  readonly maxReceiveBuffer?: number | undefined;
  /** Bytes that wait for their acks, at most. @default {1048576} */
  readonly maxSendBuffer?: number | undefined;
}

/** Counters of a uTP connection. */
export interface UtpSocketStats {
  /** Packets sent. */
  readonly packetsSent: number;
  /** Packets received that belonged to the connection. */
  readonly packetsReceived: number;
  /** Payload bytes that were acked. */
  readonly bytesAcked: number;
  /** Payload bytes received, in order or beyond a gap. */
  readonly bytesReceived: number;
  /** Packets that count as lost because later ones were acked. */
  readonly fastResends: number;
  /** Packets sent again for any reason. */
  readonly resends: number;
  /** Acks of packets that were taken for lost and were not. */
  readonly spurious: number;
  /** Times the congestion window was halved. */
  readonly losses: number;
  /** Times no ack came in time. */
  readonly timeouts: number;
  /** Samples of delay above the target. */
  readonly samplesAbove: number;
  /** Samples of delay below the target. */
  readonly samplesBelow: number;
  /** Packets received twice. */
  readonly duplicates: number;
  /** Packets dropped as implausible, or without room for them. */
  readonly dropped: number;
}

/** Counters that count. */
export type Counters = { -readonly [K in keyof UtpSocketStats]: number };
