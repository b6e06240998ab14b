import type { UpstreamAccess } from '#fhir-endpoints';
import type { SlotBounds } from './upstream-slots.js';

/** How a FHIR server is asked. */
export interface UpstreamOptions {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** How this program shows the server who it is; absent where it does not. */
  readonly access?: UpstreamAccess;
  /** How long it may take to begin an answer, and again to end it, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** The most that passes by of a resource that is not held, in bytes; as much as is held, without. */
  readonly passedMaxBytes?: number;
  readonly slots: SlotBounds;
  /** How many large resources may be under way at once that go on as fast as they are taken; as many as others, without. */
  readonly passing?: SlotBounds;
  /** The same, of files of exports; as many as large resources, without. */
  readonly files?: SlotBounds;
  /** After so many milliseconds a broken circuit lets one request try. */
  readonly breakMs: number;
  /** The circuit broke, by a request that failed for a reason; or is whole again. */
  readonly onCircuit?: (isBroken: boolean, why?: unknown) => void;
}
