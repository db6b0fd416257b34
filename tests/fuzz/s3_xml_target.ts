import { decodeTextLossy, encodeText } from "../../_shared/bytes.ts";
import {
  tryDecodeList,
  tryDecodeParts,
  tryDecodeS3Error,
  tryDecodeText,
} from "../../disk/object/s3_xml.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** Documents of an object store. */
export const fuzzTarget: FuzzTarget = {
  name: "s3-xml",
  seeds: () =>
    [
      `<?xml version="1.0"?><ListBucketResult xmlns="x"><Contents><Key>a&amp;b</Key><Size>5</Size></Contents><IsTruncated>true</IsTruncated><NextContinuationToken>n</NextContinuationToken></ListBucketResult>`,
      `<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>&quot;e&quot;</ETag><Size>5</Size></Part><IsTruncated>false</IsTruncated></ListPartsResult>`,
      `<Error><Code>SlowDown</Code><Message>Please &#x1b; wait</Message></Error>`,
      `<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>`,
      `<CopyPartResult><ETag>"e"</ETag></CopyPartResult>`,
    ].map(encodeText),
  run(input) {
    const text = decodeTextLossy(input);
    for (const page of [tryDecodeList(text), tryDecodeParts(text)]) {
      for (const { size } of page?.items ?? []) {
        if (Number.isSafeInteger(size) && size >= 0) continue;
        throw new Error("Broken promise: sizes are sizes");
      }
    }
    const error = tryDecodeS3Error(text);
    if (error && (/\p{C}/u.test(error.message) || error.message.length > 200)) {
      throw new Error("Broken promise: messages are one harmless line");
    }
    tryDecodeText(text, "InitiateMultipartUploadResult", "UploadId");
    tryDecodeText(text, "CopyPartResult", "ETag");
  },
};
