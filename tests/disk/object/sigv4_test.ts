import { assertEquals } from "@std/assert";
import { createHash, createHmac } from "node:crypto";
import { fromByteString } from "../../../_shared/bytes.ts";
import {
  canonicalQuery,
  canonicalRequest,
  encodeS3,
  formatAuthorization,
  keySteps,
  type Pair,
  type SignableRequest,
  signingTime,
  stringToSign,
} from "../../../disk/object/sigv4.ts";

// The examples of "Signature Calculations for the Authorization Header" in the
// documentation of Amazon S3.
const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const EMPTY =
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const scope = { time: "20130524T000000Z", region: "us-east-1" };
const host: Pair = ["host", "examplebucket.s3.amazonaws.com"];
const date: Pair = ["x-amz-date", scope.time];

function sign(request: SignableRequest): string {
  const hash = createHash("sha256").update(canonicalRequest(request)).digest(
    "hex",
  );
  const [first, ...texts] = keySteps(SECRET, scope);
  let key: Uint8Array | string = first;
  for (const text of [...texts, stringToSign(scope, hash)]) {
    key = createHmac("sha256", key).update(text).digest();
  }
  return formatAuthorization(
    "AKIAIOSFODNN7EXAMPLE",
    scope,
    request,
    key as Uint8Array,
  );
}

const vectors: [string, SignableRequest, signed: string, signature: string][] =
  [
    [
      "an object",
      {
        method: "GET",
        path: "/test.txt",
        query: [],
        headers: [date, host, ["range", "bytes=0-9"], [
          "x-amz-content-sha256",
          EMPTY,
        ]],
        payloadHash: EMPTY,
      },
      "host;range;x-amz-content-sha256;x-amz-date",
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
    [
      "a PUT",
      {
        method: "PUT",
        path: `/${encodeS3("test$file.text", true)}`,
        query: [],
        headers: [
          ["date", "Fri, 24 May 2013 00:00:00 GMT"],
          host,
          date,
          [
            "x-amz-content-sha256",
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
          ],
          ["x-amz-storage-class", "REDUCED_REDUNDANCY"],
        ],
        payloadHash:
          "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      },
      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ],
    [
      "a query without a value",
      {
        method: "GET",
        path: "/",
        query: [["lifecycle", ""]],
        headers: [host, date, ["x-amz-content-sha256", EMPTY]],
        payloadHash: EMPTY,
      },
      "host;x-amz-content-sha256;x-amz-date",
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ],
    [
      "a list",
      {
        method: "GET",
        path: "/",
        query: [["prefix", "J"], ["max-keys", "2"]],
        headers: [host, ["x-amz-content-sha256", EMPTY], date],
        payloadHash: EMPTY,
      },
      "host;x-amz-content-sha256;x-amz-date",
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ],
  ];

const pure = { permissions: "none" } as const;

for (const [name, request, signed, signature] of vectors) {
  Deno.test(`SigV4 - published vector: ${name}`, pure, () => {
    assertEquals(
      sign(request),
      `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signed},Signature=${signature}`,
    );
  });
}

Deno.test(
  "SigV4 - every byte but unreserved ones is encoded, in upper case",
  pure,
  () => {
    const all = fromByteString(String.fromCharCode(...Array(128).keys()));
    const text = String.fromCharCode(...all);
    const encoded = encodeS3(text);
    assertEquals(decodeURIComponent(encoded), text);
    assertEquals(encoded.replace(/%[0-9A-F]{2}/g, "").length, 66);
    assertEquals(encodeS3("a/b ü+"), "a%2Fb%20%C3%BC%2B");
    assertEquals(encodeS3("a b/ü+", true), "a%20b/%C3%BC%2B");
    assertEquals(encodeS3("\ud800"), "%EF%BF%BD");
  },
);

Deno.test(
  "SigV4 - queries are ordered by name and value, header values trimmed",
  pure,
  () => {
    assertEquals(
      canonicalQuery([["b", "2"], ["a b", "&="], ["b", "1"], ["B", ""]]),
      "B=&a%20b=%26%3D&b=1&b=2",
    );
    for (const order of ["123", "132", "213", "231", "312", "321"]) {
      const query = [...order].map((value) => ["b", value] as const);
      assertEquals(canonicalQuery(query), "b=1&b=2&b=3", order);
    }
    const request = { method: "GET", path: "/", query: [], payloadHash: "x" };
    assertEquals(
      canonicalRequest({
        ...request,
        headers: [["b", "  two   words "], ["a", "1"]],
      }),
      "GET\n/\n\na:1\nb:two words\n\na;b\nx",
    );
    assertEquals(signingTime("2013-05-24T01:02:03.004Z"), "20130524T010203Z");
  },
);
