/** Pictures: from PNG and to PNG. */

import { PNG } from "pngjs";

import { Unusable } from "./expert.js";

/** Red, green, blue and opacity of each pixel, row by row, 0 to 255. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Buffer;
}

const MAX_PIXELS = 1_048_576;
/** What a content may have by the contract. */
const MAX_BYTES = 1_048_576;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const HEADER_END = 24;

/** Reads a PNG; its size is judged before a pixel is decoded, so a small file cannot become a huge picture. */
export function readPicture(file: Buffer): Picture {
  if (file.length < HEADER_END || !file.subarray(0, SIGNATURE.length).equals(SIGNATURE)) {
    throw new Unusable("the picture is no PNG, which is all that is read here");
  }
  const width = file.readUInt32BE(16);
  const height = file.readUInt32BE(20);
  if (width * height > MAX_PIXELS) {
    throw new Unusable(`the picture has ${width} x ${height} pixels, but at most ${MAX_PIXELS} are allowed`);
  }
  try {
    return PNG.sync.read(file);
  } catch {
    throw new Unusable("the picture's pixels are damaged or cut off");
  }
}

/** Writes a PNG, opaque where the picture is. */
export function writePicture({ width, height, data }: Picture): Buffer {
  const opaque = data.every((value, index) => index % 4 !== 3 || value === 255);
  const png = new PNG({ width, height });
  png.data = data;
  const file = PNG.sync.write(png, { colorType: opaque ? 2 : 6 });
  if (file.length > MAX_BYTES) {
    throw new Unusable(`the result has ${file.length} bytes, but at most ${MAX_BYTES} are passed on`);
  }
  return file;
}
