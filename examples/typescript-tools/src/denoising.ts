/**
 * Image Denoising by non-local means (Buades et al. 2005): a pixel becomes the mean of the pixels around it,
 * each weighted by how much its patch looks like the pixel's own.
 *
 * Patches are compared for one shift of the whole picture at a time, by running sums (Darbon et al. 2008), so the
 * patches' size costs nothing. It expects noise of a known strength; a picture without noise becomes softer.
 */

import type { Expert } from "./expert.js";
import { type Picture, readPicture, writePicture } from "./picture.js";

/** The noise's deviation, of 255. */
const NOISE = 22;
/** How quickly a weight falls with the distance of two patches, of 255. */
const STRENGTH = 0.6 * NOISE;
/** Patches have 2 * PATCH + 1 pixels on a side. */
const PATCH = 2;
/** The farthest shift, to every side. */
const REACH = 6;
const MARGIN = PATCH + REACH;
const COLOURS = 3;

export function denoised(picture: Picture): Picture {
  const { width, height, data } = picture;
  const wide = width + 2 * MARGIN;
  const source = mirrored(picture);
  const sums = new Float64Array(width * height * COLOURS);
  const weights = new Float64Array(width * height);
  for (let down = -REACH; down <= REACH; down++) {
    for (let right = -REACH; right <= REACH; right++) {
      const shift = down * wide + right;
      const distances = patchDistances(source, wide, width, height, shift);
      for (let y = 0, at = 0; y < height; y++) {
        for (let x = 0; x < width; x++, at++) {
          // Noise alone makes two equal patches differ by twice its variance.
          const excess = Math.max(0, distances[at]! - 2 * NOISE * NOISE);
          const weight = Math.exp(-excess / (STRENGTH * STRENGTH));
          const from = ((y + MARGIN) * wide + x + MARGIN + shift) * COLOURS;
          weights[at]! += weight;
          for (let colour = 0; colour < COLOURS; colour++) {
            sums[at * COLOURS + colour]! += weight * source[from + colour]!;
          }
        }
      }
    }
  }
  const mended = Buffer.from(data);
  for (let at = 0; at < weights.length; at++) {
    for (let colour = 0; colour < COLOURS; colour++) {
      mended[at * 4 + colour] = Math.round(sums[at * COLOURS + colour]! / weights[at]!);
    }
  }
  return { width, height, data: mended };
}

/** The colours with a margin on every side, in which the picture is mirrored. */
function mirrored({ width, height, data }: Picture): Float64Array {
  const wide = width + 2 * MARGIN;
  const high = height + 2 * MARGIN;
  const source = new Float64Array(wide * high * COLOURS);
  for (let y = 0, at = 0; y < high; y++) {
    const row = mirror(y - MARGIN, height) * width;
    for (let x = 0; x < wide; x++) {
      const from = (row + mirror(x - MARGIN, width)) * 4;
      for (let colour = 0; colour < COLOURS; colour++, at++) {
        source[at] = data[from + colour]!;
      }
    }
  }
  return source;
}

function mirror(at: number, size: number): number {
  const period = 2 * size;
  const within = ((at % period) + period) % period;
  return within < size ? within : period - 1 - within;
}

/** For each pixel the mean squared difference of its patch and the patch at a shift. */
function patchDistances(
  source: Float64Array,
  wide: number,
  width: number,
  height: number,
  shift: number,
): Float64Array {
  // The sum of everything above and to the left, over the picture and PATCH pixels around it.
  const across = width + 2 * PATCH + 1;
  const table = new Float64Array(across * (height + 2 * PATCH + 1));
  for (let y = 1; y <= height + 2 * PATCH; y++) {
    let row = 0;
    for (let x = 1; x < across; x++) {
      const at = (y - 1 + REACH) * wide + (x - 1 + REACH);
      for (let colour = 0; colour < COLOURS; colour++) {
        const difference = source[at * COLOURS + colour]! - source[(at + shift) * COLOURS + colour]!;
        row += difference * difference;
      }
      table[y * across + x] = table[(y - 1) * across + x]! + row;
    }
  }
  const side = 2 * PATCH + 1;
  const distances = new Float64Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const top = y * across + x;
      const bottom = top + side * across;
      const sum = table[bottom + side]! - table[bottom]! - table[top + side]! + table[top]!;
      distances[at] = sum / (side * side * COLOURS);
    }
  }
  return distances;
}

export const denoising: Expert = {
  name: "Image Denoising",
  description: "removes noise from an image",
  inputs: ["image"],
  output: "image",
  apply: ([file]) => writePicture(denoised(readPicture(file as Buffer))),
};
