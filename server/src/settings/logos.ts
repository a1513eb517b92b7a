import { createHash } from 'node:crypto';
import { type ImageKind, judgeImage } from '../core/branding/image.ts';
import { logoId } from '../core/branding/logo.ts';
import { Problem } from '../core/problems.ts';
import type { Logo } from './logo-store.ts';

const TYPES: Readonly<Record<ImageKind, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  svg: 'image/svg+xml',
};

/** The logo in a file, under the name of its content; refused where it is none that we would show. */
export function logoOf(bytes: Uint8Array): Logo {
  const judged = judgeImage(bytes);
  if ('fault' in judged) throw new Problem('logo_invalid', `The file cannot be a logo: ${judged.fault}.`);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
  return { id: logoId(hash, judged), type: TYPES[judged.kind], bytes };
}
