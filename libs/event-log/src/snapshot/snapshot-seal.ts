import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SnapshotKey } from './snapshot-store.js';

/** Raised when the form of heads and parts changes. */
const FORM = 1;
const MAC_BYTES = 32;

/** Why a snapshot is not used. Nothing is lost: the log is read from its beginning instead. */
export class SnapshotUnusable extends Error {
  override readonly name = 'SnapshotUnusable';
  readonly code = 'snapshot-unusable';
}

/** The seal of one snapshot: whoever has not the key can neither make a head or part of it nor move one to another place. */
export class SnapshotSeal {
  constructor(
    private readonly macKey: Buffer,
    private readonly snapshot: SnapshotKey,
    private readonly id: string,
  ) {}

  /** @param place `head`, or the number of a part */
  seal(place: 'head' | number, content: Buffer): Buffer {
    return Buffer.concat([this.#mac(place, content), content]);
  }

  /** @throws SnapshotUnusable when the bytes are not what was sealed for this place under this key */
  open(place: 'head' | number, sealed: Buffer): Buffer {
    const content = sealed.subarray(MAC_BYTES);
    if (sealed.length < MAC_BYTES || !timingSafeEqual(sealed.subarray(0, MAC_BYTES), this.#mac(place, content)))
      throw new SnapshotUnusable('its seal is broken: it was changed, or made under another key or version');
    return content;
  }

  #mac(place: 'head' | number, content: Buffer): Buffer {
    const { name, partition, version } = this.snapshot;
    const where = JSON.stringify([FORM, name, partition, version, this.id, place]);
    return createHmac('sha256', this.macKey).update(`${where.length}:${where}`).update(content).digest();
  }
}
