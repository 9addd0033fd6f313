// Makes an image that was pasted, dropped or chosen small enough to go with a prompt: the whole prompt is one message of at
// most 1 MiB. Not the sending.

/** Images of one prompt; with their share each they fit into one message together. */
export const IMAGES_MAX = 4;
/** Characters of one image's data: address. */
const IMAGE_CHARS = 200_000;
/** A larger original is not opened at all. */
const FILE_MAX_BYTES = 40 * 1024 * 1024;
/** The longest side to begin with, as models look at images; halved until it fits. */
const SIDE_PX = 1600;
const SIDE_MIN_PX = 200;

export class Unfit extends Error {}

export async function fitImage(file: Blob): Promise<string> {
  if (file.size > FILE_MAX_BYTES) throw new Unfit("The image is larger than 40 MB.");
  const original = file.size < IMAGE_CHARS * 0.7 && /^image\/(png|jpeg|webp|gif)$/.test(file.type) ? await dataUrl(file) : null;
  if (original && original.length <= IMAGE_CHARS) return original;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Unfit("This file is no image that the browser can read.");
  }
  try {
    for (let side = SIDE_PX; side >= SIDE_MIN_PX; side = Math.round(side * 0.75)) {
      for (const quality of [0.85, 0.7]) {
        const url = await draw(bitmap, side, quality);
        if (url.length <= IMAGE_CHARS) return url;
      }
    }
  } finally {
    bitmap.close();
  }
  throw new Unfit("The image could not be made small enough.");
}

async function draw(bitmap: ImageBitmap, side: number, quality: number): Promise<string> {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const brush = canvas.getContext("2d");
  if (!brush) throw new Unfit("The browser does not draw images.");
  brush.fillStyle = "#fff"; // JPEG knows no transparency.
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
  if (!blob) throw new Unfit("The browser does not write images.");
  return dataUrl(blob);
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Unfit("The image cannot be read."));
    reader.readAsDataURL(blob);
  });
}

/** The images among what was pasted or dropped. */
export function imagesIn(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter((file) => file.type.startsWith("image/"));
}

/** An address that may be drawn: an image of ours, never one that the browser would fetch elsewhere. */
export function isImageData(url: unknown): url is string {
  return typeof url === "string" && /^data:image\/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/=]+$/.test(url);
}
