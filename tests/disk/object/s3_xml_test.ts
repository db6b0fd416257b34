import { assert, assertEquals } from "@std/assert";
import { escapeXml } from "../../../_shared/http/xml.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import {
  formatCompletion,
  MAX_S3_DOCUMENT,
  tryDecodeList,
  tryDecodeParts,
  tryDecodeS3Error,
  tryDecodeText,
} from "../../../disk/object/s3_xml.ts";

const pure = { permissions: "none" } as const;

const LIST = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix>a&amp;b</Prefix><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated>
<Contents><Key>a&amp;b/ &lt;x&gt; </Key><LastModified>2009-10-12T17:50:30.000Z</LastModified><ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>434234</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>a&amp;b/2</Key><Size>0</Size></Contents><NextContinuationToken>1ueG=</NextContinuationToken></ListBucketResult>`;

Deno.test("S3 XML - a page of a list", pure, () => {
  assertEquals(tryDecodeList(LIST), {
    items: [{ key: "a&b/ <x> ", size: 434234 }, { key: "a&b/2", size: 0 }],
    next: "1ueG=",
  });
  const last = LIST.replace("true", "false");
  assertEquals(tryDecodeList(last)?.next, undefined);
});

Deno.test(
  "S3 XML - every prefix of a page is junk, and so are wrong values",
  pure,
  () => {
    for (let i = 0; i < LIST.length; i++) {
      assertEquals(tryDecodeList(LIST.slice(0, i)), undefined, `${i}`);
    }
    for (
      const [from, to] of [
        ["434234", "-1"],
        ["434234", "1e3"],
        ["434234", "9".repeat(16)],
        ["434234", ""],
        ["<Key>a&amp;b/2</Key>", ""],
        [">true<", ">yes<"],
        ["<NextContinuationToken>1ueG=</NextContinuationToken>", ""],
        ["ListBucketResult xmlns", "Other xmlns"],
      ] as const
    ) assertEquals(tryDecodeList(LIST.replace(from, to)), undefined, to);
    assertEquals(tryDecodeList(LIST + " ".repeat(MAX_S3_DOCUMENT)), undefined);
  },
);

Deno.test("S3 XML - a full page of the longest keys is read", pure, () => {
  const random = seededRandom(5);
  const keys = Array.from(
    { length: 1000 },
    (_, i) => `${i}${"&<>\"' ".charAt(randomInt(random, 6))}`.padEnd(1024, "k"),
  );
  const items = keys.map((key, i) =>
    `<Contents><Key>${
      escapeXml(key)
    }</Key><ETag>"x"</ETag><Size>${i}</Size><Owner><ID>1</ID><DisplayName>2</DisplayName></Owner><StorageClass>S</StorageClass><LastModified>t</LastModified></Contents>`
  );
  const page = tryDecodeList(
    `<ListBucketResult><IsTruncated>false</IsTruncated>${
      items.join("")
    }</ListBucketResult>`,
  );
  assertEquals(page?.items, keys.map((key, size) => ({ key, size })));
});

Deno.test("S3 XML - parts", pure, () => {
  const text =
    `<ListPartsResult><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated><Part><PartNumber>2</PartNumber><ETag>&quot;e&quot;</ETag><Size>5</Size></Part></ListPartsResult>`;
  assertEquals(tryDecodeParts(text), {
    items: [{ number: 2, etag: '"e"', size: 5 }],
    next: "2",
  });
  for (const name of ["PartNumber", "ETag", "Size"]) {
    assertEquals(tryDecodeParts(text.replaceAll(name, "X")), undefined, name);
  }
  assertEquals(
    tryDecodeParts(text.replace(">2</PartNumber", ">0</PartNumber")),
    undefined,
  );
});

Deno.test("S3 XML - errors are one harmless line", pure, () => {
  assertEquals(
    tryDecodeS3Error(
      `<Error><Code>SlowDown</Code><Message>a\n&#27;[31mb &#8238;c</Message></Error>`,
    ),
    { code: "SlowDown", message: "a [31mb c" },
  );
  assertEquals(tryDecodeS3Error(`<Error><Code>X</Code></Error>`), {
    code: "X",
    message: "",
  });
  assertEquals(tryDecodeS3Error(`<Error><Code>a b</Code></Error>`), undefined);
  assertEquals(tryDecodeS3Error(`<Error/>`), undefined);
  assertEquals(tryDecodeS3Error(`<Other><Code>X</Code></Other>`), undefined);
  const long = tryDecodeS3Error(
    `<Error><Code>X</Code><Message>${"m".repeat(999)}</Message></Error>`,
  );
  assertEquals(long?.message.length, 200);
});

Deno.test("S3 XML - one text of a document", pure, () => {
  const text =
    "<InitiateMultipartUploadResult><UploadId> id </UploadId></InitiateMultipartUploadResult>";
  assertEquals(
    tryDecodeText(text, "InitiateMultipartUploadResult", "UploadId"),
    "id",
  );
  assertEquals(tryDecodeText(text, "CopyPartResult", "UploadId"), undefined);
  assertEquals(
    tryDecodeText(text, "InitiateMultipartUploadResult", "ETag"),
    undefined,
  );
  assertEquals(
    tryDecodeText(
      text.replace(" id ", " "),
      "InitiateMultipartUploadResult",
      "UploadId",
    ),
    undefined,
  );
});

Deno.test("S3 XML - the list of parts to put together", pure, () => {
  assertEquals(
    formatCompletion([{ number: 1, etag: '"a&b"', size: 1 }, {
      number: 2,
      etag: "c",
      size: 1,
    }]),
    '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"a&amp;b"</ETag></Part><Part><PartNumber>2</PartNumber><ETag>c</ETag></Part></CompleteMultipartUpload>',
  );
  assert(formatCompletion([]).length > 0);
});
