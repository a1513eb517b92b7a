import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import type { Instant } from '../core/ids.ts';

/** The last instant that a date can have; a message may name far later ones. */
const LAST = 8_640_000_000_000_000;

/** An instant that a caller has sent. */
export function instantOf(time: Timestamp | undefined): Instant | undefined {
  return time && Math.min(Math.max(Math.trunc(timestampMs(time)), 0), LAST);
}
