/**
 * The documents of an object store.
 *
 * @module
 */
import {
  escapeXml,
  tryParseXml,
  type XmlElement,
  xmlText,
} from "../../_shared/http/xml.ts";

/** Most bytes of a document: a full page of long keys. */
export const MAX_S3_DOCUMENT = 4 * 1024 * 1024;

/** A full page has a thousand entries of some ten elements. */
const LIMITS = { maxLength: MAX_S3_DOCUMENT, maxElements: 32_768 };

/** Most characters of what a server says that are passed on. */
const MAX_TOLD = 200;

/** An object of a list. */
export interface S3Object {
  /** Its key, of which the prefix is part. */
  readonly key: string;
  /** Its length in bytes. */
  readonly size: number;
}

/** A page of a list. */
export interface S3Page<T> {
  /** What is on it. */
  readonly items: readonly T[];
  /** Where the next page starts; absent on the last. */
  readonly next: string | undefined;
}

/** A part of an object that is being put together. */
export interface S3Part {
  /** From 1. */
  readonly number: number;
  /** What the server calls its content, quotes included. */
  readonly etag: string;
  /** Its length in bytes. */
  readonly size: number;
  /** SHA-256 of it in base64, where the server keeps such. */
  readonly sum?: string | undefined;
}

/** Why a server refused. */
export interface S3ErrorBody {
  /** Such as `NoSuchKey`. */
  readonly code: string;
  /** One line for people, without anything that controls a terminal. */
  readonly message: string;
}

/** Reads a document with some root. */
function root(text: string, name: string): XmlElement | undefined {
  const element = tryParseXml(text, LIMITS);
  return element?.name === name ? element : undefined;
}

function whole(text: string | undefined): number | undefined {
  const value = /^\d{1,15}$/.test(text ?? "") ? Number(text) : undefined;
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}

/** Text of a child right below; keys keep their spaces. */
function child(element: XmlElement, name: string): string | undefined {
  return element.children.find((other) => other.name === name)?.text;
}

/** Reads a page; `undefined` when anything of it is not as it should be. */
function page<T>(
  text: string,
  rootName: string,
  itemName: string,
  nextName: string,
  read: (element: XmlElement) => T | undefined,
): S3Page<T> | undefined {
  const document = root(text, rootName);
  if (document === undefined) return undefined;
  const items: T[] = [];
  for (const element of document.children) {
    if (element.name !== itemName) continue;
    const item = read(element);
    if (item === undefined) return undefined;
    items.push(item);
  }
  const more = child(document, "IsTruncated")?.trim();
  if (more === "false") return { items, next: undefined };
  const next = child(document, nextName)?.trim();
  return more === "true" && next ? { items, next } : undefined;
}

/**
 * Reads an answer to ListObjectsV2.
 *
 * @param text The document.
 * @returns The page, or `undefined` for junk.
 */
export function tryDecodeList(text: string): S3Page<S3Object> | undefined {
  return page(
    text,
    "ListBucketResult",
    "Contents",
    "NextContinuationToken",
    (element) => {
      const key = child(element, "Key");
      const size = whole(child(element, "Size"));
      return key && size !== undefined ? { key, size } : undefined;
    },
  );
}

/**
 * Reads an answer to ListParts.
 *
 * @param text The document.
 * @returns The page, or `undefined` for junk.
 */
export function tryDecodeParts(text: string): S3Page<S3Part> | undefined {
  return page(
    text,
    "ListPartsResult",
    "Part",
    "NextPartNumberMarker",
    (element) => {
      const number = whole(child(element, "PartNumber"));
      const size = whole(child(element, "Size"));
      const etag = child(element, "ETag")?.trim();
      const sum = child(element, "ChecksumCRC32")?.trim();
      return number && size !== undefined && etag
        ? { number, etag, size, ...(sum ? { sum } : {}) }
        : undefined;
    },
  );
}

/**
 * Reads one text of a document: the upload's id, the ETag of a copy.
 *
 * @param text The document.
 * @param rootName What its root must be.
 * @param name Which element.
 * @returns The text, or `undefined` for junk.
 */
export function tryDecodeText(
  text: string,
  rootName: string,
  name: string,
): string | undefined {
  const document = root(text, rootName);
  return document && (xmlText(document, name) || undefined);
}

/**
 * Reads an error, which may also come with status 200.
 *
 * @param text The document.
 * @returns What it says, or `undefined` for another document.
 */
export function tryDecodeS3Error(text: string): S3ErrorBody | undefined {
  const document = root(text, "Error");
  if (document === undefined) return undefined;
  const code = child(document, "Code")?.trim() ?? "";
  if (!/^[\w.-]{1,64}$/.test(code)) return undefined;
  const message = (child(document, "Message") ?? "")
    .replace(/[\p{C}\p{Z}]+/gu, " ").trim().slice(0, MAX_TOLD);
  return { code, message };
}

/**
 * Writes the list of parts that CompleteMultipartUpload wants.
 *
 * @param parts The parts, ascending.
 * @returns The document.
 */
export function formatCompletion(parts: readonly S3Part[]): string {
  const items = parts.map(({ number, etag, sum }) => {
    const checksum = sum === undefined
      ? ""
      : `<ChecksumCRC32>${escapeXml(sum)}</ChecksumCRC32>`;
    return `<Part><PartNumber>${number}</PartNumber><ETag>${
      escapeXml(etag)
    }</ETag>${checksum}</Part>`;
  });
  return `<CompleteMultipartUpload>${items.join("")}</CompleteMultipartUpload>`;
}
