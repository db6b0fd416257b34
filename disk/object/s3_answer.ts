/**
 * What an object store answers, and whether it can be right.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { decodeTextLossy, writeUint32 } from "../../_shared/bytes.ts";
import { readBody } from "../../_shared/http/read_body.ts";
import { type S3ErrorBody, tryDecodeS3Error } from "./s3_xml.ts";

/** The answer to a request. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  /** As much as was asked to be read. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Throws a {@linkcode WrongAnswer} for another attempt. */
export type CheckAnswer = (
  answer: S3Answer,
  sent: SentBody,
) => void;

/** What went with a request. */
export interface SentBody {
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly headers?: readonly (readonly [string, string])[] | undefined;
}

/** An answer that cannot be right: another attempt may bring a better one. */
export class WrongAnswer extends Error {}

/** What a server has against a request; `undefined` for nothing. */
export function refusalOf(answer: S3Answer): S3ErrorBody | undefined {
  const { status, body } = answer;
  const text = body[0] === 0x3c && body.length < 65_536
    ? decodeTextLossy(body)
    : "";
  const error = text === "" ? undefined : tryDecodeS3Error(text);
  if (status === 412 || status === 206) return undefined;
  if (status === 404 && error?.code !== "NoSuchBucket") return undefined;
  if (status === 200) return error;
  if (status > 200 && status < 300) return undefined;
  return error ?? { code: "", message: `status ${status}` };
}

/** How long the server asks us to wait, in milliseconds. */
export function waitOf(headers: Headers): number {
  const seconds = headers.get("retry-after") ?? "";
  return /^\d{1,2}$/.test(seconds) ? Number(seconds) * 1000 : 0;
}

/** Reads a body that may have so many bytes. */
export async function readBounded(
  response: Response,
  most: number,
  into?: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readBody(response, most, into);
  if (bytes === undefined) {
    throw new WrongAnswer(`The answer is longer than ${most} bytes`);
  }
  return bytes;
}

/**
 * Where the CRC-32 of a body is told, both ways: it costs next to nothing. The
 * SHA-256 of the body is signed, and the server's to check.
 */
export const SUM = "x-amz-checksum-crc32";

/** The CRC-32 of a body, as it is told there. */
export function sumOf(bytes: Uint8Array): string {
  const sum = new Uint8Array(4);
  writeUint32(sum, 0, crc32(bytes));
  return sum.toBase64();
}

const OTHER_BYTES = "The server stored different bytes than it was sent";

/**
 * Whether a server stored what it was sent, by the CRC-32 that it tells. Else its
 * ETag is the MD5 of the content, unless it encrypts with keys of its own.
 */
export function checkStored(
  { headers }: S3Answer,
  { body, headers: sent = [] }: SentBody,
): void {
  const name = SUM;
  const sum = headers.get(name);
  const own = sent.find(([other]) => other === name)?.[1];
  if (sum !== null && own !== undefined) {
    if (sum !== own) throw new WrongAnswer(OTHER_BYTES);
    return;
  }
  const etag = headers.get("etag") ?? "";
  const encryption = headers.get("x-amz-server-side-encryption") ?? "AES256";
  if (
    encryption !== "AES256" ||
    headers.has("x-amz-server-side-encryption-customer-algorithm")
  ) return;
  const value = /^"?([0-9a-f]{32})"?$/i.exec(etag)?.[1];
  if (value === undefined) return;
  const right = createHash("md5").update(body ?? "").digest("hex");
  if (value.toLowerCase() !== right) {
    throw new WrongAnswer(OTHER_BYTES);
  }
}

/** Whether an answer has the range that was asked for, if it has any. */
export function checkRange(
  { status, headers, body }: S3Answer,
  offset: number,
  length: number,
): void {
  if (status === 404 || status === 412) return;
  const range = /^bytes (\d+)-(\d+)\//.exec(headers.get("content-range") ?? "");
  if (
    status !== 206 || Number(range?.[1]) !== offset ||
    Number(range?.[2]) !== offset + length - 1 || body.length !== length
  ) {
    throw new WrongAnswer(
      "The server sent different bytes than were requested",
    );
  }
}
