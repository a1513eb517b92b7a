import { type DisownView, disown, viewDisown } from '../../sign-in/disowning/disowning.ts';
import type { OidcParts } from '../oidc.ts';
import { endingSessions } from '../sessions/ending.ts';

const sessionsOf = (view: DisownView) => (view.kind === 'known' ? view.sessions : []);

/**
 * The owner of an address says that it was not them: the attempt is stopped, and the session that it has
 * come to ends with all that was issued under it, in one transaction.
 */
export async function disownAndEnd(parts: OidcParts, token: string): Promise<DisownView> {
  const settings = await parts.settings.current();
  const now = parts.clock.now();
  const { result } = await endingSessions(parts, {
    known: async () => sessionsOf(await viewDisown(parts, token)),
    decide: async (q) => {
      const view = await disown(q, parts, { token, settings, now });
      return { result: view, sessions: sessionsOf(view) };
    },
    as: 'revoked',
  });
  parts.mailQueued();
  return result;
}
