import { DAY } from '../../core/units.ts';
import { type KeyFacts, SIGNING_ALGS } from '../../oidc/keys.ts';
import { type Finding, judged } from '../../platform/finding.ts';
import type { Rooms } from '../wiring.ts';

/** docs/operating/keys.md: once a year is a good habit. A month of grace, so that a yearly rotation never warns. */
const AGE_MAX = 395 * DAY;

/** Whether tokens can be signed, and whether by keys that are not too old. */
export async function keyFindings({ keys, clock }: Rooms): Promise<Finding[]> {
  const listed = await keys.list();
  const present = presence(listed);
  if (present.status !== 'ok') return [present];
  return [present, await sealing(keys), ageing(listed, clock.now())];
}

function presence(listed: readonly KeyFacts[]): Finding {
  const why = 'Every token is signed; the next key is published ahead, so that a rotation breaks no app.';
  const missing = SIGNING_ALGS.find((alg) => !has(listed, alg, 'current') || !has(listed, alg, 'next'));
  return judged({ id: 'keys', status: 'warn', why, good: 'There are signing keys, and the next ones.' }, [
    listed.length === 0
      ? { what: 'There are no signing keys yet.', fix: 'Start the server once: it makes them.' }
      : undefined,
    missing === undefined
      ? undefined
      : { what: `A signing key for ${missing} is missing.`, fix: 'Start the server once: it makes it.' },
  ]);
}

function has(listed: readonly KeyFacts[], alg: string, state: KeyFacts['state']): boolean {
  return listed.some((key) => key.alg === alg && key.state === state);
}

async function sealing(keys: Rooms['keys']): Promise<Finding> {
  const [id, why] = ['keys_sealed', 'They are stored sealed: with another secret no server starts.'];
  try {
    await keys.ring();
    return { id, status: 'ok', what: 'The master secret opens the signing keys.', why };
  } catch {
    const { what, todo } = WRONG_SECRET;
    return { id, status: 'fail', what, why, fix: todo };
  }
}

const WRONG_SECRET = {
  what: 'The master secret does not open the signing keys of this database.',
  todo: 'Set POSTERN_SECRET to the one it was written with; to change it, list the new one first and the old one after it.',
};

function ageing(listed: readonly KeyFacts[], now: number): Finding {
  const since = Math.min(...listed.filter(({ state }) => state === 'current').map((key) => key.createdAt));
  const days = Math.floor((now - since) / DAY);
  const old = now - since > AGE_MAX;
  const what = `The oldest signing key is ${days} ${days === 1 ? 'day' : 'days'} old.`;
  const why = 'A key that was copied once, as from a backup, is worth less the sooner it is replaced.';
  return judged({ id: 'keys_age', status: 'warn', why, good: what }, [
    old ? { what, fix: 'Run: postern keys rotate' } : undefined,
  ]);
}
